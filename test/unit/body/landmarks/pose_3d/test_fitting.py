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

"""Fit the limbs of a simulated person to the person's surface."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from k4a_ros.body.landmarks.pose_3d.depth_assignment import BONES
from k4a_ros.body.landmarks.pose_3d.fitting import fit_limbs
from k4a_ros.body.landmarks.pose_3d.lifting import Pose3d
from k4a_ros.body.tracker import Confidence
import numpy as np
import pytest
from support.fitting import FittedPerson

UNKNOWN = np.full(len(BONES), np.nan)
LEGS = [25, 26, 27, 28, 31, 32]
PERSON = FittedPerson()


@pytest.fixture
def person() -> FittedPerson:
    return PERSON


def fit(person: FittedPerson, pose: Pose3d, expected: np.ndarray | None = None) -> Pose3d:
    return fit_limbs(pose, person.cloud, UNKNOWN, expected)


def errors(person: FittedPerson, points: np.ndarray) -> np.ndarray:
    """Return the distances of landmarks from the true ones, (33,) meters."""
    return np.linalg.norm(points - person.points, axis=1)


def with_low_confidence(pose: Pose3d, landmarks: list[int]) -> Pose3d:
    confidences = pose.confidences.copy()
    confidences[landmarks] = Confidence.LOW
    return replace(pose, confidences=confidences)


def test_true_pose_stays_in_place(person: FittedPerson) -> None:
    found = fit(person, person.pose(person.points))
    assert errors(person, found.points).max() < 0.06


def test_merged_legs_are_separated_by_expected_positions(person: FittedPerson) -> None:
    """From the side, the model may put both legs where one of them is."""
    wrong = person.points.copy()
    wrong[[26, 28, 30, 32]] = wrong[[25, 27, 29, 31]] + [0.01, 0, 0.02]
    pose = with_low_confidence(person.pose(wrong, 0.4), [26, 28, 30, 32])
    found = fit(person, pose, person.points - [0.05, 0.0, 0.0])
    assert errors(person, wrong)[LEGS].max() > 0.3
    assert errors(person, found.points)[LEGS].max() < 0.1


def test_toes_behind_the_ankle_are_moved_ahead(person: FittedPerson) -> None:
    """From behind, the heel is measured where the model puts the toes."""
    wrong = person.points.copy()
    wrong[[31, 32]] = 2 * wrong[[27, 28]] - wrong[[31, 32]]
    found = fit(person, person.pose(wrong))
    assert errors(person, wrong)[[31, 32]].min() > 0.25
    assert errors(person, found.points)[[31, 32]].max() < 0.1


def test_occluded_arm_is_moved_out_of_the_trunk(person: FittedPerson) -> None:
    """Seen from the side, the far arm is estimated too near."""
    wrong = person.points.copy()
    far_arm = ([14, 16, 18, 20, 22] if person.points[12, 2] > person.points[11, 2]
               else [13, 15, 17, 19, 21])
    wrist = far_arm[1]
    inward = person.points[[11, 12, 23, 24]].mean(axis=0) - person.points[wrist]
    wrong[far_arm[1:]] += 0.7 * inward * [1, 0, 1]
    found = fit(person, with_low_confidence(person.pose(wrong, 0.2), far_arm))
    assert errors(person, wrong)[wrist] > 0.2
    assert errors(person, found.points)[wrist] < 0.13


@pytest.mark.parametrize(('visibility', 'stays'), [(0.99, True), (0.9, False)])
def test_furniture_in_the_mask_does_not_attract_a_foot_that_is_seen_clearly(
        person: FittedPerson, visibility: float, *, stays: bool) -> None:
    random = np.random.default_rng(1)
    below_knee = person.cloud[:, 1] > person.points[[25, 26], 1].mean()
    cabinet = person.points[31] + [0.25, 0.0, 0.0]
    cabinet = cabinet + random.uniform(-0.1, 0.1, (300, 3)) * [0, 1, 1]
    pose = person.pose(person.points, visibility)
    found = fit_limbs(
        pose, np.concatenate((person.cloud[~below_knee], cabinet)), UNKNOWN, None)
    assert bool(errors(person, found.points)[LEGS].max() < 0.08) == stays


def test_clothes_at_the_hips_do_not_turn_thighs_without_depth() -> None:
    """Of black trousers nothing is measured; a jacket ends in front of the hips."""
    person = FittedPerson(path=((0.0, 2.4),))
    below_hips = person.cloud[:, 1] - person.points[[23, 24], 1].mean()
    jacket = person.cloud[(below_hips < 0.1) & (below_hips > -0.05)] - [0.0, 0.0, 0.06]
    pose = person.pose(person.points)
    confidences = pose.confidences.copy()
    confidences[LEGS] = Confidence.NONE
    found = fit_limbs(
        replace(pose, confidences=confidences),
        np.concatenate((person.cloud[below_hips < -0.05], jacket)), UNKNOWN, None)
    assert len(jacket) > 10
    assert errors(person, found.points)[LEGS].max() < 0.05


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_random_start_stays_near_the_person(seed: int) -> None:
    person = PERSON  # a fixture would not be allowed with hypothesis
    random = np.random.default_rng(seed)
    wrong = person.points + random.normal(0, 0.3, (33, 3))
    wrong[:, 2] = np.maximum(wrong[:, 2], 0.3)
    found = fit_limbs(
        person.pose(wrong, float(random.uniform())), person.cloud,
        np.where(random.uniform(size=len(BONES)) < 0.5, np.nan, 0.3), None)
    assert np.isfinite(found.points).all()
    assert errors(person, found.points).max() < 2.0
