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

"""Pacing of recordings: by the clock, and in common order without one."""

from __future__ import annotations

import threading
import time

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from k4a_ros.cameras.recording.pacing import AtEnd
from k4a_ros.cameras.recording.pacing import Pacer
from k4a_ros.errors import ConfigError
from k4a_ros.errors import EndOfRecording
from k4a_ros.errors import ReadTimeout
import pytest
from support.time_limits import PATIENCE
from support.time_limits import promptly


class Clock:
    """A clock that stands still until told otherwise."""

    now = 100.0

    def __call__(self) -> float:
        """Return the time, seconds."""
        return self.now


def is_due(pacer: Pacer, stream: str, us: int, burst: float = 0.0) -> bool:
    """Return whether the item may be handed out now."""
    try:
        pacer.wait(stream, us, 0.0, burst)
    except ReadTimeout:
        return False
    return True


@pytest.mark.parametrize('rate', [0.5, 1.0, 2.0])
def test_items_are_due_when_the_playback_clock_reaches_them(rate):
    clock = Clock()
    pacer = Pacer(['a'], 1000, 10_000_000, rate, clock=clock)
    pacer.start()
    assert is_due(pacer, 'a', 1000)
    assert not is_due(pacer, 'a', 501_000)
    clock.now += 0.49 / rate
    assert not is_due(pacer, 'a', 501_000)
    clock.now += 0.011 / rate
    assert is_due(pacer, 'a', 501_000)


def test_a_late_reader_gets_everything_at_once():
    clock = Clock()
    pacer = Pacer(['a'], 0, 10_000_000, clock=clock)
    pacer.start()
    clock.now += 5.0
    assert all(is_due(pacer, 'a', us) for us in range(0, 5_000_000, 100_000))
    assert not is_due(pacer, 'a', 5_100_000)


def test_a_burst_holds_back_and_then_releases_all_that_is_due():
    clock = Clock()
    pacer = Pacer(['a'], 0, 10_000_000, 2.0, clock=clock)
    pacer.start()
    assert not is_due(pacer, 'a', 0, burst=0.01)
    clock.now += 0.0101
    assert pacer.wait('a', 0, 0.0, 0.01) == pytest.approx(20_200, abs=1)


def test_rate_changes_take_effect_where_playback_is():
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


def test_rate_zero_and_back_goes_on_from_what_was_played():
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
def test_pause_holds_even_what_is_overdue(rate):
    clock = Clock()
    pacer = Pacer(['a'], 0, 10_000_000, rate, paused=True, clock=clock)
    pacer.start()
    clock.now += 5
    assert not is_due(pacer, 'a', 0)
    pacer.paused = False
    assert is_due(pacer, 'a', 0)
    assert is_due(pacer, 'a', 1_000_000) is (rate == 0)


def test_nothing_is_released_before_start_and_after_stop():
    pacer = Pacer(['a'], 0, 10_000_000, 0)
    with pytest.raises(EndOfRecording):
        pacer.wait('a', 0, 0.0)
    pacer.start()
    assert is_due(pacer, 'a', 0)
    pacer.stop()
    with pytest.raises(EndOfRecording):
        pacer.wait('a', 0, 0.0)


def test_the_clock_stands_still_while_stopped():
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
def test_changes_reach_a_wait_under_way(change):
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
def test_impossible_rates_are_refused(rate):
    with pytest.raises(ConfigError, match='playback_rate'):
        Pacer(['a'], 0, 1, rate)
    pacer = Pacer(['a'], 0, 1, 3.0)
    with pytest.raises(ConfigError, match='playback_rate'):
        pacer.rate = rate
    assert pacer.rate == 3.0


def test_exit_ends_each_stream_and_frees_the_other():
    pacer = Pacer(['a', 'b'], 0, 1000, 0)
    pacer.start()
    assert not is_due(pacer, 'a', 500)
    with pytest.raises(EndOfRecording):
        pacer.end_of_pass('b', 0.0)
    assert is_due(pacer, 'a', 500)


def test_pause_at_the_end_waits_for_all_streams_then_starts_again():
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
    assert pacer.end_of_pass('a', 0.0) == 1000
    assert pacer.end_of_pass('b', 0.0) == 1000
    assert is_due(pacer, 'a', 1100)
    assert not is_due(pacer, 'b', 1400)
    clock.now += 0.0004
    assert is_due(pacer, 'b', 1400)
    with pytest.raises(ReadTimeout):
        pacer.end_of_pass('a', 0.0)


def timestamps(least: int) -> st.SearchStrategy[list[int]]:
    """Return what generates the timestamps of a stream."""
    return st.lists(st.integers(0, 60), min_size=least, max_size=12).map(sorted)


@settings(deadline=None, max_examples=60)
@given(first=timestamps(1), second=timestamps(0), passes=st.integers(1, 3))
def test_without_a_clock_two_threads_hand_out_in_one_order(first, second, passes):
    """Merge order and freedom from deadlock, for any two streams and any number of passes."""
    span = 100
    streams = {name: items for name, items in (('a', first), ('b', second)) if items}
    pacer = Pacer(streams, 0, span, 0, at_end=AtEnd.LOOP)
    out: list[tuple[int, str]] = []

    def play(name: str) -> None:
        shift = 0
        for number in range(passes):
            for us in streams[name]:
                pacer.wait(name, us + shift, PATIENCE)
                out.append((us + shift, name))
            shift = pacer.end_of_pass(name, PATIENCE)
            assert shift == span * (number + 1)

    pacer.start()
    threads = [threading.Thread(target=play, args=[name]) for name in streams]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(out) == passes * (len(first) + len(second))
    assert [us for us, _ in out] == sorted(us for us, _ in out)
