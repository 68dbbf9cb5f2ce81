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

"""
Pace playback: when each item may be released, and in which order among several threads.

Independent of cameras and files; the clock is a parameter.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
import enum
import math
import threading
import time

from k4a_ros.errors import ConfigError
from k4a_ros.errors import EndOfRecording
from k4a_ros.errors import ReadTimeout


class AtEnd(enum.Enum):
    """What to do when all streams have reached the end of the file."""

    EXIT = 'exit'
    PAUSE = 'pause'
    LOOP = 'loop'


class Pacer:
    """
    Releases the items of several streams at the pace of their timestamps.

    Each stream is read by one thread, which calls ``wait`` before it returns an item, and
    ``end_of_pass`` when the file has no more of them. All other methods are thread-safe, and their
    changes take effect immediately, even in a ``wait`` in progress.

    With ``rate`` > 0, an item is released when the playback clock, which runs ``rate`` times as
    fast as ``clock``, reaches its timestamp. Items are never skipped: a late reader gets overdue
    items immediately. With ``rate`` 0, there is no playback clock: an item is released as soon as
    every other stream has released all earlier items and its reader has requested the next one.
    So the streams advance in the order of timestamps, as fast as the slowest reader.

    Timestamps of a stream must not decrease, over all passes through the file.

    :param streams: names of the streams, at least one.
    :param start_us: timestamp at which playback starts, microseconds.
    :param span_us: offset added to all timestamps with each pass through the file, microseconds.
    :param rate: playback seconds per second, see above.
    :param paused: start paused.
    :param at_end: what to do after a pass.
    :param clock: monotonic time, seconds.
    """

    def __init__(
        self, streams: Iterable[str], start_us: int, span_us: int, rate: float = 1.0,
        paused: bool = False, at_end: AtEnd = AtEnd.EXIT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create a stopped pacer."""
        self._changed = threading.Condition()
        self._clock = clock
        self._start_us = start_us
        self._span_us = span_us
        self._at_end = at_end
        self._rate = _checked_rate(rate)
        self._paused = paused
        self._running = False
        # For each stream, the timestamp before which all its items have been released.
        self._position: dict[str, float] = dict.fromkeys(streams, start_us)
        self._pass = dict.fromkeys(self._position, 0)
        self._passes = 1
        self._anchor_us = float(start_us)
        self._anchor_s = clock()

    def start(self) -> None:
        """Start the playback clock, or resume it from where it was stopped."""
        with self._changed:
            self._anchor()
            self._running = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Stop the playback clock; waiting threads get EndOfRecording."""
        with self._changed:
            self._anchor()
            self._running = False
            self._changed.notify_all()

    @property
    def rate(self) -> float:
        """Playback seconds per second; 0 is as fast as the readers."""
        return self._rate

    @rate.setter
    def rate(self, value: float) -> None:
        checked = _checked_rate(value)
        with self._changed:
            self._anchor()
            self._rate = checked
            self._changed.notify_all()

    @property
    def paused(self) -> bool:
        """Whether playback is paused; resuming at the end of the file starts the next pass."""
        return self._paused

    @paused.setter
    def paused(self, value: bool) -> None:
        with self._changed:
            self._anchor()
            if not value and self._finished():
                self._passes += 1
                self._anchor_us = float(self._start_us + self._span_us * (self._passes - 1))
            self._paused = value
            self._changed.notify_all()

    def wait(self, stream: str, item_us: int, timeout: float, burst_s: float = 0.0) -> float:
        """
        Wait until the item of ``stream`` with timestamp ``item_us`` is due.

        :param timeout: maximum time to wait, seconds.
        :param burst_s: delay of an item, at a rate above 0, so that later ones join its batch.
        :return: timestamp up to which items of the stream are due, inclusive.
        :raises ReadTimeout: the item is not due within the timeout.
        :raises EndOfRecording: playback is stopped.
        """
        deadline = self._clock() + timeout
        with self._changed:
            self._advance(stream, item_us)
            while True:
                if not self._running:
                    raise EndOfRecording('playback is stopped')
                delay = deadline - self._clock()
                if not self._paused:
                    due_us = self._due_us(stream)
                    overdue_us = due_us - max(item_us, self._position[stream])
                    if self._rate:
                        time_left = burst_s - overdue_us / (1e6 * self._rate)
                        if time_left <= 0:
                            return due_us
                        delay = min(delay, time_left)
                    elif overdue_us >= 0:
                        return due_us
                self._sleep(delay, deadline)

    def end_of_pass(self, stream: str, timeout: float) -> int:
        """
        Mark the end of a pass of ``stream``, and wait until the next pass may be played.

        :param timeout: maximum time to wait, seconds.
        :return: offset of the timestamps in the next pass, microseconds.
        :raises ReadTimeout: playback is paused at the end of the file.
        :raises EndOfRecording: there is no further pass, or playback is stopped.
        """
        deadline = self._clock() + timeout
        with self._changed:
            next_pass = self._pass[stream] + 1
            if self._at_end is AtEnd.EXIT:
                self._advance(stream, math.inf, passed=True)
                raise EndOfRecording('playback has reached the end of the recording')
            self._advance(stream, self._start_us + self._span_us * next_pass, passed=True)
            while self._at_end is AtEnd.PAUSE and next_pass >= self._passes:
                if not self._running:
                    raise EndOfRecording('playback is stopped')
                if self._finished():
                    self._paused = True
                self._sleep(deadline - self._clock(), deadline)
            self._pass[stream] = next_pass
            return self._span_us * next_pass

    def _sleep(self, seconds: float, deadline: float) -> None:
        """Wait for a change for at most ``seconds``; raise ReadTimeout after the deadline."""
        if deadline <= self._clock():
            state = 'paused' if self._paused else 'waiting for the next item to be due'
            raise ReadTimeout(f'no data within the timeout: playback is {state}')
        self._changed.wait(min(max(seconds, 0.0), threading.TIMEOUT_MAX))

    def _advance(self, stream: str, us: float, passed: bool = False) -> None:
        """
        Update the position of a stream, and notify other threads if they may depend on it.

        :param passed: whether the stream is at the end of a pass.
        """
        if us > self._position[stream]:
            self._position[stream] = us
            if passed or not self._rate:
                self._changed.notify_all()

    def _finished(self) -> bool:
        """Whether all streams have reached the end of the last pass that may be played."""
        end = self._start_us + self._span_us * self._passes
        return self._at_end is AtEnd.PAUSE and min(self._position.values()) >= end

    def _due_us(self, stream: str) -> float:
        """Return the timestamp up to which items of ``stream`` are due, unless paused."""
        if self._rate:
            return self._anchor_us + (self._clock() - self._anchor_s) * 1e6 * self._rate
        return min((us for name, us in self._position.items() if name != stream),
                   default=math.inf)

    def _anchor(self) -> None:
        """Move the origin of the playback clock to the current position."""
        played = min(self._position.values())
        now = self._clock()
        if self._rate and self._running and not self._paused:
            running = self._anchor_us + (now - self._anchor_s) * 1e6 * self._rate
            played = min(played, running)
        elif self._rate:
            played = min(played, self._anchor_us)
        if math.isfinite(played):
            self._anchor_us = max(self._anchor_us, played)
        self._anchor_s = now


def _checked_rate(value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not (
            0 <= value < math.inf):
        raise ConfigError(
            f'playback_rate is {value!r}; it must be a number: 1 for real time, 2 for twice as '
            'fast, 0 for as fast as possible')
    return float(value)
