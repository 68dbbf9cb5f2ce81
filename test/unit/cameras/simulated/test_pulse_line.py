# Copyright 2026 The k4a_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.


"""Simulated cameras on one sync cable: start order, timestamps, delays, lost pulses, cables."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
from dataclasses import replace
import os
import socket
from typing import Any

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.cameras.simulated.camera import SimulatedCamera
from k4a_ros.cameras.simulated.hardware import SimulatedDevice
from k4a_ros.cameras.simulated.sync_cable import path_of
from k4a_ros.errors import CameraError
from k4a_ros.errors import CameraErrorReason
from k4a_ros.errors import ReadTimeout
import pytest
from support.sensors import PlainSensor
from support.simulated import SteppedTime

CONFIG = CameraConfig.of_modes(
    DepthMode.NFOV_2X2BINNED, ColorResolution.R720P, fps=15, imu=True)
GROUP = f'test_{os.getpid()}'


@contextlib.contextmanager
def opened(
    host_time: SteppedTime, role: WiredSyncMode, delay_us: int = 0, **options: Any,
) -> Iterator[SimulatedCamera]:
    config = replace(CONFIG, wired_sync_mode=role, subordinate_delay_off_master_usec=delay_us)
    with SimulatedCamera(
            config, sensor=PlainSensor(config), device=SimulatedDevice(host_time),
            sync_group=GROUP, **options) as camera:
        yield camera


def plug_in(master: SimulatedCamera, *subordinates: SimulatedCamera) -> None:
    """Let cameras that are read in turn here, not in threads, find each other."""
    for camera in (*subordinates, master):
        with contextlib.suppress(ReadTimeout):
            camera.read(0.001)


def device_us(camera: SimulatedCamera) -> int:
    color = camera.read(2.0).color
    assert color is not None
    return color.device_us


@contextlib.contextmanager
def streaming_pair() -> Iterator[tuple[SimulatedCamera, SimulatedCamera]]:
    """Give a master and its subordinate, which was started first."""
    host_time = SteppedTime()
    with opened(host_time, WiredSyncMode.MASTER) as master, \
            opened(host_time, WiredSyncMode.SUBORDINATE) as sub:
        sub.start()
        master.start()
        plug_in(master, sub)
        yield master, sub


def test_subordinates_wait_and_then_count_from_the_first_pulse() -> None:
    """Whatever the clocks of the cameras do, timestamps differ by the delay within a tick."""
    host_time = SteppedTime()
    with opened(host_time, WiredSyncMode.MASTER) as master, \
            opened(host_time, WiredSyncMode.SUBORDINATE, 160, seed=1) as first, \
            opened(host_time, WiredSyncMode.SUBORDINATE, 320, seed=2) as second:
        for camera, ppm in ((master, 40), (first, -30), (second, 20)):
            camera.inject_faults(f'drift {ppm}')
        for camera in (first, second):
            camera.start()
            with pytest.raises(ReadTimeout):
                camera.read(0.3)
            assert len(camera.read_imu(0.1)) > 0
        master.start()
        plug_in(master, first, second)
        for number in range(50):
            pulse = device_us(master)
            assert pulse == (number + 2) * 6000 * 100 // 9
            for camera, delay in ((first, 160), (second, 320)):
                assert abs(device_us(camera) - pulse - delay) < 12


def test_restarted_subordinate_counts_from_a_later_pulse() -> None:
    """Its timestamps then differ by whole frame periods."""
    with streaming_pair() as (master, sub):
        for _ in range(5):
            device_us(master)
        sub.stop()
        sub.start()
        plug_in(master, sub)
        pulse = device_us(master)
        late = device_us(sub)
    missing = (pulse - late) / (1e6 / 15)
    assert 2 < missing < 8
    assert missing == pytest.approx(round(missing), abs=0.01)


def test_pulses_end_with_the_master_and_come_back() -> None:
    with streaming_pair() as (master, sub):
        for _ in range(3):
            assert abs(device_us(master) - device_us(sub)) < 12
        master.stop()
        assert not path_of(GROUP).exists()
        with pytest.raises(ReadTimeout):
            sub.read(0.5)
        master.start()
        plug_in(master, sub)
        assert abs(device_us(master) - device_us(sub)) < 12


def test_second_master_is_alone() -> None:
    host_time = SteppedTime()
    with opened(host_time, WiredSyncMode.MASTER) as one, \
            opened(host_time, WiredSyncMode.MASTER) as other:
        one.start()
        host_time.advance(0.02)
        other.start()
        device_us(other)
        other.stop()
        assert path_of(GROUP).exists()
        device_us(one)


def test_socket_of_a_killed_master_is_replaced() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(path_of(GROUP)))
    with streaming_pair() as (master, sub):
        assert abs(device_us(master) - device_us(sub)) < 12
    assert not path_of(GROUP).exists()


@pytest.mark.parametrize(('role', 'cables', 'reason'), [
    (WiredSyncMode.SUBORDINATE, 'out', CameraErrorReason.NO_SYNC_IN_CABLE),
    (WiredSyncMode.MASTER, 'none', CameraErrorReason.NO_SYNC_OUT_CABLE),
])
def test_role_without_its_cable_does_not_start(
    role: WiredSyncMode, cables: str, reason: CameraErrorReason,
) -> None:
    with opened(SteppedTime(), role, sync_cables=cables) as camera:
        with pytest.raises(CameraError) as caught:
            camera.start()
    assert caught.value.reasons == {reason}
