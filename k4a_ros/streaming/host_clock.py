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

"""Read the host's clocks, and detect steps of ROS time (no ROS)."""

from __future__ import annotations

from collections.abc import Callable
import time
from typing import NamedTuple

#: Smallest change of the offset between ROS time and the monotonic clock that is a step. Services
#: slew both clocks alike, and step ROS time by more (ntpd by 128 ms, systemd-timesyncd by 400), or
#: by any amount (phc2sys of PTP once, when it starts). A smaller step looks like another delay of
#: the arrivals, and stamps follow it within half a minute.
_MIN_STEP_NS = 10_000_000


class HostTime(NamedTuple):
    """
    ROS time and monotonic time of one moment, nanoseconds.

    ``step_ns`` is how far ROS time has stepped since the last reading; 0 if it has not.
    """

    ros_ns: int
    monotonic_ns: int
    step_ns: int = 0


def clock_offset_ns(
    ros_ns: Callable[[], int], monotonic_ns: Callable[[], int] = time.monotonic_ns,
) -> int:
    """Return ROS time minus monotonic time: of five readings, that which took the least time."""
    readings = []
    for _ in range(5):
        before_ns, now_ns, after_ns = monotonic_ns(), ros_ns(), monotonic_ns()
        readings.append((after_ns - before_ns, now_ns - before_ns))
    return min(readings)[1]


class HostClock:
    """
    Reads ROS time and monotonic time together, and detects steps of ROS time. Not thread-safe.

    A thread may be suspended between the two readings. Each pair of readings therefore gives an
    interval of the offset between the clocks, and only intervals that are apart are a step. The
    monotonic time of a reading is then the earlier one, with which an arrival only seems to be
    late: one that seems to be early would spoil the estimate of the device clock for a minute.

    :param ros_ns: returns ROS time.
    :param is_simulated: returns whether ROS time is simulated; its steps are not detected, because
        it may run at any rate.
    :param monotonic_ns: returns monotonic time.
    """

    def __init__(
        self, ros_ns: Callable[[], int], is_simulated: Callable[[], bool] = lambda: False,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._ros_ns = ros_ns
        self._is_simulated = is_simulated
        self._monotonic_ns = monotonic_ns
        #: lowest and highest offset that the last reading allows
        self._offset: tuple[int, int] | None = None

    def read(self) -> HostTime:
        """Return the current time."""
        before_ns = self._monotonic_ns()
        ros_ns = self._ros_ns()
        after_ns = self._monotonic_ns()
        if self._is_simulated():
            self._offset = None
            return HostTime(ros_ns, before_ns)
        return HostTime(ros_ns, before_ns, self._step(ros_ns - after_ns, ros_ns - before_ns))

    def _step(self, lowest: int, highest: int) -> int:
        """Return the step to an offset between two limits, and remember them."""
        previous = self._offset or (lowest, highest)
        step_ns = max(lowest - previous[1], 0) or min(highest - previous[0], 0)
        if abs(step_ns) >= _MIN_STEP_NS or highest - lowest < _MIN_STEP_NS:
            self._offset = lowest, highest
        return step_ns if abs(step_ns) >= _MIN_STEP_NS else 0
