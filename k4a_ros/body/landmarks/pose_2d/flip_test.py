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


"""Looking at somebody in a mirror too: what is seen both ways is more precise, or in doubt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from k4a_ros.body.landmarks.pose_2d.blazepose import INPUT_SIZE
from k4a_ros.body.landmarks.pose_2d.blazepose import LANDMARK_COUNT
from k4a_ros.body.landmarks.pose_2d.blazepose import Landmarks
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]

#: landmarks of trunk, arms and legs
BODY = slice(11, LANDMARK_COUNT)
#: pairs in the face
_FACE = ((1, 4), (2, 5), (3, 6), (7, 8), (9, 10))
#: meters, in the mean, up to which two looks have seen the same
_SAME = 0.06


def left_right_swap(*limbs: range) -> npt.NDArray[np.intp]:
    """
    Return the order of landmarks with left for right in limbs.

    :param limbs: their left landmarks; each right one follows its left one.
    """
    order = np.arange(LANDMARK_COUNT)
    for limb in limbs:
        left = np.array(limb)
        order[left], order[left + 1] = left + 1, left
    return order


#: the order of landmarks with left for right
MIRROR_ORDER = left_right_swap(range(BODY.start, LANDMARK_COUNT, 2))
for _left, _right in _FACE:
    MIRROR_ORDER[[_left, _right]] = _right, _left


def unflip(seen: Landmarks) -> Landmarks:
    """Return what was seen in a picture that was mirrored, as it is in the picture itself."""
    def turned(points: Floats, width: float) -> Floats:
        points = points.copy()
        points[..., 0] = width - points[..., 0]
        return points

    return Landmarks(
        seen.presence, turned(seen.pixels, INPUT_SIZE)[MIRROR_ORDER],
        seen.visibility[MIRROR_ORDER], turned(seen.world, 0)[MIRROR_ORDER],
        turned(seen.alignment_center, INPUT_SIZE), turned(seen.alignment_top, INPUT_SIZE))


def merge_flip_test(
    first: Landmarks, second: Landmarks, unit: float, expected: Vectors | None,
) -> Landmarks:
    """
    Return what two looks at one picture have seen.

    It is their mean if they have seen the same. If not, one of them may have taken left for right,
    or front for back: then it is the one that is nearer to what is expected, or the first.

    :param unit: pixels that a meter is.
    :param expected: (33, 2) pixels, or None.
    """
    if mean_distance(first.pixels, second.pixels) < _SAME * unit:
        return replace(
            first, pixels=(first.pixels + second.pixels) / 2,
            visibility=(first.visibility + second.visibility) / 2,
            world=(first.world + second.world) / 2)
    if expected is None or _nearest(first, expected) <= _nearest(second, expected):
        return first
    return second


def _nearest(seen: Landmarks, expected: Vectors) -> float:
    """Return how far what is seen, or its reverse, is from what is expected."""
    return min(
        mean_distance(seen.pixels[order], expected) for order in (slice(None), MIRROR_ORDER))


def mean_distance(
    pixels: npt.NDArray[np.floating[Any]], others: npt.NDArray[np.floating[Any]],
) -> float:
    """Return how far two sets of landmarks (33, 2) are apart, the mean of the body's."""
    return float(np.linalg.norm(pixels[BODY] - others[BODY], axis=1).mean())
