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

"""Tracked people as ROS messages: markers, a cloud of joints, TF frames."""

from __future__ import annotations

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point
from geometry_msgs.msg import TransformStamped
from k4a_ros.body.joints import BONES
from k4a_ros.body.joints import Joint
from k4a_ros.body.tracker import Body
from k4a_ros.body.tracker import BodyFrame
from k4a_ros.body.tracker import Confidence
import numpy as np
import numpy.typing as npt
from sensor_msgs.msg import PointCloud2
from sensor_msgs.msg import PointField
from std_msgs.msg import ColorRGBA
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker
from visualization_msgs.msg import MarkerArray

#: color of a person, by body_id modulo 8: red, green, blue, yellow, magenta, cyan, black, white
#: (Microsoft's driver, k4a_ros_device.cpp)
_BODY_COLORS = (
    (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 1.0, 0.0), (1.0, 0.0, 1.0),
    (0.0, 1.0, 1.0), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
#: opacity of a joint by its confidence; joints of confidence NONE have no marker
_ALPHA = {Confidence.LOW: 0.4, Confidence.MEDIUM: 1.0, Confidence.HIGH: 1.0}
#: the diameter is that of Microsoft's driver
_JOINT_DIAMETER_M, _BONE_WIDTH_M, _LABEL_HEIGHT_M = 0.05, 0.02, 0.15
#: time after which viewers remove a marker that is not updated
_LIFETIME_S = 0.5
#: range of marker ids that each person has in the namespace of joints
_IDS_PER_BODY = 100

#: REP 155 names these otherwise than k4abt
_REP155_NAMES = {Joint.SPINE_CHEST: 'torso', Joint.PELVIS: 'waist'}
#: joints whose frames have the axes of REP 103
_TRUNK = (Joint.HEAD, Joint.NECK, Joint.SPINE_CHEST, Joint.SPINE_NAVEL, Joint.PELVIS)
#: rotation from the axes of k4abt's spine (x up, y forward, z left) to those of REP 103
#: (x forward, y left, z up): 120 degrees, quaternion w, x, y, z
_K4ABT_TO_REP103 = np.array([0.5, 0.5, 0.5, 0.5])

#: layout of one joint in the cloud of joints
JOINT_DTYPE = np.dtype([
    ('x', '<f4'), ('y', '<f4'), ('z', '<f4'), ('qx', '<f4'), ('qy', '<f4'), ('qz', '<f4'),
    ('qw', '<f4'), ('body_id', '<u4'), ('joint', 'u1'), ('confidence', 'u1')])
_FIELD_TYPES = {'f': PointField.FLOAT32, 'I': PointField.UINT32, 'B': PointField.UINT8}
_FIELDS = [
    PointField(name=name, offset=offset, count=1, datatype=_FIELD_TYPES[kind.char])
    for name, (kind, offset, *_) in (JOINT_DTYPE.fields or {}).items()]


class Markers:
    """
    Renders people as visualization_msgs/MarkerArray.

    Each joint is a sphere in namespace 'joints' with the id ``body_id * 100 + joint``; the bones
    and the id of a person are in 'bones' and 'labels', with ``body_id`` as marker id. Joints of
    low confidence are semi-transparent, those of confidence NONE have no marker. Markers of the
    previous frame that are gone are deleted.

    :param frame: TF frame of the depth camera.
    """

    def __init__(self, frame: str) -> None:
        self._frame = frame
        # (namespace, id) of the markers of the previous frame
        self._previous: set[tuple[str, int]] = set()

    def update(self, bodies: BodyFrame, stamp: Time) -> MarkerArray:
        """Return the markers of the next frame, including deletions since the previous one."""
        markers: list[Marker] = []
        for body in bodies.bodies:
            red, green, blue = _BODY_COLORS[body.body_id % len(_BODY_COLORS)]
            colors = [
                ColorRGBA(r=red, g=green, b=blue, a=_ALPHA.get(Confidence(value), 0.0))
                for value in body.confidences.tolist()]
            points = [Point(x=x, y=y, z=z) for x, y, z in body.positions.tolist()]
            markers += self._joints(body, stamp, points, colors)
            markers.append(self._bones(body, stamp, points, colors))
            markers.append(self._label(body, stamp, points, colors))
        current = {(marker.ns, marker.id) for marker in markers}
        markers += [self._deletion(namespace, marker_id, stamp)
                    for namespace, marker_id in sorted(self._previous - current)]
        self._previous = current
        return MarkerArray(markers=markers)

    def _joints(
        self, body: Body, stamp: Time, points: list[Point], colors: list[ColorRGBA],
    ) -> list[Marker]:
        markers = []
        orientations = body.orientations.tolist()
        for joint in range(len(Joint)):
            if colors[joint].a == 0.0:
                continue
            marker_id = body.body_id * _IDS_PER_BODY + joint
            marker = self._marker('joints', marker_id, stamp, Marker.SPHERE)
            marker.pose.position = points[joint]
            rotation = marker.pose.orientation
            rotation.w, rotation.x, rotation.y, rotation.z = orientations[joint]
            marker.scale.x = marker.scale.y = marker.scale.z = _JOINT_DIAMETER_M
            marker.color = colors[joint]
            markers.append(marker)
        return markers

    def _bones(
        self, body: Body, stamp: Time, points: list[Point], colors: list[ColorRGBA],
    ) -> Marker:
        marker = self._marker('bones', body.body_id, stamp, Marker.LINE_LIST)
        marker.scale.x = _BONE_WIDTH_M
        ends = [joint for bone in BONES if all(colors[end].a for end in bone) for joint in bone]
        marker.points = [points[joint] for joint in ends]
        marker.colors = [colors[joint] for joint in ends]
        return marker

    def _label(
        self, body: Body, stamp: Time, points: list[Point], colors: list[ColorRGBA],
    ) -> Marker:
        marker = self._marker('labels', body.body_id, stamp, Marker.TEXT_VIEW_FACING)
        head, color = points[Joint.HEAD], colors[Joint.HEAD]
        marker.pose.position = Point(x=head.x, y=head.y - 2 * _LABEL_HEIGHT_M, z=head.z)
        marker.scale.z = _LABEL_HEIGHT_M
        marker.color = ColorRGBA(r=color.r, g=color.g, b=color.b, a=1.0)
        marker.text = str(body.body_id)
        return marker

    def _marker(self, namespace: str, marker_id: int, stamp: Time, kind: int) -> Marker:
        marker = Marker(ns=namespace, id=marker_id, type=kind)
        marker.header.frame_id = self._frame
        marker.header.stamp = stamp
        marker.lifetime.nanosec = int(_LIFETIME_S * 1e9)
        marker.pose.orientation.w = 1.0
        return marker

    def _deletion(self, namespace: str, marker_id: int, stamp: Time) -> Marker:
        marker = self._marker(namespace, marker_id, stamp, Marker.SPHERE)
        marker.action = Marker.DELETE
        return marker


def joint_cloud(frame: str, bodies: BodyFrame, stamp: Time) -> PointCloud2:
    """
    Return all joints of all people: one row for each person, one column for each joint.

    Fields as in `JOINT_DTYPE`, with the values of `Body`: position in meters and orientation in
    the frame of the depth camera, body_id, `Joint` and `Confidence`.

    :param frame: TF frame of the depth camera.
    """
    joints = np.zeros((len(bodies.bodies), len(Joint)), JOINT_DTYPE)
    for row, body in zip(joints, bodies.bodies, strict=True):
        row['x'], row['y'], row['z'] = body.positions.T
        row['qw'], row['qx'], row['qy'], row['qz'] = body.orientations.T
        row['body_id'] = body.body_id
        row['joint'] = range(len(Joint))
        row['confidence'] = body.confidences
    message = PointCloud2(
        height=len(joints), width=len(Joint), point_step=JOINT_DTYPE.itemsize,
        row_step=JOINT_DTYPE.itemsize * len(Joint), is_bigendian=False, is_dense=True,
        fields=_FIELDS, data=joints.tobytes())
    message.header.frame_id = frame
    message.header.stamp = stamp
    return message


def _frame_name(joint: Joint) -> str:
    """Return the name of a joint's frame: as in REP 155, such as l_elbow for ELBOW_LEFT."""
    name, _, side = joint.name.lower().rpartition('_')
    if side in ('left', 'right'):
        return f'{side[0]}_{name}'
    return _REP155_NAMES.get(joint, joint.name.lower())


_FRAME_NAMES = {joint: _frame_name(joint) for joint in Joint}


def body_transforms(frame: str, prefix: str, bodies: BodyFrame, stamp: Time) -> TFMessage:
    """
    Return the TF frames of people (REP 155): body_ID at the pelvis, with all joints below it.

    body_ID and the joints of the trunk have x forward, y left and z up; limbs and the face have
    the axes of k4abt. Joints of confidence NONE have no frame.

    :param frame: TF frame of the depth camera.
    :param prefix: prepended to each frame name.
    """
    transforms = []
    for body in bodies.bodies:
        positions = body.positions.astype(np.float64)
        orientations = body.orientations.astype(np.float64)
        root = f'{prefix}body_{body.body_id}'
        root_origin = positions[Joint.PELVIS]
        root_rotation = _product(orientations[Joint.PELVIS], _K4ABT_TO_REP103)
        transforms.append(_transform(frame, root, stamp, root_origin, root_rotation))
        to_root = root_rotation * (1, -1, -1, -1)  # the inverse
        for joint, name in _FRAME_NAMES.items():
            if body.confidences[joint] == Confidence.NONE:
                continue
            rotation = orientations[joint]
            if joint in _TRUNK:
                rotation = _product(rotation, _K4ABT_TO_REP103)
            transforms.append(_transform(
                root, f'{prefix}{name}_{body.body_id}', stamp,
                _rotate(to_root, positions[joint] - root_origin), _product(to_root, rotation)))
    return TFMessage(transforms=transforms)


def _transform(
    parent: str, child: str, stamp: Time, origin: npt.NDArray[np.float64],
    quaternion: npt.NDArray[np.float64],
) -> TransformStamped:
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = parent
    message.header.stamp = stamp
    translation, rotation = message.transform.translation, message.transform.rotation
    translation.x, translation.y, translation.z = origin.tolist()
    rotation.w, rotation.x, rotation.y, rotation.z = quaternion.tolist()
    return message


def _product(
    a: npt.NDArray[np.float64], b: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return the product of two quaternions w, x, y, z: the rotation by b, followed by a."""
    return np.concatenate([
        [a[0] * b[0] - a[1:] @ b[1:]], a[0] * b[1:] + b[0] * a[1:] + np.cross(a[1:], b[1:])])


def _rotate(
    quaternion: npt.NDArray[np.float64], vector: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return a vector rotated by a unit quaternion w, x, y, z."""
    across = np.cross(quaternion[1:], vector)
    result: npt.NDArray[np.float64] = vector + 2 * (
        quaternion[0] * across + np.cross(quaternion[1:], across))
    return result
