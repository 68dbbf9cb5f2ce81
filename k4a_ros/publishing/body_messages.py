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


"""People as messages: markers, a cloud of joints, frames."""

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

#: colors of people, by their id modulo 8: red, green, blue, yellow, magenta, cyan, black, white
#: (Microsoft's driver, k4a_ros_device.cpp)
_COLORS = (
    (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 1.0, 0.0), (1.0, 0.0, 1.0),
    (0.0, 1.0, 1.0), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
_ALPHA = {Confidence.LOW: 0.4, Confidence.MEDIUM: 1.0, Confidence.HIGH: 1.0}
#: meters: diameter of joints (Microsoft's driver), width of bones, height of labels
_JOINT, _BONE, _LABEL = 0.05, 0.02, 0.15
#: seconds after which a marker that is not renewed vanishes
_LIFETIME = 0.5
#: what a marker is called of a joint is its person's number times this, plus the joint's
_IDS = 100

#: the joints that REP 155 has names for
_FRAMES = {
    Joint.HEAD: 'head', Joint.NECK: 'neck', Joint.SPINE_CHEST: 'torso', Joint.PELVIS: 'waist',
    Joint.SHOULDER_LEFT: 'l_shoulder', Joint.ELBOW_LEFT: 'l_elbow', Joint.WRIST_LEFT: 'l_wrist',
    Joint.HIP_LEFT: 'l_hip', Joint.KNEE_LEFT: 'l_knee', Joint.ANKLE_LEFT: 'l_ankle',
    Joint.SHOULDER_RIGHT: 'r_shoulder', Joint.ELBOW_RIGHT: 'r_elbow',
    Joint.WRIST_RIGHT: 'r_wrist', Joint.HIP_RIGHT: 'r_hip', Joint.KNEE_RIGHT: 'r_knee',
    Joint.ANKLE_RIGHT: 'r_ankle'}
_TRUNK = (Joint.HEAD, Joint.NECK, Joint.SPINE_CHEST, Joint.PELVIS)
#: from the axes of k4abt's spine, x up, y forward, z left, to those of REP 103, x forward, y left,
#: z up: a third of a turn, as a quaternion w, x, y, z
_FORWARD = np.array([0.5, 0.5, 0.5, 0.5])

#: one joint in the cloud of joints
JOINT = np.dtype([
    ('x', '<f4'), ('y', '<f4'), ('z', '<f4'), ('qx', '<f4'), ('qy', '<f4'), ('qz', '<f4'),
    ('qw', '<f4'), ('body_id', '<u4'), ('joint', 'u1'), ('confidence', 'u1')])
_TYPES = {'f': PointField.FLOAT32, 'I': PointField.UINT32, 'B': PointField.UINT8}
_FIELDS = [
    PointField(name=name, offset=offset, count=1, datatype=_TYPES[kind.char])
    for name, (kind, offset, *_) in (JOINT.fields or {}).items()]


class Markers:
    """
    Makes visualization_msgs/MarkerArray of one image's people after the other.

    Each joint is a sphere in namespace 'joints' whose id is ``body_id * 100 + joint``; the bones
    and the number of a person are in 'bones' and 'labels', with ``body_id`` as id. The less a
    joint is to be believed, the more it is transparent, and one of confidence NONE is not there.
    What has vanished since the image before is deleted.

    :param frame: of the depth camera.
    """

    def __init__(self, frame: str) -> None:
        self._frame = frame
        self._shown: set[tuple[str, int]] = set()

    def of(self, bodies: BodyFrame, stamp: Time) -> MarkerArray:
        """Return the markers; none at all where there is nobody, and there was nobody."""
        markers: list[Marker] = []
        for body in bodies.bodies:
            red, green, blue = _COLORS[body.body_id % len(_COLORS)]
            colors = [
                ColorRGBA(r=red, g=green, b=blue, a=_ALPHA.get(Confidence(value), 0.0))
                for value in body.confidences.tolist()]
            points = [Point(x=x, y=y, z=z) for x, y, z in body.positions.tolist()]
            markers += self._joints(body, stamp, points, colors)
            markers.append(self._bones(body, stamp, points, colors))
            markers.append(self._label(body, stamp, points, colors))
        shown = {(marker.ns, marker.id) for marker in markers}
        markers += [self._gone(ns, number, stamp) for ns, number in sorted(self._shown - shown)]
        self._shown = shown
        return MarkerArray(markers=markers)

    def _joints(
        self, body: Body, stamp: Time, points: list[Point], colors: list[ColorRGBA],
    ) -> list[Marker]:
        markers = []
        turns = body.orientations.tolist()
        for joint in range(len(Joint)):
            if colors[joint].a == 0.0:
                continue
            marker = self._marker('joints', body.body_id * _IDS + joint, stamp, Marker.SPHERE)
            marker.pose.position = points[joint]
            turn = marker.pose.orientation
            turn.w, turn.x, turn.y, turn.z = turns[joint]
            marker.scale.x = marker.scale.y = marker.scale.z = _JOINT
            marker.color = colors[joint]
            markers.append(marker)
        return markers

    def _bones(
        self, body: Body, stamp: Time, points: list[Point], colors: list[ColorRGBA],
    ) -> Marker:
        marker = self._marker('bones', body.body_id, stamp, Marker.LINE_LIST)
        marker.scale.x = _BONE
        ends = [joint for bone in BONES if all(colors[end].a for end in bone) for joint in bone]
        marker.points = [points[joint] for joint in ends]
        marker.colors = [colors[joint] for joint in ends]
        return marker

    def _label(
        self, body: Body, stamp: Time, points: list[Point], colors: list[ColorRGBA],
    ) -> Marker:
        marker = self._marker('labels', body.body_id, stamp, Marker.TEXT_VIEW_FACING)
        head, color = points[Joint.HEAD], colors[Joint.HEAD]
        marker.pose.position = Point(x=head.x, y=head.y - 2 * _LABEL, z=head.z)
        marker.scale.z = _LABEL
        marker.color = ColorRGBA(r=color.r, g=color.g, b=color.b, a=1.0)
        marker.text = str(body.body_id)
        return marker

    def _marker(self, namespace: str, number: int, stamp: Time, kind: int) -> Marker:
        marker = Marker(ns=namespace, id=number, type=kind)
        marker.header.frame_id = self._frame
        marker.header.stamp = stamp
        marker.lifetime.nanosec = int(_LIFETIME * 1e9)
        marker.pose.orientation.w = 1.0
        return marker

    def _gone(self, namespace: str, number: int, stamp: Time) -> Marker:
        marker = self._marker(namespace, number, stamp, Marker.SPHERE)
        marker.action = Marker.DELETE
        return marker


def joint_cloud(frame: str, bodies: BodyFrame, stamp: Time) -> PointCloud2:
    """
    Return all joints of all people for programs: a row for each person, a column for each joint.

    Fields as in `JOINT`: position in meters and orientation in the depth camera's frame, the
    person's id, the joint's number and its confidence, as in `Body`.
    """
    joints = np.zeros((len(bodies.bodies), len(Joint)), JOINT)
    for row, body in zip(joints, bodies.bodies, strict=True):
        row['x'], row['y'], row['z'] = body.positions.T
        row['qw'], row['qx'], row['qy'], row['qz'] = body.orientations.T
        row['body_id'] = body.body_id
        row['joint'] = range(len(Joint))
        row['confidence'] = body.confidences
    message = PointCloud2(
        height=len(joints), width=len(Joint), point_step=JOINT.itemsize,
        row_step=JOINT.itemsize * len(Joint), is_bigendian=False, is_dense=True,
        fields=_FIELDS,
        data=joints.tobytes())
    message.header.frame_id = frame
    message.header.stamp = stamp
    return message


def body_frames(frame: str, prefix: str, bodies: BodyFrame, stamp: Time) -> TFMessage:
    """
    Return the frames of people (REP 155): body_ID at the pelvis, the joints' below it.

    body_ID and the joints of the trunk have x forward, y left and z up; those of the limbs the
    axes of k4abt. Joints of confidence NONE are left out.

    :param frame: of the depth camera.
    :param prefix: put in front of each name.
    """
    transforms = []
    for body in bodies.bodies:
        positions = body.positions.astype(np.float64)
        turns = body.orientations.astype(np.float64)
        root = f'{prefix}body_{body.body_id}'
        origin, turn = positions[Joint.PELVIS], _product(turns[Joint.PELVIS], _FORWARD)
        transforms.append(_transform(frame, root, stamp, origin, turn))
        back = turn * (1, -1, -1, -1)
        for joint, name in _FRAMES.items():
            if body.confidences[joint] == Confidence.NONE:
                continue
            own = _product(turns[joint], _FORWARD) if joint in _TRUNK else turns[joint]
            transforms.append(_transform(
                root, f'{prefix}{name}_{body.body_id}', stamp,
                _rotated(back, positions[joint] - origin), _product(back, own)))
    return TFMessage(transforms=transforms)


def _transform(
    parent: str, child: str, stamp: Time, origin: npt.NDArray[np.float64],
    turn: npt.NDArray[np.float64],
) -> TransformStamped:
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = parent
    message.header.stamp = stamp
    place, rotation = message.transform.translation, message.transform.rotation
    place.x, place.y, place.z = origin.tolist()
    rotation.w, rotation.x, rotation.y, rotation.z = turn.tolist()
    return message


def _product(
    a: npt.NDArray[np.float64], b: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return the product of two quaternions w, x, y, z: first b, then a."""
    return np.concatenate([
        [a[0] * b[0] - a[1:] @ b[1:]], a[0] * b[1:] + b[0] * a[1:] + np.cross(a[1:], b[1:])])


def _rotated(
    turn: npt.NDArray[np.float64], vector: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return a vector rotated by a unit quaternion w, x, y, z."""
    across = np.cross(turn[1:], vector)
    result: npt.NDArray[np.float64] = vector + 2 * (
        turn[0] * across + np.cross(turn[1:], across))
    return result
