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

"""Lower the confidence of landmarks of a simulated person whose evidence disagrees."""

from __future__ import annotations

from dataclasses import replace
import math

from k4a_ros.body.landmarks.pose_3d.agreement import agreed_confidences
from k4a_ros.body.landmarks.pose_3d.lifting import Pose3d
from k4a_ros.body.landmarks.segmentation.person_depth import PersonDepth
from k4a_ros.body.tracker import Confidence
import numpy as np
import pytest
from support.fitting import FittedPerson

RIGHT_WRIST, RIGHT_ANKLE = 16, 28
#: the near ones of this person, who is seen from the right
RIGHT_HAND, RIGHT_FOOT = [16, 18, 20, 22], [28, 30, 32]
#: of fits that explain the surface well, and less well
GOOD_COST, FAIR_COST = 50.0, 90.0
#: of a landmark that may be hidden, and more so
LESS_VISIBLE, HALF_VISIBLE = 0.8, 0.65


@pytest.fixture(scope='module')
def person() -> FittedPerson:
    return FittedPerson()


@pytest.fixture
def pose(person: FittedPerson) -> Pose3d:
    return replace(person.pose(person.points, visibility=1.0), fit_cost=GOOD_COST)


def confidences(
    pose: Pose3d, person: FittedPerson | PersonDepth, *, expected: np.ndarray | None = None,
) -> np.ndarray:
    depth = person.person_depth if isinstance(person, FittedPerson) else person
    return agreed_confidences(
        pose, pose, pose.points, pose.points if expected is None else expected, depth)


def moved(points: np.ndarray, landmarks: int | list[int], offset: list[float]) -> np.ndarray:
    points = points.copy()
    points[landmarks] += offset
    return points


def test_agreeing_evidence_keeps_confidences(person: FittedPerson, pose: Pose3d) -> None:
    pose.confidences[:2] = Confidence.LOW, Confidence.NONE
    found = confidences(pose, person)
    np.testing.assert_array_equal(found[:11], pose.confidences[:11])
    # the far arm and leg of a person in profile are hidden by the near ones, but not off the mask
    assert (found[11:] == Confidence.MEDIUM).mean() > 0.8


def test_person_in_first_image_has_reliable_joints(person: FittedPerson, pose: Pose3d) -> None:
    found = agreed_confidences(pose, pose, pose.points, None, person.person_depth)
    assert (found == Confidence.MEDIUM).mean() > 0.5


def test_hand_where_images_before_did_not_have_it_is_low(
    person: FittedPerson, pose: Pose3d,
) -> None:
    pose = replace(pose, fit_cost=FAIR_COST)
    before = confidences(pose, person)
    found = confidences(
        pose, person, expected=moved(pose.points, RIGHT_HAND, [0.3, 0.0, 0.0]))
    assert (before[RIGHT_HAND] == Confidence.MEDIUM).all()
    assert set(np.flatnonzero(found != before)) == set(RIGHT_HAND)
    assert (found[RIGHT_HAND] == Confidence.LOW).all()


def test_hidden_hand_is_low(person: FittedPerson, pose: Pose3d) -> None:
    pose.visibility[RIGHT_HAND] = 0.2
    assert (confidences(pose, person)[RIGHT_HAND] == Confidence.LOW).all()


def test_wrist_in_front_of_everything_is_low(person: FittedPerson, pose: Pose3d) -> None:
    pose = replace(pose, fit_cost=FAIR_COST)
    pose.visibility[RIGHT_WRIST] = LESS_VISIBLE
    assert confidences(pose, person)[RIGHT_WRIST] == Confidence.MEDIUM
    points = pose.points.copy()
    points[RIGHT_WRIST] *= 1 - 0.2 / points[RIGHT_WRIST, 2]
    found = confidences(replace(pose, points=points), person)
    assert found[RIGHT_WRIST] == Confidence.LOW


def test_person_whose_fit_explains_little_is_less_reliable(
    person: FittedPerson, pose: Pose3d,
) -> None:
    pose.visibility[:] = HALF_VISIBLE
    good = confidences(pose, person) == Confidence.MEDIUM
    bad = confidences(replace(pose, fit_cost=300.0), person) == Confidence.MEDIUM
    assert bad.sum() < good.sum() - 10
    assert not (bad & ~good).any()


def test_person_without_a_fit_has_no_reliable_joint(person: FittedPerson, pose: Pose3d) -> None:
    found = confidences(replace(pose, fit_cost=math.inf), person)
    assert (found == Confidence.LOW).all()


def test_hips_and_hands_of_a_crushed_trunk_are_low(person: FittedPerson, pose: Pose3d) -> None:
    points = pose.points.copy()
    points[[11, 12], 1] += 0.25
    found = confidences(replace(pose, points=points, fit_cost=FAIR_COST), person)
    assert (found[[15, 16, 23, 24]] == Confidence.LOW).all()


def test_wrist_beside_a_neighbor_is_low(person: FittedPerson, pose: Pose3d) -> None:
    alone = person.person_depth
    pose = replace(pose, fit_cost=FAIR_COST)
    pose.visibility[RIGHT_WRIST] = LESS_VISIBLE
    assert confidences(pose, alone)[RIGHT_WRIST] == Confidence.MEDIUM
    pixel, _ = alone.lens.project(pose.points[[RIGHT_WRIST]])
    column, row = np.rint(pixel[0]).astype(int)
    unassigned = alone.unassigned.copy()
    unassigned[row - 9:row + 10, column - 9:column + 10] = False
    beside = replace(alone, unassigned=unassigned)
    assert confidences(pose, beside)[RIGHT_WRIST] == Confidence.LOW


def test_leg_off_the_mask_is_low_with_its_foot(person: FittedPerson, pose: Pose3d) -> None:
    points = moved(pose.points, RIGHT_FOOT, [0.0, -1.0, -1.0])
    found = confidences(replace(pose, points=points), person)
    assert (found[RIGHT_FOOT] == Confidence.LOW).all()


def test_landmark_behind_camera_is_low(person: FittedPerson, pose: Pose3d) -> None:
    points = pose.points.copy()
    points[RIGHT_ANKLE] = 0.0, 0.0, -1.0
    assert confidences(replace(pose, points=points), person)[RIGHT_ANKLE] == Confidence.LOW


def test_hand_out_of_view_stays_none(person: FittedPerson, pose: Pose3d) -> None:
    pose.confidences[RIGHT_HAND] = Confidence.NONE
    assert (confidences(pose, person)[RIGHT_HAND] == Confidence.NONE).all()
