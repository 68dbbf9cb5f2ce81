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

"""Statistics of durations and rates of counters."""

from __future__ import annotations

from k4a_ros.streaming.rates import Durations
from k4a_ros.streaming.rates import Rates


def test_durations_are_reset_by_take() -> None:
    durations = Durations()
    assert durations.take() == (0.0, 0.0)
    for nanoseconds in (1_000_000, 3_000_000):
        durations.add(nanoseconds)
    assert durations.take() == (2.0, 3.0)
    assert durations.take() == (0.0, 0.0)


def test_rates_are_per_second_and_0_for_new_counters() -> None:
    rates = Rates()
    assert rates.update({'a': 5}, 10.0) == {'a': 0.0}
    assert rates.update({'a': 11, 'b': 7}, 12.0) == {'a': 3.0, 'b': 0.0}
    assert rates.update({'a': 11, 'b': 8}, 12.5) == {'a': 0.0, 'b': 2.0}
