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

"""Faults of a live camera, one after the other on a virtual device, as subscribers see them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
import time
from typing import Any

import numpy as np
import pytest
from sensor_msgs.msg import Image
from sensor_msgs.msg import Imu
from support.faults import assert_no_step
from support.faults import assert_stamps_increase
from support.faults import await_settled_clock
from support.faults import NODE
from support.live import Live
from support.live import live_device
from support.live import recording_in
from support.recordings import SERIAL
from support.ros import await_current_stamp
from support.ros import stamps
from support.ros import stamps_after
from support.ros import wait_for

USB_VALUES = ['USB errors', 'failed USB calls', 'last USB error']


@pytest.fixture(scope='module')
def recording(tmp_path_factory: Any) -> Path:
    """Return the recording that the camera plays."""
    return recording_in(tmp_path_factory.mktemp('device'))


@pytest.fixture(scope='module')
def started(recording: Path) -> Iterator[Live]:
    """Run one driver for all tests of this module."""
    with live_device(recording) as live:
        yield live


@pytest.fixture()
def live(started: Live) -> Iterator[Live]:
    """Return the driver, whose camera has no fault before and after the test."""
    with started.without_faults():
        yield started


def test_stall_does_not_disturb_the_stamps(live: Live) -> None:
    undisturbed = 0
    for _ in range(10):
        await_settled_clock(live.depth)
        first, lost = len(live.depth), live.lines('Lost connection')
        opened = live.lines('Opened device')
        live.have('stalled')
        began = time.monotonic()
        time.sleep(0.2)
        live.have()
        lasted = time.monotonic() - began
        live.more(live.depth, 30)
        if lasted > 0.5:
            continue  # on a busy machine; that can be longer than the camera may be silent
        assert live.lines('Lost connection') == lost and live.lines('Opened device') == opened
        assert_no_step(live.depth[first:])
        undisturbed += 1
        if undisturbed == 3:
            break
    assert undisturbed


def test_usb_errors_are_counted_in_diagnostics(live: Live) -> None:
    _, _, values = live.status()
    assert [values[name] for name in USB_VALUES] == ['0', '0', 'none']
    live.have('usb-timeout=1')
    wait_for(lambda: live.lines('USB timeout on streaming endpoint for depth') == 1, 'the log')
    live.have('usb-timeout=2')
    wait_for(lambda: any(
        s.level == b'\1' and 'USB timeout on streaming endpoint for depth' in s.message
        for d in live.diagnostics for s in d.status), 'a warning')
    values = live.values_when_ok()
    assert [values[name] for name in USB_VALUES] == [
        '2', '0', 'USB timeout on streaming endpoint for depth']


def test_partial_captures_are_published(live: Live) -> None:
    lost = live.lines('Lost connection')
    with live.listener.subscribed(Image, '/rgb/image_raw', data=False) as rgb:
        for condition, silent, streaming in (
                ('no-color', rgb, live.depth), ('no-depth', live.depth, rgb)):
            live.have(condition)
            since = time.time_ns() + 100_000_000
            wait_for(lambda s=since, m=streaming: len(stamps_after(m, s)) >= 15, 'images')
            assert not stamps_after(silent, since)
    assert live.lines('Lost connection') == lost


def test_device_clock_reset_does_not_disturb_the_stamps(live: Live) -> None:
    live.more(live.depth)
    first, lost = len(live.depth), live.lines('Lost connection')
    live.have('reset=1')
    live.more(live.depth, 30)
    await_current_stamp(live.depth)
    steps = [b - a for a, b in pairwise(stamps(live.depth[first:]))]
    assert all(0 < step < 2_000_000_000 for step in steps)
    assert live.lines('Lost connection') == lost


def test_subordinate_waits_for_sync_pulses(live: Live) -> None:
    live.have('sync-in')
    live.reconnect(wired_sync_mode=2)
    lost = live.lines('Lost connection')
    live.have('sync-in', 'no-pulse')
    time.sleep(2.5)  # longer than other cameras may be silent

    def is_reported() -> bool:
        level, message, values = live.status()
        return ('no sync pulse received' in values['synchronization'] and level == b'\1'
                and 'start the master' in message and 'USB port' not in message)

    wait_for(is_reported, 'the diagnostics')
    live.driver.wait_for_line('set exposure_auto to false')
    assert live.lines('Lost connection') == lost
    live.have('sync-in')
    live.more(live.depth)
    live.reconnect(wired_sync_mode=0)


def test_silent_camera_is_reconnected(live: Live) -> None:
    live.have('silent')
    live.driver.wait_for_line(f'Lost connection to camera {SERIAL}: no capture received for 1 s')
    live.have()
    live.driver.wait_for_line(f'Reconnected to camera {SERIAL}')
    live.more(live.depth)
    losses = live.lines('Lost connection to camera')
    assert live.values_when_ok()['connection losses'] == str(losses)


def test_orbbec_camera_streams(live: Live) -> None:
    live.have('orbbec')
    live.reconnect()
    assert live.lines('frame_queue_pop timeout') == 0  # several of them a second, in good health
    first = len(live.depth)
    with live.listener.subscribed(Imu, '/imu') as imu:
        wait_for(lambda: len(imu) > 300, 'IMU samples')
        live.more(live.depth, 20)
        await_current_stamp(live.depth)
        await_current_stamp(imu)
    assert_no_step(live.depth[first:])
    assert_stamps_increase(imu)
    period_ns = np.median(np.diff(stamps(imu)))
    assert 1.7e6 < period_ns < 2.5e6  # 500 Hz instead of 1666 Hz
    values = live.values_when_ok()
    assert values['synchronization'] == 'standalone, no sync cable'
    assert 'temperature (°C)' not in values
    # a control that the camera does not have is rejected, others work
    answer = live.listener.set_parameters(NODE, backlight_compensation=True)
    assert not answer.successful and 'this camera has no control' in answer.reason
    assert live.listener.set_parameters(NODE, gain=200).successful
    live.have()
    live.reconnect()
