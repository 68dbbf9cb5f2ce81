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

"""Waiting for subscribers before a recording starts."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
import threading
import time

from k4a_ros.streaming import subscriber_wait
from k4a_ros.streaming.subscriber_wait import wait_for_subscribers
import pytest


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriber_wait, '_POLL_S', 0.005)
    monkeypatch.setattr(subscriber_wait, '_SETTLE_S', 0.1)
    monkeypatch.setattr(subscriber_wait, '_MAX_SETTLE_S', 0.3)


def duration_s(
    counts: Callable[[float], Mapping[str, int]], delay_s: float,
    canceled: threading.Event | None = None,
) -> float:
    """Return how long the wait takes; ``counts`` gets the seconds since its start."""
    start_s = time.monotonic()
    wait_for_subscribers(
        lambda: counts(time.monotonic() - start_s), delay_s, canceled or threading.Event())
    return time.monotonic() - start_s


def test_wait_without_subscribers_lasts_for_the_delay() -> None:
    assert 0.4 <= duration_s(lambda _: {'depth': 0}, 0.4) < 0.7


def test_zero_delay_does_not_wait() -> None:
    assert duration_s(lambda _: {'depth': 0}, 0.0) < 0.1


def test_wait_ends_when_the_counts_have_settled() -> None:
    assert 0.3 <= duration_s(lambda passed_s: {'depth': int(passed_s > 0.2)}, 10.0) < 2.0


def test_each_further_subscriber_extends_the_wait() -> None:
    counts = iter(range(1, 60))
    last = 0

    def one_more(passed_s: float) -> Mapping[str, int]:
        nonlocal last
        last = next(counts) if passed_s < 0.3 and last < 50 else last
        return {'depth': last}

    assert duration_s(one_more, 10.0) >= 0.35


def test_counts_that_never_settle_end_the_wait() -> None:
    assert 0.5 <= duration_s(lambda passed_s: {'depth': int(passed_s * 1000)}, 0.2) < 1.5


def test_cancel_ends_the_wait() -> None:
    canceled = threading.Event()
    threading.Timer(0.1, canceled.set).start()
    assert duration_s(lambda _: {'depth': 0}, 60.0, canceled) < 5.0
