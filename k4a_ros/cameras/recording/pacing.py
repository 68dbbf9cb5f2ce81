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
When a recorded item may be handed out, and in which order two threads hand out theirs.

Pure: no camera, no file; time comes from a clock that is passed in.
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
    """What happens when every stream has reached the end of the file."""

    EXIT = 'exit'
    PAUSE = 'pause'
    LOOP = 'loop'


class Pacer:
    """
    Release the items of several streams by their timestamps, as if they happened now.

    Each stream belongs to one thread, which calls ``wait`` before it hands out an item and
    ``end_of_pass`` when the file has no more of them. All other methods may be called at any time
    by any thread, and what they change takes effect at once, also in a ``wait`` under way.

    With ``rate`` > 0 an item is released when the playback clock, which runs ``rate`` times as
    fast as ``clock``, has reached its timestamp. Nothing is ever skipped: whoever is late gets
    the items that are overdue at once. With ``rate`` 0 there is no clock: an item is released as
    soon as every other stream has handed out all that comes before it, and its reader has come
    back for more, so that the streams advance together, in the order of their timestamps, as fast
    as the slowest reader.

    The timestamps of one stream must not decrease, over all passes through the file.

    :param streams: their names, at least one.
    :param start_us: timestamp at which playback starts.
    :param span_us: what is added to all timestamps with each pass through the file.
    :param rate: see above.
    :param paused: whether to hold everything back.
    :param at_end: what comes after a pass.
    :param clock: seconds, monotonic.
    """

    def __init__(
        self, streams: Iterable[str], start_us: int, span_us: int, rate: float = 1.0,
        paused: bool = False, at_end: AtEnd = AtEnd.EXIT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; nothing is released before ``start``."""
        self._changed = threading.Condition()
        self._clock = clock
        self._start_us = start_us
        self._span_us = span_us
        self._at_end = at_end
        self._rate = _checked_rate(rate)
        self._paused = paused
        self._running = False
        # For each stream, a timestamp before which it has nothing left to hand out.
        self._position: dict[str, float] = dict.fromkeys(streams, start_us)
        self._pass = dict.fromkeys(self._position, 0)
        self._passes = 1
        self._anchor_us = float(start_us)
        self._anchor_s = clock()

    def start(self) -> None:
        """Let the playback clock run, from where it was stopped."""
        with self._changed:
            self._anchor()
            self._running = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Hold the playback clock, and wake all who wait; they get EndOfRecording."""
        with self._changed:
            self._anchor()
            self._running = False
            self._changed.notify_all()

    @property
    def rate(self) -> float:
        """Playback seconds per second; 0 is as fast as the readers are."""
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
        """Whether everything is held back; at the end of the file, going on starts it again."""
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

    def wait(self, stream: str, due_us: int, timeout: float, burst: float = 0.0) -> float:
        """
        Wait until the item of ``stream`` with the timestamp ``due_us`` may be handed out.

        :param timeout: seconds to wait at most.
        :param burst: seconds by which a timed item is held back so that others gather behind it.
        :return: the timestamp up to which, inclusive, the stream may hand out items with it.
        :raises ReadTimeout: it may not yet.
        :raises EndOfRecording: playback has been stopped.
        """
        deadline = self._clock() + timeout
        with self._changed:
            self._advance(stream, due_us)
            while True:
                if not self._running:
                    raise EndOfRecording('playback has been stopped')
                delay = deadline - self._clock()
                if not self._paused:
                    limit = self._limit(stream)
                    late = limit - max(due_us, self._position[stream])
                    if self._rate:
                        wanted = burst - late / (1e6 * self._rate)
                        if wanted <= 0:
                            return limit
                        delay = min(delay, wanted)
                    elif late >= 0:
                        return limit
                self._sleep(delay, deadline)

    def end_of_pass(self, stream: str, timeout: float) -> int:
        """
        Note that ``stream`` has handed out its last item of this pass, and wait for the next.

        :param timeout: seconds to wait at most.
        :return: the shift of the timestamps in the pass that may now be played, microseconds.
        :raises ReadTimeout: playback is paused at the end of the file.
        :raises EndOfRecording: there is no further pass, or playback has been stopped.
        """
        deadline = self._clock() + timeout
        with self._changed:
            following = self._pass[stream] + 1
            if self._at_end is AtEnd.EXIT:
                self._advance(stream, math.inf, passed=True)
                raise EndOfRecording('the recording has been played to its end')
            self._advance(stream, self._start_us + self._span_us * following, passed=True)
            while self._at_end is AtEnd.PAUSE and following >= self._passes:
                if not self._running:
                    raise EndOfRecording('playback has been stopped')
                if self._finished():
                    self._paused = True
                self._sleep(deadline - self._clock(), deadline)
            self._pass[stream] = following
            return self._span_us * following

    def _sleep(self, seconds: float, deadline: float) -> None:
        """Wait for a change, but not longer than ``seconds``; give up after ``deadline``."""
        if deadline <= self._clock():
            state = 'paused' if self._paused else 'waiting for the next item to be due'
            raise ReadTimeout(f'nothing was played in time: playback is {state}')
        self._changed.wait(min(max(seconds, 0.0), threading.TIMEOUT_MAX))

    def _advance(self, stream: str, us: float, passed: bool = False) -> None:
        """
        Note how far a stream is; wake the others if that concerns them.

        :param passed: whether it is at the end of a pass.
        """
        if us > self._position[stream]:
            self._position[stream] = us
            if passed or not self._rate:
                self._changed.notify_all()

    def _finished(self) -> bool:
        """Whether all streams have reached the end of the last pass that may be played."""
        end = self._start_us + self._span_us * self._passes
        return self._at_end is AtEnd.PAUSE and min(self._position.values()) >= end

    def _limit(self, stream: str) -> float:
        """Return up to which timestamp ``stream`` may hand out items now, if not paused."""
        if self._rate:
            return self._anchor_us + (self._clock() - self._anchor_s) * 1e6 * self._rate
        return min((us for name, us in self._position.items() if name != stream),
                   default=math.inf)

    def _anchor(self) -> None:
        """Take what has been played so far as the new origin of the playback clock."""
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
            f'playback_rate cannot be {value!r}: it is a number, 1 for real time, 2 for twice as '
            'fast, 0 for as fast as possible')
    return float(value)
