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

"""Rates and losses of topics."""

from __future__ import annotations

from k4a_ros.viewer.topic_statistics import TopicStatistics
import pytest

PERIOD_NS = 33_333_333


def test_rate_size_and_age_of_the_last_seconds() -> None:
    statistics = TopicStatistics()
    for i in range(300):
        stamp_ns = i * PERIOD_NS
        statistics.add(1000, stamp_ns, stamp_ns / 1e9, stamp_ns + 7_000_000)
    summary = statistics.summary(299 * PERIOD_NS / 1e9)
    assert summary['count'] == 300 and summary['lost'] == 0
    assert summary['hz'] == pytest.approx(30, abs=0.01)
    assert summary['bytes_per_s'] == pytest.approx(30_000, rel=0.02)
    assert summary['age_ms'] == 7.0
    assert statistics.summary(100.0) == {
        'count': 300, 'lost': 0, 'hz': 0.0, 'bytes_per_s': 0, 'age_ms': None}


def test_gaps_are_losses_but_pauses_and_seeks_are_not() -> None:
    statistics = TopicStatistics()
    stamp_ns = 0
    gaps = [1] * 20 + [2] + [1] * 5 + [4] + [1] * 5 + [100] + [1] * 10 + [-50] + [1] * 10 + [3]
    for gap in gaps:
        stamp_ns += gap * PERIOD_NS
        statistics.add(1, stamp_ns, 0.0, 0)
    assert statistics.summary(0.0)['lost'] == 1 + 3 + 2


def test_messages_without_stamp_are_counted() -> None:
    statistics = TopicStatistics()
    statistics.add(10, None, 0.0, 0)
    assert statistics.summary(0.0)['age_ms'] is None
    assert statistics.summary(0.0)['count'] == 1
