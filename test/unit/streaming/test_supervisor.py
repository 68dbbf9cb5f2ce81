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

"""Losing and regaining a camera, restarts, ends: with cameras made for the test."""

from __future__ import annotations

import threading
import time

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.cameras.base import Camera
from k4a_ros.cameras.base import DeviceInfo
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import CalibrationError
from k4a_ros.errors import CameraLostError
from k4a_ros.errors import DeviceNotFoundError
from k4a_ros.errors import EndOfRecording
from k4a_ros.errors import ReadTimeout
from k4a_ros.streaming import supervisor as module
from k4a_ros.streaming.supervisor import CameraSupervisor
from k4a_ros.streaming.supervisor import State
import numpy as np
import pytest


class World:
    """A place with one camera, which can be unplugged; counts how often it was opened."""

    def __init__(self, lossless: bool = False) -> None:
        self.plugged = threading.Event()
        self.plugged.set()
        self.lossless = lossless
        self.opened = 0
        self.open_now = 0
        self.refuse_start = 0
        self.timeouts = 0

    def connect(self) -> Camera:
        if not self.plugged.is_set():
            raise DeviceNotFoundError('nothing is plugged in')
        assert self.open_now == 0, 'a device has one handle only'
        self.opened += 1
        self.open_now += 1
        return Plugged(self)


class Plugged(Camera):
    """A camera that delivers until it is unplugged."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._closed = False
        self.config = CameraConfig.of_modes(
            DepthMode.NFOV_2X2BINNED, ColorResolution.OFF, imu=False)
        self.info = DeviceInfo('test camera', '000001')
        self.lossless = world.lossless
        self.running = False

    def start(self) -> None:
        if self._world.refuse_start:
            self._world.refuse_start -= 1
            raise CameraLostError('it does not start')
        self.running = True

    def read(self, timeout: float) -> Capture:
        time.sleep(0.005)
        if not self.running:
            raise EndOfRecording('stopped')
        if not self._world.plugged.is_set():
            raise (EndOfRecording if self.lossless else CameraLostError)('gone')
        if self._world.timeouts:
            self._world.timeouts -= 1
            raise ReadTimeout('none')
        return Capture(depth=Image(np.zeros((2, 2), np.uint16), time.monotonic_ns() // 1000))

    def read_imu(self, timeout: float) -> ImuSamples:
        raise ReadTimeout('none')

    def stop(self) -> None:
        self.running = False

    def close(self) -> None:
        self.stop()
        if not self._closed:
            self._closed = True
            self._world.open_now -= 1


class Recorder:
    """Takes everything, and remembers what it was told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.captures = 0
        self.error: BaseException | None = None
        self.problem: Exception | None = None

    def opened(self, camera: Camera) -> Recorder:
        if self.problem is not None:
            raise self.problem
        self.said.append('opened')
        return self

    def await_readers(self, canceled: threading.Event) -> None:
        self.said.append('await')

    def lost(self, error: BaseException) -> None:
        self.said.append('lost')

    def regained(self) -> None:
        self.said.append('regained')

    def ended(self, error: BaseException | None) -> None:
        self.said.append('ended')
        self.error = error

    def capture(self, capture: Capture) -> None:
        self.captures += 1

    def imu(self, samples: ImuSamples) -> None:
        raise AssertionError('this camera has no IMU')

    def imu_wanted(self) -> bool:
        return False

    def stopped(self) -> None:
        """Have nothing to let go of."""


def until(condition, timeout: float = 10.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, 'FIRST_RETRY', 0.01)
    monkeypatch.setattr(module, 'LAST_RETRY', 0.02)


def test_a_hundred_times_unplugged_and_plugged_in(quick) -> None:
    world, events = World(), Recorder()
    driver = CameraSupervisor(world.connect, events)
    driver.connect()
    driver.start()
    for _ in range(100):
        came = events.captures
        until(lambda c=came: events.captures > c)
        assert driver.state is State.STREAMING
        world.plugged.clear()
        until(lambda: driver.state is State.LOST)
        world.plugged.set()
        until(lambda: driver.state is State.STREAMING)
    driver.close()
    assert driver.losses == 100 and world.opened == 101 and world.open_now == 0
    assert events.said.count('lost') == events.said.count('regained') == 100
    assert 'ended' not in events.said
    assert driver.state is State.CLOSED


def test_a_camera_that_does_not_start_is_tried_again(quick) -> None:
    world, events = World(), Recorder()
    world.refuse_start = 3
    driver = CameraSupervisor(world.connect, events)
    driver.connect()
    driver.start()
    until(lambda: events.captures)
    driver.close()
    assert world.opened == 4 and events.said.count('lost') == 3


def test_read_timeouts_are_not_a_lost_camera(quick) -> None:
    world, events = World(), Recorder()
    world.timeouts = 20
    driver = CameraSupervisor(world.connect, events)
    driver.connect()
    driver.start()
    until(lambda: events.captures)
    driver.close()
    assert world.timeouts == 0 and world.opened == 1
    assert driver.losses == 0 and events.said == ['opened', 'await']


def test_a_restart_opens_the_camera_anew_and_goes_on(quick) -> None:
    world, events = World(), Recorder()
    driver = CameraSupervisor(world.connect, events)
    driver.connect()
    driver.start()
    for number in range(2, 12):
        driver.restart()
        until(lambda n=number: world.opened == n)
        came = events.captures
        until(lambda c=came: events.captures > c)
    driver.close()
    assert 'lost' not in events.said and driver.losses == 0 and world.open_now == 0


def test_a_restart_while_the_camera_is_away_is_done_when_it_is_back(quick) -> None:
    world, events = World(), Recorder()
    driver = CameraSupervisor(world.connect, events)
    driver.connect()
    driver.start()
    world.plugged.clear()
    until(lambda: driver.state is State.LOST)
    driver.restart()
    world.plugged.set()
    until(lambda: driver.state is State.STREAMING)
    time.sleep(0.1)
    assert world.opened == 2
    driver.close()


@pytest.mark.parametrize('lost', [False, True])
def test_stop_and_close_at_any_moment(quick, lost: bool) -> None:
    for delay in (0, 0.001, 0.01, 0.05):
        world, events = World(), Recorder()
        driver = CameraSupervisor(world.connect, events)
        driver.connect()
        driver.start()
        if lost:
            world.plugged.clear()
        time.sleep(delay)
        began = time.monotonic()
        driver.stop()
        driver.close()
        driver.close()
        assert time.monotonic() - began < 1.0
        assert world.open_now == 0 and 'ended' not in events.said


def test_stop_and_start_again_keep_the_camera_open() -> None:
    world, events = World(), Recorder()
    driver = CameraSupervisor(world.connect, events)
    driver.connect()
    for _ in range(5):
        driver.start()
        driver.start()
        came = events.captures
        until(lambda c=came: events.captures > c)
        driver.stop()
        assert driver.state is State.READY
    assert world.opened == 1
    driver.close()


def test_a_recording_that_ends_or_breaks_is_not_opened_again() -> None:
    world, events = World(lossless=True), Recorder()
    driver = CameraSupervisor(world.connect, events)
    driver.connect()
    driver.start()
    until(lambda: events.captures)
    world.plugged.clear()
    until(lambda: 'ended' in events.said)
    assert events.error is None and driver.state is State.ENDED
    driver.close()
    assert world.opened == 1 and 'lost' not in events.said


def test_a_camera_that_cannot_be_prepared_for_is_closed() -> None:
    world, events = World(), Recorder()
    events.problem = CalibrationError('unusable')
    driver = CameraSupervisor(world.connect, events)
    with pytest.raises(CalibrationError):
        driver.connect()
    assert world.open_now == 0 and driver.state is State.CLOSED
    with pytest.raises(DeviceNotFoundError):
        world.plugged.clear()
        driver.connect()


def test_what_is_wrong_after_a_restart_ends_it() -> None:
    world, events = World(), Recorder()
    driver = CameraSupervisor(world.connect, events)
    driver.connect()
    driver.start()
    events.problem = CalibrationError('unusable')
    driver.restart()
    until(lambda: 'ended' in events.said)
    assert events.error is events.problem
    driver.close()
