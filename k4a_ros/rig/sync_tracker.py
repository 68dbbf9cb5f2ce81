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
How well the captures of a camera match those of its master, from their times alone.

Times on the device clocks say whether the cameras are synchronized: those of a subordinate are
those of its master and the delay, within 100 us (green_screen of the Azure-Kinect-Sensor-SDK,
MultiDeviceCapturer.h). Stamps say whether the clocks of the computers agree as well. Arrivals only
tell which captures belong together, if the device clocks do not.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

#: time that is looked at, and the newest part of it, whose partners may still come, seconds
WINDOW_S = 10.0
_SETTLE_S = 0.5
#: captures that are kept of a camera
_MAX_CAPTURES = 1000
#: captures of both that are needed for a statement
MIN_CAPTURES = 5
#: frame periods of a camera, and how exactly most distances of captures are multiples of one
_PERIODS_US = (200_000, 66_667, 33_333)
_SAME_PERIOD, _MOST = 0.01, 0.9
#: An arrival is usually later than that of its partner by less than this, besides a frame period,
_MAX_LAG_S = 0.02
#: and on a busy computer by less than this.
_MAX_LATE_US = 2_000_000


class CaptureTime(NamedTuple):
    """
    Times of one capture.

    :param device_us: device time of the image.
    :param stamp_ns: its stamp.
    :param arrival_s: when the message arrived, on a monotonic clock.
    """

    device_us: int
    stamp_ns: int
    arrival_s: float


class CameraTimes:
    """
    The captures of one camera in the last `WINDOW_S`.

    ``restarts``: how often its device time went back.
    """

    def __init__(self) -> None:
        self._captures: deque[CaptureTime] = deque(maxlen=_MAX_CAPTURES)
        self.restarts = 0

    def add(self, capture: CaptureTime) -> None:
        """Add a capture."""
        if self._captures and capture.device_us <= self._captures[-1].device_us:
            self._captures.clear()
            self.restarts += 1
        self._captures.append(capture)
        while self._captures[0].arrival_s < capture.arrival_s - WINDOW_S:
            self._captures.popleft()

    def silence_s(self, now_s: float) -> float:
        """Return the time since the last capture, infinity without one."""
        return now_s - self._captures[-1].arrival_s if self._captures else float('inf')

    def period_us(self) -> float:
        """
        Return the time between captures if none were missing, 0 if it is unknown.

        It is the longest frame period of which nearly all distances are multiples, so that missing
        captures do not matter; with a trigger at another rate, a short distance.
        """
        if len(self._captures) < MIN_CAPTURES:
            return 0.0
        steps = np.diff([c.device_us for c in self._captures])
        rough = next((period for period in _PERIODS_US if np.mean(np.abs(
            steps - period * np.rint(steps / period).clip(1)) < _SAME_PERIOD * period)
            > _MOST), float(np.percentile(steps, 10)))
        return float(steps.sum() / np.rint(steps / rough).clip(1).sum())

    def longest_step_s(self) -> float:
        """Return the longest time between captures on the device clock, 0 if it is unknown."""
        return max((later.device_us - earlier.device_us for earlier, later in pairwise(
            self._captures)), default=0) / 1e6

    def recent(self, now_s: float) -> list[CaptureTime]:
        """Return the captures of the window, in their order."""
        return [c for c in self._captures if c.arrival_s >= now_s - WINDOW_S]


@dataclass(frozen=True)
class Match:
    """
    Captures of a camera and their partners of the master.

    :param offset_us: mean of device time minus that of the partner minus the delay.
    :param jitter_us: standard deviation of it.
    :param worst_us: greatest absolute value of it.
    :param slope_ppm: change of it over time: not 0 if the camera does not follow the pulses.
    :param stamps_ms: the same for stamps, with the device times subtracted: the difference of the
        clocks that stamp.
    :param stamps_slope_ppm: change of that over time.
    :param shift: frame periods by which the device time is behind that of the master.
    :param matched: captures with a partner.
    :param missing: captures of the master without one, in the time that both cover.
    """

    offset_us: float
    jitter_us: float
    worst_us: float
    slope_ppm: float
    stamps_ms: float
    stamps_slope_ppm: float
    shift: int
    matched: int
    missing: int


def match(
    master: CameraTimes, camera: CameraTimes, delay_us: int, now_s: float,
) -> Match | None:
    """
    Return how the captures of a camera match those of its master.

    :param delay_us: of the camera after the master, as they are configured.
    :return: None if there are too few captures.
    """
    period_us = master.period_us()
    masters, captures = master.recent(now_s), camera.recent(now_s)
    if not period_us or min(len(masters), len(captures)) < MIN_CAPTURES:
        return None
    origin_ns = masters[0].stamp_ns
    own, other = _columns(captures, origin_ns), _columns(masters, origin_ns)
    own[0] -= delay_us
    shift = _shift(own, other, period_us)
    own[0] += shift * period_us
    partner = _nearest(other[0], own[0])
    found = np.abs(own[0] - other[0][partner]) < period_us / 2
    if found.sum() < MIN_CAPTURES:
        return None
    offset = (own[0] - other[0][partner])[found]
    stamps = (own[1] - other[1][partner])[found] - offset * 1000 - delay_us * 1000
    times = own[0][found]
    covered = (other[0] > own[0][0] - period_us / 2) & (other[0] < own[0][-1] + period_us / 2) & (
        other[2] < now_s - _SETTLE_S)
    return Match(
        float(offset.mean()), float(offset.std()), float(np.abs(offset).max()),
        _slope_ppm(times, offset), float(np.median(stamps)) / 1e6, _slope_ppm(times, stamps / 1e3),
        shift, int(found.sum()), int(covered.sum()) - len(np.intersect1d(
            np.flatnonzero(covered), partner[found])))


def _columns(captures: list[CaptureTime], origin_ns: int) -> npt.NDArray[np.float64]:
    """Return device times, stamps relative to one of them, and arrivals, (3, N)."""
    rows = np.array([(c.device_us, c.stamp_ns - origin_ns, c.arrival_s) for c in captures],
                    np.float64)
    return np.ascontiguousarray(rows.T)


def _nearest(
    times: npt.NDArray[np.float64], wanted: npt.NDArray[np.float64],
) -> npt.NDArray[np.int64]:
    """Return the indices of the times that are nearest to those wanted; both increase."""
    after = np.clip(np.searchsorted(times, wanted), 1, len(times) - 1)
    before_is_nearer = wanted - times[after - 1] < times[after] - wanted
    result: npt.NDArray[np.int64] = after - before_is_nearer
    return result


def _shift(
    own: npt.NDArray[np.float64], other: npt.NDArray[np.float64], period_us: float,
) -> int:
    """
    Return the frame periods by which device times are behind those of the master.

    If they agree as they are, and stamps say the same, they do. Otherwise stamps of one computer
    say which captures belong together, and arrivals do so for computers whose clocks differ.
    """
    partner = _nearest(other[0], own[0])
    found = np.abs(own[0] - other[0][partner]) < period_us / 2
    arrivals = _periods_apart(own, other, 2, period_us)
    if found.sum() >= MIN_CAPTURES:
        stamps_us = float(np.median(own[1][found] - other[1][partner[found]])) / 1000
        lag_s = float(np.median(own[2][found] - other[2][partner[found]]))
        if abs(stamps_us) < period_us / 2 or abs(lag_s) < 1.5e-6 * period_us + _MAX_LAG_S:
            return 0
    stamps = _periods_apart(own, other, 1, period_us)
    return stamps if abs(stamps - arrivals) * period_us < _MAX_LATE_US else arrivals


def _periods_apart(
    own: npt.NDArray[np.float64], other: npt.NDArray[np.float64], row: int, period_us: float,
) -> int:
    """Return how far device times are apart for captures that belong together by another time."""
    partner = _nearest(other[row], own[row])
    return round(float(np.median(other[0][partner] - own[0])) / period_us)


def _slope_ppm(times_us: npt.NDArray[np.float64], values_us: npt.NDArray[np.float64]) -> float:
    """Return the slope of a line through the values, parts per million."""
    centered = times_us - times_us.mean()
    spread = float((centered * centered).sum())
    return float((centered * values_us).sum()) / spread * 1e6 if spread else 0.0
