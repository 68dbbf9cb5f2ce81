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

"""Detection of steps of ROS time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies
from k4a_ros.streaming.host_clock import clock_offset_ns
from k4a_ros.streaming.host_clock import HostClock
import pytest


class FakeClocks:
    """ROS time and monotonic time; the thread that reads them can be suspended in between."""

    def __init__(self) -> None:
        self.monotonic = 10**12
        self.offset = 10**18
        self.suspended_ns = 0

    def ros_ns(self) -> int:
        now = self.monotonic + self.offset
        self.monotonic += self.suspended_ns
        return now

    def host(self, is_simulated=lambda: False) -> HostClock:
        return HostClock(self.ros_ns, is_simulated, lambda: self.monotonic)


@pytest.mark.parametrize('step_s', [600.0, 0.02, -0.02, -600.0])
def test_step_is_reported_once_with_its_size(step_s: float) -> None:
    clocks = FakeClocks()
    host = clocks.host()
    assert [host.read().step_ns for _ in range(3)] == [0, 0, 0]
    clocks.monotonic += 5 * 10**9
    clocks.offset += int(step_s * 1e9)
    assert [host.read().step_ns for _ in range(3)] == [int(step_s * 1e9), 0, 0]


@given(strategies.lists(strategies.tuples(
    strategies.integers(0, 10**10), strategies.integers(0, 10**10),
    strategies.integers(-4_000_000, 4_000_000))))
def test_suspended_reader_and_slewed_clock_are_no_step(events) -> None:
    """Less than the smallest step in one go, possibly with a suspension before and after."""
    clocks = FakeClocks()
    host = clocks.host()
    for elapsed_ns, suspended_ns, slew_ns in events:
        for clocks.suspended_ns in (0, suspended_ns):
            clocks.monotonic += elapsed_ns
            assert host.read().step_ns == 0
        clocks.offset += slew_ns


def test_step_during_a_suspension_is_reported_afterwards() -> None:
    clocks = FakeClocks()
    host = clocks.host()
    host.read()
    clocks.suspended_ns = 10**12
    clocks.offset += 600 * 10**9
    assert host.read().step_ns == 0  # the interval is too wide to tell
    clocks.suspended_ns = 0
    assert host.read().step_ns == 600 * 10**9


def test_simulated_time_may_run_at_any_rate() -> None:
    clocks = FakeClocks()
    simulated = [True]
    host = clocks.host(lambda: simulated[0])
    for _ in range(3):
        clocks.offset += 10**12
        assert host.read().step_ns == 0
    simulated[0] = False
    assert [host.read().step_ns for _ in range(2)] == [0, 0]
    clocks.offset -= 10**12
    assert host.read().step_ns == -10**12


def test_suspended_reader_makes_an_arrival_late_not_early() -> None:
    """Its ROS time is later than that of the monotonic time that belongs to it, never earlier."""
    clocks = FakeClocks()
    host = clocks.host()
    for clocks.suspended_ns in (0, 10**8, 10**6):
        now = host.read()
        assert now.ros_ns - now.monotonic_ns >= clocks.offset


def test_offset_is_that_of_a_reading_without_suspension() -> None:
    clocks = FakeClocks()
    suspensions = [10**9, 0, 10**6, 10**9, 5]

    def ros_ns() -> int:
        clocks.suspended_ns = suspensions.pop()
        return clocks.ros_ns()
    assert clock_offset_ns(ros_ns, lambda: clocks.monotonic) == clocks.offset
