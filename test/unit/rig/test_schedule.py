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


"""Delays that keep the lasers of several cameras apart."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies
from k4a_ros.camera_config import DepthMode
from k4a_ros.errors import ConfigError
from k4a_ros.rig.schedule import collide
from k4a_ros.rig.schedule import exposure_us
from k4a_ros.rig.schedule import find_delays
from k4a_ros.rig.schedule import Laser
from k4a_ros.rig.schedule import MAX_CAMERAS
from k4a_ros.rig.schedule import SPACING_US
from k4a_ros.rig.schedule import Wish
import pytest

MODES = [DepthMode.NFOV_2X2BINNED, DepthMode.NFOV_UNBINNED, DepthMode.WFOV_2X2BINNED,
         DepthMode.WFOV_UNBINNED]


def test_exposure_times_are_those_of_the_documentation() -> None:
    assert exposure_us(DepthMode.NFOV_UNBINNED) == 9 * 125 + 8 * 1450  # 12.8 ms
    assert exposure_us(DepthMode.WFOV_UNBINNED) == 9 * 125 + 8 * 2390  # 20.3 ms
    assert exposure_us(DepthMode.PASSIVE_IR) == 0


def test_ten_cameras_fit_into_one_pause() -> None:
    """As Microsoft's documentation says: 160 us from one to the next."""
    delays = find_delays([Wish('0', DepthMode.NFOV_UNBINNED, 0), *(
        Wish(str(number), DepthMode.NFOV_UNBINNED, None) for number in range(1, MAX_CAMERAS))],
        33_333)
    assert [*delays.values()] == [SPACING_US * number for number in range(MAX_CAMERAS)]


@settings(max_examples=40)
@given(strategies.lists(strategies.tuples(
    strategies.sampled_from(MODES), strategies.none() | strategies.integers(0, 30_000),
    strategies.integers(-3000, 3000)), min_size=1, max_size=9))
def test_delays_that_are_found_never_interfere(
    wishes: list[tuple[DepthMode, int | None, int]],
) -> None:
    """Whatever is given by hand; what interferes already is refused."""
    period_us = 33_333
    named = [Wish(str(number), *wish) for number, wish in enumerate(wishes)]
    try:
        delays = find_delays(named, period_us)
    except ConfigError as error:
        given_ones = [wish.laser(wish.delay_us) for wish in named if wish.delay_us is not None]
        assert 'there is no delay' in str(error) or any(
            collide(one, other, period_us)
            for one, other in itertools.combinations(given_ones, 2))
        return
    lasers = [wish.laser(delays[wish.camera]) for wish in named]
    for one, other in itertools.combinations(lasers, 2):
        assert all(not 0 <= abs(a - b) < 125
                   for a in one.pulses_us for b in other.pulses_us)
    assert all(0 <= delay <= period_us for delay in delays.values())


def test_pulse_of_a_later_one_counts_too() -> None:
    """1575 us after it started, a laser fires again."""
    one = Laser('a', DepthMode.NFOV_UNBINNED, 0)
    assert collide(one, Laser('b', DepthMode.NFOV_UNBINNED, 1575), 33_333)
    assert not collide(one, Laser('b', DepthMode.NFOV_UNBINNED, 1440), 33_333)
    assert collide(one, Laser('b', DepthMode.NFOV_UNBINNED, 33_333), 33_333)
    assert not collide(one, Laser('b', DepthMode.PASSIVE_IR, 0), 33_333)


def test_delays_that_cannot_fit_are_refused_with_the_reason() -> None:
    with pytest.raises(ConfigError, match='the lasers of b and a fire at the same time'):
        find_delays([Wish('a', MODES[0], 0), Wish('b', MODES[0], 100)], 33_333)
    with pytest.raises(ConfigError, match='there is no delay for 16: at 30 fps the lasers of 16'):
        find_delays([Wish('0', DepthMode.WFOV_UNBINNED, 0), *(
            Wish(str(number), DepthMode.WFOV_UNBINNED, None) for number in range(1, 20))], 33_333)
