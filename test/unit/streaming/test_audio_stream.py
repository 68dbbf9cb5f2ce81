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


"""The stream of the microphones: stamps against a drifting clock, losses, and retries."""

from __future__ import annotations

import threading
import time

from k4a_ros.audio.microphones import CHANNELS
from k4a_ros.audio.microphones import RATE
from k4a_ros.audio.source import AudioBlock
from k4a_ros.audio.source import AudioSource
from k4a_ros.errors import AudioError
from k4a_ros.errors import EndOfRecording
from k4a_ros.streaming.audio_stream import AudioStream
from k4a_ros.streaming.audio_stream import StampedAudio
from k4a_ros.streaming.host_clock import HostClock
import numpy as np
from support.ros import wait_for

BLOCK = RATE // 50


class Recorded(AudioSource):
    """Blocks that have arrived late by random delays, from a clock that drifts."""

    def __init__(self, blocks: int, drift_ppm: float, lost: int | None = None) -> None:
        self.name = 'a test'
        self._random = np.random.default_rng(3)
        self._rate = RATE * (1 + drift_ppm * 1e-6)
        self._blocks = (n for n in range(blocks) if n != lost)
        self.closed = threading.Event()

    def taken_ns(self, sample: int) -> int:
        """Return when a sample was taken."""
        return 1_000_000_000 + round(sample / self._rate * 1e9)

    def read(self, timeout: float) -> AudioBlock:
        """Return the next block at once."""
        try:
            first = BLOCK * next(self._blocks)
        except StopIteration:
            raise EndOfRecording('the end') from None
        return AudioBlock(
            first, np.zeros((BLOCK, CHANNELS), np.int16),
            self.taken_ns(first + BLOCK) + int(self._random.exponential(1e6)))

    def close(self) -> None:
        """Note that it is closed."""
        self.closed.set()


def run(source: Recorded) -> tuple[list[StampedAudio], AudioStream]:
    """Return all blocks; ROS time is the monotonic clock."""
    found: list[StampedAudio] = []
    stream = AudioStream(
        lambda: source, lambda: True, found.append, lambda problem: None,
        HostClock(time.monotonic_ns))
    wait_for(source.closed.is_set, 'the end')
    stream.stop()
    return found, stream


def test_stamps_are_within_a_millisecond_of_the_truth_with_100_ppm_drift() -> None:
    source = Recorded(3000, 100.0)
    found, stream = run(source)
    errors = np.array([
        audio.stamp_ns - source.taken_ns(audio.block.first) for audio in found]) * 1e-6
    assert len(errors) == 3000
    assert np.abs(errors[100:]).max() < 1.0
    assert np.abs(errors[1000:]).max() < 0.1
    assert abs(stream.counts.drift_ppm - 100.0) < 1.0


def test_lost_samples_are_counted_and_their_time_passes() -> None:
    source = Recorded(500, 0.0, lost=400)
    found, stream = run(source)
    assert stream.counts.lost == BLOCK and found[400].lost == BLOCK
    assert abs(found[400].stamp_ns - found[399].stamp_ns - 40_000_000) < 200_000
    assert stream.counts.samples == 499 * BLOCK


def test_microphones_are_closed_when_the_sound_is_not_used() -> None:
    source = Recorded(10 ** 9, 0.0)
    wanted = threading.Event()
    stream = AudioStream(lambda: source, wanted.is_set, lambda audio: time.sleep(0.001),
                         lambda problem: None, HostClock(time.monotonic_ns))
    time.sleep(0.5)
    assert stream.counts.samples == 0
    wanted.set()
    wait_for(lambda: stream.counts.samples, 'sound')
    wanted.clear()
    wait_for(source.closed.is_set, 'the microphones to be closed')
    stream.stop()


def test_missing_microphones_are_reported_once() -> None:
    problems: list[str] = []

    def fail() -> AudioSource:
        raise AudioError('there are none')

    stream = AudioStream(fail, lambda: True, lambda audio: None, problems.append,
                         HostClock(time.monotonic_ns))
    wait_for(lambda: problems, 'the problem')
    stream.stop()
    assert problems == ['there are none'] and stream.counts.problem == 'there are none'
