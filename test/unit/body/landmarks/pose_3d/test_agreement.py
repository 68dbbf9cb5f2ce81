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

from k4a_ros.body.landmarks.pose_3d.agreement import agreed_confidences
from k4a_ros.body.landmarks.pose_3d.lifting import Pose3d
from k4a_ros.body.tracker import Confidence
import numpy as np
import pytest
from support.fitting import FittedPerson

LEFT_HIP, LEFT_WRIST, RIGHT_ANKLE, NOSE = 23, 15, 28, 0
RIGHT_FOOT = [28, 30, 32]


@pytest.fixture(scope='module')
def person() -> FittedPerson:
    return FittedPerson()


@pytest.fixture
def pose(person: FittedPerson) -> Pose3d:
    return person.pose(person.points)


def moved(points: np.ndarray, landmark: int, x: float) -> np.ndarray:
    points = points.copy()
    points[landmark, 0] += x
    return points


def test_agreeing_evidence_keeps_confidences(person: FittedPerson, pose: Pose3d) -> None:
    pose.confidences[:2] = Confidence.LOW, Confidence.NONE
    found = agreed_confidences(pose, pose, pose.points, person.person_depth)
    np.testing.assert_array_equal(found[:11], pose.confidences[:11])
    # the far arm and leg of a person in profile are hidden by the near ones, but not off the mask
    assert (found[11:] == Confidence.MEDIUM).mean() > 0.8


def test_limb_moved_by_fit_is_low(person: FittedPerson, pose: Pose3d) -> None:
    before = agreed_confidences(pose, pose, pose.points, person.person_depth)
    found = agreed_confidences(
        replace(pose, points=moved(pose.points, LEFT_WRIST, 0.08)), pose, pose.points,
        person.person_depth)
    assert before[LEFT_WRIST] == Confidence.MEDIUM
    assert set(np.flatnonzero(found != before)) == {15, 17, 19, 21}
    assert (found[[15, 17, 19, 21]] == Confidence.LOW).all()


def test_face_moved_by_fit_keeps_confidence(person: FittedPerson, pose: Pose3d) -> None:
    found = agreed_confidences(
        replace(pose, points=moved(pose.points, NOSE, 0.2)), pose, pose.points,
        person.person_depth)
    assert found[NOSE] == Confidence.MEDIUM


def test_hip_that_jumps_is_low(person: FittedPerson, pose: Pose3d) -> None:
    found = agreed_confidences(
        pose, replace(pose, points=moved(pose.points, LEFT_HIP, 0.03)), pose.points,
        person.person_depth)
    assert found[LEFT_HIP] == Confidence.LOW


def test_leg_off_the_mask_is_low_with_its_foot(person: FittedPerson, pose: Pose3d) -> None:
    points = pose.points.copy()
    points[RIGHT_FOOT] += [0.0, 0.0, -1.0]  # in another direction, as it is off the axis
    points[RIGHT_FOOT, 1] -= 1.0
    shown = replace(pose, points=points)
    found = agreed_confidences(shown, shown, points, person.person_depth)
    assert (found[RIGHT_FOOT] == Confidence.LOW).all()


def test_landmark_behind_camera_is_low(person: FittedPerson, pose: Pose3d) -> None:
    points = pose.points.copy()
    points[RIGHT_ANKLE] = 0.0, 0.0, -1.0
    shown = replace(pose, points=points)
    found = agreed_confidences(shown, shown, points, person.person_depth)
    assert found[RIGHT_ANKLE] == Confidence.LOW


def test_hand_out_of_view_stays_none(person: FittedPerson, pose: Pose3d) -> None:
    pose.confidences[[15, 17, 19, 21]] = Confidence.NONE
    found = agreed_confidences(pose, pose, pose.points, person.person_depth)
    assert (found[[15, 17, 19, 21]] == Confidence.NONE).all()


def test_thumb_that_is_hardly_seen_is_low(person: FittedPerson, pose: Pose3d) -> None:
    pose.visibility[[21, 22]] = 0.9, 0.8
    found = agreed_confidences(pose, pose, pose.points, person.person_depth)
    wrists = found[[15, 16]]
    assert found[21] == wrists[0]
    assert found[22] == Confidence.LOW
    assert wrists[1] == Confidence.MEDIUM
