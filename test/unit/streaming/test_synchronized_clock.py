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


"""Cameras on a sync cable compute the same stamps from a plan of the master."""

from __future__ import annotations

import random

from k4a_ros.streaming.device_clock import LiveClock
from k4a_ros.streaming.device_clock import MAX_AHEAD_NS
from k4a_ros.streaming.synchronized_clock import ClockPlan
from k4a_ros.streaming.synchronized_clock import LEAD_US
from k4a_ros.streaming.synchronized_clock import SynchronizedClock
import numpy as np
import pytest

START_NS = 1_800_000_000_000_000_000
PERIOD_US = 33_333
DRIFT = 80e-6


def arrival(device_us: int, delays: random.Random) -> int:
    """Return the ROS time of arrival over USB: at least 4 ms late, often more."""
    return START_NS + round(device_us * 1000 * (1 + DRIFT) + 4e6 + delays.expovariate(1) * 2e6)


def pair() -> tuple[SynchronizedClock, SynchronizedClock, ClockPlan]:
    """Return the clocks of a master and of a subordinate that hears it at once."""
    told = ClockPlan()
    plan = ClockPlan()
    plan.announce = told.add
    return SynchronizedClock(plan), SynchronizedClock(told), told


def test_stamps_of_one_pulse_are_the_same_and_better_than_alone() -> None:
    """Within 2 us; clocks of their own differ by a hundred times that."""
    master, sub, _ = pair()
    alone = LiveClock()
    delays = random.Random(1)
    together_ns, alone_ns = [], []
    for number in range(600):
        device_us = number * PERIOD_US
        for clock in (master, sub, alone):
            clock.observe(device_us, arrival(device_us, delays), 'color')
        stamp = master.to_ros(device_us)
        together_ns.append(abs(sub.to_ros(device_us) - stamp))
        alone_ns.append(abs(alone.to_ros(device_us) - stamp))
        assert number < 2 or sub.follows
    assert max(together_ns[2:]) <= 2000
    assert max(alone_ns[2:]) > 50 * max(together_ns[2:])
    error_ns = stamp - START_NS - device_us * 1000 * (1 + DRIFT)
    assert 3.5e6 < error_ns < 5e6


def test_array_has_the_same_stamps() -> None:
    master, sub, _ = pair()
    delays = random.Random(2)
    for number in range(100):
        for clock in (master, sub):
            clock.observe(number * PERIOD_US, arrival(number * PERIOD_US, delays), 'color')
    times = np.arange(98 * PERIOD_US, 99 * PERIOD_US, 600, dtype=np.int64)
    expected = [master.to_ros(int(us)) for us in times]
    assert np.abs(sub.to_ros_array(times) - expected).max() <= 2000


def test_cameras_of_a_busy_computer_have_the_same_stamps_if_the_plan_is_certain() -> None:
    """Both read 40 to 400 ms late; their stamps are the same, and are soon not late any more."""
    master, sub, told = pair()
    delays = random.Random(5)
    apart_ns, late_ns = [], []
    for number in range(300):
        device_us = number * PERIOD_US
        true_ns = START_NS + round(device_us * 1000 * (1 + DRIFT))
        for clock in (master, sub):
            clock.observe(device_us, true_ns + delays.randrange(40_000_000, 400_000_000), 'color')
        told.certain = True
        stamp_ns = master.to_ros(device_us)
        apart_ns.append(abs(sub.to_ros(device_us) - stamp_ns))
        late_ns.append(stamp_ns - true_ns)
    assert max(apart_ns) <= 2000
    assert late_ns[0] > 200e6
    assert all(35e6 < late < 100e6 for late in late_ns[150:])


def test_plan_begins_with_an_image() -> None:
    """Inertial samples are read less often, so that the first ones seem to be late."""
    plan = ClockPlan()
    knots: list[tuple[int, int]] = []
    plan.announce = lambda device_us, ros_ns: knots.append((device_us, ros_ns))
    master = SynchronizedClock(plan)
    master.observe(90_000, START_NS + 390_000_000, 'imu')
    assert not knots
    master.observe(100_000, START_NS + 104_000_000, 'color')
    assert knots[0][0] == 100_000
    assert START_NS + 104_000_000 <= knots[0][1] <= START_NS + 104_000_000 + MAX_AHEAD_NS


@pytest.mark.parametrize('shift_us', [PERIOD_US, -PERIOD_US, 182_589])
def test_subordinate_with_another_device_time_keeps_its_own_clock(shift_us: int) -> None:
    """It was started after its master: its stamps would be wrong by that."""
    master, sub, _ = pair()
    delays = random.Random(3)
    for number in range(60):
        device_us = number * PERIOD_US
        late = arrival(device_us, delays)
        master.observe(device_us, late, 'color')
        sub.observe(device_us + shift_us + 10 ** 6, late, 'color')
    assert abs(sub.to_ros(device_us + shift_us + 10 ** 6) - late) < 20e6
    assert not sub.follows


def test_late_knots_are_bridged_and_a_restarted_master_is_followed_anew() -> None:
    master, sub, told = pair()
    delays = random.Random(4)
    for number in range(90):
        device_us = number * PERIOD_US
        for clock in (master, sub):
            clock.observe(device_us, arrival(device_us, delays), 'color')
    later_us = device_us + LEAD_US + 600_000
    sub.observe(later_us, arrival(later_us, delays), 'color')
    expected = START_NS + later_us * 1000 * (1 + DRIFT)
    assert 3e6 < sub.to_ros(later_us) - expected < 6e6
    assert sub.follows
    gone_us = later_us + 5_000_000
    sub.observe(gone_us, arrival(gone_us, delays), 'color')
    sub.to_ros(gone_us)
    assert not sub.follows
    for clock in (master, sub):
        for number in range(9):
            clock.observe(number * PERIOD_US, START_NS + 10 ** 11 + number * PERIOD_US * 1000,
                          'color')
    assert told.last is not None and told.last[0] < 2_000_000
    assert sub.to_ros(8 * PERIOD_US) == pytest.approx(master.to_ros(8 * PERIOD_US), abs=2000)
    assert sub.follows
