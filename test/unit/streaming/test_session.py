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

"""One run of a camera made for the test."""

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
from k4a_ros.streaming.session import Latest
from k4a_ros.streaming.session import Session
import numpy as np
import pytest

MODES = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF, imu=True)


def capture(us: int) -> Capture:
    return Capture(depth=Image(np.zeros((2, 2), np.uint16), us))


class Script(Camera):
    """Gives what a list says: captures, or errors that are raised."""

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
    """Keeps what it gets, slowly if wanted."""

    def __init__(self, delay: float = 0.0) -> None:
        self.captures: list[Capture] = []
        self.stops = 0
        self.wants_imu = True
        self.samples: list[ImuSamples] = []
        self.delay = delay

    def capture(self, item: Capture) -> None:
        time.sleep(self.delay)
        self.captures.append(item)

    def imu(self, item: ImuSamples) -> None:
        self.samples.append(item)

    def imu_wanted(self) -> bool:
        return self.wants_imu

    def stopped(self) -> None:
        self.stops += 1


def samples(count: int) -> ImuSamples:
    return ImuSamples(*(np.zeros(s, d) for s, d in (
        ((count, 3), np.float32), (count, np.int64), ((count, 3), np.float32),
        (count, np.int64), (count, np.float32))))


def run(camera: Camera, sink: Sink):
    """Run a session until it says that it has ended, and return what it counted and said."""
    ended: list[BaseException | None] = []
    over = threading.Event()
    counts = Counts()
    session = Session(camera, sink, lambda error: (ended.append(error), over.set()), counts)
    session.start()
    assert over.wait(10)
    session.stop()
    assert len(ended) == 1
    return counts, ended[0]


def test_the_end_comes_when_both_threads_have_reached_it() -> None:
    end = EndOfRecording('end')
    sink = Sink(delay=0.02)
    camera = Script([capture(i) for i in range(5)] + [end], [samples(3), end])
    counts, error = run(camera, sink)
    assert error is None
    assert [c.device_us for c in sink.captures] == list(range(5))
    assert (counts.captures, counts.samples, counts.dropped) == (5, 3, 0)
    assert sink.stops == 1


@pytest.mark.parametrize('problem', [CameraLostError('gone'), ZeroDivisionError('defect')])
def test_an_error_in_either_thread_ends_both(problem: Exception) -> None:
    for images, imu in (([problem], []), ([], [problem])):
        _, error = run(Script(images, imu), Sink())
        assert error is problem


def test_read_timeouts_do_not_end_a_session() -> None:
    slow, end = [ReadTimeout('nothing')] * 3, EndOfRecording('end')
    counts, error = run(Script([*slow, capture(1), end], [*slow, samples(3), end]), Sink())
    assert error is None
    assert (counts.captures, counts.samples) == (1, 3)


def test_an_error_of_the_sink_is_not_lost() -> None:
    class Broken(Sink):
        """Fails at the first image."""

        def capture(self, item: Capture) -> None:
            raise ZeroDivisionError('defect')

    for lossless in (True, False):
        _, error = run(Script([capture(1)], [], lossless), Broken())
        assert isinstance(error, ZeroDivisionError)


def test_stop_says_nothing_and_may_come_twice() -> None:
    ended: list[object] = []
    session = Session(Script([], []), Sink(), ended.append, Counts())
    session.start()
    session.stop()
    session.stop()
    assert not ended


def test_a_slow_sink_gets_the_newest_of_a_camera_that_does_not_wait() -> None:
    class Paced(Script):
        """Gives a capture every five milliseconds."""

        def read(self, timeout: float) -> Capture:
            time.sleep(0.005)
            return super().read(timeout)

    camera = Paced([capture(i) for i in range(60)], [], lossless=False)
    sink = Sink(delay=0.03)
    counts = Counts()
    session = Session(camera, sink, lambda error: None, counts)
    session.start()
    deadline = time.monotonic() + 10
    while (not sink.captures or sink.captures[-1].device_us != 59) and time.monotonic() < deadline:
        time.sleep(0.01)
    session.stop()
    times = [c.device_us for c in sink.captures]
    assert times == sorted(times) and times[-1] == 59
    assert counts.captures == 60
    assert counts.dropped == 60 - len(times) > 20


def test_a_camera_that_falls_silent_is_lost_unless_it_waits_for_a_master(monkeypatch) -> None:
    monkeypatch.setattr('k4a_ros.streaming.session._FIRST_CAPTURE', 0.0)
    _, error = run(Script([capture(1)], [], lossless=False), Sink())
    assert isinstance(error, CameraLostError) and 'no capture has come for 1 s' in str(error)

    camera = Script([capture(1)], [], lossless=False)
    camera.config = replace(MODES, wired_sync_mode=WiredSyncMode.SUBORDINATE)
    ended: list[object] = []
    session = Session(camera, Sink(), ended.append, Counts())
    session.start()
    time.sleep(1.5)
    session.stop()
    assert not ended

    # but not for ever: its depth camera would power itself down
    monkeypatch.setattr('k4a_ros.streaming.session._NO_PULSE', 0.2)
    camera = Script([capture(1)], [], lossless=False)
    camera.config = replace(MODES, wired_sync_mode=WiredSyncMode.SUBORDINATE)
    _, error = run(camera, Sink())
    assert isinstance(error, CameraLostError) and 'start the master' in str(error)


def test_latest_gives_up_in_time() -> None:
    began = time.monotonic()
    with pytest.raises(ReadTimeout):
        Latest().take(0.05)
    assert 0.04 < time.monotonic() - began < 5


def test_inertial_samples_that_nobody_wants_are_read_seldom_and_all_the_same() -> None:
    end = EndOfRecording('end')
    sink = Sink()
    sink.wants_imu = False
    began = time.monotonic()
    counts, error = run(Script([end], [samples(3)] * 4 + [end]), sink)
    assert error is None and counts.samples == 12 and len(sink.samples) == 4
    assert time.monotonic() - began > 4 * 0.05
