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

"""Statistics of durations, and rates of counters."""

from __future__ import annotations

from collections.abc import Mapping
import threading


class Durations:
    """Mean and maximum of durations; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sum_ns = self._max_ns = self._count = 0

    def add(self, nanoseconds: int) -> None:
        """Add a duration."""
        with self._lock:
            self._sum_ns += nanoseconds
            self._max_ns = max(self._max_ns, nanoseconds)
            self._count += 1

    def take(self) -> tuple[float, float]:
        """Return mean and maximum since the last call, milliseconds; 0 if there were none."""
        with self._lock:
            mean = self._sum_ns / self._count / 1e6 if self._count else 0.0
            maximum = self._max_ns / 1e6
            self._sum_ns = self._max_ns = self._count = 0
        return mean, maximum


class Rates:
    """Converts counters to rates."""

    def __init__(self) -> None:
        self._previous: dict[str, int] = {}
        self._updated_s = 0.0

    def update(self, counts: Mapping[str, int], now_s: float) -> dict[str, float]:
        """
        Return the increase per second of each counter since the last call; 0 for a new counter.

        :param now_s: monotonic time, seconds.
        """
        elapsed_s = now_s - self._updated_s
        increases = {name: max(0, count - self._previous.get(name, count))
                     for name, count in counts.items()}
        self._previous, self._updated_s = dict(counts), now_s
        return {name: increase / elapsed_s if elapsed_s else 0.0
                for name, increase in increases.items()}
