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
Which way somebody faces.

A picture of a body is almost that of its reverse, with left for right and near for far, and the
model takes a back for a front now and then. The depth image tells which it is, and time: people
turn, but do not jump.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace
import math
from typing import Any

from k4a_ros.body.landmarks.pose_2d.blazepose import Landmarks
from k4a_ros.body.landmarks.pose_2d.blazepose import TRUNK
from k4a_ros.body.landmarks.pose_2d.crop import CropView
from k4a_ros.body.landmarks.pose_2d.flip_test import MIRROR_ORDER
from k4a_ros.body.landmarks.pose_3d.depth_sampling import DepthSampler
from k4a_ros.body.landmarks.pose_3d.depth_sampling import MIN_SAMPLES
from k4a_ros.body.landmarks.pose_3d.depth_sampling import row_medians
from k4a_ros.body.landmarks.pose_3d.depth_sampling import SURFACE_INSETS_M
from k4a_ros.body.landmarks.pose_3d.depth_sampling import WINDOWS_M
from k4a_ros.body.landmarks.segmentation.person_depth import PersonDepth
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]

#: visibility below which a landmark is a guess
_VISIBLE = 0.5
#: meters, the most that a depth counts as off
_MOST_OFF = 0.2
#: landmarks that are compared in depth: of the face, the nose and the ears
_COMPARED = np.array([0, 7, 8, *range(11, 33)])
_ARMS, _FEET = ((11, 13, 15), (12, 14, 16)), ((27, 31), (28, 32))
#: Logarithm of the odds that a look has front and back reversed, from a logistic regression on
#: 2,800 looks at simulated and rendered people: without other evidence; for each meter by which
#: the reverse goes better with the depth; by which elbows are behind the line from shoulder to
#: wrist, as they are; by which toes are before the ankles; and for each m/s ahead. And the most
#: meters, and m/s, that count.
_NONE, _DEVIATION, _ELBOWS, _TOES, _WALK = 0.4, 65.0, -64.0, -8.0, -6.0
_MOST_ELBOWS, _MOST_TOES, _MOST_WALK = 0.04, 0.1, 0.5
#: the model takes a back for a front, but hardly ever a front for a back
_BACK = -1.3
#: odds from which on somebody new is reversed
_SURE = 0.5
#: meters from right to left across the picture from which on it is a front or a back, and which is
#: all of a trunk; the most that an image's odds count
_SIDE, _WHOLE, _MOST = 0.05, 0.25, 6.0
#: m² by which the reverse has to be nearer to what is expected of somebody seen from the side
_BETTER = 0.005
#: What of an image's odds is added to the doubt, the seconds after which 1 / e of that is left,
#: its bounds, and from which on he is taken to face the other way.
_SHARE, _KEPT, _BOUND, _TURN = 0.6, 0.4, 3.0, 1.0
#: meters, the most that a landmark counts as off
_OFF = 0.3
_REVERSE = np.array([1, 1, -1], np.float32)


@dataclass(frozen=True)
class Reversal:
    """
    Whether a look at somebody has front and back reversed, by the depth.

    ``odds``: the logarithm of the odds that it has; ``away``: how far away from the camera he
    faces, in the direction of sight, -1 to 1, as the look has it.
    """

    odds: float
    away: float


def reversal(
    seen: Landmarks, view: CropView, person: PersonDepth,
) -> Reversal:
    """
    Return whether a look has front and back reversed.

    The depth is compared with the model's and with that of its reverse; and elbows point back,
    toes ahead. Parameters are those of `k4a_ros.body.landmarks.pose_3d.lifting.lift`.
    """
    probes = DepthSampler(view.rays(seen.pixels), person)
    own, _, _ = probes.sample(probes.pixels, probes.inside, WINDOWS_M)
    surface = row_medians(own)
    known = (seen.visibility > _VISIBLE) & ~np.isnan(surface)
    use = _COMPARED[known[_COMPARED]]
    if len(use) < MIN_SAMPLES:
        return Reversal(0.0, 0.0)
    world = seen.world.astype(np.float64) @ view.rotation.T
    depths = world[use, 2]

    def deviation(expected: Vectors) -> float:
        off = surface[use] - expected
        return float(np.minimum(np.abs(off - np.median(off)), _MOST_OFF).mean())

    away = _away(world, -view.rotation[:, 1])
    insets = SURFACE_INSETS_M / np.linalg.norm(probes.rays, axis=1)
    points = probes.rays * (surface + insets)[:, np.newaxis]
    back = [_bend(*points[list(arm)]) * -away for arm in _ARMS if known[list(arm)].all()]
    ahead = [float(points[toe, 2] - points[ankle, 2]) * away
             for ankle, toe in _FEET if known[[ankle, toe]].all()]
    return Reversal(
        _NONE + _DEVIATION * (deviation(depths) - deviation(-depths))
        + _ELBOWS * _mean(back, _MOST_ELBOWS) + _TOES * _mean(ahead, _MOST_TOES), away)


def _away(world: Vectors, up: Vectors) -> float:
    """Return how far away from the camera a trunk faces: the z of the unit vector ahead."""
    left = world[[11, 23]].sum(axis=0) - world[[12, 24]].sum(axis=0)
    left = left - (left @ up) * up
    return float(np.cross(left, up)[2] / max(float(np.linalg.norm(left)), 1e-6))


def _bend(first: Vectors, joint: Vectors, last: Vectors) -> float:
    """Return how much farther away a joint is than the line between its neighbors, meters."""
    line = last - first
    share = float((joint - first) @ line) / max(float(line @ line), 1e-6)
    return float((joint - first - share * line)[2])


def _mean(values: list[float], most: float) -> float:
    return float(np.clip(np.mean(values), -most, most)) if values else 0.0


def reverse(seen: Landmarks) -> Landmarks:
    """Return landmarks with left for right and near for far."""
    return replace(
        seen, pixels=seen.pixels[MIRROR_ORDER], visibility=seen.visibility[MIRROR_ORDER],
        world=seen.world[MIRROR_ORDER] * _REVERSE)


def straight(seen: Landmarks, evidence: Reversal) -> Landmarks:
    """Return landmarks of somebody new with front for back, if the depth says so."""
    return reverse(seen) if _shows_front(seen) and evidence.odds > _SURE else seen


def _shows_front(seen: Landmarks) -> bool:
    sides = seen.world[TRUNK, 0]
    return float((sides[::2] - sides[1::2]).sum()) > 0


def distance(
    pixels: npt.NDArray[np.floating[Any]], expected: Vectors, unit: float,
) -> float:
    """
    Return how far landmarks are from where they are expected, m², the mean of the body's.

    :param pixels: (33, 2), ``expected`` as well; ``unit``: pixels that a meter is.
    """
    off = np.linalg.norm(pixels - expected, axis=1)[11:] / unit
    return float(np.square(np.minimum(off, _OFF)).mean())


class Facing:
    """
    Which way somebody faces who is followed.

    It remembers how much has spoken against it: one image is believed only if it is very sure.
    """

    def __init__(self) -> None:
        self._doubt = 0.0

    def settle(
        self, seen: Landmarks, expected: Vectors, before: Vectors, unit: float,
        evidence: Reversal, speed: float, seconds: float,
    ) -> tuple[Landmarks, bool]:
        """
        Return what is seen with front and back as before, and whether he faces the other way.

        :param expected: (33, 2) pixels, where the landmarks are expected.
        :param before: (33, 2) pixels, where they would be if he had not turned.
        :param unit: pixels that a meter is.
        :param speed: m/s away from the camera: people walk ahead.
        :param seconds: since he was seen last.
        """
        walk = float(np.clip(speed * evidence.away, -_MOST_WALK, _MOST_WALK))
        odds = evidence.odds + _WALK * walk + (0.0 if _shows_front(seen) else _BACK)
        now, then = _side(seen.pixels) / unit, _side(expected) / unit
        if then * _side(before) < 0:
            # he may be about to turn his other side to the camera, or seem to: the depth tells
            opposite = odds > 0
        elif min(abs(now), abs(then)) > _SIDE:
            opposite = now * then < 0
        else:
            opposite = distance(seen.pixels, expected, unit) - distance(
                seen.pixels[MIRROR_ORDER], expected, unit) > _BETTER
        # from the side there is neither front nor back
        odds = float(np.clip(odds, -_MOST, _MOST)) * min(1.0, abs(now) / _WHOLE) ** 2
        doubt = math.exp(-seconds / _KEPT) * self._doubt + _SHARE * (-odds if opposite else odds)
        turned = doubt > _TURN
        self._doubt = float(np.clip(-doubt if turned else doubt, -_BOUND, _BOUND))
        return reverse(seen) if opposite != turned else seen, turned


def _side(pixels: npt.NDArray[np.floating[Any]]) -> float:
    """Return how far left shoulder and hip are to the right of the right ones in a picture."""
    return float((pixels[[11, 23], 0] - pixels[[12, 24], 0]).mean())
