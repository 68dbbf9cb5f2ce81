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
Convert timestamps of the device clock to ROS time.

`FixedClock` is for recordings, whose timestamps are exact. `LiveClock` is for live cameras, whose
clock drifts relative to the host clock and whose images arrive with varying delay. Both are
thread-safe.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise
import math
import threading
from typing import Protocol

import numpy as np
import numpy.typing as npt

#: name of the source of inertial samples
IMU_SOURCE = 'imu'
#: (N,) timestamps, device microseconds or ROS nanoseconds
Times = npt.NDArray[np.int64]


class Clock(Protocol):
    """Maps device microseconds to ROS nanoseconds."""

    def observe(self, device_us: int, ros_ns: int, source: str = '') -> None:
        """
        Record the arrival of data with a device timestamp.

        :param device_us: device timestamp, microseconds.
        :param ros_ns: ROS time of arrival, nanoseconds.
        :param source: stream whose timestamps increase monotonically; those of different sources
            may interleave in any order.
        """

    def to_ros(self, device_us: int) -> int:
        """
        Return the ROS time of a device timestamp, nanoseconds.

        :raises ValueError: nothing has been observed yet.
        """

    def to_ros_array(self, device_us: Times) -> Times:
        """Return the ROS times of device timestamps; like `to_ros`, for one or more at once."""


class FixedClock:
    """
    Anchors the first observed timestamp at its arrival, with a constant offset from then on.

    Differences between stamps are exactly those that the camera measured, so that integrating
    over stamps is exact.

    :param after_ns: highest stamp of an earlier timeline, which was possibly played faster than
        real time, 0 for none; the first stamp is later by at least `_FIXED_MARGIN_NS`.
    :param origin_ns: ROS time of device time 0; None for the first arrival.
    """

    def __init__(self, after_ns: int = 0, origin_ns: int | None = None) -> None:
        self._lock = threading.Lock()
        self._offset_ns = origin_ns
        self._after_ns = after_ns

    @property
    def is_anchored(self) -> bool:
        """Return whether the offset is known."""
        return self._offset_ns is not None

    def observe(self, device_us: int, ros_ns: int, source: str = '') -> None:
        """Set the offset on the first call; later calls are no-ops."""
        with self._lock:
            if self._offset_ns is None:
                earliest_ns = self._after_ns + _FIXED_MARGIN_NS if self._after_ns else 0
                self._offset_ns = max(ros_ns, earliest_ns) - device_us * 1000

    def move(self, device_us: int, ros_ns: int) -> None:
        """Map a timestamp to the time that was recorded with it, and later ones accordingly."""
        with self._lock:
            self._offset_ns = ros_ns - device_us * 1000

    def to_ros(self, device_us: int) -> int:
        """
        Return the ROS time of a device timestamp, nanoseconds.

        :raises ValueError: nothing has been observed yet.
        """
        with self._lock:
            if self._offset_ns is None:
                raise ValueError('no device timestamp has been observed yet')
            return device_us * 1000 + self._offset_ns

    def to_ros_array(self, device_us: Times) -> Times:
        """Return the ROS times of device timestamps; see `to_ros`."""
        return device_us * 1000 + self.to_ros(0)

    def to_device(self, ros_ns: int) -> int:
        """Return the first device timestamp that is not before a ROS time; see `to_ros`."""
        return -((self.to_ros(0) - ros_ns) // 1000)


#: Distance of the first stamp of a recording from those of an earlier timeline. Images of the
#: first capture may be older than the one that is observed first.
_FIXED_MARGIN_NS = 1_000_000_000
#: Device time per bin; each bin keeps its least delayed observation.
_BIN_US = 500_000
#: Bins that the line is fitted to: one minute.
_MAX_BINS = 120
#: Time over which an error of the published stamps is corrected ...
_CORRECTION_S = 1.0
#: ... and the limit of that correction, seconds per second.
_MAX_SLEW = 0.1
#: Limit of how far stamps are ahead of the estimate, and therefore of the time of their arrival.
#: If the first arrivals were delayed, later ones lower the estimate by that delay; the stamps then
#: wait for it instead of converging slowly. An undisturbed start needs a few milliseconds.
MAX_AHEAD_NS = 5_000_000
#: Limit of the distance that a timeline keeps from the previous one.
_MAX_FLOOR_MARGIN_NS = 2_000_000
#: Smallest distance of consecutive stamps: the resolution of the device clock.
MIN_STEP_NS = 1000
#: Limit of the estimated drift. Crystals have less than 0.0001, and the worst drift reported is
#: 0.0004 (Azure-Kinect-Sensor-SDK issue 1384).
_MAX_DRIFT = 0.001
#: A device timestamp that steps back or leaves the line by more than this starts a new timeline.
_RESET_THRESHOLD_US = 1_000_000
#: Consecutive late observations that confirm a new timeline; a single one is a stall.
_RESET_CONFIRMATIONS = 5
#: Line segments kept for timestamps that are older than the newest segment.
_MAX_SEGMENTS = 8


@dataclass(frozen=True)
class _Line:
    """ROS nanoseconds = ``ros_ns`` + (device time - ``device_us``) * 1000 * (1 + ``drift``)."""

    device_us: int
    ros_ns: int
    drift: float

    def at(self, device_us: int) -> int:
        elapsed_ns = (device_us - self.device_us) * 1000
        return self.ros_ns + elapsed_ns + round(elapsed_ns * self.drift)


class LiveClock:
    """
    Estimates offset and drift of the device clock from the least delayed arrivals.

    An arrival is the true time plus a non-negative delay, so the true time is the line below all
    arrivals: the edge of their lower convex hull below their mean (Moon, Skelly and Towsley,
    "Estimation and Removal of Clock Skew from Network Delay Measurements", INFOCOM 1999). Load and
    stalls only add points above the line.

    Published stamps never step back: they follow a chain of line segments, each of which starts
    where the previous one ends and converges to the estimate within seconds. They are never ahead
    of the latest arrival by more than `MAX_AHEAD_NS`: a segment that is ahead of the estimate is
    followed by one that starts lower, but not below the highest published stamp.

    A new timeline starts only when the device clock restarts (counted by ``resets``), and even
    then not before the last published stamp.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._points: deque[tuple[int, int]] = deque(maxlen=_MAX_BINS)
        self._segments: deque[_Line] = deque(maxlen=_MAX_SEGMENTS)
        self._estimate: _Line | None = None
        self._newest_us = 0
        self._newest_us_of: dict[str, int] = {}  # by source
        self._highest_ns = self._latest_arrival_ns = 0
        # start of the current timeline, and the highest stamp of the one before
        self._start_us = self._floor_ns = 0
        self._outliers = 0
        self.resets = 0

    @property
    def drift_ppm(self) -> float:
        """Return the drift of the device clock; positive if it is slower than the host clock."""
        with self._lock:
            return self._estimate.drift * 1e6 if self._estimate else 0.0

    def estimate(self, device_us: int) -> int:
        """
        Return the estimated ROS time of a device time, nanoseconds, which is no stamp.

        :raises ValueError: nothing has been observed yet.
        """
        with self._lock:
            if self._estimate is None:
                raise ValueError('no device timestamp has been observed yet')
            return self._estimate.at(device_us)

    @property
    def residual_ns(self) -> int:
        """Return the current difference of published stamps from the estimate, nanoseconds."""
        with self._lock:
            if self._estimate is None:
                return 0
            return self._segments[-1].at(self._newest_us) - self._estimate.at(self._newest_us)

    def reset(self) -> None:
        """Start a new timeline after the last stamp, because the camera was reopened."""
        with self._lock:
            self._clear()

    def follow_time_jump(self) -> None:
        """Start a new timeline at the current ROS time, which has jumped; stamps may step back."""
        with self._lock:
            self._clear()
            self._highest_ns = self._latest_arrival_ns = 0

    def _clear(self) -> None:
        if self._estimate is not None:
            self.resets += 1
        self._points.clear()
        self._newest_us_of.clear()
        self._estimate = None
        self._outliers = 0

    def observe(self, device_us: int, ros_ns: int, source: str = '') -> None:
        """Record an arrival; parameters as in `Clock.observe`."""
        with self._lock:
            self._latest_arrival_ns = max(self._latest_arrival_ns, ros_ns)
            stepped_back = (
                bool(source) and device_us < self._newest_us_of.get(source, device_us))
            if self._estimate is not None and (
                    stepped_back or self._is_new_timeline(device_us, ros_ns)):
                self._clear()
            self._newest_us_of[source] = device_us
            if self._estimate is None:
                self._start(device_us, ros_ns)
                return
            if self._outliers:
                return
            self._newest_us = max(self._newest_us, device_us)
            if self._add_point(device_us, ros_ns):
                self._estimate = self._fit()
                self._steer()

    def _is_new_timeline(self, device_us: int, ros_ns: int) -> bool:
        """Return whether an arrival shows that the device clock has restarted."""
        if device_us < self._newest_us - _RESET_THRESHOLD_US:
            return True
        assert self._estimate is not None
        delay_ns = ros_ns - self._estimate.at(device_us)
        if abs(delay_ns) < _RESET_THRESHOLD_US * 1000:
            self._outliers = 0
            return False
        self._outliers += 1
        return delay_ns < 0 or self._outliers >= _RESET_CONFIRMATIONS

    def _start(self, device_us: int, ros_ns: int) -> None:
        """Start a timeline later than every stamp so far."""
        start_ns = max(ros_ns, self._highest_ns + MIN_STEP_NS)
        self._points.append((device_us, ros_ns))
        self._estimate = _Line(device_us, ros_ns, 0.0)
        self._segments.clear()
        self._segments.append(_Line(device_us, start_ns, 0.0))
        self._newest_us = self._start_us = device_us
        self._floor_ns = self._highest_ns

    def _add_point(self, device_us: int, ros_ns: int) -> bool:
        """Keep an arrival if it is the least delayed one of its bin; return whether it is."""
        assert self._estimate is not None
        last_us, last_ns = self._points[-1]
        if device_us // _BIN_US != last_us // _BIN_US:
            if device_us > last_us:
                self._points.append((device_us, ros_ns))
                return True
            return False
        if ros_ns - self._estimate.at(device_us) < last_ns - self._estimate.at(last_us):
            self._points[-1] = (device_us, ros_ns)
            return True
        return False

    def _fit(self) -> _Line:
        """Return the line below all points."""
        hull: list[tuple[int, int]] = []
        for us, ns in self._points:
            while len(hull) > 1 and _is_above(hull[-2], hull[-1], (us, ns)):
                hull.pop()
            hull.append((us, ns))
        if len(hull) == 1 or hull[-1][0] - hull[0][0] < 2 * _BIN_US:
            return self._line_below(0.0)
        mean_us = sum(us for us, _ in self._points) / len(self._points)
        (us, ns), (end_us, end_ns) = next(
            edge for edge in pairwise(hull) if edge[1][0] >= mean_us)
        length_ns = (end_us - us) * 1000
        drift = (end_ns - ns - length_ns) / length_ns
        if abs(drift) > _MAX_DRIFT:  # a step of less than the reset threshold
            return self._line_below(math.copysign(_MAX_DRIFT, drift))
        return _Line(us, ns, drift)

    def _line_below(self, drift: float) -> _Line:
        """Return the line with this drift below all points."""
        us, ns = min(self._points, key=lambda p: p[1] - _Line(0, 0, drift).at(p[0]))
        return _Line(us, ns, drift)

    def _steer(self) -> None:
        """Append a segment from the newest timestamp towards the estimate."""
        assert self._estimate is not None
        now = self._segments[-1].at(self._newest_us)
        estimate = self._estimate.at(self._newest_us)
        if now > estimate + MAX_AHEAD_NS:
            now = max(estimate + MAX_AHEAD_NS, min(now, self._highest_ns + MIN_STEP_NS))
        slew = min(max((estimate - now) * 1e-9 / _CORRECTION_S, -_MAX_SLEW), _MAX_SLEW)
        self._segments.append(_Line(self._newest_us, now, self._estimate.drift + slew))

    def to_ros(self, device_us: int) -> int:
        """
        Return the ROS time of a device timestamp, nanoseconds.

        :raises ValueError: nothing has been observed yet.
        """
        with self._lock:
            return self._map(device_us)

    def to_ros_array(self, device_us: Times) -> Times:
        """Return the ROS times of device timestamps; see `to_ros`."""
        with self._lock:
            line = self._segments[-1] if self._segments else None
            if line is not None and line.device_us <= int(device_us[0]):
                elapsed_us = device_us - line.device_us
                result: Times = np.rint(elapsed_us * (1000 + 1000 * line.drift)).astype(np.int64)
                result += line.ros_ns
                first_ns, last_ns = int(result[0]), int(result[-1])
                if first_ns > self._floor_ns + _MAX_FLOOR_MARGIN_NS and last_ns <= self._ceiling():
                    self._highest_ns = max(self._highest_ns, last_ns)
                    return result
            return np.array([self._map(us) for us in device_us.tolist()], np.int64)

    def _ceiling(self) -> int:
        """Return the highest stamp that is not ahead of the arrivals so far."""
        return max(self._latest_arrival_ns + MAX_AHEAD_NS, self._segments[-1].ros_ns)

    def _map(self, device_us: int) -> int:
        if not self._segments:
            raise ValueError('no device timestamp has been observed yet')
        ceiling_ns = self._ceiling()
        # the segment that was current then; the oldest for timestamps before all of them
        for line in reversed(self._segments):
            if line.device_us <= device_us:
                break
            ceiling_ns = min(ceiling_ns, line.ros_ns)
        # Images arrive after the IMU samples that may have started the timeline, with older
        # timestamps: these are also kept above the previous timeline, if necessary by squeezing
        # them into 1 ms.
        margin_us = device_us - self._start_us + _RESET_THRESHOLD_US
        lowest_ns = self._floor_ns + MIN_STEP_NS + min(max(margin_us, 0), _MAX_FLOOR_MARGIN_NS)
        result = max(min(line.at(device_us), ceiling_ns), lowest_ns)
        self._highest_ns = max(self._highest_ns, result)
        return result


def _is_above(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> bool:
    """Return whether b is on or above the line from a to c."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) <= 0
