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
The flip test: estimate landmarks in the mirrored crop too, and merge both estimates.

Where both agree, their mean is more precise; where they do not, one of them is wrong.
"""

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

#: landmarks of trunk, arms and legs, without those of the face
BODY = slice(11, LANDMARK_COUNT)
#: left and right landmarks
_PAIRS = ((1, 4), (2, 5), (3, 6), (7, 8), (9, 10),
          *((left, left + 1) for left in range(BODY.start, LANDMARK_COUNT, 2)))
#: the permutation that swaps left and right of all landmarks
MIRROR_ORDER: npt.NDArray[np.intp] = np.arange(LANDMARK_COUNT)
for _left, _right in _PAIRS:
    MIRROR_ORDER[[_left, _right]] = _right, _left
#: mean distance up to which two estimates agree
_MAX_DISAGREEMENT_M = 0.06


def unflip(seen: Landmarks) -> Landmarks:
    """Return landmarks estimated in the mirrored crop as they are in the crop itself."""
    def mirrored(points: Floats, width: float) -> Floats:
        points = points.copy()
        points[..., 0] = width - points[..., 0]
        return points

    return Landmarks(
        presence=seen.presence,
        pixels=mirrored(seen.pixels, INPUT_SIZE)[MIRROR_ORDER],
        visibility=seen.visibility[MIRROR_ORDER],
        world=mirrored(seen.world, 0)[MIRROR_ORDER],
        alignment_center=mirrored(seen.alignment_center, INPUT_SIZE),
        alignment_top=mirrored(seen.alignment_top, INPUT_SIZE))


def merge_flip_test(
    first: Landmarks, second: Landmarks, pixels_per_meter: float, expected: Vectors | None,
) -> Landmarks:
    """
    Merge the landmarks estimated in a crop and, unflipped, in the mirrored crop.

    Return their mean if they agree. If not, one of them may have confused left and right, or front
    and back: return the one closer to the expected pixels, or the first without those.

    :param expected: (33, 2) pixels predicted from earlier images, None if there are none.
    """
    if mean_distance(first.pixels, second.pixels) < _MAX_DISAGREEMENT_M * pixels_per_meter:
        half = np.float32(0.5)
        return replace(
            first, pixels=(first.pixels + second.pixels) * half,
            visibility=(first.visibility + second.visibility) * half,
            world=(first.world + second.world) * half)
    if expected is None or (
            mean_distance(first.pixels, expected) <= mean_distance(second.pixels, expected)):
        return first
    return second


def mean_distance(
    pixels: npt.NDArray[np.floating[Any]], others: npt.NDArray[np.floating[Any]],
) -> float:
    """Return the mean distance between two sets of landmarks (33, 2) without the face, pixels."""
    return float(np.linalg.norm(pixels[BODY] - others[BODY], axis=1).mean())
