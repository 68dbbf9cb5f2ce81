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
Lift landmarks into space.

The landmarks are derived from the true joints of a simulated person, so that no model is needed.
"""

from __future__ import annotations

from dataclasses import replace

from k4a_ros.body.joints import Joint
from k4a_ros.body.landmarks.pose_2d.blazepose import Landmarks
from k4a_ros.body.landmarks.pose_2d.crop import CropView
from k4a_ros.body.landmarks.pose_2d.crop import Region
from k4a_ros.body.landmarks.pose_3d.depth_assignment import BONES
from k4a_ros.body.landmarks.pose_3d.k4abt_joints import joints_from_landmarks
from k4a_ros.body.landmarks.pose_3d.lifting import lift
from k4a_ros.body.landmarks.pose_3d.lifting import Pose3d
from k4a_ros.body.tracker import Confidence
from k4a_ros.camera_config import DepthMode
import numpy as np
import pytest
from support.ideal_landmarks import ideal_landmarks
from support.segmentation import IMAGE_UP
from support.simulated_person import SimulatedPerson

MODES = [DepthMode.NFOV_UNBINNED, DepthMode.WFOV_2X2BINNED]
LIMB_JOINTS = [
    Joint.ELBOW_LEFT, Joint.ELBOW_RIGHT, Joint.WRIST_LEFT, Joint.WRIST_RIGHT, Joint.KNEE_LEFT,
    Joint.KNEE_RIGHT, Joint.ANKLE_LEFT, Joint.ANKLE_RIGHT]


def lifted(
    person: SimulatedPerson, landmarks: Landmarks | None = None,
    lengths: np.ndarray | None = None,
) -> Pose3d:
    """Lift landmarks, by default the ideal ones of the person."""
    pose = lift(landmarks or person.landmarks, person.view, person.person_depth, lengths)
    assert pose is not None
    return pose


def joint_errors(person: SimulatedPerson, pose: Pose3d) -> np.ndarray:
    """Return the distances of the joints from the true ones, (32,) meters."""
    positions, _ = joints_from_landmarks(pose.points, pose.confidences)
    return np.linalg.norm(positions - person.joints, axis=1)


def depth_behind_surface(person: SimulatedPerson, joint: Joint) -> float:
    column, row = np.rint(person.lens.project(person.joints[joint])[0]).astype(int)
    return float(person.joints[joint, 2] - person.depth[row, column] * 1e-3)


def test_hips_of_seated_person_are_behind_thighs() -> None:
    person = SimulatedPerson(path=((0.0, 2.2),), posture='sitting')
    pose, standing = lifted(person), SimulatedPerson(path=((0.0, 2.2),))
    hips = [Joint.HIP_LEFT, Joint.HIP_RIGHT]
    assert joint_errors(person, pose)[hips].max() < 0.08
    assert joint_errors(standing, lifted(standing))[hips].max() < 0.055
    # the thighs of who sits point to the camera
    assert (pose.points[[25, 26], 2] < pose.points[[23, 24], 2] - 0.25).all()


def test_hips_that_a_table_hides_are_where_the_trunk_leads() -> None:
    person = SimulatedPerson(path=((0.0, 2.2),), posture='at table')
    row = int(person.lens.project(person.joints[Joint.SPINE_NAVEL])[0][1])
    person.own[row:], person.depth[row:] = False, 1500
    # the model takes people at tables for leaning back
    world = person.landmarks.world.copy()
    world[[23, 24], 2] -= 0.2
    pose = lifted(person, replace(person.landmarks, world=world))
    assert (pose.confidences[[23, 24]] == Confidence.LOW).all()
    assert np.abs(pose.points[[23, 24], 2] - person.points[[23, 24], 2]).max() < 0.08


def test_hips_are_where_the_trunk_leads_although_the_lap_hides_them() -> None:
    person = SimulatedPerson(path=((0.0, 2.2),), posture='sitting')
    columns, rows = np.rint(person.lens.project(
        person.joints[[Joint.HIP_LEFT, Joint.HIP_RIGHT]])[0]).astype(int).T
    lap_mm = int(person.joints[Joint.PELVIS, 2] * 1e3) - 300
    for column, row in zip(columns, rows, strict=True):
        around = slice(row - 20, row + 20), slice(column - 20, column + 20)
        person.depth[around], person.own[around] = lap_mm, True
    pose = lifted(person)
    assert np.abs(pose.points[[23, 24], 2] - person.points[[23, 24], 2]).max() < 0.08


def test_support_is_of_the_landmarks_with_depth() -> None:
    """Black cloth has no depth, and says nothing against the person."""
    person = SimulatedPerson(path=((0.0, 2.2),))
    row = int(person.lens.project(person.joints[Joint.SPINE_NAVEL])[0][1])
    behind = SimulatedPerson(path=((0.0, 2.2),))
    person.depth[row:], person.own[row:] = 0, False
    behind.depth[row:], behind.own[row:] = 3500, False
    assert lifted(person).support > 0.8
    assert lifted(behind).support < 0.7


@pytest.mark.parametrize('mode', MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize('time_us', [0, 800_000, 2_600_000, 5_000_000])
def test_ideal_landmarks_give_joints_within_centimeters(time_us: int, mode: DepthMode) -> None:
    person = SimulatedPerson(time_us, mode)
    pose = lifted(person)
    errors = joint_errors(person, pose)
    # the ideal landmarks of the face are all at the nose
    assert (pose.confidences[11:] == Confidence.MEDIUM).sum() >= 17
    assert Confidence.HIGH not in pose.confidences
    assert np.median(errors) < 0.03
    visible = [joint for joint in LIMB_JOINTS if depth_behind_surface(person, joint) < 0.1]
    assert len(visible) >= 5
    assert errors[visible].max() < 0.08
    assert pose.support > 0.8
    assert pose.scale == pytest.approx(1.0, abs=0.06)


def test_scale_corrects_the_average_size_of_the_model() -> None:
    """The model assumes a person of average size; the depth image gives the actual one."""
    person = SimulatedPerson(0)
    small = replace(person.landmarks, world=person.landmarks.world * np.float32(0.8))
    pose = lifted(person, small)
    assert pose.scale == pytest.approx(1.25, abs=0.06)
    assert np.median(joint_errors(person, pose)) < 0.03


def test_result_does_not_depend_on_the_crop() -> None:
    """The joints are the same however the virtual camera is turned."""
    person = SimulatedPerson(800_000)
    straight = lifted(person)
    region = person.view.region
    person.view = CropView(
        Region(region.center + [0.2, -0.1, 0.3], region.radius * 1.3, 0.6), IMAGE_UP)
    turned = lifted(person, ideal_landmarks(person.points, person.view))
    assert np.abs(turned.points - straight.points).max() < 0.02


def test_self_occluded_wrist_is_low_and_at_the_length_of_its_bone() -> None:
    """A wrist behind the back: the depth image shows the trunk there."""
    person = SimulatedPerson(0, path=((0.2, 2.2),))
    points = person.points.copy()
    behind_back = points[[11, 12, 23, 24]].mean(axis=0) + [0.0, 0.12, 0.3]
    points[[16, 18, 20, 22]] += behind_back - points[16]
    # the elbow is half way, and out to the side
    points[14] = (points[12] + points[16]) / 2 + [-0.12, 0.0, 0.05]
    lengths = np.array([np.linalg.norm(points[b] - points[a]) for a, b in BONES])
    pose = lifted(person, ideal_landmarks(points, person.view), lengths)
    assert pose.confidences[16] == Confidence.LOW
    assert pose.confidences[15] == Confidence.MEDIUM
    assert np.linalg.norm(pose.points[16] - points[16]) < 0.12
    assert np.isnan(pose.lengths[BONES.index((14, 16))])
    _, confidences = joints_from_landmarks(pose.points, pose.confidences)
    assert confidences[Joint.WRIST_RIGHT] == confidences[Joint.HAND_RIGHT] == Confidence.LOW


def test_landmarks_outside_of_the_image_are_none() -> None:
    """At 0.9 m from the camera, neither feet nor knees are in the image."""
    pose = lifted(SimulatedPerson(0, path=((0.0, 0.9),)))
    _, confidences = joints_from_landmarks(pose.points, pose.confidences)
    for joint in (Joint.ANKLE_LEFT, Joint.ANKLE_RIGHT, Joint.FOOT_LEFT, Joint.FOOT_RIGHT):
        assert confidences[joint] == Confidence.NONE
    assert confidences[Joint.SPINE_CHEST] == Confidence.MEDIUM
    assert confidences[Joint.SHOULDER_LEFT] == Confidence.MEDIUM
    assert np.isfinite(pose.points).all()


def test_landmark_without_depth_is_none() -> None:
    person = SimulatedPerson(0, path=((0.0, 0.9),))
    column, row = np.rint(person.lens.project(person.points[13])[0]).astype(int)
    person.depth = person.depth.copy()
    person.depth[row - 40:row + 40, column - 40:column + 40] = 0
    assert lifted(person).confidences[13] == Confidence.NONE


def test_knees_without_depth_are_as_deep_as_the_model_estimates() -> None:
    """Not as bent as thighs would be whose length was measured a little too long."""
    person = SimulatedPerson(0, path=((0.0, 2.2),))
    knees = [25, 26]
    rows = np.rint(person.lens.project(person.points[knees])[0][:, 1]).astype(int)
    person.depth = person.depth.copy()
    person.depth[rows.min() - 60:rows.max() + 60] = 0
    lengths = np.full(len(BONES), np.nan)
    for bone in ((23, 25), (24, 26)):
        lengths[BONES.index(bone)] = 1.1 * np.linalg.norm(
            person.points[bone[1]] - person.points[bone[0]])
    pose = lifted(person, lengths=lengths)
    assert (pose.confidences[knees] == Confidence.NONE).all()
    assert np.linalg.norm(pose.points[knees] - person.points[knees], axis=1).max() < 0.06


def test_low_visibility_lowers_the_confidence() -> None:
    person = SimulatedPerson(0)
    visibility = person.landmarks.visibility.copy()
    visibility[15] = 0.2
    doubtful = lifted(person, replace(person.landmarks, visibility=visibility))
    assert lifted(person).confidences[15] == Confidence.MEDIUM
    assert doubtful.confidences[15] == Confidence.LOW


def test_wrong_bone_length_does_not_exclude_the_surface() -> None:
    """A shank whose length was measured far too short is found all the same."""
    person = SimulatedPerson(0)
    lengths = np.full(len(BONES), np.nan)
    lengths[[BONES.index((25, 27)), BONES.index((26, 28))]] = 0.2
    pose = lifted(person, lengths=lengths)
    assert (pose.confidences[[27, 28]] == Confidence.MEDIUM).all()
    errors = np.linalg.norm(pose.points[[27, 28]] - person.points[[27, 28]], axis=1)
    assert errors.max() < 0.08


def test_occluded_arm_is_not_placed_on_a_far_surface() -> None:
    """Another person, segmented as part of this one, is behind the arm."""
    person = SimulatedPerson(0, path=((0.0, 2.0),))
    points = person.points.copy()
    points[[13, 15, 17, 19, 21], 0] += 0.25
    person.depth, person.own = person.depth.copy(), person.own.copy()
    for column, row in np.rint(person.lens.project(points[[13, 15]])[0]).astype(int):
        box = slice(row - 25, row + 26), slice(column - 25, column + 26)
        person.depth[box] = np.where(person.own[box], person.depth[box], 2700)
        person.own[box] = True
    pose = lifted(person, ideal_landmarks(points, person.view))
    assert (pose.points[[13, 15], 2] < 2.4).all()


def test_table_before_the_hips_is_not_taken_for_them() -> None:
    """Pixels of a table, half a meter before the hips, are in the person's mask."""
    person = SimulatedPerson(0, path=((0.0, 2.2),))
    person.depth = person.depth.copy()
    for column, row in np.rint(person.lens.project(person.points[[23, 24]])[0]).astype(int):
        person.depth[row - 30:row + 31, column - 30:column + 31] = 1650
        person.own[row - 30:row + 31, column - 30:column + 31] = True
    pose = lifted(person)
    assert (pose.confidences[[23, 24]] == Confidence.LOW).all()
    assert np.abs(pose.points[[23, 24], 2] - person.points[[23, 24], 2]).max() < 0.1


def test_person_without_a_visible_trunk_is_not_lifted() -> None:
    person = SimulatedPerson(0)
    person.own = np.zeros_like(person.own)
    assert lift(person.landmarks, person.view, person.person_depth) is None
