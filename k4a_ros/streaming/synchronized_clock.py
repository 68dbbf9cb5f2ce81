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

"""
One clock for the cameras on a sync cable.

The pulses on the cable set the device clocks of all cameras, so that one conversion to ROS time is
valid for all of them. With a conversion of its own, each camera would have an error of its own,
because it estimates the least delay of its USB connection from its own arrivals.

So the master plans its conversion some time ahead, and tells its subordinates: knots of a polyline
from device time to ROS time. As all cameras know them before they need them, and nothing is
extrapolated, all of them compute the same stamps.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable
import threading

from k4a_ros.streaming.device_clock import LiveClock
from k4a_ros.streaming.device_clock import Times
import numpy as np

#: Device time from knot to knot, and from the newest data to the last knot at least.
STEP_US = 250_000
LEAD_US = 500_000
#: Knots that are kept: half a minute.
_MAX_KNOTS = 120
#: Limit of the correction of the conversion, seconds per second.
_MAX_SLEW = 0.02
#: Time for which the plan goes on without further knots.
_MAX_LATE_US = 2_000_000
#: Greatest difference between the plan and the own estimate of a camera. The delays of USB differ
#: by less. Greater ones mean that the device clocks do not agree, because the camera was started
#: after its master, or that the clocks of two hosts do not.
MAX_DIFFERENCE_NS = 15_000_000


class ClockPlan:
    """
    The polyline of a master; thread-safe.

    ``announce``: called with device time, microseconds, and ROS time, nanoseconds, of each new
    knot of a master; None in a camera that makes no plan.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._knots: deque[tuple[int, int]] = deque(maxlen=_MAX_KNOTS)
        self.announce: Callable[[int, int], None] | None = None

    @property
    def last(self) -> tuple[int, int] | None:
        """Return the last knot."""
        with self._lock:
            return self._knots[-1] if self._knots else None

    def add(self, device_us: int, ros_ns: int) -> None:
        """Add a knot; one that goes back is of a master that was started again."""
        with self._lock:
            if self._knots and (
                    device_us <= self._knots[-1][0] or ros_ns <= self._knots[-1][1]):
                self._knots.clear()
            self._knots.append((device_us, ros_ns))

    def clear(self) -> None:
        """Forget all knots."""
        with self._lock:
            self._knots.clear()

    def at(self, device_us: int, drift: float) -> int | None:
        """
        Return the ROS time of a device time, nanoseconds.

        :param drift: of the device clock, by which the plan goes on for a while if knots are late.
        :return: None if it is not planned.
        """
        with self._lock:
            knots = self._knots
            if len(knots) < 2 or not knots[0][0] <= device_us <= knots[-1][0] + _MAX_LATE_US:
                return None
            if device_us > knots[-1][0]:
                elapsed_ns = (device_us - knots[-1][0]) * 1000
                return knots[-1][1] + elapsed_ns + round(elapsed_ns * drift)
            index = min(bisect_right(knots, (device_us, 1 << 63)), len(knots) - 1)
            (us, ns), (next_us, next_ns) = knots[index - 1], knots[index]
        return ns + (device_us - us) * (next_ns - ns) // (next_us - us)


class SynchronizedClock(LiveClock):
    """
    A clock that follows a plan where it agrees with the own estimate within `MAX_DIFFERENCE_NS`.

    Otherwise, and where nothing is planned, it is an ordinary `LiveClock`. The clock of a master
    makes the plan, and follows it itself.

    ``follows``: whether the last stamp was planned.
    """

    def __init__(self, plan: ClockPlan) -> None:
        super().__init__()
        self._plan = plan
        self._planned_resets = 0
        self.follows = False

    def observe(self, device_us: int, ros_ns: int, source: str = '') -> None:
        """Record an arrival, as `LiveClock` does, and plan ahead in a master."""
        super().observe(device_us, ros_ns, source)
        if self._plan.announce is not None:
            self._extend(device_us)

    def _extend(self, device_us: int) -> None:
        if self.resets != self._planned_resets:
            self._planned_resets = self.resets
            self._plan.clear()
        last = self._plan.last
        if last is None:
            last = self._announce(device_us, super().to_ros(device_us))
        while last[0] < device_us + LEAD_US:
            us, ns = last[0] + STEP_US, last[1] + round(
                STEP_US * 1000 * (1 + self.drift_ppm * 1e-6))
            limit = round(_MAX_SLEW * STEP_US * 1000)
            last = self._announce(us, ns + min(max(self.estimate(us) - ns, -limit), limit))

    def _announce(self, device_us: int, ros_ns: int) -> tuple[int, int]:
        self._plan.add(device_us, ros_ns)
        if self._plan.announce is not None:
            self._plan.announce(device_us, ros_ns)
        return device_us, ros_ns

    def to_ros(self, device_us: int) -> int:
        """Return the ROS time of a device timestamp, nanoseconds; see `LiveClock`."""
        own_ns = super().to_ros(device_us)
        planned_ns = self._planned(device_us)
        self.follows = planned_ns is not None
        return own_ns if planned_ns is None else planned_ns

    def _planned(self, device_us: int) -> int | None:
        """Return the planned stamp, None without one that agrees with the own estimate."""
        planned_ns = self._plan.at(device_us, self.drift_ppm * 1e-6)
        if planned_ns is None or (
                abs(planned_ns - self.estimate(device_us)) > MAX_DIFFERENCE_NS):
            return None
        return planned_ns

    def to_ros_array(self, device_us: Times) -> Times:
        """Return the ROS times of device timestamps; see `to_ros`."""
        own_ns = super().to_ros_array(device_us)
        first_ns, last_ns = (self._planned(int(us)) for us in (device_us[0], device_us[-1]))
        if first_ns is None or last_ns is None:
            return own_ns
        span_us = max(int(device_us[-1] - device_us[0]), 1)
        result: Times = first_ns + np.rint(
            (device_us - device_us[0]) * ((last_ns - first_ns) / span_us)).astype(np.int64)
        return result
