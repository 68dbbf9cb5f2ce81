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

"""Counters of a stream over time: latency and rates."""

from __future__ import annotations

from collections.abc import Mapping
import threading


class Latency:
    """How long images take from their arrival to the end of publishing them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sum_ns = self._max_ns = self._count = 0

    def add(self, nanoseconds: int) -> None:
        """Note one capture."""
        with self._lock:
            self._sum_ns += nanoseconds
            self._max_ns = max(self._max_ns, nanoseconds)
            self._count += 1

    def take(self) -> tuple[float, float]:
        """Return mean and maximum since the last call, milliseconds; 0 if there was none."""
        with self._lock:
            mean = self._sum_ns / self._count / 1e6 if self._count else 0.0
            longest = self._max_ns / 1e6
            self._sum_ns = self._max_ns = self._count = 0
        return mean, longest


class Rates:
    """How often counters grow."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._at = 0.0

    def update(self, counts: Mapping[str, int], now: float) -> dict[str, float]:
        """
        Return growth per second of each counter since the last call, 0 for those that are new.

        :param now: seconds, monotonic.
        """
        passed = now - self._at
        rates = {name: max(0.0, (count - self._last.get(name, count)) / passed) if passed else 0.0
                 for name, count in counts.items()}
        self._last, self._at = dict(counts), now
        return rates
