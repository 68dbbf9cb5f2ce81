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
import threading
from typing import Protocol


class Clock(Protocol):
    """Maps device microseconds to ROS nanoseconds."""

    @property
    def settled(self) -> bool:
        """Return whether further observations have no effect."""

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


class FixedClock:
    """
    Anchors the first observed timestamp at its arrival, with a constant offset from then on.

    Differences between stamps are exactly those that the camera measured, so that integrating
    over stamps is exact.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offset_ns: int | None = None

    def observe(self, device_us: int, ros_ns: int, source: str = '') -> None:
        """Set the offset on the first call; later calls are no-ops."""
        with self._lock:
            if self._offset_ns is None:
                self._offset_ns = ros_ns - device_us * 1000

    @property
    def settled(self) -> bool:
        """Return whether the offset is set."""
        return self._offset_ns is not None

    def to_ros(self, device_us: int) -> int:
        """
        Return the ROS time of a device timestamp, nanoseconds.

        :raises ValueError: nothing has been observed yet.
        """
        with self._lock:
            if self._offset_ns is None:
                raise ValueError('no device timestamp has been observed yet')
            return device_us * 1000 + self._offset_ns


#: Device time per bin; each bin keeps its least delayed observation.
_BIN_US = 500_000
#: Bins that the line is fitted to: one minute.
_MAX_BINS = 120
#: Time over which an error of the published stamps is corrected ...
_CORRECTION_S = 1.0
#: ... and the limit of that correction, seconds per second. It is only reached if the first images
#: were delayed for long; after an undisturbed start the correction is a few milliseconds.
_MAX_SLEW = 0.1
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

    Published stamps never step back and never jump: they follow a chain of line segments, each of
    which starts where the previous one ends and converges to the estimate within seconds. A new
    timeline starts only when the device clock restarts (counted by ``resets``), and even then not
    before the last published stamp.
    """

    #: never true: the device clock keeps drifting
    settled = False

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._points: deque[tuple[int, int]] = deque(maxlen=_MAX_BINS)
        self._segments: deque[_Line] = deque(maxlen=_MAX_SEGMENTS)
        self._estimate: _Line | None = None
        self._newest_us = 0
        self._newest_us_of: dict[str, int] = {}  # by source
        self._highest_ns = 0
        # start of the current timeline, and the highest stamp of the one before
        self._start_us = self._floor_ns = 0
        self._outliers = 0
        self.resets = 0

    @property
    def drift_ppm(self) -> float:
        """Return the drift of the device clock; positive if it is slower than the host clock."""
        with self._lock:
            return self._estimate.drift * 1e6 if self._estimate else 0.0

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
            self._highest_ns = 0

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
        start_ns = max(ros_ns, self._highest_ns + 1000)
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
            us, ns = min(self._points, key=lambda p: p[1] - p[0] * 1000)
            return _Line(us, ns, 0.0)
        mean_us = sum(us for us, _ in self._points) / len(self._points)
        (us, ns), (end_us, end_ns) = next(
            edge for edge in pairwise(hull) if edge[1][0] >= mean_us)
        length_ns = (end_us - us) * 1000
        drift = (end_ns - ns - length_ns) / length_ns
        return _Line(us, ns, min(max(drift, -_MAX_DRIFT), _MAX_DRIFT))

    def _steer(self) -> None:
        """Append a segment from the newest timestamp towards the estimate."""
        assert self._estimate is not None
        now = self._segments[-1].at(self._newest_us)
        error_s = (self._estimate.at(self._newest_us) - now) * 1e-9
        slew = min(max(error_s / _CORRECTION_S, -_MAX_SLEW), _MAX_SLEW)
        self._segments.append(_Line(self._newest_us, now, self._estimate.drift + slew))

    def to_ros(self, device_us: int) -> int:
        """
        Return the ROS time of a device timestamp, nanoseconds.

        :raises ValueError: nothing has been observed yet.
        """
        with self._lock:
            if not self._segments:
                raise ValueError('no device timestamp has been observed yet')
            # the segment that was current then; the oldest for timestamps before all of them
            line = next((part for part in reversed(self._segments) if part.device_us <= device_us),
                        self._segments[0])
            # Images arrive after the IMU samples that may have started the timeline, with older
            # timestamps: these are also kept above the previous timeline, if necessary by
            # squeezing them into 1 ms.
            margin_ns = 1000 + max(0, device_us - self._start_us + _RESET_THRESHOLD_US)
            result = max(line.at(device_us), self._floor_ns + margin_ns)
            # a timestamp far ahead of all arrivals is of another timeline, or invalid
            limit_ns = self._segments[-1].at(self._newest_us + _RESET_THRESHOLD_US)
            self._highest_ns = max(self._highest_ns, min(result, limit_ns))
            return result


def _is_above(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> bool:
    """Return whether b is on or above the line from a to c."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) <= 0
