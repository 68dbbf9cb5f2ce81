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

"""The pacer against a simple model, under random commands."""

from __future__ import annotations

from concurrent.futures import Future
from concurrent.futures import ThreadPoolExecutor
import contextlib
import time

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize
from hypothesis.stateful import invariant
from hypothesis.stateful import precondition
from hypothesis.stateful import rule
from hypothesis.stateful import RuleBasedStateMachine
from k4a_ros.cameras.recording.pacing import Pacer
from k4a_ros.cameras.recording.section import AtEnd
from k4a_ros.cameras.recording.section import Sought
from k4a_ros.errors import EndOfRecording
from k4a_ros.errors import ReadTimeout
from support.time_limits import PATIENCE

_START_US, _SPAN_US = 1000, 10_000
_ITEMS = st.lists(st.integers(_START_US, _START_US + 8000), min_size=1, max_size=6).map(sorted)
#: a time that is never one of an item, as far as it is away from all of them, microseconds
_APART_US = 1e-3


class Reader:
    """Reads a stream for the pacer, in the present thread."""

    def __init__(self, pacer: Pacer, name: str, items: list[int]) -> None:
        self._pacer, self._name, self._items = pacer, name, items
        self._section = pacer.section
        self._rest = list(items)
        self.released: list[int] = []
        self.ended = False

    def poll(self) -> bool:
        """Try to get the next item; return whether anything has changed."""
        section = self._pacer.section
        if section.number != self._section.number:
            self._section = section
            self._rest = [us for us in self._items if us >= section.from_us]
        try:
            if not self._rest:
                self._pacer.end_of_pass(self._name, 0.0, section.number)
            us = self._rest[0] + section.shift_us
            self._pacer.wait(self._name, us, 0.0, section=section.number)
        except Sought:
            return True
        except ReadTimeout:
            return False
        except EndOfRecording:
            changed, self.ended = not self.ended, True
            return changed
        self._rest.pop(0)
        self.released.append(us)
        return True


class Model:
    """What playback should do, without threads: the clock releases what it has reached."""

    def __init__(self, items: dict[str, list[int]], loop: bool, restart: bool, at_end: AtEnd,
                 rate: float, paused: bool) -> None:
        self.items, self.loop, self.restart, self.at_end = items, loop, restart, at_end
        self.rate, self.paused, self.us = rate, paused, float(_START_US)
        self.shift = 0
        self.rest = {name: list(us) for name, us in items.items()}
        self.released: dict[str, list[int]] = {name: [] for name in items}
        self.ended = False

    @property
    def next_us(self) -> int:
        return _START_US + self.shift + _SPAN_US

    def pending(self, name: str) -> float:
        """Return the time of the next item of a stream."""
        return self.rest[name][0] + self.shift if self.rest[name] else self.next_us

    def release(self, until: float, *names: str) -> None:
        for name in names or self.items:
            while self.rest[name] and self.rest[name][0] + self.shift <= until:
                self.released[name].append(self.rest[name].pop(0) + self.shift)

    def begin(self, us: float) -> None:
        """Continue at a time of the file."""
        self.rest = {name: [u for u in items if u >= us] for name, items in self.items.items()}

    def begin_pass(self) -> None:
        if self.restart:
            self.us = float(_START_US + self.shift)
        else:
            self.shift += _SPAN_US
        self.begin(_START_US)

    def settle(self) -> None:
        """Release what is due, and turn to the next passes."""
        while not self.paused and not self.ended:
            self.release(self.us if self.rate else 1e18)
            if any(self.rest.values()):
                return
            if not self.loop:
                self.hold()
                self.ended = self.at_end is AtEnd.EXIT
                self.paused = True
            elif self.restart and self.us < self.next_us:
                return
            else:
                self.begin_pass()

    def hold(self) -> None:
        """Take the position of the slowest stream where there is no clock."""
        if not self.rate:
            self.us = max(self.us, min(self.pending(name) for name in self.items))

    def resume(self) -> None:
        self.hold()
        if self.paused and not any(self.rest.values()) and not self.loop:
            if self.at_end is AtEnd.EXIT:
                self.ended = True
                return
            self.us = float(self.next_us)
            self.begin_pass()
        self.paused = False

    def step(self, count: int) -> int:
        done = 0
        while done < count or not count:
            if not self.rest['a']:
                self.release(1e18)
                if not self.loop or not count:
                    break
                self.begin_pass()
                continue
            us = self.pending('a')
            self.released['a'].append(int(us))
            self.rest['a'].pop(0)
            self.us = max(self.us, us)
            self.release(self.us, 'b')
            done += 1
        return done

    def seek(self, us: int) -> None:
        self.us = float(us)
        self.begin(us - self.shift)
        if self.paused and self.rest['a']:
            self.step(1)


class PacerMachine(RuleBasedStateMachine):
    """Commands to a pacer, whose readers keep up with it."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 100.0
        self.pool = ThreadPoolExecutor(1)

    @initialize(a=_ITEMS, b=_ITEMS, loop=st.booleans(), restart=st.booleans(),
                at_end=st.sampled_from(AtEnd), paused=st.booleans())
    def create(self, a: list[int], b: list[int], loop: bool, restart: bool, at_end: AtEnd,
               paused: bool) -> None:
        items = {'a': a, 'b': b}
        self.pacer = Pacer(items, _START_US, _SPAN_US, 1.0, paused, at_end, loop=loop,
                           restart=restart, clock=lambda: self.now_s)
        self.model = Model(items, loop, restart, at_end, 1.0, paused)
        self.readers = [Reader(self.pacer, name, us) for name, us in items.items()]
        self.pacer.start()
        self.settle()

    def settle(self, steps: Future[int] | None = None) -> None:
        """Let the readers get what they can."""
        deadline_s = time.monotonic() + PATIENCE
        idle = 0
        while idle < 2 or (steps is not None and not steps.done()):
            # twice, because one may be released by what the other one asks for
            changed = [reader.poll() for reader in self.readers]
            idle = 0 if any(changed) else idle + 1
            assert time.monotonic() < deadline_s
        self.model.settle()

    @property
    def ended(self) -> bool:
        return self.model.ended

    @precondition(lambda self: not self.ended)
    @rule(ms=st.integers(1, 9000))
    def advance(self, ms: int) -> None:
        seconds = ms * 1e-6
        model = self.model
        if not model.paused:
            clock_us = model.us + seconds * 1e6 * model.rate
            times = [us + shift for items in model.items.values() for us in items
                     for shift in (model.shift, model.shift + _SPAN_US)] + [model.next_us]
            while any(abs(us - clock_us) < _APART_US for us in times):
                seconds += 3e-7
                clock_us += 0.3 * model.rate
            model.us = clock_us
        self.now_s += seconds
        self.settle()

    @precondition(lambda self: not self.ended)
    @rule(paused=st.booleans())
    def pause(self, paused: bool) -> None:
        self.pacer.paused = paused
        if paused:
            self.model.hold()
            self.model.paused = True
        else:
            self.model.resume()
        self.settle()

    @precondition(lambda self: not self.ended)
    @rule(rate=st.sampled_from([0.0, 0.5, 1.0, 3.0]))
    def set_rate(self, rate: float) -> None:
        if self.model.loop and not rate:
            return  # would go on for ever
        self.pacer.rate = rate
        self.model.hold()
        self.model.rate = rate
        self.settle()

    @precondition(lambda self: not self.ended)
    @rule(us=st.integers(0, 8000))
    def seek(self, us: int) -> None:
        target = _START_US + self.model.shift + us
        self.pacer.seek(target)
        self.model.seek(target)
        self.settle()
        assert self.pacer.shown(0.0)

    @precondition(lambda self: not self.ended and self.model.paused)
    @rule(count=st.integers(0, 9))
    def step(self, count: int) -> None:
        steps = self.pool.submit(self.pacer.step, count)
        expected = self.model.step(count)
        self.settle(steps)
        assert steps.result() == expected

    @precondition(lambda self: not self.ended)
    @rule(ms=st.integers(1, 9000), nested=st.booleans())
    def hold(self, ms: int, nested: bool) -> None:
        with self.pacer.hold(), self.pacer.hold() if nested else contextlib.nullcontext():
            self.now_s += ms * 1e-6
            self.settle()
        self.settle()

    @rule(ms=st.integers(1, 9000))
    def stop_and_start(self, ms: int) -> None:
        self.pacer.stop()
        self.now_s += ms * 1e-6
        self.pacer.start()
        if not self.ended:
            self.model.hold()
            self.settle()

    @invariant()
    def agrees_with_the_model(self) -> None:
        if not hasattr(self, 'pacer'):
            return
        model = self.model
        for reader, name in zip(self.readers, 'ab', strict=True):
            assert reader.released == model.released[name]
            assert reader.ended == model.ended
        if not model.ended:
            assert self.pacer.paused == model.paused
            if model.rate:
                assert abs(self.pacer.position().us - min(model.us, model.next_us)) < 2

    def teardown(self) -> None:
        self.pool.shutdown()


PacerMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None)
TestPacer = PacerMachine.TestCase
