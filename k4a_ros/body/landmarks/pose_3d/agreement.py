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

"""Lower the confidence of landmarks about which the evidence disagrees."""

from __future__ import annotations

from dataclasses import dataclass

from k4a_ros.body.landmarks.pose_2d.blazepose import LANDMARK_COUNT
from k4a_ros.body.landmarks.pose_3d.lifting import Pose3d
from k4a_ros.body.landmarks.segmentation.person_depth import PersonDepth
from k4a_ros.body.tracker import Confidence
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_ALL = np.arange(LANDMARK_COUNT)
_ARMS = (_ALL >= 13) & (_ALL < 23)
_LEGS = _ALL >= 25
_THUMBS = np.isin(_ALL, (21, 22))
_SHOULDERS, _HIPS = np.isin(_ALL, (11, 12)), np.isin(_ALL, (23, 24))
#: wrists and ankles, and the landmarks that are where these are, or nowhere
_FOLLOWERS = ((15, (17, 19, 21)), (16, (18, 20, 22)), (27, (29, 31)), (28, (30, 32)))


@dataclass(frozen=True)
class _Agreement:
    """
    When a landmark is disputed: distances from which on it has two places, and a visibility.

    Chosen on the scenes of benchmark/bodies.py; the shares are those of wrong joints, more than
    100 mm off, above and below the distance.
    """

    #: from where the model and the depth image have a limb to where it fits the person's surface:
    #: 38 % (knees) to 84 % (ankles), and 2 to 4 %
    max_limb_fit_m: float = 0.07
    #: the same of a hip: 48 %, and 9 %
    max_hip_fit_m: float = 0.05
    #: visibility up to which a thumb is a guess of the model: 18 %, and 7 %
    min_thumb_visibility: float = 0.85
    #: from the place in this image to that in the images before: 25 %, and 4 %
    max_jump_m: float = 0.02


_AGREEMENT = _Agreement()


def agreed_confidences(
    lifted: Pose3d, fitted: Pose3d, filtered: Vectors, person: PersonDepth,
) -> npt.NDArray[np.uint8]:
    """
    Return the confidences (33,) of filtered landmarks, MEDIUM only where nothing disputes it.

    Landmarks become LOW where the model, the surface and earlier images disagree about the place,
    and where legs, hips and shoulders are outside of the person's pixels, behind another surface.
    Thin arms often are outside of them by a pixel, which says nothing. Hands and feet are as
    uncertain as wrists and ankles, and thumbs need to be seen clearly.

    :param filtered: (33, 3) meters, the landmarks after the motion filter.
    """
    moved = np.linalg.norm(fitted.points - lifted.points, axis=1)
    disputed = (_ARMS | _LEGS) & (moved > _AGREEMENT.max_limb_fit_m)
    disputed |= _HIPS & (moved > _AGREEMENT.max_hip_fit_m)
    body = _ARMS | _LEGS | _HIPS | _SHOULDERS
    jump = np.linalg.norm(filtered - fitted.points, axis=1)
    disputed |= body & (jump > _AGREEMENT.max_jump_m)
    disputed |= _THUMBS & (fitted.visibility < _AGREEMENT.min_thumb_visibility)
    disputed |= (_LEGS | _HIPS | _SHOULDERS) & ~_is_own(filtered, person)
    confidences: npt.NDArray[np.uint8] = fitted.confidences.copy()
    confidences[disputed & (confidences == Confidence.MEDIUM)] = Confidence.LOW
    for joint, followers in _FOLLOWERS:
        confidences[list(followers)] = np.minimum(
            confidences[list(followers)], max(confidences[joint], Confidence.LOW))
    return confidences


def _is_own(points: Vectors, person: PersonDepth) -> Mask:
    """Return which points (N, 3) are in the direction of a pixel that shows the person."""
    pixels, valid = person.lens.project(points)
    height, width = person.own.shape
    columns, rows = np.rint(np.where(valid[:, np.newaxis], pixels, -1)).astype(np.int64).T
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    own: Mask = inside & person.own[rows * inside, columns * inside]
    return own
