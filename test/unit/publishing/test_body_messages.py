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

"""Messages of tracked people: markers and their deletion, the cloud of joints, TF frames."""

from __future__ import annotations

from builtin_interfaces.msg import Time
from k4a_ros.body.joints import BONES
from k4a_ros.body.joints import Joint
from k4a_ros.body.tracker import BACKGROUND
from k4a_ros.body.tracker import Body
from k4a_ros.body.tracker import BodyFrame
from k4a_ros.body.tracker import Confidence
from k4a_ros.publishing.body_messages import body_transforms
from k4a_ros.publishing.body_messages import joint_cloud
from k4a_ros.publishing.body_messages import JOINT_DTYPE
from k4a_ros.publishing.body_messages import Markers
import numpy as np
import pytest
from visualization_msgs.msg import Marker

STAMP = Time(sec=3, nanosec=4)
#: axes of k4abt's spine for a person who stands upright and faces the camera, as columns, in the
#: frame of the depth camera: x up is -y, y forward is -z, z to the person's left is +x
FACING = np.array([[0, 0, 1], [-1, 0, 0], [0, -1, 0]], np.float64)


def quaternion(matrix: np.ndarray) -> np.ndarray:
    """Return the quaternion w, x, y, z of a rotation matrix whose trace is 0."""
    w = np.sqrt(1 + np.trace(matrix)) / 2
    differences = matrix - matrix.T
    return np.array([w, *np.array([differences[2, 1], differences[0, 2], differences[1, 0]])
                     / (4 * w)])


def matrix(rotation: object) -> np.ndarray:
    """Return the rotation matrix of a geometry_msgs/Quaternion."""
    w, x, y, z = (getattr(rotation, name) for name in 'wxyz')
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + 2 * (w * cross + cross @ cross)


def body(body_id: int, confidence: Confidence = Confidence.MEDIUM, **others: Confidence) -> Body:
    """
    Return a person whose joint j is at (0.01 j, 0, 2) in meters, and turned as in FACING.

    :param others: confidences of joints, by name.
    """
    positions = np.zeros((len(Joint), 3), np.float32)
    positions[:, 0] = 0.01 * np.arange(len(Joint))
    positions[:, 2] = 2.0
    confidences = np.full(len(Joint), confidence, np.uint8)
    for name, value in others.items():
        confidences[Joint[name]] = value
    orientations = np.tile(quaternion(FACING), (len(Joint), 1)).astype(np.float32)
    return Body(body_id, positions, orientations, confidences)


def frame(*bodies: Body) -> BodyFrame:
    return BodyFrame(1, bodies, np.full((2, 2), BACKGROUND, np.uint8))


def test_each_person_has_spheres_bones_and_a_label() -> None:
    message = Markers('depth').update(frame(body(9)), STAMP)
    spheres = [m for m in message.markers if m.ns == 'joints']
    assert [m.id for m in spheres] == [900 + joint for joint in Joint]
    assert spheres[5].pose.position.x == pytest.approx(0.05)
    bones, label = (m for m in message.markers if m.ns != 'joints')
    assert (bones.ns, bones.id, bones.type) == ('bones', 9, Marker.LINE_LIST)
    assert len(bones.points) == len(bones.colors) == 2 * len(BONES)
    assert (label.ns, label.id, label.text) == ('labels', 9, '9')
    for marker in message.markers:
        assert marker.action == Marker.ADD
        assert (marker.header.frame_id, marker.header.stamp) == ('depth', STAMP)
    color = spheres[0].color  # of 9 modulo 8
    assert (color.r, color.g, color.b, color.a) == (0.0, 1.0, 0.0, 1.0)


def test_opacity_shows_confidence() -> None:
    """A joint of confidence NONE has no sphere, and no bone ends there."""
    message = Markers('depth').update(
        frame(body(1, HEAD=Confidence.LOW, HAND_LEFT=Confidence.NONE)), STAMP)
    spheres = {m.id - 100: m for m in message.markers if m.ns == 'joints'}
    assert set(spheres) == set(Joint) - {Joint.HAND_LEFT}
    assert spheres[Joint.HEAD].color.a == pytest.approx(0.4)
    (bones,) = (m for m in message.markers if m.ns == 'bones')
    visible = [bone for bone in BONES if Joint.HAND_LEFT not in bone]
    assert len(bones.points) == 2 * len(visible) < 2 * len(BONES)


def test_markers_that_are_gone_are_deleted_once() -> None:
    markers = Markers('depth')
    markers.update(frame(body(1), body(2)), STAMP)
    message = markers.update(frame(body(2, FOOT_LEFT=Confidence.NONE)), STAMP)
    deleted = {(m.ns, m.id) for m in message.markers if m.action == Marker.DELETE}
    assert deleted == {('bones', 1), ('labels', 1), ('joints', 200 + Joint.FOOT_LEFT),
                       *(('joints', 100 + joint) for joint in Joint)}
    assert not [m for m in markers.update(
        frame(body(2, FOOT_LEFT=Confidence.NONE)), STAMP).markers if m.action == Marker.DELETE]


def test_cloud_has_a_row_for_each_person() -> None:
    people = body(7, NOSE=Confidence.LOW), body(4_000_000_000)
    message = joint_cloud('depth', frame(*people), STAMP)
    assert (message.height, message.width) == (2, len(Joint))
    assert [f.name for f in message.fields] == list(JOINT_DTYPE.names)
    joints = np.frombuffer(message.data, JOINT_DTYPE).reshape(2, len(Joint))
    for row, person in zip(joints, people, strict=True):
        np.testing.assert_array_equal(np.stack([row[n] for n in 'xyz'], -1), person.positions)
        np.testing.assert_array_equal(
            np.stack([row[n] for n in ('qw', 'qx', 'qy', 'qz')], -1), person.orientations)
        np.testing.assert_array_equal(row['confidence'], person.confidences)
        assert (row['body_id'] == person.body_id).all()
        assert row['joint'].tolist() == list(Joint)


def test_cloud_without_people_is_empty() -> None:
    message = joint_cloud('depth', frame(), STAMP)
    assert (message.height, message.width, len(message.data)) == (0, len(Joint), 0)


def test_frames_of_the_trunk_have_the_axes_of_rep_103() -> None:
    """A person who faces the camera looks along -z, has the left hand at +x and the head at -y."""
    root, *joints = body_transforms('depth', 'k_', frame(body(3)), STAMP).transforms
    assert (root.header.frame_id, root.child_frame_id) == ('depth', 'k_body_3')
    np.testing.assert_allclose(
        matrix(root.transform.rotation), np.array([[0, 1, 0], [0, 0, -1], [-1, 0, 0]]),
        atol=1e-6)
    by_name = {t.child_frame_id: t for t in joints}
    assert {t.header.frame_id for t in joints} == {'k_body_3'}
    assert len(by_name) == len(Joint)
    assert {'k_torso_3', 'k_waist_3', 'k_l_elbow_3', 'k_r_hand_3', 'k_head_3'} <= set(by_name)
    np.testing.assert_allclose(
        matrix(by_name['k_head_3'].transform.rotation), np.eye(3), atol=1e-6)
    # a joint 0.06 m to the right of the image is to the left of the person, which is +y
    elbow = by_name['k_l_elbow_3'].transform
    assert [elbow.translation.x, elbow.translation.y, elbow.translation.z] == pytest.approx(
        [0.0, 0.01 * Joint.ELBOW_LEFT, 0.0], abs=1e-6)
    # limbs keep the axes of k4abt
    np.testing.assert_allclose(
        matrix(root.transform.rotation) @ matrix(elbow.rotation), FACING, atol=1e-6)


def test_joints_without_confidence_have_no_frame() -> None:
    transforms = body_transforms('depth', '', frame(body(3, NOSE=Confidence.NONE)), STAMP)
    names = {t.child_frame_id for t in transforms.transforms}
    assert 'nose_3' not in names and 'head_3' in names
