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

"""Decide which landmarks are reliable, from the evidence that speaks against them."""

from __future__ import annotations

from dataclasses import dataclass
import math

import cv2
from k4a_ros.body.landmarks.pose_2d.blazepose import LANDMARK_COUNT
from k4a_ros.body.landmarks.pose_2d.blazepose import TRUNK
from k4a_ros.body.landmarks.pose_3d.depth_sampling import SURFACE_INSETS_M
from k4a_ros.body.landmarks.pose_3d.lifting import Pose3d
from k4a_ros.body.landmarks.segmentation.person_depth import PersonDepth
from k4a_ros.body.tracker import Confidence
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]

_ALL = np.arange(LANDMARK_COUNT)
#: shoulders, hips and legs: thick enough to cover the pixel at their middle, as arms are not
_THICK = np.isin(_ALL, (11, 12)) | (_ALL >= 23)


@dataclass(frozen=True)
class _LogOdds:
    """
    The log-odds that a landmark is within 100 mm of the truth: what it starts with, and penalties.

    The coefficients of a logistic regression over rendered and simulated people, with and without
    clothes, in crowds (seeds 602 and 611 with NFOV_UNBINNED, 601 and 612 with WFOV_2X2BINNED) and
    in the fixed and the random scenes of benchmark/bodies.py (seed 603, WFOV_2X2BINNED), each of
    these sets with the same weight.
    """

    #: last landmark of each kind, and what the kind starts with: face, ears, mouth, shoulders,
    #: elbows, wrists, little fingers, index fingers, thumbs, hips, knees, ankles, feet
    starts: tuple[tuple[int, float], ...] = (
        (6, 9.20), (8, 5.88), (10, 6.50), (12, 5.71), (14, 4.89), (16, 4.63), (18, 5.27),
        (20, 5.24), (22, 4.40), (24, 2.64), (26, 4.50), (28, 5.26), (32, 5.25))
    #: per meter between the landmark in this image and where the images before predict it
    surprise_per_m: float = 10.64
    #: the most that counts, and what counts in a person's first image
    max_surprise_m: float = 0.3
    first_surprise_m: float = 0.05
    #: per meter that it is in front of the surface at its pixel, where nothing holds it; and the
    #: most that counts
    in_front_per_m: float = 8.43
    max_in_front_m: float = 0.2
    #: if the model is sure that it is hidden
    hidden: float = 4.82
    #: at the outline of somebody else, and the distance at which 1/e of that is left
    neighbor: float = 2.05
    neighbor_reach_m: float = 0.1
    #: per unit of the logarithm of the cost of the fit, relative to a typical one; costs up to the
    #: good one are as good
    per_log_cost: float = 0.91
    typical_cost: float = 50.0
    good_cost: float = 10.0
    #: per unit of the logarithm of how much shorter the trunk is, between shoulders and hips, than
    #: this, that of a small child: it is seen wrongly
    per_log_length: float = 6.46
    short_trunk_m: float = 0.36
    #: log-odds from which on a landmark is reliable, a probability of 0.88: in a cross-validation
    #: over the seeds, 97 to 98 % of such joints of people in clothes are within 100 mm, and 98 to
    #: 99 % of the other sets
    reliable: float = 2.0


_LOG_ODDS = _LogOdds()
_LAST, _OF_KIND = np.array(_LOG_ODDS.starts).T
_START = _OF_KIND[np.searchsorted(_LAST, _ALL)]


def agreed_confidences(
    lifted: Pose3d, fitted: Pose3d, filtered: Vectors, expected: Vectors | None,
    person: PersonDepth,
) -> npt.NDArray[np.uint8]:
    """
    Return the confidences (33,) of filtered landmarks, MEDIUM only where they are reliable.

    Measured landmarks become LOW where the evidence against them adds up, or where shoulders, hips
    and legs are outside of the person's pixels, behind another surface.

    :param filtered: (33, 3) meters, the landmarks after the motion filter.
    :param expected: (33, 3) meters, where the motion filter predicted them; None in a person's
        first image.
    """
    pixels, valid = person.lens.project(filtered)
    columns, rows = np.rint(np.where(valid[:, np.newaxis], pixels, -1)).astype(np.int64).T
    height, width = person.own.shape
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    rows, columns = rows * inside, columns * inside
    odds = _START - _person_doubt(fitted.fit_cost, filtered)
    surprise = (_LOG_ODDS.first_surprise_m if expected is None
                else np.linalg.norm(lifted.points - expected, axis=1))
    odds = odds - _LOG_ODDS.surprise_per_m * np.minimum(surprise, _LOG_ODDS.max_surprise_m)
    odds -= _LOG_ODDS.hidden * (1 - fitted.visibility)
    surface = person.depth[rows, columns] * 1e-3
    in_front = np.where(surface > 0, surface + SURFACE_INSETS_M - filtered[:, 2], 0.0)
    odds -= _LOG_ODDS.in_front_per_m * np.clip(in_front, 0.0, _LOG_ODDS.max_in_front_m)
    odds -= _LOG_ODDS.neighbor * np.exp(
        -_distances_to_others(rows, columns, filtered, person) / _LOG_ODDS.neighbor_reach_m)
    reliable = (odds >= _LOG_ODDS.reliable) & (
        ~_THICK | (inside & person.own[rows, columns]))
    confidences: npt.NDArray[np.uint8] = fitted.confidences.copy()
    confidences[~reliable & (confidences == Confidence.MEDIUM)] = Confidence.LOW
    return confidences


def _person_doubt(fit_cost: float, points: Vectors) -> float:
    """Return what all landmarks of a person lose, for the cost of the fit and the trunk's size."""
    left_shoulder, right_shoulder, left_hip, right_hip = points[TRUNK]
    length = float(np.linalg.norm(left_shoulder + right_shoulder - left_hip - right_hip)) / 2
    return (_LOG_ODDS.per_log_cost * math.log(
        max(fit_cost, _LOG_ODDS.good_cost) / _LOG_ODDS.typical_cost)
            + _LOG_ODDS.per_log_length * max(
                math.log(_LOG_ODDS.short_trunk_m / max(length, 1e-3)), 0.0))


def _distances_to_others(
    rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], points: Vectors,
    person: PersonDepth,
) -> Vectors:
    """Return how far pixels are from those of other people, (33,) meters at the trunk's depth."""
    free = person.own | person.unassigned
    if free.all():
        return np.full(len(rows), np.inf)
    # every second row and column is enough
    distances = cv2.distanceTransform(free[::2, ::2].astype(np.uint8), cv2.DIST_L2, 3)
    meters: Vectors = distances[rows // 2, columns // 2] * (
        2 * float(points[TRUNK, 2].mean()) / person.lens.fx)
    return meters
