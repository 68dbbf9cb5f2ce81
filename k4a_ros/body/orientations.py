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
Joint orientations from joint positions, in k4abt's conventions.

Axes of the joints, left and right being the person's own (recovered from recorded output of the
Body Tracking SDK 1.1, with a median error of 0.1° in pelvis, spine, shoulders, elbows, hips and
knees, 3° in head, ankles and feet, and 4° in clavicles):

- pelvis, spine and neck: x towards the next joint, upward; y forward; z to the left. The pelvis' z
  runs from hip to hip, the chest's along the clavicles;
- head: x up, y forward, z left; nose and right ear have the same orientation, the eyes are rotated
  by 90° about z, the left ear by 180°;
- arms: x along the bone, outward in the left arm, towards the body in the right arm; z of shoulder
  and elbow along the hinge axis of the elbow. A clavicle's z points down on the left side and up
  on the right;
- legs: x along the bone, towards the body in the left leg, outward in the right leg; z of hip and
  knee along the hinge axis of the knee, an ankle's perpendicular to shank and foot; a foot is
  rotated by 90° about z from its ankle.

Positions do not determine how far a forearm is twisted about its own axis, and the thumb, which
could tell, is the least reliable joint of any tracker. Wrist, hand and fingertip therefore get the
axes of a hand whose palm faces down when the arm is stretched out to the side: those of the
forearm, rotated by -90° about x, with x along the hand; the thumb gets those of the forearm. Their
x is reliable, their rotation about x is not.
"""

from __future__ import annotations

import math
from typing import Final

from k4a_ros.body.joints import Joint
from k4a_ros.calibration.rigid_transform import quaternions
from k4a_ros.calibration.rigid_transform import rotation_z
import numpy as np
import numpy.typing as npt

_Array = npt.NDArray[np.float64]

#: nose, left eye, left ear, right eye and right ear relative to the head joint, in its axes,
#: meters: the face of the SDK's skeletons, which is the same for every body height, made symmetric
FACE: Final = np.array([
    (0.055, 0.163, 0.0), (0.088, 0.1245, 0.028), (0.069, 0.002, 0.089), (0.088, 0.1245, -0.028),
    (0.069, 0.002, -0.089)])
_FACE_CENTERED = FACE - FACE.mean(axis=0)
_FACE_JOINTS = slice(Joint.NOSE, Joint.EAR_RIGHT + 1)
#: weight of the fallback orientation against the points of the face, square meters
_FALLBACK_WEIGHT_M2 = 1e-6

#: how far a clavicle's z leans forward from the chest's x, tangent
_CLAVICLE_LEAN = 0.15
#: assumed bending direction of a straight limb: its upward component relative to the forward one
#: for an arm, downward relative to backward for a leg
_UPWARD_BEND = 0.3
#: sine of the bend below which the hinge axis of a limb is unobservable, and above which it is
#: measured without regard to the expected one
_STRAIGHT_SIN, _BENT_SIN = math.sin(math.radians(4)), math.sin(math.radians(12))

#: joints whose x runs along a bone, in this order: the joint, the other end of the bone, and -1
#: where x points from the other end to the joint
_BONES: Final = np.array([
    (Joint.PELVIS, Joint.SPINE_NAVEL, 1), (Joint.SPINE_NAVEL, Joint.SPINE_CHEST, 1),
    (Joint.SPINE_CHEST, Joint.NECK, 1), (Joint.NECK, Joint.HEAD, 1),
    (Joint.CLAVICLE_LEFT, Joint.SHOULDER_LEFT, 1),
    (Joint.CLAVICLE_RIGHT, Joint.SHOULDER_RIGHT, -1),
    (Joint.SHOULDER_LEFT, Joint.ELBOW_LEFT, 1), (Joint.SHOULDER_RIGHT, Joint.ELBOW_RIGHT, -1),
    (Joint.HIP_LEFT, Joint.KNEE_LEFT, -1), (Joint.HIP_RIGHT, Joint.KNEE_RIGHT, 1),
    (Joint.ANKLE_LEFT, Joint.FOOT_LEFT, -1), (Joint.ANKLE_RIGHT, Joint.FOOT_RIGHT, 1),
    (Joint.ELBOW_LEFT, Joint.WRIST_LEFT, 1), (Joint.ELBOW_RIGHT, Joint.WRIST_RIGHT, -1),
    (Joint.KNEE_LEFT, Joint.ANKLE_LEFT, -1), (Joint.KNEE_RIGHT, Joint.ANKLE_RIGHT, 1),
    (Joint.WRIST_LEFT, Joint.HAND_LEFT, 1), (Joint.WRIST_RIGHT, Joint.HAND_RIGHT, -1),
    (Joint.HAND_LEFT, Joint.HANDTIP_LEFT, 1), (Joint.HAND_RIGHT, Joint.HANDTIP_RIGHT, -1)])
_JOINTS, _OTHER_ENDS = _BONES[:, 0], _BONES[:, 1]
_SIGNS = _BONES[:, 2:].astype(np.float64)
#: rows of _BONES: upper arms, thighs and feet; forearms, shanks and shanks again; forearms
_UPPER, _LOWER, _FOREARMS = slice(6, 12), [12, 13, 14, 15, 14, 15], slice(12, 14)
#: the joints of the rows _UPPER
_HINGED: Final = _JOINTS[_UPPER]
_CHEST_ROW, _HEAD_ROW = 2, len(_BONES)
#: -1 where a row of _UPPER bends forward and upward, +1 where it bends backward and downward
_BENDS = np.array([[-1.0], [-1.0], [1.0], [1.0]])


def _joint_axes() -> tuple[npt.NDArray[np.intp], _Array]:
    """Return for each joint the row of _BONES (or the head) with its axes, and their rotation."""
    rows = np.zeros(len(Joint), np.intp)
    rotations = np.zeros((len(Joint), 3, 3))
    for row, joint in enumerate(_JOINTS):
        rows[joint], rotations[joint] = row, np.eye(3)
    # the navel is slightly behind the pelvis' x
    rotations[Joint.PELVIS] = rotation_z(math.radians(0.85))
    for joint in (Joint.HANDTIP_LEFT, Joint.HANDTIP_RIGHT):
        rows[joint], rotations[joint] = rows[joint - 1], np.eye(3)
    for joint in (Joint.THUMB_LEFT, Joint.THUMB_RIGHT):
        rows[joint] = rows[joint - 3]
        rotations[joint] = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    for joint in (Joint.ANKLE_LEFT, Joint.ANKLE_RIGHT):
        # the foot is at (-0.6, 0.8, 0) in the left ankle's axes, (0.6, -0.8, 0) in the right's
        rotations[joint] = rotation_z(math.radians(53.1))
        rows[joint + 1] = rows[joint]
        rotations[joint + 1] = rotation_z(math.radians(53.1 + 90.0))
    for joint, degrees in ((Joint.HEAD, 0.0), (Joint.NOSE, 0.0), (Joint.EYE_LEFT, 90.0),
                           (Joint.EAR_LEFT, 180.0), (Joint.EYE_RIGHT, 90.0),
                           (Joint.EAR_RIGHT, 0.0)):
        rows[joint], rotations[joint] = _HEAD_ROW, rotation_z(math.radians(degrees))
    return rows, rotations


_ROWS, _ROTATIONS = _joint_axes()


def orientations(
    positions: npt.ArrayLike, previous: npt.ArrayLike | None = None,
) -> npt.NDArray[np.float32]:
    """
    Return the orientations of the joints of one body.

    The hinge axis of a nearly straight limb is unobservable: the limb keeps that of ``previous``,
    or, without it, is taken to bend forward at the elbow and backward at the knee.

    :param positions: (32, 3) finite, any unit of length, right-handed axes, by `Joint`. The axes
        of bones of zero length are finite but arbitrary.
    :param previous: (32, 4) w, x, y, z: the previous result of this function for the same body.
    :return: (32, 4) unit quaternions w, x, y, z with w >= 0: rotations from the axes of each joint
        to those of the positions.
    """
    points = np.asarray(positions, np.float64)
    x = _normalized((points[_OTHER_ENDS] - points[_JOINTS]) * _SIGNS)
    z = np.empty_like(x)
    hips = points[Joint.HIP_LEFT] - points[Joint.HIP_RIGHT]
    z[0] = z[1] = hips
    z[2] = z[3] = points[Joint.CLAVICLE_LEFT] - points[Joint.CLAVICLE_RIGHT]
    # only the pelvis keeps its z exactly, and has its x made perpendicular
    x[0] = _normalized(_perpendicular(x[:1], _normalized(hips[None])))[0]
    trunk = _axes(x[:3], z[:3])
    pelvis, chest = trunk[0], trunk[2]
    down = -chest[:, 0] - _CLAVICLE_LEAN * chest[:, 1]
    z[4], z[5] = down, -down
    z[_UPPER] = _hinges(x * _SIGNS, pelvis, chest, previous)
    z[12:16] = z[6:10]
    # y of the forearms
    z[16:18] = z[18:20] = _cross(z[_FOREARMS], x[_FOREARMS])
    axes = np.empty((len(x) + 1, 3, 3))
    axes[:-1] = _axes(x, z)
    axes[_HEAD_ROW] = head_axes(points[_FACE_JOINTS], chest)
    return quaternions(axes[_ROWS] @ _ROTATIONS).astype(np.float32)


def head_axes(face: npt.ArrayLike, fallback: npt.ArrayLike) -> _Array:
    """
    Return the axes of the head, as columns, that fit a face best in the least squares sense.

    Method: Kabsch, "A solution for the best rotation to relate two sets of vectors", 1976.

    :param face: (5, 3) meters: nose, left eye, left ear, right eye, right ear.
    :param fallback: (3, 3): the axes for a degenerate face, whose points coincide.
    """
    points = np.asarray(face, np.float64)
    points = points - points.mean(axis=0)
    u, _, vt = np.linalg.svd(
        points.T @ _FACE_CENTERED + _FALLBACK_WEIGHT_M2 * np.asarray(fallback))
    if np.linalg.det(u) * np.linalg.det(vt) < 0:
        u[:, 2] *= -1.0
    axes: _Array = u @ vt
    return axes


def _hinges(
    bones: _Array, pelvis: _Array, chest: _Array, previous: npt.ArrayLike | None,
) -> _Array:
    """Return the z of the rows _UPPER, (6, 3): unit vectors, only roughly perpendicular to x."""
    upper = bones[_UPPER]
    expected = np.empty_like(upper)
    if previous is None:
        ahead = np.stack((chest, chest, pelvis, pelvis)) @ (_UPWARD_BEND, 1.0, 0.0)
        expected[:4] = _cross(ahead * _BENDS, upper[:4])
        expected[4:] = pelvis[:, 2]
        expected = _normalized(expected)
    else:
        w, x, y, z = np.asarray(previous, np.float64)[_HINGED].T
        expected[:] = np.stack(
            (2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)), axis=1)
    measured = _cross(upper, bones[_LOWER])
    bend = np.sqrt((measured * measured).sum(axis=1, keepdims=True))
    weight = np.clip((bend - _STRAIGHT_SIN) / (_BENT_SIN - _STRAIGHT_SIN), 0.0, 1.0)
    # a nearly straight limb that seems to bend the wrong way is noise
    weight[((measured * expected).sum(axis=1, keepdims=True) < 0) & (weight < 1)] = 0.0
    hinges: _Array = (
        weight / np.maximum(bend, _STRAIGHT_SIN) * measured + (1 - weight) * expected)
    return hinges


def _axes(x: _Array, z: _Array) -> _Array:
    """Return axes (N, 3, 3), as columns, with these unit x (N, 3) and the z nearest to ``z``."""
    z = _normalized(_perpendicular(z, x))
    return np.stack((x, _cross(z, x), z), axis=2)


def _perpendicular(vectors: _Array, axis: _Array) -> _Array:
    """Return the parts of vectors (N, 3) perpendicular to unit vectors; arbitrary where 0."""
    parts: _Array = vectors - (vectors * axis).sum(axis=1, keepdims=True) * axis
    parallel = (parts * parts).sum(axis=1) <= 1e-12 * (vectors * vectors).sum(axis=1)
    if parallel.any():
        parts[parallel] = _cross(
            axis[parallel], np.eye(3)[np.abs(axis[parallel]).argmin(axis=1)])
    return parts


def _normalized(vectors: _Array) -> _Array:
    """Return vectors (N, 3) scaled to length 1; the x axis for vectors of length 0."""
    lengths = np.sqrt((vectors * vectors).sum(axis=1, keepdims=True))
    if not lengths.all():
        is_zero = lengths[:, 0] == 0
        vectors, lengths = vectors.copy(), lengths.copy()
        vectors[is_zero], lengths[is_zero] = (1.0, 0.0, 0.0), 1.0
    units: _Array = vectors / lengths
    return units


def _cross(a: _Array, b: _Array) -> _Array:
    """Return the cross products of vectors (N, 3), ten times as fast as numpy.cross."""
    product: _Array = a[:, [1, 2, 0]] * b[:, [2, 0, 1]] - a[:, [2, 0, 1]] * b[:, [1, 2, 0]]
    return product
