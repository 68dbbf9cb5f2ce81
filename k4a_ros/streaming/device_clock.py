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
From the camera's clock to ROS time.

Two clocks with the same two methods: `FixedClock` for recordings, whose timestamps are the only
truth there is, and `LiveClock` for devices, whose clock drifts against the host's and whose images
arrive late by different amounts. Both may be used by several threads.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise
import threading
from typing import Protocol


class Clock(Protocol):
    """Maps the device's microseconds to ROS nanoseconds."""

    @property
    def settled(self) -> bool:
        """Tell whether no observation will change anything any more."""

    def observe(self, device_us: int, ros_ns: int, source: str = '') -> None:
        """
        Note that something with this timestamp has come.

        :param device_us: timestamp of the camera, microseconds.
        :param ros_ns: ROS time at which it came, nanoseconds.
        :param source: of what, where time goes forward; others may be behind or ahead of it.
        """

    def to_ros(self, device_us: int) -> int:
        """
        Return the ROS time of a device timestamp, nanoseconds.

        :raises ValueError: nothing has been observed yet.
        """


class FixedClock:
    """
    Takes the first timestamp that is observed to be of that moment.

    All others keep their exact distance to it. So whoever integrates over stamps sees the
    durations that the camera measured.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offset_ns: int | None = None

    def observe(self, device_us: int, ros_ns: int, source: str = '') -> None:
        """Note that something with this timestamp has come; only the first one counts."""
        with self._lock:
            if self._offset_ns is None:
                self._offset_ns = ros_ns - device_us * 1000

    @property
    def settled(self) -> bool:
        """Tell whether something has been observed."""
        return self._offset_ns is not None

    def to_ros(self, device_us: int) -> int:
        """
        Return the ROS time of a device timestamp, nanoseconds.

        :raises ValueError: nothing has been observed yet.
        """
        with self._lock:
            if self._offset_ns is None:
                raise ValueError('the clock has not seen any timestamp')
            return device_us * 1000 + self._offset_ns


#: Observations are thinned to the least delayed one of each such span of device time.
_SPAN_US = 500_000
#: Spans that the line is laid through: a minute.
_SPANS = 120
#: An error of what is published is corrected over this time, seconds ...
_SETTLE_S = 1.0
#: ... but not faster than this, seconds per second. It is reached only where the first images were
#: held up for long; a camera that starts undisturbed is corrected by some milliseconds.
_SLEW = 0.1
#: Largest drift of a device's clock that is believed; crystals have less than 0.0001 and the worst
#: report is 0.0004 (Azure-Kinect-Sensor-SDK issue 1384).
_DRIFT = 0.001
#: Device time that goes back, or leaves the line, by this much is a new time line.
_RESET_US = 1_000_000
#: Observations in a row that must agree that the line has been left; one alone is a stall.
_WITNESSES = 5


@dataclass(frozen=True)
class _Line:
    """ROS nanoseconds = ``ros_ns`` + (device time - ``device_us``) * 1000 * (1 + ``drift``)."""

    device_us: int
    ros_ns: int
    drift: float

    def at(self, device_us: int) -> int:
        apart = (device_us - self.device_us) * 1000
        return self.ros_ns + apart + round(apart * self.drift)


class LiveClock:
    """
    Follows the arrivals that were delayed least.

    Each observation is the true time plus a delay that is never negative, so the truth is the line
    below all of them: the edge of their lower convex hull that lies under their mean (Moon, Skelly
    and Towsley, "Estimation and Removal of Clock Skew from Network Delay Measurements", INFOCOM
    1999). Load and stalls only add points above it.

    What is published never goes back and never jumps: it is a chain of lines, each of which starts
    where the last one ended and leads to the estimate within seconds. It starts
    anew only when the device's own time line does (``resets`` counts), and even then not earlier
    than it has been already.
    """

    #: it never is: the device's clock drifts
    settled = False

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._points: deque[tuple[int, int]] = deque(maxlen=_SPANS)
        self._chain: deque[_Line] = deque(maxlen=8)
        self._estimate: _Line | None = None
        self._newest_us = 0
        self._last_us: dict[str, int] = {}  # of each source
        self._highest_ns = 0
        # where the present time line began, and what had been published before
        self._began_us = self._floor_ns = 0
        self._astray = 0
        self.resets = 0

    @property
    def drift_ppm(self) -> float:
        """By how much the device's clock is slow against the host's, parts per million."""
        with self._lock:
            return self._estimate.drift * 1e6 if self._estimate else 0.0

    @property
    def residual_ns(self) -> int:
        """How far what is published is from the estimate now, nanoseconds."""
        with self._lock:
            if self._estimate is None:
                return 0
            return self._chain[-1].at(self._newest_us) - self._estimate.at(self._newest_us)

    def reset(self) -> None:
        """Begin a new time line, not earlier than the old one: the camera was reopened."""
        with self._lock:
            self._forget()

    def follow(self) -> None:
        """Begin a new time line wherever ROS time is now, because that has jumped."""
        with self._lock:
            self._forget()
            self._highest_ns = 0

    def _forget(self) -> None:
        if self._estimate is not None:
            self.resets += 1
        self._points.clear()
        self._last_us.clear()
        self._estimate = None
        self._astray = 0

    def observe(self, device_us: int, ros_ns: int, source: str = '') -> None:
        """Note that something with this timestamp has come; parameters as `Clock.observe`."""
        with self._lock:
            back = bool(source) and device_us < self._last_us.get(source, device_us)
            if self._estimate is not None and (back or self._has_left(device_us, ros_ns)):
                self._forget()
            self._last_us[source] = device_us
            if self._estimate is None:
                self._begin(device_us, ros_ns)
                return
            if self._astray:
                return
            self._newest_us = max(self._newest_us, device_us)
            if self._add(device_us, ros_ns):
                self._estimate = self._fit()
                self._steer()

    def _has_left(self, device_us: int, ros_ns: int) -> bool:
        """Return whether the device's time line is another one than before."""
        if device_us < self._newest_us - _RESET_US:
            return True
        assert self._estimate is not None
        late_ns = ros_ns - self._estimate.at(device_us)
        if abs(late_ns) < _RESET_US * 1000:
            self._astray = 0
            return False
        self._astray += 1
        return late_ns < 0 or self._astray >= _WITNESSES

    def _begin(self, device_us: int, ros_ns: int) -> None:
        # time that was published already stays in the past
        start_ns = max(ros_ns, self._highest_ns + 1000)
        self._points.append((device_us, ros_ns))
        self._estimate = _Line(device_us, ros_ns, 0.0)
        self._chain.clear()
        self._chain.append(_Line(device_us, start_ns, 0.0))
        self._newest_us = self._began_us = device_us
        self._floor_ns = self._highest_ns

    def _add(self, device_us: int, ros_ns: int) -> bool:
        """Keep an observation if it is the least delayed of its span; return whether it is."""
        assert self._estimate is not None
        last_us, last_ns = self._points[-1]
        if device_us // _SPAN_US != last_us // _SPAN_US:
            if device_us > last_us:
                self._points.append((device_us, ros_ns))
                return True
            return False
        if ros_ns - self._estimate.at(device_us) < last_ns - self._estimate.at(last_us):
            self._points[-1] = (device_us, ros_ns)
            return True
        return False

    def _fit(self) -> _Line:
        """Return the line under all points."""
        hull: list[tuple[int, int]] = []
        for us, ns in self._points:
            while len(hull) > 1 and _turns_up(hull[-2], hull[-1], (us, ns)):
                hull.pop()
            hull.append((us, ns))
        if len(hull) == 1 or hull[-1][0] - hull[0][0] < 2 * _SPAN_US:
            us, ns = min(self._points, key=lambda p: p[1] - p[0] * 1000)
            return _Line(us, ns, 0.0)
        mean_us = sum(us for us, _ in self._points) / len(self._points)
        (us, ns), (end_us, end_ns) = next(
            edge for edge in pairwise(hull) if edge[1][0] >= mean_us)
        apart_ns = (end_us - us) * 1000
        drift = (end_ns - ns - apart_ns) / apart_ns
        return _Line(us, ns, min(max(drift, -_DRIFT), _DRIFT))

    def _steer(self) -> None:
        """Continue what is published towards the estimate, from the newest timestamp on."""
        assert self._estimate is not None
        now = self._chain[-1].at(self._newest_us)
        error_s = (self._estimate.at(self._newest_us) - now) * 1e-9
        slew = min(max(error_s / _SETTLE_S, -_SLEW), _SLEW)
        self._chain.append(_Line(self._newest_us, now, self._estimate.drift + slew))

    def to_ros(self, device_us: int) -> int:
        """
        Return the ROS time of a device timestamp, nanoseconds.

        :raises ValueError: nothing has been observed yet.
        """
        with self._lock:
            if not self._chain:
                raise ValueError('the clock has not seen any timestamp')
            # the line that was in force then; what is older than all of them, on the oldest
            line = next((part for part in reversed(self._chain) if part.device_us <= device_us),
                        self._chain[0])
            # images come later than the inertial samples with which a line may have begun: what
            # is older than these is after all of the last line, too, if need be within 1 ms
            above = 1000 + max(0, device_us - self._began_us + _RESET_US)
            result = max(line.at(device_us), self._floor_ns + above)
            # what is far ahead of all that has come belongs to another time line, or to none
            newest_ns = self._chain[-1].at(self._newest_us + _RESET_US)
            self._highest_ns = max(self._highest_ns, min(result, newest_ns))
            return result


def _turns_up(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> bool:
    """Return whether b is not below the line from a to c."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) <= 0
