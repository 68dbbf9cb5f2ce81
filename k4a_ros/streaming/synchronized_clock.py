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
extrapolated, all of them compute the same stamps. A master always follows its plan, and so do
subordinates of the same computer that were started before it (`k4a_ros.streaming.cable_start`):
what each camera estimates on a busy computer may be late by 0.4 s.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable
import threading

from k4a_ros.streaming.cable_start import CableStart
from k4a_ros.streaming.device_clock import IMU_SOURCE
from k4a_ros.streaming.device_clock import LiveClock
from k4a_ros.streaming.device_clock import Times
import numpy as np

#: Device time from knot to knot, and from the newest data to the last knot at least.
STEP_US = 250_000
LEAD_US = 1_000_000
#: Knots that are kept: half a minute.
_MAX_KNOTS = 120
#: Limit of the correction of the conversion, seconds per second; and for an error of more than
#: `MAX_DIFFERENCE_NS`, which there is if the first images were late.
_MAX_SLEW, _MAX_FAST_SLEW = 0.02, 0.4
#: Time for which the plan goes on without further knots.
_MAX_LATE_US = 2_000_000
#: Greatest difference between the plan and the own estimate of a camera. The delays of USB differ
#: by less. Greater ones mean that the device clocks do not agree, because the camera was started
#: after its master, or that the clocks of two hosts do not.
MAX_DIFFERENCE_NS = 15_000_000
#: The same for a plan that is certain.
_MAX_CERTAIN_DIFFERENCE_NS = 2_000_000_000


class ClockPlan:
    """
    The polyline of a master; thread-safe.

    ``announce``: called with device time, microseconds, and ROS time, nanoseconds, of each new
    knot of a master; None in a camera that makes no plan. ``start``: when the camera was started.
    ``certain``: whether the plan is known to be for device time and ROS time of this camera.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._knots: deque[tuple[int, int]] = deque(maxlen=_MAX_KNOTS)
        self.announce: Callable[[int, int], None] | None = None
        self.start = CableStart()
        self.certain = False

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
    A clock that follows a plan that is certain, or agrees with its own estimate.

    Otherwise, and where nothing is planned, it is an ordinary `LiveClock`. The clock of a master
    makes the plan, which begins with its first image, and follows it itself.

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
        if source != IMU_SOURCE:
            self._plan.start.image(ros_ns)
        if self._plan.announce is not None and (
                source != IMU_SOURCE or self._plan.last is not None):
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
            error_ns = self.estimate(us) - ns
            slew = _MAX_SLEW if abs(error_ns) < MAX_DIFFERENCE_NS else _MAX_FAST_SLEW
            limit = round(slew * STEP_US * 1000)
            last = self._announce(us, ns + min(max(error_ns, -limit), limit))

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
        """Return the planned stamp, None without one that can be relied on."""
        planned_ns = self._plan.at(device_us, self.drift_ppm * 1e-6)
        certain = self._plan.certain or self._plan.announce is not None
        limit_ns = _MAX_CERTAIN_DIFFERENCE_NS if certain else MAX_DIFFERENCE_NS
        if planned_ns is None or abs(planned_ns - self.estimate(device_us)) > limit_ns:
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
