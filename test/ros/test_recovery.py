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

"""A live camera that does not start, or of which a part fails: what the driver says and does."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
from pathlib import Path
import time
from typing import Any

import pytest
from sensor_msgs.msg import Image
from sensor_msgs.msg import Imu
from support import virtual
from support.live import Live
from support.live import live_device
from support.live import MODES
from support.live import recording_in
from support.recordings import SERIAL
from support.ros import Case
from support.ros import DriverProcess
from support.ros import new_domain
from support.ros import wait_for


@pytest.fixture(scope='module')
def recording(tmp_path_factory: Any) -> Path:
    """Return the recording that the camera plays."""
    return recording_in(tmp_path_factory.mktemp('device'))


@pytest.fixture(scope='module')
def started(recording: Path) -> Iterator[Live]:
    """Give a driver for all tests in turn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('K4A_LOG_LEVEL', 'i')
        with live_device(recording) as live:
            yield live


@pytest.fixture()
def live(started: Live) -> Iterator[Live]:
    """Give the driver, whose camera has no fault at the beginning and at the end."""
    with started.without_faults():
        yield started


def test_camera_that_opens_but_does_not_start_is_reported_once(live: Live) -> None:
    live.have('fail:k4a_device_start_cameras')
    opened, back, lost = (
        live.lines(text) for text in ('Opened device', 'has started', 'Lost connection'))
    assert live.listener.set_parameters('/k4a_driver', depth_unit='32FC1').successful
    live.driver.wait_for_line('does not start: ')
    time.sleep(4.0)
    assert live.lines('Opened device') <= opened + 1  # by the change, not by each attempt
    assert live.lines('does not start: ') == 1 and live.lines('Lost connection') == lost
    assert live.lines('has started') == back
    level, message, _ = live.status()
    assert level == b'\2' and message.startswith('does not start: ')
    live.have()
    live.more(live.depth, 1)
    wait_for(lambda: live.lines(f'Camera {SERIAL} has started') == back + 1, 'the line')
    assert live.listener.set_parameters('/k4a_driver', depth_unit='16UC1').successful


def test_imu_that_does_not_start_is_retried_while_images_go_on(live: Live) -> None:
    live.have('fail:k4a_device_start_imu')
    live.reconnect()
    live.driver.wait_for_line('The IMU stream of camera')
    opened = live.lines('Opened device')
    live.more(live.depth, 30)
    level, message, _ = live.status()
    assert level == b'\1' and 'cannot start the IMU' in message
    assert live.lines('cannot start the IMU') == 1
    works = live.lines('works again')
    live.have()
    wait_for(lambda: live.lines('works again') == works + 1, 'the IMU')
    with live.listener.subscribed(Imu, '/imu') as imu:
        live.more(imu, 100)
    assert live.lines('Opened device') == opened


def test_silent_imu_is_noticed_and_restarted(live: Live) -> None:
    opened, works, lost = (
        live.lines(text) for text in ('Opened device', 'works again', 'Lost connection'))
    live.have('imu-stops=1')
    live.driver.wait_for_line('no samples received for 3 s; restarting it')
    wait_for(lambda: live.lines('works again') == works + 1, 'the IMU')
    with live.listener.subscribed(Imu, '/imu') as imu:
        live.more(imu, 100)
    assert live.lines('Opened device') == opened and live.lines('Lost connection') == lost
    assert live.status()[0] == b'\0'


def test_silent_color_camera_is_noticed_and_restarted(live: Live) -> None:
    opened, works, lost = (
        live.lines(text) for text in ('Opened device', 'works again', 'Lost connection'))
    live.have('color-stops=1')
    live.driver.wait_for_line('The color stream of camera')
    live.more(live.depth)
    assert 'color: no images received for 3 s' in live.status()[1]
    wait_for(lambda: live.lines('works again') == works + 1, 'color')
    with live.listener.subscribed(Image, '/rgb/image_raw', data=False) as rgb:
        live.more(rgb)
    assert live.lines('Opened device') == opened + 1 and live.lines('Lost connection') == lost


def test_controls_lost_at_the_start_are_set_again(live: Live) -> None:
    assert live.listener.set_parameters('/k4a_driver', gain=77).successful
    live.have('forgets-controls')
    live.reconnect()
    live.driver.wait_for_line('control i is now 77, cameras running and forgetful')


@contextlib.contextmanager
def process(
    recording: Path, *conditions: str, **parameters: object,
) -> Iterator[tuple[DriverProcess, str]]:
    """Run a driver of a virtual device of its own."""
    variables = virtual.environment(recording, conditions=' '.join(conditions))
    with DriverProcess.with_parameters(
            new_domain(), variables=variables, **(MODES | parameters)) as driver:
        yield driver, variables['K4A_VIRTUAL_CONTROL']


@pytest.mark.parametrize('condition', ['no-opengl', 'no-depth-engine'])
def test_start_that_waiting_cannot_repair_ends_the_driver(case: Case, condition: str) -> None:
    case(hopeless_start)


def hopeless_start(tmp_path: Path, condition: str) -> None:
    with process(recording_in(tmp_path), condition) as (driver, _):
        assert driver.wait() == 1, driver.output
        fatal = [line for line in driver.lines if 'FATAL' in line]
        assert len(fatal) == 1 and 'depth engine' in fatal[0]
        assert 'Traceback' not in driver.output


def test_missing_sync_cable_is_waited_for(tmp_path: Path) -> None:
    with process(recording_in(tmp_path), wired_sync_mode=1) as (driver, control):
        driver.wait_for_line('no cable is plugged into its Sync out jack')
        virtual.set_conditions('sync-out', 'sync-in', control=control)
        driver.wait_for_line(f'Camera {SERIAL} has started')
        driver.wait_for_line('a cable is plugged into the Sync in jack; unplug it')
        assert sum('does not start' in line for line in driver.lines) == 1
        assert 'Lost connection' not in driver.output
