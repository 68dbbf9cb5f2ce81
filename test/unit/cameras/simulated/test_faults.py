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

"""Faults of the simulated camera: their syntax, and their effects."""

from __future__ import annotations

from dataclasses import replace
import statistics
import threading

from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.cameras.simulated.camera import SimulatedCamera
from k4a_ros.cameras.simulated.faults import Fault
from k4a_ros.cameras.simulated.faults import FAULTS
from k4a_ros.cameras.simulated.faults import parse_faults
from k4a_ros.cameras.simulated.hardware import SimulatedDevice
from k4a_ros.errors import CameraLostError
from k4a_ros.errors import ConfigError
from k4a_ros.errors import DeviceNotFoundError
from k4a_ros.errors import ReadTimeout
import numpy as np
import pytest
from support.sensors import PlainSensor
from support.simulated import DEPTH_AND_COLOR
from support.simulated import DEPTH_ONLY
from support.simulated import frame_numbers
from support.simulated import read
from support.simulated import SteppedTime
from support.simulated import streaming
from support.sources import ROOT


@pytest.mark.parametrize(('text', 'faults'), [
    ('', []), (' ; ', []), ('unplug', [Fault('unplug', float('inf'))]),
    ('Drop_Depth 5', [Fault('drop depth', 5)]), ('drop color', [Fault('drop color', 1)]),
    ('stall 0.2; no sync pulse 3;drift -400',
     [Fault('stall', 0.2), Fault('no sync pulse', 3), Fault('drift', -400)])])
def test_valid_faults_are_parsed(text: str, faults: list[Fault]) -> None:
    assert parse_faults(text) == faults


@pytest.mark.parametrize('text', [
    'explode', 'stall', 'stall -1', 'stall x', 'stall nan', 'drop depth 1.5', 'drop depth 0',
    'replug 3', 'drop', 'silent 1 2', 'drift inf'])
def test_invalid_fault_raises_with_the_valid_ones(text: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_faults(f'stall 1; {text}')
    assert repr(text) in str(error.value)
    for name in FAULTS:
        assert name in str(error.value)


def test_documentation_lists_every_fault() -> None:
    text = (ROOT / 'docs/simulation.md').read_text(encoding='utf-8')
    for name, spec in FAULTS.items():
        assert f'`{spec.usage(name)}`' in text


def test_unplugged_camera_is_lost_until_reopened() -> None:
    host_time = SteppedTime()
    device = SimulatedDevice(host_time)
    with streaming(DEPTH_ONLY, device) as camera:
        camera.read(1.0)
        camera.inject_faults('unplug')
        with pytest.raises(CameraLostError, match='unplugged'):
            camera.read(1.0)
        with pytest.raises(CameraLostError):
            camera.read_imu(1.0)
        with pytest.raises(DeviceNotFoundError, match='replug'):
            SimulatedCamera(DEPTH_ONLY, sensor=PlainSensor(DEPTH_ONLY), device=device)
        camera.inject_faults('replug')
        with pytest.raises(CameraLostError):
            camera.read(1.0)
    with streaming(DEPTH_ONLY, device) as camera:
        assert frame_numbers(read(camera, 2)) == [0, 1]
        camera.inject_faults('unplug', 0.1)
    host_time.advance(0.11)
    with streaming(DEPTH_ONLY, device) as camera:
        camera.read(1.0)


def test_unplug_wakes_a_blocked_read() -> None:
    with streaming(device=SimulatedDevice()) as camera:
        camera.inject_faults('stall', 60.0)
        timer = threading.Timer(0.05, camera.inject_faults, ['unplug'])
        timer.start()
        with pytest.raises(CameraLostError, match='unplugged'):
            camera.read(60.0)
        timer.join()


def test_data_held_back_by_a_stall_arrives_at_once() -> None:
    host_time = SteppedTime()
    with streaming(device=SimulatedDevice(host_time)) as camera:
        read(camera, 2)
        camera.inject_faults('stall', 0.15)
        start = host_time.now_ns()
        captures = read(camera, 4)
        assert host_time.now_ns() - start >= 150_000_000
        assert frame_numbers(captures) == [2, 3, 4, 5]
        assert np.ptp([c.ir.host_ns for c in captures]) < 40e6
        assert len(camera.read_imu(1.0)) > 200


def test_silent_camera_delivers_nothing_until_the_fault_ends() -> None:
    with streaming() as camera:
        camera.read(1.0)
        camera.read_imu(1.0)
        camera.inject_faults('silent')
        for read_one in (camera.read, camera.read_imu):
            with pytest.raises(ReadTimeout):
                read_one(0.1)
        camera.inject_faults('none')
        assert camera.read(1.0).device_us > 230_000
        assert camera.read_imu(1.0).acc_us[0] > 200_000
        assert camera.dropped_captures == camera.dropped_bursts == 0


def test_subordinate_without_sync_pulses_has_only_inertial_samples() -> None:
    with streaming(replace(DEPTH_ONLY, wired_sync_mode=WiredSyncMode.SUBORDINATE)) as camera:
        camera.read(1.0)
        camera.inject_faults('no sync pulse', 0.2)
        with pytest.raises(ReadTimeout):
            camera.read(0.15)
        camera.read_imu(0.1)
        camera.read(0.2)
    with streaming() as camera, pytest.raises(ConfigError, match='not a subordinate'):
        camera.inject_faults('no sync pulse')


def test_drop_faults_affect_the_given_number_of_captures() -> None:
    with streaming(DEPTH_AND_COLOR) as camera:
        camera.inject_faults('drop depth', 2)
        captures = read(camera, 3)
        assert [c.ir is None for c in captures] == [True, True, False]
        assert [c.depth is None for c in captures] == [True, True, False]
        assert all(c.color is not None for c in captures)
        camera.inject_faults('drop color')
        assert [c.color is None for c in read(camera, 2)] == [True, False]
        camera.inject_faults('drop capture', 3)
        assert frame_numbers(read(camera, 2)) == [8, 9]


def test_incomplete_captures_are_dropped_with_synchronized_images_only() -> None:
    with streaming(replace(DEPTH_AND_COLOR, synchronized_images_only=True)) as camera:
        camera.inject_faults('drop depth', 1)
        camera.inject_faults('drop color', 2)
        captures = read(camera, 2)
    assert all(c.color is not None and c.depth is not None for c in captures)
    assert frame_numbers(captures) == [2, 3]


def test_corrupt_jpeg_affects_the_given_number_of_images() -> None:
    with streaming(DEPTH_AND_COLOR) as camera:
        camera.inject_faults('corrupt jpeg', 2)
        is_jpeg = [c.color.data[:2].tolist() == [0xff, 0xd8] for c in read(camera, 3)]
    assert is_jpeg == [False, False, True]


def test_imu_gap_drops_inertial_samples_only() -> None:
    with streaming() as camera:
        first = camera.read_imu(1.0)
        camera.inject_faults('imu gap', 0.1)
        second = camera.read_imu(1.0)
        assert 95_000 < second.acc_us[0] - first.acc_us[-1] < 125_000
        assert frame_numbers([camera.read(1.0)]) == [0]


def test_drift_changes_the_rate_of_the_device_clock() -> None:
    with streaming() as camera:
        camera.inject_faults('drift', 50_000)
        captures = read(camera, 15)
    host = captures[-1].ir.host_ns - captures[0].ir.host_ns
    device = 1000 * (captures[-1].device_us - captures[0].device_us)
    assert device / host == pytest.approx(1.05, abs=0.02)


def test_reset_timestamps_restart_at_zero_for_all_streams() -> None:
    with streaming() as camera:
        read(camera, 4)
        camera.read_imu(1.0)
        camera.inject_faults('reset timestamps')
        after = read(camera, 3)
        samples = camera.read_imu(1.0)
    assert 0 < after[-1].device_us < 120_000
    assert np.diff([c.device_us for c in after]).max() in (33333, 33334)
    resets = np.flatnonzero(np.diff(samples.acc_us) < 0)
    assert len(resets) == 1
    assert samples.acc_us[resets[0] + 1] < 601


def test_latency_has_the_given_mean_and_jitter() -> None:
    host_time = SteppedTime()
    with streaming(device=SimulatedDevice(host_time)) as camera:
        camera.inject_faults('latency', 0.02)
        start = host_time.now_ns()
        delays = [(c.ir.host_ns - start) / 1e9 - c.device_us * 1e-6 for c in read(camera, 20)]
    assert 0.012 < statistics.mean(delays) < 0.05
    assert statistics.stdev(delays) > 0.005
