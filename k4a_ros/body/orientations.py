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
Which way the joints of a body are turned, from where they are, in k4abt's conventions.

Axes of the joints, left and right being the person's own (recovered from recorded output of the
Body Tracking SDK 1.1, where they hold to 0.1° in the pelvis, the spine, shoulders, elbows, hips
and knees, and to 3° in head, ankles and feet and 4° in clavicles, in the median):

- pelvis, spine and neck: x to the next joint, upwards; y forward; z to the left. The pelvis' z
  runs from hip to hip, the chest's along the clavicles;
- head: x up, y forward, z left; nose and right ear are turned like it, the eyes by 90° about z,
  the left ear by 180°;
- arms: x along the bone, outwards in the left one, towards the body in the right one; z of
  shoulder and elbow along the hinge of the elbow. A clavicle's z points down on the left side and
  up on the right;
- legs: x along the bone, towards the body in the left one, outwards in the right one; z of hip
  and knee along the hinge of the knee, an ankle's at right angles to shank and foot; a foot is
  turned by 90° about z from its ankle.

Positions do not tell how far a forearm is turned about itself, and the thumb, which might, is
what trackers know least about. Wrist, hand and fingertip are therefore given the axes of a hand
whose palm looks down when the arm is stretched out to the side: those of the forearm, turned by
-90° about x, with x along the hand; the thumb is turned like the forearm. Their x can be relied
on, the turn about it cannot.
"""

from __future__ import annotations

import math
from typing import Final

from k4a_ros.body.joints import Joint
from k4a_ros.calibration.rigid_transform import quaternions
import numpy as np
import numpy.typing as npt

_Array = npt.NDArray[np.float64]

#: nose, left eye, left ear, right eye and right ear from the head's joint, in the head's axes,
#: meters: the face that the SDK's skeletons have, whatever their size, made symmetric
FACE: Final = np.array([
    (0.055, 0.163, 0.0), (0.088, 0.1245, 0.028), (0.069, 0.002, 0.089), (0.088, 0.1245, -0.028),
    (0.069, 0.002, -0.089)])
_FACE_CENTERED = FACE - FACE.mean(axis=0)
_FACE_JOINTS = slice(Joint.NOSE, Joint.EAR_RIGHT + 1)
#: weight of what the head is turned like if the face does not tell, square meters
_NO_FACE = 1e-6

#: how far a clavicle's z leans forward from the chest's x, tangent
_CLAVICLE_LEAN = 0.15
#: how far a straight arm would rather bend upwards than forward, and a leg down than back
_UPWARDS = 0.3
#: sine of the bend below which a limb does not tell where its hinge is, and above which it does
_STRAIGHT, _BENT = math.sin(math.radians(4)), math.sin(math.radians(12))

#: joints whose x runs along a bone, in this order: the joint, the other end, and -1 where x runs
#: to the joint
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
_STARTS, _STOPS = _BONES[:, 0], _BONES[:, 1]
_SIGNS = _BONES[:, 2:].astype(np.float64)
#: rows there: upper arms, thighs and feet; lower arms, shanks and shanks; lower arms
_UPPER, _LOWER, _FOREARMS = slice(6, 12), [12, 13, 14, 15, 14, 15], slice(12, 14)
#: the joints of the rows _UPPER
_HINGED: Final = _STARTS[_UPPER]
_CHEST_ROW, _HEAD_ROW = 2, len(_BONES)
#: -1 where a row of _UPPER bends forward and upwards, +1 where it bends back and down
_BENDS = np.array([[-1.0], [-1.0], [1.0], [1.0]])


def _turns() -> tuple[npt.NDArray[np.intp], _Array]:
    """Return whose axes, as a row of _BONES or the head, each joint has, and turned how."""
    rows = np.zeros(len(Joint), np.intp)
    turns = np.zeros((len(Joint), 3, 3))
    for row, joint in enumerate(_STARTS):
        rows[joint], turns[joint] = row, np.eye(3)
    # the navel is a little behind the pelvis' x
    turns[Joint.PELVIS] = _turn_z(0.85)
    for side in (Joint.HANDTIP_LEFT, Joint.HANDTIP_RIGHT):
        rows[side], turns[side] = rows[side - 1], np.eye(3)
    for side in (Joint.THUMB_LEFT, Joint.THUMB_RIGHT):
        rows[side] = rows[side - 3]
        turns[side] = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    for side in (Joint.ANKLE_LEFT, Joint.ANKLE_RIGHT):
        # the foot is at (-0.6, 0.8, 0) in the left ankle's axes, (0.6, -0.8, 0) in the right's
        turns[side] = _turn_z(53.1)
        rows[side + 1], turns[side + 1] = rows[side], _turn_z(53.1 + 90.0)
    for joint, angle in ((Joint.HEAD, 0.0), (Joint.NOSE, 0.0), (Joint.EYE_LEFT, 90.0),
                         (Joint.EAR_LEFT, 180.0), (Joint.EYE_RIGHT, 90.0), (Joint.EAR_RIGHT, 0.0)):
        rows[joint], turns[joint] = _HEAD_ROW, _turn_z(angle)
    return rows, turns


def _turn_z(degrees: float) -> _Array:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


_ROWS, _TURNS = _turns()


def orientations(
    positions: npt.ArrayLike, previous: npt.ArrayLike | None = None,
) -> npt.NDArray[np.float32]:
    """
    Return the axes of the joints of one body.

    A limb that is nearly straight does not tell where its hinge is: it keeps that of
    ``previous``, or, where there is none, bends forward at the elbow and back at the knee.

    :param positions: (32, 3) finite, any unit of length, right-handed axes, by `Joint`. Axes of
        bones without length are finite, but mean nothing.
    :param previous: (32, 4) w, x, y, z: what this function returned for the same body before.
    :return: (32, 4) unit quaternions w, x, y, z with w >= 0, that take the joints' axes to those
        of the positions.
    """
    places = np.asarray(positions, np.float64)
    x = _unit((places[_STOPS] - places[_STARTS]) * _SIGNS)
    z = np.empty_like(x)
    hips = places[Joint.HIP_LEFT] - places[Joint.HIP_RIGHT]
    z[0] = z[1] = hips
    z[2] = z[3] = places[Joint.CLAVICLE_LEFT] - places[Joint.CLAVICLE_RIGHT]
    # the pelvis alone has its z where it is, and its x as near as can be
    x[0] = _unit(_upright(x[:1], _unit(hips[None])))[0]
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
    axes[_HEAD_ROW] = head_axes(places[_FACE_JOINTS], chest)
    return quaternions(axes[_ROWS] @ _TURNS).astype(np.float32)


def head_axes(face: npt.ArrayLike, otherwise: npt.ArrayLike) -> _Array:
    """
    Return the axes of the head, as columns, that fit a face best.

    In the sense of least squares: Kabsch, "A solution for the best rotation to relate two sets of
    vectors", 1976.

    :param face: (5, 3) meters: nose, left eye, left ear, right eye, right ear.
    :param otherwise: (3, 3): the axes of a head whose face tells nothing, all points being one.
    """
    points = np.asarray(face, np.float64)
    points = points - points.mean(axis=0)
    u, _, vt = np.linalg.svd(points.T @ _FACE_CENTERED + _NO_FACE * np.asarray(otherwise))
    if np.linalg.det(u) * np.linalg.det(vt) < 0:
        u[:, 2] *= -1.0
    axes: _Array = u @ vt
    return axes


def _hinges(
    bones: _Array, pelvis: _Array, chest: _Array, previous: npt.ArrayLike | None,
) -> _Array:
    """Return the z of the rows _UPPER, (6, 3): unit vectors, if not quite at right angles to x."""
    upper = bones[_UPPER]
    expected = np.empty_like(upper)
    if previous is None:
        ahead = np.stack((chest, chest, pelvis, pelvis)) @ (_UPWARDS, 1.0, 0.0)
        expected[:4] = _cross(ahead * _BENDS, upper[:4])
        expected[4:] = pelvis[:, 2]
        expected = _unit(expected)
    else:
        w, x, y, z = np.asarray(previous, np.float64)[_HINGED].T
        expected[:] = np.stack(
            (2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)), axis=1)
    seen = _cross(upper, bones[_LOWER])
    bend = np.sqrt((seen * seen).sum(axis=1, keepdims=True))
    trust = np.clip((bend - _STRAIGHT) / (_BENT - _STRAIGHT), 0.0, 1.0)
    # what is nearly straight and seems to bend the wrong way is straight
    trust[((seen * expected).sum(axis=1, keepdims=True) < 0) & (trust < 1)] = 0.0
    hinges: _Array = trust / np.maximum(bend, _STRAIGHT) * seen + (1 - trust) * expected
    return hinges


def _axes(x: _Array, z: _Array) -> _Array:
    """Return axes (N, 3, 3), as columns, with these unit x (N, 3) and z as near as can be."""
    z = _unit(_upright(z, x))
    return np.stack((x, _cross(z, x), z), axis=2)


def _upright(vectors: _Array, axis: _Array) -> _Array:
    """Return the parts of vectors (N, 3) at right angles to unit vectors; any where there is 0."""
    parts: _Array = vectors - (vectors * axis).sum(axis=1, keepdims=True) * axis
    lost = (parts * parts).sum(axis=1) <= 1e-12 * (vectors * vectors).sum(axis=1)
    if lost.any():
        parts[lost] = _cross(axis[lost], np.eye(3)[np.abs(axis[lost]).argmin(axis=1)])
    return parts


def _unit(vectors: _Array) -> _Array:
    """Return vectors (N, 3) with length 1; x where they had none."""
    lengths = np.sqrt((vectors * vectors).sum(axis=1, keepdims=True))
    if not lengths.all():
        none = lengths[:, 0] == 0
        vectors, lengths = vectors.copy(), lengths.copy()
        vectors[none], lengths[none] = (1.0, 0.0, 0.0), 1.0
    units: _Array = vectors / lengths
    return units


def _cross(a: _Array, b: _Array) -> _Array:
    """Return the cross products of vectors (N, 3), ten times as fast as numpy's own."""
    product: _Array = a[:, [1, 2, 0]] * b[:, [2, 0, 1]] - a[:, [2, 0, 1]] * b[:, [1, 2, 0]]
    return product
