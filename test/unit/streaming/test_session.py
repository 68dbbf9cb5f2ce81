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

"""One streaming session, with a scripted camera."""

from __future__ import annotations

from dataclasses import replace
import threading
import time

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.cameras.base import Camera
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import CameraLostError
from k4a_ros.errors import EndOfRecording
from k4a_ros.errors import ReadTimeout
from k4a_ros.streaming.session import Counts
from k4a_ros.streaming.session import LatestCapture
from k4a_ros.streaming.session import Session
import numpy as np
import pytest
from support.time_limits import PATIENCE
from support.time_limits import promptly
from support.time_limits import wait_for

MODES = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF, imu=True)


def capture(us: int) -> Capture:
    return Capture(depth=Image(np.zeros((2, 2), np.uint16), us))


class ScriptedCamera(Camera):
    """A camera that returns the items of a list, and raises those that are exceptions."""

    config = MODES

    def __init__(self, captures: list, imu: list, lossless: bool = True) -> None:
        self.captures, self.samples, self.lossless = captures, imu, lossless
        self.running = False

    def start(self) -> None:
        self.running = True

    def _next(self, items: list, timeout: float):
        if not self.running:
            raise EndOfRecording('stopped')
        if not items:
            time.sleep(min(timeout, 0.01))
            raise ReadTimeout('nothing')
        item = items.pop(0)
        if isinstance(item, Exception):
            raise item
        return item

    def read(self, timeout: float) -> Capture:
        return self._next(self.captures, timeout)

    def read_imu(self, timeout: float) -> ImuSamples:
        return self._next(self.samples, timeout)

    def stop(self) -> None:
        self.running = False

    def close(self) -> None:
        self.stop()


class Sink:
    """Records captures and IMU samples; each capture takes ``delay`` seconds."""

    def __init__(self, delay: float = 0.0) -> None:
        self.captures: list[Capture] = []
        self.releases = 0
        self.imu_subscribed = True
        self.samples: list[ImuSamples] = []
        self.arrived: list[Capture] = []
        self.arrived_samples: list[ImuSamples] = []
        self.delay = delay

    def arrive(self, item: Capture) -> Capture:
        self.arrived.append(item)
        return item

    def capture(self, item: Capture) -> None:
        time.sleep(self.delay)
        self.captures.append(item)

    def arrive_imu(self, item: ImuSamples) -> ImuSamples:
        self.arrived_samples.append(item)
        return item

    def imu(self, item: ImuSamples) -> None:
        self.samples.append(item)

    def has_imu_subscribers(self) -> bool:
        return self.imu_subscribed

    def release_images(self) -> None:
        self.releases += 1


def samples(count: int) -> ImuSamples:
    return ImuSamples(*(np.zeros(s, d) for s, d in (
        ((count, 3), np.float32), (count, np.int64), ((count, 3), np.float32),
        (count, np.int64), (count, np.float32))))


def run(camera: Camera, sink: Sink):
    """Run a session until its end, and return its counters and error."""
    ended: list[BaseException | None] = []
    over = threading.Event()
    counts = Counts()
    session = Session(camera, sink, lambda error: (ended.append(error), over.set()), counts)
    session.start()
    assert over.wait(PATIENCE)
    session.stop()
    assert len(ended) == 1
    return counts, ended[0]


def test_session_ends_when_both_streams_have_ended() -> None:
    end = EndOfRecording('end')
    sink = Sink(delay=0.02)
    camera = ScriptedCamera([capture(i) for i in range(5)] + [end], [samples(3), end])
    counts, error = run(camera, sink)
    assert error is None
    assert [c.device_us for c in sink.captures] == list(range(5))
    assert (counts.captures, counts.samples, counts.dropped) == (5, 3, 0)
    assert sink.releases == 1


@pytest.mark.parametrize('problem', [CameraLostError('gone'), ZeroDivisionError('defect')])
def test_error_of_either_stream_ends_the_session(problem: Exception) -> None:
    for images, imu in (([problem], []), ([], [problem])):
        _, error = run(ScriptedCamera(images, imu), Sink())
        assert error is problem


def test_read_timeouts_do_not_end_a_session() -> None:
    slow, end = [ReadTimeout('nothing')] * 3, EndOfRecording('end')
    counts, error = run(ScriptedCamera([*slow, capture(1), end], [*slow, samples(3), end]), Sink())
    assert error is None
    assert (counts.captures, counts.samples) == (1, 3)


def test_error_of_the_sink_ends_the_session() -> None:
    class BrokenSink(Sink):
        """A sink that fails at the first capture."""

        def capture(self, item: Capture) -> None:
            raise ZeroDivisionError('defect')

    for lossless in (True, False):
        _, error = run(ScriptedCamera([capture(1)], [], lossless), BrokenSink())
        assert isinstance(error, ZeroDivisionError)


def test_stop_can_be_repeated_and_does_not_report_an_end() -> None:
    ended: list[object] = []
    session = Session(ScriptedCamera([], []), Sink(), ended.append, Counts())
    session.start()
    session.stop()
    session.stop()
    assert not ended


def test_slow_sink_gets_the_latest_capture() -> None:
    class BlockedSink(Sink):
        """A sink that takes no capture while the camera has more."""

        def capture(self, item: Capture) -> None:
            wait_for(lambda: not camera.captures, 'the last capture')
            super().capture(item)

    camera = ScriptedCamera([capture(i) for i in range(60)], [], lossless=False)
    sink = BlockedSink()
    counts = Counts()
    session = Session(camera, sink, lambda error: None, counts)
    session.start()
    wait_for(lambda: sink.captures and sink.captures[-1].device_us == 59, 'the latest capture')
    session.stop()
    times = [c.device_us for c in sink.captures]
    assert times == sorted(times) and len(times) <= 3
    assert [c.device_us for c in sink.arrived] == list(range(60))
    assert counts.captures == 60
    assert counts.dropped == 60 - len(times)


def test_silent_camera_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('k4a_ros.streaming.session.STARTUP_S', 0.0)
    _, error = run(ScriptedCamera([capture(1)], [], lossless=False), Sink())
    assert isinstance(error, CameraLostError) and 'no capture received for 1 s' in str(error)


def subordinate() -> ScriptedCamera:
    camera = ScriptedCamera([capture(1)], [], lossless=False)
    camera.config = replace(MODES, wired_sync_mode=WiredSyncMode.SUBORDINATE)
    return camera


def test_silent_subordinate_waits_for_its_master(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('k4a_ros.streaming.session.STARTUP_S', 0.0)
    ended: list[object] = []
    session = Session(subordinate(), Sink(), ended.append, Counts())
    session.start()
    time.sleep(1.5)
    session.stop()
    assert not ended


def test_subordinate_is_lost_before_its_depth_camera_powers_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr('k4a_ros.streaming.session.STARTUP_S', 0.0)
    monkeypatch.setattr('k4a_ros.streaming.session._SYNC_PULSE_TIMEOUT_S', 0.2)
    _, error = run(subordinate(), Sink())
    assert isinstance(error, CameraLostError) and 'start the master' in str(error)


def test_latest_capture_times_out() -> None:
    began = time.monotonic()
    with promptly(5.0), pytest.raises(ReadTimeout):
        LatestCapture().take(0.05)
    assert time.monotonic() - began > 0.04


def test_imu_without_subscribers_is_read_in_larger_batches() -> None:
    end = EndOfRecording('end')
    sink = Sink()
    sink.imu_subscribed = False
    began = time.monotonic()
    counts, error = run(ScriptedCamera([end], [samples(3)] * 4 + [end]), sink)
    assert error is None and counts.samples == 12 and len(sink.samples) == 4
    assert time.monotonic() - began > 4 * 0.05


def test_imu_of_a_live_camera_is_read_while_publishing_is_blocked() -> None:
    """What arrives meanwhile is complete; what waits longer than a second is dropped."""
    class BlockedSink(Sink):
        """A sink that publishes nothing while the camera has more samples."""

        def imu(self, item: ImuSamples) -> None:
            wait_for(lambda: not camera.samples, 'the last samples')
            super().imu(item)

    camera = ScriptedCamera([], [samples(10) for _ in range(400)], lossless=False)
    sink = BlockedSink()
    counts = Counts()
    session = Session(camera, sink, lambda error: None, counts)
    session.start()
    try:
        wait_for(lambda: sum(map(len, sink.samples)) + counts.dropped_samples == 4000, 'samples')
    finally:
        session.stop()
    assert sum(map(len, sink.arrived_samples)) == counts.samples == 4000
    assert 1600 < sum(map(len, sink.samples)) < 3400


def test_imu_of_a_live_camera_without_subscribers_waits_for_no_publishing() -> None:
    sink = Sink()
    sink.imu_subscribed = False
    camera = ScriptedCamera([], [samples(3)] * 3, lossless=False)
    session = Session(camera, sink, lambda error: None, Counts())
    session.start()
    try:
        wait_for(lambda: len(sink.arrived_samples) == 3, 'samples')
    finally:
        session.stop()
    assert not sink.samples
