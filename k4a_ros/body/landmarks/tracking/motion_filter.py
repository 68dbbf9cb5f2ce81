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

"""Filter the landmarks of a person over time: attenuate noise and outliers, predict motion."""

from __future__ import annotations

from dataclasses import dataclass

from k4a_ros.body.landmarks.pose_2d.blazepose import LANDMARK_COUNT
from k4a_ros.body.landmarks.pose_2d.blazepose import TRUNK
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Noise:
    """Standard deviations of the filter, and its limits."""

    #: of a landmark across the line of sight, by `Confidence`: NONE, LOW, MEDIUM
    across_m: tuple[float, float, float] = (0.08, 0.04, 0.02)
    #: the same along the line of sight, where the position of a hidden landmark is a guess
    along_m: tuple[float, float, float] = (0.2, 0.08, 0.025)
    #: of the acceleration of limbs
    limb_acceleration_m_s2: float = 30.0
    #: of the acceleration of the trunk, which is heavier
    trunk_acceleration_m_s2: float = 8.0
    #: of the initial speed
    speed_m_s: float = 1.0
    #: measurements that deviate by more standard deviations than this are outliers
    outlier_sigmas: float = 3.0
    #: the filter restarts after a longer gap between measurements
    max_gap_s: float = 0.3
    #: lower limit of the depth of a landmark
    min_depth_m: float = 0.1


_NOISE = _Noise()
_ACROSS_M, _ALONG_M = np.array(_NOISE.across_m), np.array(_NOISE.along_m)
_ACCELERATIONS = np.full((LANDMARK_COUNT, 1), _NOISE.limb_acceleration_m_s2)
_ACCELERATIONS[TRUNK] = _NOISE.trunk_acceleration_m_s2


class MotionFilter:
    """
    A Kalman filter of constant velocity for each landmark.

    The weight of an outlier falls with its deviation (Huber, "Robust Statistics", 1981: the cost
    of a deviation grows linearly, not quadratically), so that a limb confused with another in one
    image does not jump, while one that stays at its new place is followed. The state is direction
    (x/z, y/z) and depth (z), as their errors differ.
    """

    def __init__(self) -> None:
        self._updated_us = 0
        self._state: Vectors | None = None
        self._speed = np.zeros(0)
        # variances of position and speed, and their covariance
        self._pp = self._pv = self._vv = np.zeros(0)

    def predict(self, now_us: int) -> Vectors | None:
        """Return where the landmarks will be at a time, (33, 3) meters; None if unknown."""
        seconds = (now_us - self._updated_us) * 1e-6
        if self._state is None or not 0 <= seconds < _NOISE.max_gap_s:
            return None
        return _to_points(self._state + self._speed * seconds)

    def update(
        self, points: Vectors, confidences: npt.NDArray[np.uint8], now_us: int,
    ) -> Vectors:
        """
        Add a measurement, and return the filtered landmarks, (33, 3) meters.

        :param points: (33, 3) meters in the depth camera's frame.
        :param confidences: (33,) of `Confidence`.
        """
        depth = np.maximum(points[:, 2:], _NOISE.min_depth_m)
        measured = np.concatenate((points[:, :2] / depth, depth), axis=1)
        scale = np.concatenate((1 / depth, 1 / depth, np.ones_like(depth)), axis=1)
        across, along = _ACROSS_M[confidences], _ALONG_M[confidences]
        variance = np.square(scale * np.stack((across, across, along), axis=1))
        seconds = (now_us - self._updated_us) * 1e-6
        self._updated_us = now_us
        if self._state is None or not 0 < seconds < _NOISE.max_gap_s:
            self._state, self._speed = measured, np.zeros_like(measured)
            self._pp, self._pv = variance, np.zeros_like(variance)
            self._vv = np.square(_NOISE.speed_m_s * scale)
            return points
        noise = np.square(_ACCELERATIONS * scale)
        state = self._state + self._speed * seconds
        pp = (self._pp + 2 * seconds * self._pv + seconds ** 2 * self._vv
              + noise * seconds ** 4 / 4)
        pv = self._pv + seconds * self._vv + noise * seconds ** 3 / 2
        vv = self._vv + noise * seconds ** 2
        innovation = measured - state
        sigmas = np.sqrt(np.square(innovation) / (pp + variance)).max(axis=1, keepdims=True)
        # inflate the standard deviation of an outlier until it is no outlier
        inflation = np.maximum(sigmas / _NOISE.outlier_sigmas, 1.0)
        total = (pp + variance) * np.square(inflation)
        gain, speed_gain = pp / total, pv / total
        self._state = state + gain * innovation
        self._speed = self._speed + speed_gain * innovation
        self._pp, self._pv, self._vv = pp - gain * pp, pv - gain * pv, vv - speed_gain * pv
        return _to_points(self._state)


def _to_points(state: Vectors) -> Vectors:
    """Return directions and depths (N, 3) as points, meters."""
    points: Vectors = np.concatenate((state[:, :2] * state[:, 2:], state[:, 2:]), axis=1)
    return points
