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

"""Which timestamps of a recording are valid."""

from __future__ import annotations

from k4a_ros.mkv.timeline import Timeline
import pytest

START_US = 500_000


def test_increasing_and_equal_times_of_each_stream_are_valid() -> None:
    timeline = Timeline(START_US)
    for stream, us in (('depth', 600_000), ('color', 550_000), ('depth', 600_000),
                       ('color', 700_000)):
        assert timeline.problem(stream, us) == ''


def test_time_that_goes_back_is_a_problem_until_rewound() -> None:
    timeline = Timeline(START_US)
    assert timeline.problem('depth images', 600_000) == ''
    for _ in range(2):
        assert timeline.problem('depth images', 599_999) == (
            'the time of its depth images goes back from 600000 to 599999 us')
    assert timeline.problem('depth images', 600_001) == ''
    timeline.rewind()
    assert timeline.problem('depth images', 500_000) == ''


@pytest.mark.parametrize('device_us', [2**63 - 1, 5_764_607_523_034_234, -2**62])
def test_time_far_from_the_start_is_a_problem(device_us: int) -> None:
    """Such times were published as negative seconds."""
    timeline = Timeline(START_US)
    assert 'more than a year from its start at 500000 us' in timeline.problem('x', device_us)
    assert timeline.problem('x', START_US + 86_400_000_000) == ''
