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


"""How the landmarks of somebody move: what cannot be is left out, what is in doubt predicted."""

from __future__ import annotations

from k4a_ros.body.landmarks.pose_2d.blazepose import LANDMARK_COUNT
from k4a_ros.body.landmarks.pose_2d.blazepose import TRUNK
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]

#: Standard deviations of landmarks by `Confidence` (NONE, LOW, MEDIUM), meters: across the line of
#: sight, where the picture tells them, and along it, where those that are hidden are guessed.
_ACROSS = np.array([0.08, 0.04, 0.02])
_ALONG = np.array([0.2, 0.08, 0.025])
#: the same of an acceleration, m/s², of one second's, of limbs and of the trunk, which is heavier;
#: and of the speed of somebody new, m/s
_ACCELERATIONS = np.full((LANDMARK_COUNT, 1), 30.0)
_ACCELERATIONS[TRUNK] = 8.0
_SPEED = 1.0
#: standard deviations from which on a measurement counts as one that is so much worse
_FAR = 3.0
#: seconds after which what is known is of no use any more
_OLD = 0.3


class Motion:
    """
    Where landmarks are and how fast: a Kalman filter of constant velocity for each.

    What is far from where it is expected counts less, the farther the less, until it has stayed
    there: a limb that is taken for another in one image does not jump (Huber, "Robust Statistics",
    1981: a deviation counts by its size, not its square). It is done in directions and depth, as
    the errors of the two differ.
    """

    def __init__(self) -> None:
        self._now_us = 0
        self._state: Vectors | None = None
        self._speed = self._pp = self._pv = self._vv = np.zeros(0)

    def expected(self, now_us: int) -> Vectors | None:
        """Return where the landmarks will be at a time, (33, 3) meters; None if unknown."""
        seconds = (now_us - self._now_us) * 1e-6
        if self._state is None or not 0 <= seconds < _OLD:
            return None
        return _points(self._state + self._speed * seconds)

    def take(
        self, points: Vectors, confidences: npt.NDArray[np.uint8], now_us: int,
    ) -> Vectors:
        """
        Return where landmarks are that have been measured at a time, (33, 3) meters.

        :param points: (33, 3) meters in the depth camera's frame, ``confidences`` (33,).
        """
        depth = np.maximum(points[:, 2:], 0.1)
        measured = np.concatenate((points[:, :2] / depth, depth), axis=1)
        scale = np.concatenate((1 / depth, 1 / depth, np.ones_like(depth)), axis=1)
        across, along = _ACROSS[confidences], _ALONG[confidences]
        variance = np.square(scale * np.stack((across, across, along), axis=1))
        seconds = (now_us - self._now_us) * 1e-6
        self._now_us = now_us
        if self._state is None or not 0 < seconds < _OLD:
            self._state, self._speed = measured, np.zeros_like(measured)
            self._pp, self._pv = variance, np.zeros_like(variance)
            self._vv = np.square(_SPEED * scale)
            return points
        noise = np.square(_ACCELERATIONS * scale)
        state = self._state + self._speed * seconds
        pp = (self._pp + 2 * seconds * self._pv + seconds ** 2 * self._vv
              + noise * seconds ** 4 / 4)
        pv = self._pv + seconds * self._vv + noise * seconds ** 3 / 2
        vv = self._vv + noise * seconds ** 2
        off = measured - state
        deviation = np.sqrt(np.square(off) / (pp + variance)).max(axis=1, keepdims=True)
        # as if measured worse by so much that it is no more than far
        worse = np.maximum(deviation / _FAR, 1.0)
        total = (pp + variance) * np.square(worse)
        gain, gain_speed = pp / total, pv / total
        self._state = state + gain * off
        self._speed = self._speed + gain_speed * off
        self._pp, self._pv, self._vv = pp - gain * pp, pv - gain * pv, vv - gain_speed * pv
        return _points(self._state)


def _points(state: Vectors) -> Vectors:
    points: Vectors = np.concatenate((state[:, :2] * state[:, 2:], state[:, 2:]), axis=1)
    return points
