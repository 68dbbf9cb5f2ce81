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

"""Faults of a live camera, as its users see them over DDS: one virtual device has one by one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
import shutil
import time
from typing import Any

import pytest
from sensor_msgs.msg import Image
from sensor_msgs.msg import Imu
from support import virtual
from support.faults import assert_no_step
from support.faults import end_during_start_up
from support.faults import NODE
from support.live import Live
from support.live import live_device
from support.live import MODES
from support.live import recording_in
from support.processes import processes_with
from support.recordings import SERIAL
from support.ros import stamps
from support.ros import wait_for

USB_VALUES = ['USB errors', 'failed USB calls', 'last USB error']


@pytest.fixture(scope='module')
def recording(tmp_path_factory: Any) -> Path:
    """Return what the camera plays."""
    return recording_in(tmp_path_factory.mktemp('device'))


@pytest.fixture(scope='module')
def started(recording: Path) -> Iterator[Live]:
    """Give a driver for all tests in turn."""
    with live_device(recording) as live:
        yield live


@pytest.fixture()
def live(started: Live) -> Iterator[Live]:
    """Give the driver, whose camera has no fault at the beginning and at the end."""
    yield started
    started.have()
    assert started.driver.process.poll() is None, started.driver.output
    started.more(started.depth)


def test_a_stall_is_caught_up_without_a_step_in_the_stamps(live: Live) -> None:
    live.more(live.depth, 60)  # until the clock has settled
    first = len(live.depth)
    for _ in range(3):
        live.have('stalled')
        time.sleep(0.2)
        live.have()
        live.more(live.depth, 30)
    assert_no_step(live.depth[first:])
    assert live.lines('Lost connection') == 0 and live.lines('Opened device') == 1


def test_errors_on_usb_are_counted_and_shown(live: Live) -> None:
    _, _, values = live.status()
    assert [values[name] for name in USB_VALUES] == ['0', '0', 'none']
    live.have('usb-timeout=1')
    wait_for(lambda: live.lines('USB timeout on streaming endpoint for depth') == 1, 'the log')
    live.have('usb-timeout=2')
    wait_for(lambda: any(
        s.level == b'\1' and 'USB timeout on streaming endpoint for depth' in s.message
        for d in live.diagnostics for s in d.status), 'a warning')
    level, _, values = live.status()
    assert level == b'\0'
    assert [values[name] for name in USB_VALUES] == [
        '2', '0', 'USB timeout on streaming endpoint for depth']


def test_partial_captures_are_published_as_they_are(live: Live) -> None:
    live.have('no-color')
    with live.listener.subscribed(Image, '/rgb/image_raw', data=False) as rgb:
        live.more(live.depth, 15)
        count = len(rgb)  # what was under way
        live.more(live.depth, 15)
        assert len(rgb) == count
        live.have('no-depth')
        live.more(rgb)
        count = len(live.depth)
        live.more(rgb, 15)
        assert len(live.depth) == count
    assert live.lines('Lost connection') == 0


def test_timestamps_that_begin_anew_do_not_show(live: Live) -> None:
    live.more(live.depth)
    first = len(live.depth)
    live.have('reset=1')
    live.more(live.depth, 30)
    came = stamps(live.depth[first:])
    assert all(0 < b - a < 200_000_000 for a, b in pairwise(came))
    assert abs(came[-1] - time.time_ns()) < 500_000_000
    assert live.lines('Lost connection') == 0


def test_a_subordinate_without_pulses_waits_and_says_so(live: Live) -> None:
    live.have('sync-in')
    live.reconnect(wired_sync_mode=2)
    live.have('sync-in', 'no-pulse')
    time.sleep(2.5)  # more than a camera may be silent that needs no pulse
    level, message, values = live.status()
    assert 'no sync pulse received' in values['synchronization']
    assert level == b'\1' and 'start the master' in message and 'USB port' not in message
    live.driver.wait_for_line('set exposure_auto to false')
    assert live.lines('Lost connection') == 0
    live.have('sync-in')
    live.more(live.depth)
    live.reconnect(wired_sync_mode=0)


def test_a_silent_camera_is_lost_and_regained(live: Live) -> None:
    live.have('silent')
    live.driver.wait_for_line(f'Lost connection to camera {SERIAL}: no capture received for 1 s')
    live.have()
    live.driver.wait_for_line(f'Reconnected to camera {SERIAL}')
    live.more(live.depth)
    level, _, values = live.status()
    assert level == b'\0' and values['connection losses'] == '1'


def test_a_camera_of_orbbec_streams(live: Live) -> None:
    live.have('orbbec')
    live.reconnect()
    assert live.lines('frame_queue_pop timeout') == 0  # several of them a second, in good health
    first = len(live.depth)
    with live.listener.subscribed(Imu, '/imu') as imu:
        wait_for(lambda: len(imu) > 300, 'inertial samples')
        live.more(live.depth, 20)
        now = time.time_ns()
        assert abs(stamps(live.depth)[-1] - now) < 500_000_000
        assert abs(stamps(imu)[-1] - now) < 500_000_000
    assert_no_step(live.depth[first:])
    came = stamps(imu)
    assert came == sorted(set(came))
    assert 400 < (len(came) - 1) / (came[-1] - came[0]) * 1e9 < 600  # in place of 1666 Hz
    level, message, values = live.status()
    assert (level, message) == (b'\0', 'streaming')
    assert values['synchronization'] == 'standalone, no sync cable'
    assert 'temperature (°C)' not in values
    # a control that it does not have is refused, others work
    answer = live.listener.set_parameters(NODE, backlight_compensation=True)
    assert not answer.successful and 'this camera has no control' in answer.reason
    assert live.listener.set_parameters(NODE, gain=200).successful
    live.have()
    live.reconnect()


def test_sigterm_during_start_up(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = tmp_path / 'b.mkv'  # the first camera is in use
    shutil.copy(recording, other)
    variables = virtual.environment(other)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    end_during_start_up(**MODES)
    assert not processes_with(variables['K4A_VIRTUAL_CONTROL'])
