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

"""Rate, size, latency and losses of a topic, from the stamps and arrivals of its messages."""

from __future__ import annotations

from collections import deque
import math
import statistics

#: time over which rates are counted
_WINDOW_S = 3.0
#: intervals of which the usual one is the median, and after how many of them it is renewed
_INTERVALS, _RENEWAL = 31, 8
#: a gap of more than this many usual intervals is a loss
_LOSS = 1.6
#: more than this is not a loss but a pause or a seek
_PAUSE_S = 2.0


class TopicStatistics:
    """Statistics of the messages that have arrived since the topic was subscribed to."""

    def __init__(self) -> None:
        self.count = 0
        self.lost = 0
        self._arrivals: deque[tuple[float, int]] = deque(maxlen=8192)
        self._intervals: deque[int] = deque(maxlen=_INTERVALS)
        self._usual_ns = 0.0  # 0 while it is not known
        self._new_intervals = 0
        self._last_stamp_ns: int | None = None
        self._age_ms = math.nan

    def add(self, size: int, stamp_ns: int | None, arrival_s: float, now_ns: int) -> None:
        """
        Count a message.

        :param size: bytes.
        :param stamp_ns: its stamp; None if it has none.
        :param arrival_s: monotonic time of its arrival.
        :param now_ns: ROS time of its arrival.
        """
        self.count += 1
        self._arrivals.append((arrival_s, size))
        if stamp_ns is None:
            return
        self._age_ms = (now_ns - stamp_ns) / 1e6
        if self._last_stamp_ns is not None:
            self._count_losses(stamp_ns - self._last_stamp_ns)
        self._last_stamp_ns = stamp_ns

    def _count_losses(self, interval_ns: int) -> None:
        if interval_ns <= 0 or interval_ns > _PAUSE_S * 1e9:
            self._intervals.clear()
            self._usual_ns, self._new_intervals = 0.0, 0
            return
        if self._usual_ns and interval_ns > _LOSS * self._usual_ns:
            self.lost += round(interval_ns / self._usual_ns) - 1
            return
        self._intervals.append(interval_ns)
        self._new_intervals += 1
        if self._new_intervals >= _RENEWAL:
            self._new_intervals = 0
            self._usual_ns = statistics.median(self._intervals)

    def summary(self, now_s: float) -> dict[str, float | int | None]:
        """
        Return count, lost, hz, bytes_per_s, and age_ms of the newest message, None if unknown.

        :param now_s: monotonic time.
        """
        while self._arrivals and self._arrivals[0][0] < now_s - _WINDOW_S:
            self._arrivals.popleft()
        hz = bytes_per_s = 0.0
        if len(self._arrivals) > 1:
            first_s, last_s = self._arrivals[0][0], self._arrivals[-1][0]
            span_s = max(last_s - first_s, 1e-3)
            hz = (len(self._arrivals) - 1) / span_s
            bytes_per_s = sum(size for _, size in self._arrivals) / _WINDOW_S
        fresh = bool(self._arrivals) and not math.isnan(self._age_ms)
        return {'count': self.count, 'lost': self.lost, 'hz': round(hz, 2),
                'bytes_per_s': round(bytes_per_s),
                'age_ms': round(self._age_ms, 1) if fresh else None}
