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

"""Connection, loss, reconnection, restart and end of a stream, with a fake camera."""

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
from k4a_ros.errors import CameraError
from k4a_ros.errors import CameraLostError
from k4a_ros.errors import DeviceNotFoundError
from k4a_ros.errors import EndOfRecording
from k4a_ros.errors import ReadTimeout
from k4a_ros.streaming import outage
from k4a_ros.streaming.outage import Report
from k4a_ros.streaming.states import StreamState
from k4a_ros.streaming.supervisor import CameraSupervisor
import numpy as np
import pytest
from support.time_limits import PATIENCE
from support.time_limits import promptly


class FakeUsb:
    """A USB port with one fake camera, which can be unplugged; counts how often it is opened."""

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
            raise DeviceNotFoundError('no camera is connected')
        assert self.open_now == 0, 'the device is already open'
        self.opened += 1
        self.open_now += 1
        return FakeCamera(self)


class FakeCamera(Camera):
    """A camera that delivers captures until it is unplugged."""

    def __init__(self, usb: FakeUsb) -> None:
        self._usb = usb
        self._closed = False
        self.config = CameraConfig.of_modes(
            DepthMode.NFOV_2X2BINNED, ColorResolution.OFF, imu=False)
        self.info = DeviceInfo('test camera', '000001')
        self.lossless = usb.lossless
        self.running = False

    def start(self) -> None:
        if self._usb.refuse_start:
            self._usb.refuse_start -= 1
            raise CameraLostError('it does not start')
        self.running = True

    def read(self, timeout: float) -> Capture:
        time.sleep(0.005)
        if not self.running:
            raise EndOfRecording('stopped')
        if not self._usb.plugged.is_set():
            raise (EndOfRecording if self.lossless else CameraLostError)('gone')
        if self._usb.timeouts:
            self._usb.timeouts -= 1
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
            self._usb.open_now -= 1


class FakeListener:
    """A listener and sink that records events and counts captures."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.start_delay_s = 0.0
        self.count_requests = 0
        self.captures = 0
        self.error: BaseException | None = None
        self.problem: Exception | None = None

    def on_opened(self, camera: Camera) -> FakeListener:
        if self.problem is not None:
            raise self.problem
        self.events.append('opened')
        return self

    def subscriber_counts(self) -> dict[str, int]:
        self.count_requests += 1
        return {'depth': 0}

    def on_streaming(self, camera: Camera) -> None:
        self.events.append('streaming')

    def on_outage(self, report: Report, error: CameraError) -> None:
        self.events.append(report.value)

    def on_state(self, state: StreamState) -> None:
        pass

    def on_started(self, camera: Camera) -> None:
        pass

    def on_recovered(self, lost: bool) -> None:
        self.events.append('reconnected' if lost else 'started')

    def on_stream_problem(self, name: str, reason: str) -> None:
        self.events.append(f'{name}: {reason}')

    def on_ended(self, error: BaseException | None) -> None:
        self.events.append('ended')
        self.error = error

    def arrive(self, capture: Capture) -> Capture:
        return capture

    def capture(self, capture: Capture) -> None:
        self.captures += 1

    def arrive_imu(self, samples: ImuSamples) -> ImuSamples:
        return samples

    def imu(self, samples: ImuSamples) -> None:
        raise AssertionError('this camera has no IMU')

    def has_imu_subscribers(self) -> bool:
        return False

    def release_images(self) -> None:
        """Do nothing: no images are kept."""


def until(condition, timeout: float = PATIENCE) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('FIRST_OPEN_PAUSE_S', 'FIRST_START_PAUSE_S'):
        monkeypatch.setattr(outage, name, 0.01)
    for name in ('MAX_OPEN_PAUSE_S', 'MAX_START_PAUSE_S'):
        monkeypatch.setattr(outage, name, 0.02)


def test_camera_is_reconnected_a_hundred_times(short_pauses) -> None:
    usb, listener = FakeUsb(), FakeListener()
    supervisor = CameraSupervisor(usb.connect, listener)
    supervisor.connect()
    supervisor.start()
    for _ in range(100):
        count = listener.captures
        until(lambda c=count: listener.captures > c)
        until(lambda: supervisor.state is StreamState.STREAMING)
        usb.plugged.clear()
        until(lambda: supervisor.state is StreamState.LOST)
        usb.plugged.set()
        until(lambda: supervisor.state is StreamState.STREAMING)
    supervisor.close()
    assert supervisor.losses == 100 and usb.opened == 101 and usb.open_now == 0
    assert listener.events.count('lost') == listener.events.count('reconnected') == 100
    assert 'ended' not in listener.events
    assert supervisor.state is StreamState.CLOSED


def test_camera_that_does_not_start_is_retried(short_pauses) -> None:
    usb, listener = FakeUsb(), FakeListener()
    usb.refuse_start = 3
    supervisor = CameraSupervisor(usb.connect, listener)
    supervisor.connect()
    supervisor.start()
    until(lambda: listener.captures and 'started' in listener.events)
    supervisor.close()
    assert usb.opened == 4 and supervisor.losses == 0
    assert [event for event in listener.events if event != 'opened'] == [
        'does not start', 'streaming', 'started']


def test_read_timeouts_do_not_lose_the_camera(short_pauses) -> None:
    usb, listener = FakeUsb(), FakeListener()
    usb.timeouts = 20
    supervisor = CameraSupervisor(usb.connect, listener)
    supervisor.connect()
    supervisor.start()
    until(lambda: listener.captures and 'streaming' in listener.events)
    supervisor.close()
    assert usb.timeouts == 0 and usb.opened == 1
    assert supervisor.losses == 0 and listener.events == ['opened', 'streaming']


def test_restart_reopens_the_camera(short_pauses) -> None:
    usb, listener = FakeUsb(), FakeListener()
    supervisor = CameraSupervisor(usb.connect, listener)
    supervisor.connect()
    supervisor.start()
    for number in range(2, 12):
        supervisor.restart()
        until(lambda n=number: usb.opened == n)
        count = listener.captures
        until(lambda c=count: listener.captures > c)
    supervisor.close()
    assert 'lost' not in listener.events and supervisor.losses == 0 and usb.open_now == 0


def test_restart_of_a_lost_camera_is_covered_by_reconnecting(short_pauses) -> None:
    usb, listener = FakeUsb(), FakeListener()
    supervisor = CameraSupervisor(usb.connect, listener)
    supervisor.connect()
    supervisor.start()
    usb.plugged.clear()
    until(lambda: supervisor.state is StreamState.LOST)
    supervisor.restart()
    usb.plugged.set()
    until(lambda: supervisor.state is StreamState.STREAMING)
    time.sleep(0.1)
    assert usb.opened == 2
    supervisor.close()


@pytest.mark.parametrize('lost', [False, True])
def test_stop_and_close_at_any_time(short_pauses, lost: bool) -> None:
    for delay in (0, 0.001, 0.01, 0.05):
        usb, listener = FakeUsb(), FakeListener()
        supervisor = CameraSupervisor(usb.connect, listener)
        supervisor.connect()
        supervisor.start()
        if lost:
            usb.plugged.clear()
        time.sleep(delay)
        with promptly(1.0):
            supervisor.stop()
            supervisor.close()
            supervisor.close()
        assert usb.open_now == 0 and 'ended' not in listener.events


def test_stop_keeps_the_camera_open() -> None:
    usb, listener = FakeUsb(), FakeListener()
    supervisor = CameraSupervisor(usb.connect, listener)
    supervisor.connect()
    for _ in range(5):
        supervisor.start()
        supervisor.start()
        count = listener.captures
        until(lambda c=count: listener.captures > c)
        supervisor.stop()
        assert supervisor.state is StreamState.READY
    assert usb.opened == 1
    supervisor.close()


def test_lossless_camera_is_not_reopened_at_its_end() -> None:
    usb, listener = FakeUsb(lossless=True), FakeListener()
    supervisor = CameraSupervisor(usb.connect, listener)
    supervisor.connect()
    supervisor.start()
    until(lambda: listener.captures)
    usb.plugged.clear()
    until(lambda: 'ended' in listener.events)
    assert listener.error is None and supervisor.state is StreamState.ENDED
    supervisor.close()
    assert usb.opened == 1 and 'lost' not in listener.events


def test_camera_is_closed_if_the_listener_cannot_prepare() -> None:
    usb, listener = FakeUsb(), FakeListener()
    listener.problem = CalibrationError('unusable')
    supervisor = CameraSupervisor(usb.connect, listener)
    with pytest.raises(CalibrationError):
        supervisor.connect()
    assert usb.open_now == 0 and supervisor.state is StreamState.CLOSED
    with pytest.raises(DeviceNotFoundError):
        usb.plugged.clear()
        supervisor.connect()


def test_error_while_restarting_ends_the_stream() -> None:
    usb, listener = FakeUsb(), FakeListener()
    supervisor = CameraSupervisor(usb.connect, listener)
    supervisor.connect()
    supervisor.start()
    listener.problem = CalibrationError('unusable')
    supervisor.restart()
    until(lambda: 'ended' in listener.events)
    assert listener.error is listener.problem
    supervisor.close()


@pytest.mark.parametrize('lossless', [False, True])
def test_only_a_lossless_camera_waits_for_subscribers(lossless: bool) -> None:
    usb, listener = FakeUsb(lossless), FakeListener()
    listener.start_delay_s = 30.0
    supervisor = CameraSupervisor(usb.connect, listener)
    supervisor.connect()
    supervisor.start()
    until(lambda: listener.count_requests if lossless else listener.captures)
    assert supervisor.state is (StreamState.WAITING if lossless else StreamState.STREAMING)
    supervisor.close()
    assert bool(listener.captures) is not lossless
