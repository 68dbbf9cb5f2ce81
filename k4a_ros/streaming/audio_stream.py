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


"""Read the microphones while their sound is wanted, and stamp it in ROS time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import threading

from k4a_ros.audio.microphones import RATE
from k4a_ros.audio.source import AudioBlock
from k4a_ros.audio.source import AudioSource
from k4a_ros.errors import AudioError
from k4a_ros.errors import EndOfRecording
from k4a_ros.errors import ReadTimeout
from k4a_ros.streaming.device_clock import LiveClock
from k4a_ros.streaming.host_clock import HostClock

#: how often a thread looks whether sound is wanted, and how long it waits for some
_POLL_S = 0.2
#: pause after microphones could not be opened, or failed
_RETRY_S = 5.0


@dataclass(frozen=True)
class StampedAudio:
    """
    A block of samples, ``stamp_ns``: the ROS time at which the first one was taken.

    ``lost``: number of samples that are missing before it.
    """

    block: AudioBlock
    stamp_ns: int
    lost: int


@dataclass
class AudioCounts:
    """Totals since the start, and the drift of the microphones' clock against ROS time."""

    samples: int = 0
    lost: int = 0
    drift_ppm: float = 0.0
    problem: str = ''
    source: str = ''


class AudioStream:
    """
    A thread that opens the microphones when sound is wanted, and closes them when it is not.

    The samples are counted by the clock of the microphones, which drifts; a `LiveClock` maps that
    to ROS time from the arrival of the blocks, as it does for images.

    :param open_source: opens the microphones.
    :param wanted: returns whether the sound is used.
    :param deliver: called with each block, in the thread.
    :param report: called with a problem, once, and with '' when it has passed.
    """

    def __init__(
        self, open_source: Callable[[], AudioSource], wanted: Callable[[], bool],
        deliver: Callable[[StampedAudio], None], report: Callable[[str], None], host: HostClock,
    ) -> None:
        self._open_source = open_source
        self._wanted = wanted
        self._deliver = deliver
        self._report = report
        self._host = host
        self._stopping = threading.Event()
        self._source: AudioSource | None = None
        self.counts = AudioCounts()
        self._thread = threading.Thread(target=self._run, name='audio', daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Close the microphones and end the thread; a library that hangs is left behind."""
        self._stopping.set()
        source = self._source
        if source is not None:
            source.close()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stopping.is_set():
            if not self._wanted():
                self._stopping.wait(_POLL_S)
                continue
            try:
                with self._open_source() as source:
                    self._source = source
                    self.counts.source = source.name
                    self._set_problem('')
                    self._stream(source)
            except EndOfRecording:
                return
            except AudioError as error:
                if self._stopping.is_set():
                    return
                self._set_problem(str(error))
                self._stopping.wait(_RETRY_S)
            finally:
                self._source = None

    def _stream(self, source: AudioSource) -> None:
        clock = LiveClock()
        end = latest_ns = 0
        while self._wanted() and not self._stopping.is_set():
            try:
                block = source.read(_POLL_S)
            except ReadTimeout:
                continue
            now = self._host.read()
            if now.step_ns:
                clock.follow_time_jump()
                latest_ns = 0
            clock.observe(
                _microseconds(block.end), now.ros_ns - (now.monotonic_ns - block.arrival_ns))
            stamp_ns = max(clock.to_ros(_microseconds(block.first)), latest_ns + 1)
            latest_ns = stamp_ns
            lost = block.first - end
            end = block.end
            self.counts.samples += len(block.samples)
            self.counts.lost += lost
            self.counts.drift_ppm = -clock.drift_ppm
            self._deliver(StampedAudio(block, stamp_ns, lost))

    def _set_problem(self, problem: str) -> None:
        if problem != self.counts.problem:
            self.counts.problem = problem
            self._report(problem)


def _microseconds(sample: int) -> int:
    """Return when a sample was taken, by the clock of the microphones."""
    return sample * 1_000_000 // RATE
