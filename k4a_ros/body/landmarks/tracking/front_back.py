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
Resolve whether a person faces towards or away from the camera.

The front and the back view of a body are almost mirror images, and the model now and then takes a
back for a front: its landmarks then have left for right and near for far. The depth image tells
the two apart, and so does time: people turn, but do not flip between two images.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace
import math
from typing import Any

from k4a_ros.body.landmarks.pose_2d.blazepose import Landmarks
from k4a_ros.body.landmarks.pose_2d.blazepose import MIN_VISIBILITY
from k4a_ros.body.landmarks.pose_2d.blazepose import TRUNK
from k4a_ros.body.landmarks.pose_2d.crop import CropView
from k4a_ros.body.landmarks.pose_2d.flip_test import BODY
from k4a_ros.body.landmarks.pose_2d.flip_test import MIRROR_ORDER
from k4a_ros.body.landmarks.pose_3d.depth_sampling import DepthSampler
from k4a_ros.body.landmarks.pose_3d.depth_sampling import MIN_SAMPLES
from k4a_ros.body.landmarks.pose_3d.depth_sampling import row_medians
from k4a_ros.body.landmarks.pose_3d.depth_sampling import SURFACE_INSETS_M
from k4a_ros.body.landmarks.pose_3d.depth_sampling import WINDOWS_M
from k4a_ros.body.landmarks.segmentation.person_depth import PersonDepth
from k4a_ros.body.landmarks.vectors import perpendicular_part
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.floating[Any]]

#: landmarks that are compared in depth: nose, ears, and all below the head
_COMPARED = np.array([0, 7, 8, *range(11, 33)])
#: shoulder, elbow and wrist; ankle and toe
_ARMS, _FEET = ((11, 13, 15), (12, 14, 16)), ((27, 31), (28, 32))
_FLIP_DEPTH = np.array([1, 1, -1], np.float32)

#: larger deviations of a landmark's depth from the depth image count as this
_MAX_DEPTH_DEVIATION_M = 0.2
#: larger deviations of a landmark from its prediction in the image count as this
_MAX_DEVIATION_M = 0.3


@dataclass(frozen=True)
class _ReversalModel:
    """
    Coefficients of the log odds that landmarks have front and back reversed.

    From a logistic regression on 2,800 poses of simulated and rendered people.
    """

    bias: float = 0.4
    #: how much closer the depth image is to the reversed landmarks
    deviation_per_m: float = 65.0
    #: how far elbows are behind the line from shoulder to wrist, where they belong
    elbow_per_m: float = -64.0
    max_elbow_m: float = 0.04
    #: how far toes are in front of ankles, where they belong
    toe_per_m: float = -8.0
    max_toe_m: float = 0.1
    #: how fast the person moves forward
    walking_per_m_s: float = -6.0
    max_walking_m_s: float = 0.5
    #: added if the landmarks show a back: the model hardly ever takes a front for one
    back_view: float = -1.3


@dataclass(frozen=True)
class _FacingThresholds:
    """When the facing direction of a person is decided, and when it changes."""

    #: above this, the landmarks of a new person are reversed
    new_person_log_odds: float = 0.5
    #: minimum width of the trunk in the image that shows front or back; below, it is a profile
    min_frontal_width_m: float = 0.05
    #: the width of the trunk in a frontal view
    full_frontal_width_m: float = 0.25
    #: in profile: how much closer to the prediction the reversed landmarks must be
    min_improvement_m2: float = 0.005
    #: limit of the log odds of one image
    max_log_odds: float = 6.0
    #: share of the log odds of one image that is added to the doubt
    doubt_gain: float = 0.6
    #: the log odds, at most, of landmarks that show a front, where a face is seen as well
    face_log_odds: float = -2.0
    #: time constant of the decay of the doubt
    doubt_decay_s: float = 0.4
    #: limit of the doubt
    max_doubt: float = 3.0
    #: above this, the person faces the other way
    turn_doubt: float = 1.0


_REVERSAL, _FACING = _ReversalModel(), _FacingThresholds()


@dataclass(frozen=True)
class FacingEvidence:
    """
    What one depth image says about the facing direction of landmarks.

    ``log_odds``: that front and back are reversed; ``away``: the z of the unit vector in which the
    landmarks face, -1 (to the camera) to 1 (away from it).
    """

    log_odds: float
    away: float


@dataclass(frozen=True, eq=False)
class ViewPrediction:
    """
    What a track predicts for one view.

    ``pixels`` (33, 2): the predicted landmarks; ``unturned_pixels`` (33, 2): those of the last
    image, moved along with the trunk; ``pixels_per_meter``; ``away_speed``: of the trunk away from
    the camera, m/s; ``seconds``: since the last observation.
    """

    pixels: Vectors
    unturned_pixels: Vectors
    pixels_per_meter: float
    away_speed: float
    seconds: float


def facing_evidence(
    landmarks: Landmarks, view: CropView, person: PersonDepth, sees_face: Callable[[], bool],
) -> FacingEvidence:
    """
    Compare landmarks, and their reverse, with the depth image.

    The depth of the surface is compared with that of the landmarks; besides, elbows bend
    backwards, and toes are in front of ankles. What shows a face is no back.

    :param sees_face: asked only if that matters; it takes milliseconds.
    """
    sampler = DepthSampler(view.rays(landmarks.pixels), person)
    own, _, _ = sampler.sample(sampler.pixels, sampler.inside, WINDOWS_M)
    surface = row_medians(own)
    known = (landmarks.visibility > MIN_VISIBILITY) & ~np.isnan(surface)
    compared = _COMPARED[known[_COMPARED]]
    if len(compared) < MIN_SAMPLES:
        return FacingEvidence(0.0, 0.0)
    world = landmarks.world.astype(np.float64) @ view.rotation.T
    depths = world[compared, 2]

    def deviation(expected: Vectors) -> float:
        offsets = surface[compared] - expected
        residuals = np.abs(offsets - np.median(offsets))
        return float(np.minimum(residuals, _MAX_DEPTH_DEVIATION_M).mean())

    away = _facing_away(world, -view.rotation[:, 1])
    insets = SURFACE_INSETS_M / np.linalg.norm(sampler.rays, axis=1)
    points = sampler.rays * (surface + insets)[:, np.newaxis]
    elbows = [_bend(*points[list(arm)]) * -away for arm in _ARMS if known[list(arm)].all()]
    toes = [float(points[toe, 2] - points[ankle, 2]) * away
            for ankle, toe in _FEET if known[[ankle, toe]].all()]
    log_odds = (
        _REVERSAL.bias + _REVERSAL.deviation_per_m * (deviation(depths) - deviation(-depths))
        + _REVERSAL.elbow_per_m * _clipped_mean(elbows, _REVERSAL.max_elbow_m)
        + _REVERSAL.toe_per_m * _clipped_mean(toes, _REVERSAL.max_toe_m))
    if log_odds > 0 and _shows_front(landmarks) and sees_face():
        log_odds = _FACING.face_log_odds
    return FacingEvidence(log_odds, away)


def _facing_away(world: Vectors, up: Vectors) -> float:
    """Return the z of the unit vector in which the trunk of landmarks (33, 3) faces."""
    left = world[[11, 23]].sum(axis=0) - world[[12, 24]].sum(axis=0)
    left = perpendicular_part(left, up)
    return float(np.cross(left, up)[2] / max(float(np.linalg.norm(left)), 1e-6))


def _bend(start: Vectors, joint: Vectors, end: Vectors) -> float:
    """Return how much farther away a joint is than the line between its neighbors, meters."""
    line = end - start
    share = float((joint - start) @ line) / max(float(line @ line), 1e-6)
    return float((joint - start - share * line)[2])


def _clipped_mean(values: list[float], limit: float) -> float:
    """Return the mean, limited to both sides, 0 of no values."""
    return float(np.clip(np.mean(values), -limit, limit)) if values else 0.0


def reverse(landmarks: Landmarks) -> Landmarks:
    """Return landmarks with left and right, and near and far, exchanged."""
    return replace(
        landmarks, pixels=landmarks.pixels[MIRROR_ORDER],
        visibility=landmarks.visibility[MIRROR_ORDER],
        world=landmarks.world[MIRROR_ORDER] * _FLIP_DEPTH)


def resolve_new_person(landmarks: Landmarks, evidence: FacingEvidence) -> Landmarks:
    """Return the landmarks of a new person, reversed if they show a front that is a back."""
    reversed_view = (_shows_front(landmarks)
                     and evidence.log_odds > _FACING.new_person_log_odds)
    return reverse(landmarks) if reversed_view else landmarks


def _shows_front(landmarks: Landmarks) -> bool:
    """Return whether the left side of the trunk is right of its right side in the image."""
    sides = landmarks.world[TRUNK, 0]
    return float((sides[::2] - sides[1::2]).sum()) > 0


def mean_squared_deviation(pixels: Pixels, expected: Vectors, pixels_per_meter: float) -> float:
    """Return the mean squared distance, m², of the landmarks of the body from a prediction."""
    distances = np.linalg.norm(pixels - expected, axis=1)[BODY] / pixels_per_meter
    return float(np.square(np.minimum(distances, _MAX_DEVIATION_M)).mean())


class FacingFilter:
    """
    The facing direction of a tracked person.

    It accumulates doubt about the direction: a single image changes it only if it is very certain.
    """

    def __init__(self) -> None:
        self._doubt = 0.0

    def resolve(
        self, landmarks: Landmarks, prediction: ViewPrediction, evidence: FacingEvidence,
    ) -> tuple[Landmarks, bool]:
        """Return the landmarks, reversed if necessary, and whether the direction has changed."""
        log_odds = self._log_odds(landmarks, prediction, evidence)
        width = _signed_width(landmarks.pixels) / prediction.pixels_per_meter
        opposite = _is_opposite(landmarks, prediction, log_odds)
        # a profile is neither front nor back
        frontal = min(1.0, abs(width) / _FACING.full_frontal_width_m) ** 2
        log_odds = float(np.clip(log_odds, -_FACING.max_log_odds, _FACING.max_log_odds)) * frontal
        doubt = (math.exp(-prediction.seconds / _FACING.doubt_decay_s) * self._doubt
                 + _FACING.doubt_gain * (-log_odds if opposite else log_odds))
        turned = doubt > _FACING.turn_doubt
        self._doubt = float(np.clip(
            -doubt if turned else doubt, -_FACING.max_doubt, _FACING.max_doubt))
        return reverse(landmarks) if opposite != turned else landmarks, turned

    @staticmethod
    def _log_odds(
        landmarks: Landmarks, prediction: ViewPrediction, evidence: FacingEvidence,
    ) -> float:
        """Return the log odds of depth, walking direction and view that landmarks are reversed."""
        walking = float(np.clip(
            prediction.away_speed * evidence.away,
            -_REVERSAL.max_walking_m_s, _REVERSAL.max_walking_m_s))
        return (evidence.log_odds + _REVERSAL.walking_per_m_s * walking
                + (0.0 if _shows_front(landmarks) else _REVERSAL.back_view))


def _is_opposite(landmarks: Landmarks, prediction: ViewPrediction, log_odds: float) -> bool:
    """Return whether landmarks face the other way than predicted."""
    scale = prediction.pixels_per_meter
    width = _signed_width(landmarks.pixels) / scale
    expected_width = _signed_width(prediction.pixels) / scale
    if expected_width * _signed_width(prediction.unturned_pixels) < 0:
        # the prediction passes through a profile, which may be an error: trust the depth
        return log_odds > 0
    if min(abs(width), abs(expected_width)) > _FACING.min_frontal_width_m:
        return width * expected_width < 0
    improvement = (
        mean_squared_deviation(landmarks.pixels, prediction.pixels, scale)
        - mean_squared_deviation(landmarks.pixels[MIRROR_ORDER], prediction.pixels, scale))
    return improvement > _FACING.min_improvement_m2


def _signed_width(pixels: Pixels) -> float:
    """Return how far left shoulder and hip are to the right of the right ones, pixels."""
    return float((pixels[[11, 23], 0] - pixels[[12, 24], 0]).mean())
