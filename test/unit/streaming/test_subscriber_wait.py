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
import itertools
import threading
from types import SimpleNamespace

from k4a_ros.streaming import subscriber_wait
from k4a_ros.streaming.subscriber_wait import wait_for_subscribers
import pytest
from support.time_limits import promptly


class SteppedEvent(threading.Event):
    """An event that is never set, and the clock by which waiting for it takes no time."""

    now_s = 0.0

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.now_s += timeout
        return False


def duration_s(
    monkeypatch: pytest.MonkeyPatch, counts: Callable[[float], Mapping[str, int]], delay_s: float,
) -> float:
    """Return how long the wait takes; ``counts`` gets the seconds since its start."""
    canceled = SteppedEvent()
    monkeypatch.setattr(
        subscriber_wait, 'time', SimpleNamespace(monotonic=lambda: canceled.now_s))
    wait_for_subscribers(lambda: counts(canceled.now_s), delay_s, canceled)
    return canceled.now_s


def test_wait_without_subscribers_lasts_for_the_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    found = duration_s(monkeypatch, lambda _: {'depth': 0}, 4.0)
    assert found == pytest.approx(4.0, abs=0.06)


def test_zero_delay_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    assert duration_s(monkeypatch, lambda _: {'depth': 0}, 0.0) < 0.06


def test_wait_ends_when_the_counts_have_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    found = duration_s(monkeypatch, lambda passed_s: {'depth': int(passed_s > 2.0)}, 10.0)
    assert found == pytest.approx(3.0, abs=0.11)


def test_each_further_subscriber_extends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    found = duration_s(
        monkeypatch, lambda passed_s: {'depth': min(int(passed_s / 0.9), 5)}, 10.0)
    assert found == pytest.approx(5 * 0.9 + 1.0, abs=0.11)


def test_counts_that_never_settle_end_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = itertools.count()
    found = duration_s(monkeypatch, lambda _: {'depth': next(numbers)}, 2.0)
    assert found == pytest.approx(2.0 + 5.0, abs=0.06)


def test_cancel_ends_the_wait() -> None:
    canceled = threading.Event()
    timer = threading.Timer(0.1, canceled.set)
    timer.start()
    with promptly(5.0):
        wait_for_subscribers(lambda: {'depth': 0}, 60.0, canceled)
    timer.join()
