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

"""Random walks over lifecycle, services, faults and parameters: all of them can stream again."""

from __future__ import annotations

import time

from hypothesis import settings
from hypothesis.stateful import invariant
from hypothesis.stateful import rule
from hypothesis.stateful import RuleBasedStateMachine
from hypothesis.strategies import sampled_from
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.cameras.base import Camera
from k4a_ros.cameras.base import DeviceInfo
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import CameraError
from k4a_ros.errors import CameraErrorReason
from k4a_ros.errors import CameraLostError
from k4a_ros.errors import DeviceNotFoundError
from k4a_ros.errors import ReadTimeout
from k4a_ros.errors import StreamFailedError
from k4a_ros.streaming import outage
from k4a_ros.streaming import progress
from k4a_ros.streaming import session
from k4a_ros.streaming import stream_watch
from k4a_ros.streaming.outage import Report
from k4a_ros.streaming.states import Command
from k4a_ros.streaming.states import StreamState
from k4a_ros.streaming.supervisor import CameraSupervisor
import numpy as np
import pytest

#: longest wait for anything, which takes milliseconds on an idle machine
PATIENCE_S = 30.0
_IMAGE = np.zeros((2, 2), np.uint16)
_SAMPLES = ImuSamples(*(np.zeros(shape, kind) for shape, kind in (
    ((1, 3), np.float32), (1, np.int64), ((1, 3), np.float32), (1, np.int64), (1, np.float32))))

#: what can be wrong with the fake device
FAULTS = ('unplugged', 'busy', 'refuses to start', 'no OpenGL', 'silent', 'no depth', 'no IMU',
          'no pulse')


class FakeDevice:
    """A device with the faults of `FAULTS`; counts its open cameras."""

    def __init__(self) -> None:
        self.faults: set[str] = set()
        self.unplugged_count = 0
        self.open_now = 0

    def connect(self) -> Camera:
        assert self.open_now == 0, 'the device is already open'
        if 'unplugged' in self.faults:
            raise DeviceNotFoundError('no camera is connected; plug it in')
        if 'busy' in self.faults:
            raise DeviceNotFoundError('in use; close it there', [CameraErrorReason.BUSY])
        self.open_now += 1
        return FakeCamera(self)


class FakeCamera(Camera):
    """A camera that delivers a capture with depth, and IMU samples, every millisecond."""

    config = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF)

    def __init__(self, device: FakeDevice) -> None:
        self._device = device
        self._unplugged_count = device.unplugged_count
        self._open, self._running = True, False
        self.info = DeviceInfo('test camera', '000001')

    def start(self) -> None:
        self._check()
        if 'refuses to start' in self._device.faults:
            raise CameraError('it refuses; let it start')
        if 'no OpenGL' in self._device.faults:
            raise CameraError('no OpenGL; get it', [CameraErrorReason.NO_OPENGL])
        self._running = True

    def _check(self) -> None:
        if self._device.unplugged_count != self._unplugged_count:
            raise CameraLostError('unplugged', [CameraErrorReason.DISCONNECTED])

    def read(self, timeout: float) -> Capture:
        self._wait()
        faults = self._device.faults
        if 'silent' in faults or 'no depth' in faults:
            raise ReadTimeout('none')
        if 'no pulse' in faults:
            raise CameraLostError('start the master', [CameraErrorReason.NO_SYNC_PULSE])
        return Capture(depth=Image(_IMAGE, 1), ir=Image(_IMAGE, 1))

    def read_imu(self, timeout: float) -> ImuSamples:
        self._wait()
        if 'silent' in self._device.faults:
            raise ReadTimeout('none')
        if 'no IMU' in self._device.faults:
            raise StreamFailedError('the IMU fails')
        return _SAMPLES

    def _wait(self) -> None:
        time.sleep(0.001)
        if not self._running:
            raise CameraError('not streaming')
        self._check()

    def stop(self) -> None:
        self._running = False

    def close(self) -> None:
        self.stop()
        if self._open:
            self._open = False
            self._device.open_now -= 1


class Listener:
    """Listener and sink that counts captures, and keeps the last report."""

    start_delay_s = 0.0

    def __init__(self) -> None:
        self.captures = 0
        self.reports: list[str] = []
        self.ended = False

    def subscriber_counts(self) -> dict[str, int]:
        return {}

    def on_opened(self, camera: Camera) -> Listener:
        return self

    def on_streaming(self, camera: Camera) -> None:
        pass

    def on_outage(self, report: Report, error: CameraError) -> None:
        self.reports.append(f'{report.value}: {error}')

    def on_state(self, state: StreamState) -> None:
        pass

    def on_started(self, camera: Camera) -> None:
        pass

    def on_recovered(self, lost: bool) -> None:
        self.reports.append('recovered')

    def on_stream_problem(self, name: str, reason: str) -> None:
        self.reports.append(f'{name}: {reason}')

    def on_ended(self, error: BaseException | None) -> None:
        self.ended = True

    def arrive(self, capture: Capture) -> Capture:
        return capture

    def capture(self, capture: Capture) -> None:
        self.captures += 1

    def arrive_imu(self, samples: ImuSamples) -> ImuSamples:
        return samples

    def imu(self, samples: ImuSamples) -> None:
        pass

    def has_imu_subscribers(self) -> bool:
        return True

    def release_images(self) -> None:
        pass


class Walk(RuleBasedStateMachine):
    """The lifecycle node as far as it matters here, its services, and a device with faults."""

    def __init__(self) -> None:
        super().__init__()
        self.device, self.listener = FakeDevice(), Listener()
        self.supervisor = CameraSupervisor(self.device.connect, self.listener)
        self.lifecycle = 'unconfigured'

    @rule()
    def configure(self) -> None:
        if self.lifecycle == 'unconfigured':
            try:
                self.supervisor.connect()
            except CameraError as error:
                assert ';' in str(error)  # what to do
            else:
                self.lifecycle = 'inactive'

    @rule()
    def activate(self) -> None:
        if self.lifecycle == 'inactive':
            self.supervisor.start()
            self.lifecycle = 'active'

    @rule()
    def deactivate(self) -> None:
        if self.lifecycle == 'active':
            assert self.supervisor.stop()
            self.lifecycle = 'inactive'

    @rule()
    def clean_up(self) -> None:
        if self.lifecycle == 'inactive':
            assert self.supervisor.close()
            self.lifecycle = 'unconfigured'
            assert self.device.open_now == 0

    @rule(command=sampled_from([Command.START, Command.STOP, Command.RECONNECT]))
    def call_service(self, command: Command) -> None:
        if not self.supervisor.refusal(command):
            {Command.START: self.supervisor.start, Command.STOP: self.supervisor.stop,
             Command.RECONNECT: self.supervisor.restart}[command]()

    @rule()
    def change_mode(self) -> None:
        if self.lifecycle != 'unconfigured':
            self.supervisor.restart()

    @rule(fault=sampled_from(FAULTS))
    def break_device(self, fault: str) -> None:
        if fault == 'unplugged' and fault not in self.device.faults:
            self.device.unplugged_count += 1
        self.device.faults.add(fault)

    @rule(fault=sampled_from(FAULTS))
    def repair_device(self, fault: str) -> None:
        self.device.faults.discard(fault)

    @rule(seconds=sampled_from([0.0, 0.003, 0.03]))
    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    @invariant()
    def every_command_is_accepted_or_refused_with_a_sentence(self) -> None:
        assert not self.listener.ended
        for command in Command:
            assert isinstance(self.supervisor.refusal(command), str)

    def teardown(self) -> None:
        """Repair the device, do what the refusals say, and fail unless it streams."""
        self.device.faults.clear()
        deadline = time.monotonic() + PATIENCE_S
        self._follow_advice()
        count = self.listener.captures
        while self.listener.captures < count + 3 or (
                self.supervisor.state is not StreamState.STREAMING):
            assert time.monotonic() < deadline, (
                self.lifecycle, self.supervisor.state, self.listener.reports[-3:])
            time.sleep(0.001)
        assert not self.supervisor.outage.text
        assert self.supervisor.close() and self.device.open_now == 0
        assert self.supervisor.state is StreamState.CLOSED

    def _follow_advice(self) -> None:
        advice = self.supervisor.refusal(Command.RECONNECT)
        if 'configure and activate' in advice:
            self.configure()
            self.activate()
        elif '~/start' in advice:
            assert not self.supervisor.refusal(Command.START)
            self.supervisor.start()
        else:
            assert not advice
            self.supervisor.restart()


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pauses and limits be milliseconds."""
    for name in ('FIRST_OPEN_PAUSE_S', 'MAX_OPEN_PAUSE_S', 'FIRST_START_PAUSE_S',
                 'MAX_START_PAUSE_S'):
        monkeypatch.setattr(outage, name, 0.002)
    monkeypatch.setattr(session, '_SILENCE_S', 0.02)
    monkeypatch.setattr(session, '_SILENCE_FRAMES', 0)
    monkeypatch.setattr(session, '_POLL_S', 0.01)
    monkeypatch.setattr(session, 'STARTUP_S', 0.03)
    monkeypatch.setattr(stream_watch, 'STARTUP_S', 0.03)
    monkeypatch.setattr(stream_watch, '_SILENCE_S', 0.05)
    monkeypatch.setattr(stream_watch, '_SILENCE_FRAMES', 0)
    monkeypatch.setattr(progress, '_HANG_POLL_S', 0.01)


class TestWalk(Walk.TestCase):  # type: ignore[name-defined]
    """Run the walks."""

    settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
