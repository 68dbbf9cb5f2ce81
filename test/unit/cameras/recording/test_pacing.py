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

"""Pacing of playback: by the clock, and in the order of timestamps at rate 0."""

from __future__ import annotations

from concurrent.futures import Future
from concurrent.futures import ThreadPoolExecutor
import contextlib
import threading
import time

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from k4a_ros.cameras.recording.pacing import Pacer
from k4a_ros.cameras.recording.section import AtEnd
from k4a_ros.cameras.recording.section import Sought
from k4a_ros.errors import ConfigError
from k4a_ros.errors import EndOfRecording
from k4a_ros.errors import ReadTimeout
import pytest
from support.time_limits import PATIENCE
from support.time_limits import promptly
from support.time_limits import wait_for


class Clock:
    """A clock that the test advances."""

    now = 100.0

    def __call__(self) -> float:
        """Return the time, seconds."""
        return self.now


def is_due(pacer: Pacer, stream: str, us: int, burst_s: float = 0.0) -> bool:
    """Return whether an item of the present section is due now."""
    try:
        pacer.wait(stream, us, 0.0, burst_s, pacer.section.number)
    except ReadTimeout:
        return False
    return True


def end_of_pass(pacer: Pacer, stream: str) -> None:
    """Tell that a stream has ended; its next pass may begin."""
    with contextlib.suppress(ReadTimeout, Sought):
        pacer.end_of_pass(stream, 0.0, pacer.section.number)


@pytest.mark.parametrize('rate', [0.5, 1.0, 2.0])
def test_item_is_due_when_playback_clock_reaches_it(rate):
    clock = Clock()
    pacer = Pacer(['a'], 1000, 10_000_000, rate, clock=clock)
    pacer.start()
    assert is_due(pacer, 'a', 1000)
    assert not is_due(pacer, 'a', 501_000)
    clock.now += 0.49 / rate
    assert not is_due(pacer, 'a', 501_000)
    clock.now += 0.011 / rate
    assert is_due(pacer, 'a', 501_000)


def test_late_reader_gets_overdue_items_immediately():
    clock = Clock()
    pacer = Pacer(['a'], 0, 10_000_000, clock=clock)
    pacer.start()
    clock.now += 5.0
    assert all(is_due(pacer, 'a', us) for us in range(0, 5_000_000, 100_000))
    assert not is_due(pacer, 'a', 5_100_000)


def test_held_playback_goes_on_where_it_stood():
    clock = Clock()
    pacer = Pacer(['a', 'b'], 0, 10_000_000, clock=clock)
    pacer.start()
    clock.now += 0.125
    assert is_due(pacer, 'a', 100_000)
    assert is_due(pacer, 'b', 110_000)
    with pacer.hold():
        clock.now += 15.0
        assert not is_due(pacer, 'b', 120_000)  # it was due before, but waits like all others
        assert pacer.position().us == 125_000
        with pacer.hold():
            clock.now += 1.0
        assert not is_due(pacer, 'b', 120_000)
    assert is_due(pacer, 'b', 120_000)
    assert not is_due(pacer, 'b', 150_000)
    clock.now += 0.05
    assert is_due(pacer, 'b', 150_000)


@pytest.mark.parametrize('command', ['pause', 'rate', 'seek', 'restart'])
def test_held_playback_takes_commands(command):
    clock = Clock()
    pacer = Pacer(['a'], 0, 10_000_000, clock=clock)
    pacer.start()
    with pacer.hold():
        clock.now += 1.0
        if command == 'pause':
            pacer.paused = True
        elif command == 'rate':
            pacer.rate = 2.0
        elif command == 'seek':
            pacer.seek(3_000_000)
        else:
            pacer.stop()
            pacer.start()
        clock.now += 1.0
        assert not is_due(pacer, 'a', 3_000_000)
    pacer.paused = False
    clock.now += 0.5
    position_us = {'rate': 1_000_000, 'seek': 3_500_000}.get(command, 500_000)
    assert pacer.position().us == position_us


def test_held_playback_without_a_clock_goes_on():
    pacer = Pacer(['a', 'b'], 0, 10_000_000, 0)
    pacer.start()
    with pacer.hold():
        assert is_due(pacer, 'a', 0)
        assert not is_due(pacer, 'b', 200_000)
        assert not is_due(pacer, 'a', 300_000)
        assert is_due(pacer, 'b', 200_000)


def test_burst_delays_an_item_and_returns_due_time():
    clock = Clock()
    pacer = Pacer(['a'], 0, 10_000_000, 2.0, clock=clock)
    pacer.start()
    assert not is_due(pacer, 'a', 0, burst_s=0.01)
    clock.now += 0.0101
    assert pacer.wait('a', 0, 0.0, 0.01) == pytest.approx(20_200, abs=1)


def test_rate_change_continues_from_current_position():
    clock = Clock()
    pacer = Pacer(['a'], 0, 10_000_000, clock=clock)
    pacer.start()
    assert not is_due(pacer, 'a', 3_000_000)
    clock.now += 1.0
    pacer.rate = 4.0
    clock.now += 0.45
    assert not is_due(pacer, 'a', 3_000_000)
    clock.now += 0.06
    assert is_due(pacer, 'a', 3_000_000)


def test_leaving_rate_zero_continues_from_current_position():
    clock = Clock()
    pacer = Pacer(['a'], 0, 10_000_000, 0, clock=clock)
    pacer.start()
    assert is_due(pacer, 'a', 7_000_000)
    clock.now += 50
    pacer.rate = 1
    assert not is_due(pacer, 'a', 7_500_000)
    clock.now += 0.51
    assert is_due(pacer, 'a', 7_500_000)


@pytest.mark.parametrize('rate', [0.0, 1.0])
def test_pause_holds_overdue_items(rate):
    clock = Clock()
    pacer = Pacer(['a'], 0, 10_000_000, rate, paused=True, clock=clock)
    pacer.start()
    clock.now += 5
    assert not is_due(pacer, 'a', 0)
    pacer.paused = False
    assert is_due(pacer, 'a', 0)
    assert is_due(pacer, 'a', 1_000_000) is (rate == 0)


def test_stopped_pacer_raises_end_of_recording():
    pacer = Pacer(['a'], 0, 10_000_000, 0)
    with pytest.raises(EndOfRecording):
        pacer.wait('a', 0, 0.0)
    pacer.start()
    assert is_due(pacer, 'a', 0)
    pacer.stop()
    with pytest.raises(EndOfRecording):
        pacer.wait('a', 0, 0.0)


def test_playback_clock_stops_while_stopped():
    clock = Clock()
    pacer = Pacer(['a'], 0, 10_000_000, clock=clock)
    pacer.start()
    clock.now += 1
    assert not is_due(pacer, 'a', 2_000_000)
    pacer.stop()
    clock.now += 60
    pacer.start()
    clock.now += 0.9
    assert not is_due(pacer, 'a', 2_000_000)
    clock.now += 0.2
    assert is_due(pacer, 'a', 2_000_000)


@pytest.mark.parametrize('change', ['stop', 'pause', 'rate'])
def test_changes_reach_a_wait_in_progress(change):
    pacer = Pacer(['a'], 0, 10_000_000, 1.0, paused=change == 'pause')
    pacer.start()
    outcome = []

    def wait() -> None:
        try:
            outcome.append(pacer.wait('a', 0 if change == 'pause' else 600_000_000, 600.0))
        except EndOfRecording as error:
            outcome.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.05)
    assert not outcome
    with promptly(0.5):
        if change == 'stop':
            pacer.stop()
        elif change == 'pause':
            pacer.paused = False
        else:
            pacer.rate = 0
        thread.join()
    assert isinstance(outcome[0], EndOfRecording if change == 'stop' else float)


@pytest.mark.parametrize('rate', [-1, float('nan'), float('inf'), '1', True, None])
def test_invalid_rate_is_rejected(rate):
    with pytest.raises(ConfigError, match='playback_rate'):
        Pacer(['a'], 0, 1, rate)
    pacer = Pacer(['a'], 0, 1, 3.0)
    with pytest.raises(ConfigError, match='playback_rate'):
        pacer.rate = rate
    assert pacer.rate == 3.0


@pytest.mark.parametrize('rate', [0.0, 1.0])
def test_streams_end_together(rate):
    """Until then, playback can still be moved back, for all of them."""
    pacer = Pacer(['a', 'b'], 0, 1000, rate)
    pacer.start()
    with pytest.raises(ReadTimeout):
        pacer.end_of_pass('b', 0.0)
    assert is_due(pacer, 'a', 500) or rate
    with pytest.raises(EndOfRecording):
        pacer.end_of_pass('a', 0.0)
    with pytest.raises(EndOfRecording):
        pacer.end_of_pass('b', 0.0)


def test_pause_at_end_waits_for_all_streams_and_can_be_resumed():
    clock = Clock()
    pacer = Pacer(['a', 'b'], 100, 1000, 1.0, at_end=AtEnd.PAUSE, clock=clock)
    pacer.start()
    clock.now += 1
    with pytest.raises(ReadTimeout):
        pacer.end_of_pass('a', 0.0)
    assert not pacer.paused
    assert is_due(pacer, 'b', 900)
    with pytest.raises(ReadTimeout):
        pacer.end_of_pass('b', 0.0)
    assert pacer.paused
    clock.now += 60
    pacer.paused = False
    with pytest.raises(Sought):
        pacer.end_of_pass('a', 0.0)
    with pytest.raises(Sought):
        pacer.end_of_pass('b', 0.0)
    assert pacer.section == (1, 100, 1000)
    assert is_due(pacer, 'a', 1100)
    assert not is_due(pacer, 'b', 1400)
    clock.now += 0.0004
    assert is_due(pacer, 'b', 1400)


@pytest.mark.parametrize('rate', [0.0, 1.0])
def test_restarted_loop_waits_for_the_span_and_goes_back(rate):
    clock = Clock()
    pacer = Pacer(['a'], 100, 1_000_000, rate, loop=True, restart=True, clock=clock)
    pacer.start()
    clock.now += 0.9
    end_of_pass(pacer, 'a')
    assert pacer.section.number == (rate == 0)
    clock.now += 0.11
    end_of_pass(pacer, 'a')
    assert pacer.section[1:] == (100, 0)
    assert pacer.position().us == 100
    assert is_due(pacer, 'a', 100)


def test_items_that_were_read_before_a_seek_are_not_released():
    clock = Clock()
    pacer = Pacer(['a'], 0, 10_000_000, clock=clock)
    pacer.start()
    clock.now += 5
    pacer.seek(2_000_000)
    assert pacer.section == (1, 2_000_000, 0)
    with pytest.raises(Sought):
        pacer.wait('a', 4_000_000, 0.0)
    assert is_due(pacer, 'a', 2_000_000)
    assert not is_due(pacer, 'a', 2_100_000)
    clock.now += 0.11
    assert is_due(pacer, 'a', 2_100_000)


def test_seek_reaches_a_wait_in_progress():
    pacer = Pacer(['a'], 0, 10_000_000)
    pacer.start()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(pacer.wait, 'a', 9_000_000, PATIENCE)
        with promptly(0.5):
            pacer.seek(1_000_000)
            with pytest.raises(Sought):
                waiting.result()


def test_seek_while_paused_shows_one_item_and_what_precedes_it():
    clock = Clock()
    pacer = Pacer(['a', 'b'], 0, 10_000_000, paused=True, clock=clock)
    pacer.start()
    assert not is_due(pacer, 'b', 0)
    pacer.seek(5_000_000)
    assert not pacer.shown(0.0)
    assert not is_due(pacer, 'b', 5_000_500)
    assert is_due(pacer, 'a', 5_001_000)
    assert not pacer.shown(0.0)  # its reader has not come back
    assert is_due(pacer, 'b', 5_000_500)
    assert not is_due(pacer, 'b', 5_001_500)
    assert not is_due(pacer, 'a', 5_100_000)
    assert pacer.shown(0.0)
    assert pacer.position().us == 5_001_000
    clock.now += 7
    pacer.paused = False
    assert not is_due(pacer, 'a', 5_100_000)
    clock.now += 0.1
    assert is_due(pacer, 'a', 5_100_000)


def test_seek_while_paused_beyond_the_last_item_shows_nothing():
    pacer = Pacer(['a', 'b'], 0, 1000, paused=True)
    pacer.start()
    pacer.seek(900)
    assert not pacer.shown(0.0)
    end_of_pass(pacer, 'a')
    assert pacer.shown(0.0)


def test_step_needs_a_pause():
    pacer = Pacer(['a'], 0, 1000)
    assert pacer.step(1) == 0
    pacer.start()
    assert pacer.step(1) == 0


def stepping(pool: ThreadPoolExecutor, pacer: Pacer, count: int) -> Future[int]:
    """Return the future of a step that has begun."""
    steps = pool.submit(pacer.step, count)
    wait_for(lambda: pacer.lockstep, 'the step to begin')
    return steps


def test_steps_end_when_their_reader_comes_back():
    pacer = Pacer(['a'], 0, 1000, paused=True)
    pacer.start()
    with ThreadPoolExecutor() as pool:
        steps = stepping(pool, pacer, 2)
        pacer.wait('a', 10, PATIENCE)
        pacer.wait('a', 20, PATIENCE)
        assert pacer.lockstep and not steps.done()
        assert not is_due(pacer, 'a', 30)
        assert steps.result(PATIENCE) == 2
    assert not pacer.lockstep


@pytest.mark.parametrize('end', ['resume', 'pause', 'seek', 'stop', 'finish'])
def test_steps_are_ended_by_other_commands(end):
    pacer = Pacer(['a'], 0, 1000, 0.001, paused=True)
    pacer.start()
    with ThreadPoolExecutor() as pool:
        steps = stepping(pool, pacer, 0)
        pacer.wait('a', 10, PATIENCE)
        pacer.wait('a', 20, PATIENCE)
        if end in ('resume', 'pause'):
            pacer.paused = end == 'pause'
        elif end == 'seek':
            pacer.seek(500)
        else:
            getattr(pacer, end)()
        with contextlib.suppress(ReadTimeout, Sought, EndOfRecording):
            pacer.wait('a', 30, 0.0)
        assert steps.result(PATIENCE) == 2


@pytest.mark.parametrize('loop', [False, True])
def test_all_steps_end_with_the_pass(loop):
    """Then the rest of the other streams is released, too; a further step begins a pass."""
    pacer = Pacer(['a', 'b'], 0, 1000, paused=True, loop=loop)
    pacer.start()
    with ThreadPoolExecutor() as pool:
        steps = stepping(pool, pacer, 0)
        pacer.wait('a', 10, PATIENCE)
        end_of_pass(pacer, 'a')
        pacer.wait('b', 900, PATIENCE)
        end_of_pass(pacer, 'b')
        assert steps.result(PATIENCE) == 1
        assert pacer.paused
        if not loop:
            assert pacer.step(1) == 0
            pacer.paused = False
            with pytest.raises(EndOfRecording):
                pacer.end_of_pass('a', 0.0)
            return
        steps = stepping(pool, pacer, 1)
        with pytest.raises(Sought):
            pacer.end_of_pass('b', PATIENCE)
        pacer.wait('a', 1010, PATIENCE, section=1)
        assert not is_due(pacer, 'a', 1020)
        assert steps.result(PATIENCE) == 1


@pytest.mark.parametrize('at_end', AtEnd)
@pytest.mark.parametrize('loop', [False, True])
@pytest.mark.parametrize('paused', [False, True])
def test_finish_is_the_end_of_a_recording_that_is_not_looped(at_end, loop, paused):
    pacer = Pacer(['a'], 0, 1000, 0.001, paused, at_end, loop=loop)
    pacer.start()
    pacer.finish()
    with pytest.raises(Sought):
        pacer.wait('a', 0, 0.0)
    assert pacer.section.from_us >= 1000
    with pytest.raises(EndOfRecording if at_end is AtEnd.EXIT else ReadTimeout):
        pacer.end_of_pass('a', 0.0, 1)
    if at_end is AtEnd.PAUSE:
        assert pacer.paused
        pacer.paused = False
        with pytest.raises(Sought):
            pacer.end_of_pass('a', 0.0, 1)
        assert pacer.section == (2, 0, 1000)


def test_lead_delays_the_first_item():
    clock = Clock()
    pacer = Pacer(['a'], 1_000_000, 10_000_000, 2.0, clock=clock)
    pacer.start(lead_s=3.0)
    assert pacer.position().us == -5_000_000
    clock.now += 2.9
    assert not is_due(pacer, 'a', 1_000_000)
    clock.now += 0.11
    assert is_due(pacer, 'a', 1_000_000)


def timestamps(min_size: int) -> st.SearchStrategy[list[int]]:
    """Return a strategy for the timestamps of a stream."""
    return st.lists(st.integers(0, 60), min_size=min_size, max_size=12).map(sorted)


@settings(deadline=None, max_examples=60)
@given(first=timestamps(1), second=timestamps(0), passes=st.integers(1, 3))
def test_two_threads_at_rate_zero_release_in_timestamp_order(first, second, passes):
    """Correct merge order without deadlocks, for any two streams and any number of passes."""
    span = 100
    streams = {name: items for name, items in (('a', first), ('b', second)) if items}
    pacer = Pacer(streams, 0, span, 0, loop=True)
    out: list[tuple[int, str]] = []

    def play(name: str) -> None:
        for number in range(passes):
            for us in streams[name]:
                pacer.wait(name, us + span * number, PATIENCE, section=number)
                out.append((us + span * number, name))
            with pytest.raises(Sought):
                pacer.end_of_pass(name, PATIENCE, number)

    pacer.start()
    threads = [threading.Thread(target=play, args=[name]) for name in streams]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert pacer.section == (passes, 0, span * passes)
    assert len(out) == passes * (len(first) + len(second))
    assert [us for us, _ in out] == sorted(us for us, _ in out)
