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
from collections.abc import Iterator
import contextlib
import math
import threading
import time
from typing import NoReturn

from k4a_ros.cameras.playback import Position
from k4a_ros.cameras.recording.paused_steps import PausedSteps
from k4a_ros.cameras.recording.playback_clock import PlaybackClock
from k4a_ros.cameras.recording.section import AtEnd
from k4a_ros.cameras.recording.section import Section
from k4a_ros.cameras.recording.section import Sought
from k4a_ros.cameras.recording.stream_positions import StreamPositions
from k4a_ros.errors import EndOfRecording
from k4a_ros.errors import ReadTimeout

#: delay of items, some of which are released in bursts, from which on their reader is late
_LATE_S = 0.05


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

    While paused, ``step`` releases items of the first stream one by one, and those of the others
    that are not later.

    A section begins with each pass through the file, when all streams have reached the end of the
    pass before, and wherever playback is moved to. Its readers then get `Sought`, and have to read
    from the start of ``section``. Timestamps of a stream must not decrease within a section.

    :param streams: names of the streams, at least one.
    :param start_us: timestamp at which each pass starts, microseconds.
    :param span_us: time from the start of a pass to that of the next one, microseconds.
    :param rate: playback seconds per second, see above.
    :param paused: start paused.
    :param at_end: what to do after a pass that is not followed by another one.
    :param loop: repeat the file, until ``finish`` is called.
    :param restart: each pass has the timestamps of the first one; otherwise ``span_us`` is added.
    :param clock: monotonic time, seconds.
    """

    def __init__(
        self, streams: Iterable[str], start_us: int, span_us: int, rate: float = 1.0,
        paused: bool = False, at_end: AtEnd = AtEnd.EXIT, *, loop: bool = False,
        restart: bool = False, clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create a stopped pacer."""
        self._changed = threading.Condition()
        self._clock = clock
        self._start_us = start_us
        self._span_us = span_us
        self._at_end = at_end
        self._loop = loop
        self._restart = restart
        self._playing = PlaybackClock(start_us, rate, clock)
        self._paused = paused
        self._running = False
        self._positions = StreamPositions(streams, start_us)
        self._section = Section(0, start_us, 0)
        # whether this pass was ended early, and whether another one may follow although the file
        # is not looped
        self._finishing = self._again = False
        self._steps = PausedSteps()
        self._stepping = threading.Lock()
        # whether the reader of the first stream has not come back with the next item yet
        self._in_flight = False

    def start(self, lead_s: float = 0.0) -> None:
        """
        Start the playback clock, or resume it from where it was stopped.

        :param lead_s: time in which the clock gets there, seconds.
        """
        with self._changed:
            self._anchor()
            self._playing.us -= lead_s * 1e6 * self._playing.rate
            self._running = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Stop the playback clock; waiting threads get EndOfRecording."""
        with self._changed:
            self._anchor()
            self._running = False
            self._changed.notify_all()

    @property
    def running(self) -> bool:
        """Return whether playback has been started, and not stopped."""
        return self._running

    @property
    def rate(self) -> float:
        """Playback seconds per second; 0 is as fast as the readers."""
        return self._playing.rate

    @rate.setter
    def rate(self, value: float) -> None:
        with self._changed:
            self._anchor()
            self._playing.set_rate(value)
            self._changed.notify_all()

    @property
    def paused(self) -> bool:
        """Whether playback is paused; resuming at the end of the file starts the next pass."""
        return self._paused

    @paused.setter
    def paused(self, value: bool) -> None:
        with self._changed:
            self._anchor()
            if not value and self._at_end is AtEnd.PAUSE and self._finished():
                self._again = True
                self._playing.move_to(self._next_us)
            if not self._paused:
                self._steps.shown_us = -math.inf
            self._paused = value
            self._steps.cancel()
            self._changed.notify_all()

    @property
    def lockstep(self) -> bool:
        """Whether items are released without regard to time."""
        return not self._playing.rate or self._stepping.locked()

    @property
    def section(self) -> Section:
        """Return the part of the recording to read."""
        return self._section

    @contextlib.contextmanager
    def hold(self) -> Iterator[Callable[[], bool]]:
        """Keep the clock and all streams where they are in a ``with`` block; return `running`."""
        with self._changed:
            self._anchor()
            self._playing.holds += 1
        try:
            yield lambda: self._running
        finally:
            with self._changed:
                self._anchor()
                self._playing.holds -= 1
                self._changed.notify_all()

    def position(self) -> Position:
        """Return the position of the playback clock, at most the start of the next pass."""
        with self._changed:
            us = self._playing.us
            if self._runs:
                us = self._playing.running_us() if self._playing.rate else (
                    max(us, self._positions.earliest_us))
            return Position(self._section.number, int(min(us, self._next_us)))

    def seek(self, us: int) -> None:
        """
        Go on at another timestamp, which is one of this pass.

        While paused, the next item of the first stream is released; ``shown`` waits for that.
        """
        with self._changed:
            self._playing.move_to(us)
            self._begin_section(us, self._section.shift_us)
            self._steps.sought = self._paused

    def shown(self, timeout: float) -> bool:
        """Wait until the item that was sought while paused is released, and dealt with."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not (self._running and (self._steps.sought or self._in_flight)), timeout)

    def step(self, count: int) -> int:
        """
        While paused, release the next items of the first stream, and wait until that is done.

        :param count: number of items; 0 for all of the pass.
        :return: number of items that were released, and whose reader has come back: less if there
            are no more, or if playback is not paused, or is resumed, moved or stopped meanwhile.
        """
        with self._stepping, self._changed:
            if not (self._paused and self._running):
                return 0
            before = self._steps.taken
            self._steps.remaining = count or -1
            self._let_others_end()
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._running or (
                not self._in_flight and (not self._steps.remaining or self._no_more())))
            self._steps.remaining = 0
            return self._steps.taken - before

    def finish(self) -> None:
        """End the pass now, as at the end of a file that is not looped."""
        with self._changed:
            self._anchor()
            self._begin_section(self._next_us, self._section.shift_us)
            self._finishing = True

    def wait(
        self, stream: str, item_us: int, timeout: float, burst_s: float = 0.0, section: int = 0,
    ) -> float:
        """
        Wait until the item of ``stream`` with timestamp ``item_us`` is due.

        :param timeout: maximum time to wait, seconds.
        :param burst_s: delay of an item, at a rate above 0, so that later ones join its batch.
        :param section: number of the one that the item belongs to.
        :return: timestamp up to which items of the stream are due, inclusive.
        :raises ReadTimeout: the item is not due within the timeout.
        :raises EndOfRecording: playback is stopped.
        :raises Sought: another section has begun.
        """
        deadline = self._clock() + timeout
        with self._changed:
            self._come_back(stream)
            self._check(section)
            self._advance(stream, item_us)
            while True:
                delay = deadline - self._clock()
                if self._paused:
                    if self._may_step(stream, item_us):
                        due_us = self._steps.shown_us
                        break
                elif not self._playing.held:
                    due_us = self._due_us(stream)
                    overdue_us = due_us - max(item_us, self._positions[stream])
                    time_left = self._playing.duration_s(-overdue_us) + (
                        burst_s if self._playing.rate else 0.0)
                    if time_left <= 0:
                        break
                    delay = min(delay, time_left)
                self._sleep(delay, deadline)
                self._check(section)
            self._in_flight |= stream == self._positions.first
            return due_us

    def end_of_pass(self, stream: str, timeout: float, section: int = 0) -> NoReturn:
        """
        Mark the end of a pass of ``stream``, and wait until the next pass begins.

        :param timeout: maximum time to wait, seconds.
        :param section: number of the one whose end was reached.
        :raises ReadTimeout: playback is paused at the end of the file, or other streams are not
            at the end yet.
        :raises EndOfRecording: there is no further pass, or playback is stopped.
        :raises Sought: the next pass, or another section, has begun.
        """
        deadline = self._clock() + timeout
        with self._changed:
            self._come_back(stream)
            self._check(section)
            self._positions.end(stream)
            if stream == self._positions.first:
                self._steps.sought = False
                self._let_others_end()
            self._advance(stream, self._next_us, passed=True)
            while True:
                delay = deadline - self._clock()
                if self._positions.all_ended:
                    time_left = self._time_to_next_pass()
                    if time_left <= 0:
                        self._begin_pass()
                        raise Sought
                    delay = min(delay, time_left)
                self._sleep(delay, deadline)
                self._check(section)

    def _begin_pass(self) -> None:
        shift_us = self._section.shift_us
        if self._restart:
            self._playing.move_to(self._start_us + shift_us)
        else:
            shift_us += self._span_us
        remaining = self._steps.remaining
        self._begin_section(self._start_us + shift_us, shift_us)
        self._steps.remaining = remaining

    def _begin_section(self, us: int, shift_us: int) -> None:
        self._section = Section(self._section.number + 1, us - shift_us, shift_us)
        self._positions.restart(us)
        self._finishing = self._again = False
        self._steps.clear()
        self._changed.notify_all()

    def _check(self, section: int) -> None:
        """
        Check that an item may still be released.

        :raises EndOfRecording: playback is stopped.
        :raises Sought: the item belongs to an earlier section.
        """
        if not self._running:
            raise EndOfRecording('playback is stopped')
        if section != self._section.number:
            raise Sought

    def _come_back(self, stream: str) -> None:
        """Note that the reader of a stream has dealt with the item that was released last."""
        if stream == self._positions.first and self._in_flight:
            self._in_flight = False
            self._changed.notify_all()

    def _may_step(self, stream: str, item_us: int) -> bool:
        """Take one of the steps for an item while paused; return whether there is one."""
        if stream != self._positions.first:
            return item_us <= self._steps.shown_us
        if not self._steps.take():
            return False
        self._playing.us = self._steps.shown_us = max(self._playing.us, float(item_us))
        self._changed.notify_all()
        return True

    def _let_others_end(self) -> None:
        """While stepping at the end of the first stream, release what others still have."""
        if self._steps.remaining and self._positions.has_ended(self._positions.first):
            self._steps.shown_us = self._next_us

    def _finished(self) -> bool:
        """Whether all streams have reached the end of the last pass that may be played."""
        return self._positions.all_ended and not self._again and (
            self._finishing or not self._loop)

    def _no_more(self) -> bool:
        """Whether there is nothing left for a step to release."""
        return self._finished() or (self._steps.remaining < 0 and self._positions.all_ended)

    def _time_to_next_pass(self) -> float:
        """
        Return the time until the next pass may begin, seconds; infinite if that is unknown.

        :raises EndOfRecording: there is no further pass.
        """
        if self._loop and not self._finishing:
            if self._paused:
                return 0.0 if self._steps.remaining > 0 else math.inf
            if self._restart and self._playing.rate:
                return self._playing.duration_s(self._next_us - self._playing.running_us())
            return 0.0
        if self._at_end is AtEnd.EXIT:
            if self._paused and not self._finishing:
                return math.inf
            raise EndOfRecording('playback has reached the end of the recording')
        if self._again:
            return 0.0
        self._anchor()
        self._paused = True
        self._changed.notify_all()
        return math.inf

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
        if (self._positions.advance(stream, us) and not self._playing.rate) or passed:
            self._changed.notify_all()

    @property
    def _runs(self) -> bool:
        return self._running and not self._paused

    @property
    def _next_us(self) -> int:
        """Timestamp of the start of the next pass, if timestamps increase."""
        return self._start_us + self._section.shift_us + self._span_us

    def _due_us(self, stream: str) -> float:
        """Return the timestamp up to which items of ``stream`` are due, unless paused."""
        if self._playing.rate:
            return self._playing.running_us()
        return self._positions.earliest_of_others_us(stream)

    def _anchor(self) -> None:
        """
        Move the origin of the playback clock to the current position.

        That is the one of a reader that is late, so that it need not catch up.
        """
        played, clock = self._positions.earliest_us, self._playing
        if clock.rate and self._runs:
            clock_us = clock.running_us()
            is_late = clock_us - played > _LATE_S * 1e6 * clock.rate
            played = played if is_late else min(clock_us, self._next_us)
        elif clock.rate:
            played = min(played, clock.us)
        clock.move_to(max(clock.us, played))
