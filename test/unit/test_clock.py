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

"""From the camera's clock to ROS time."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies
from k4a_ros.clock import DeviceClock
import pytest


@given(strategies.integers(0, 2**62), strategies.lists(strategies.integers(0, 2**50), min_size=1))
def test_distances_are_kept_to_the_nanosecond(now: int, times: list[int]) -> None:
    clock = DeviceClock()
    for i, us in enumerate(times):
        clock.observe(us, now + i * 7919)
    mapped = [clock.to_ros(us) for us in times]
    assert mapped[0] == now
    assert [b - mapped[0] for b in mapped] == [(us - times[0]) * 1000 for us in times]


def test_nothing_is_mapped_before_anything_came() -> None:
    with pytest.raises(ValueError):
        DeviceClock().to_ros(1)


def test_threads_share_one_time_line() -> None:
    clock = DeviceClock()
    start = threading.Barrier(4)
    seen: list[int] = []

    def work(number: int) -> None:
        start.wait()
        clock.observe(1000, number * 1_000_000)
        seen.append(clock.to_ros(1000))

    threads = [threading.Thread(target=work, args=[n]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 1
