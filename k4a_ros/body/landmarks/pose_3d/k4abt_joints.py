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

"""Convert the 33 landmarks of BlazePose in space to the 32 joints of k4abt."""

from __future__ import annotations

from dataclasses import dataclass

from k4a_ros.body.joints import Joint
from k4a_ros.body.landmarks.pose_2d.blazepose import EARS
from k4a_ros.body.landmarks.pose_2d.blazepose import TRUNK
from k4a_ros.body.landmarks.vectors import perpendicular_part
from k4a_ros.body.landmarks.vectors import unit
from k4a_ros.body.orientations import head_axes
from k4a_ros.body.tracker import Confidence
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]
Confidences = npt.NDArray[np.uint8]

#: the landmark of each joint that has one
LANDMARK_OF_JOINT = {
    Joint.NOSE: 0, Joint.EYE_LEFT: 2, Joint.EYE_RIGHT: 5, Joint.EAR_LEFT: 7, Joint.EAR_RIGHT: 8,
    Joint.SHOULDER_LEFT: 11, Joint.SHOULDER_RIGHT: 12, Joint.ELBOW_LEFT: 13,
    Joint.ELBOW_RIGHT: 14, Joint.WRIST_LEFT: 15, Joint.WRIST_RIGHT: 16, Joint.THUMB_LEFT: 21,
    Joint.THUMB_RIGHT: 22, Joint.HIP_LEFT: 23, Joint.HIP_RIGHT: 24, Joint.KNEE_LEFT: 25,
    Joint.KNEE_RIGHT: 26, Joint.ANKLE_LEFT: 27, Joint.ANKLE_RIGHT: 28, Joint.FOOT_LEFT: 31,
    Joint.FOOT_RIGHT: 32,
}
_JOINTS, _LANDMARKS = list(LANDMARK_OF_JOINT), list(LANDMARK_OF_JOINT.values())
_SHOULDERS, _HIPS = TRUNK[:2], TRUNK[2:]
#: landmarks that give the axes of the head: nose, left eye and ear, right eye and ear
_FACE = [0, 2, 7, 5, 8]
#: the wrist joint of a hand, which hand, fingertip and thumb follow, and its landmarks: elbow,
#: wrist, knuckle of the little finger, knuckle of the index finger
_HANDS = ((Joint.WRIST_LEFT, (13, 15, 17, 19)), (Joint.WRIST_RIGHT, (14, 16, 18, 20)))
#: the ankle joint, and the landmarks of knee and ankle
_ANKLES = ((Joint.ANKLE_LEFT, (25, 27)), (Joint.ANKLE_RIGHT, (26, 28)))


@dataclass(frozen=True)
class _TrunkShares:
    """
    Where joints of the trunk are, as shares of the distance from mid-hip to mid-shoulder.

    Measured on 1105 skeletons of Microsoft's SDK (PyMoCapViewer's recording).
    """

    #: up from mid-hip
    navel: float = 0.34
    chest: float = 0.62
    neck: float = 1.03
    #: from the chest
    clavicle_up: float = 0.40
    clavicle_outward: float = 0.075


@dataclass(frozen=True)
class _Offsets:
    """How the joints of simulated people differ from the landmarks of the model."""

    #: from the wrist landmark along the hand
    wrist_m: float = -0.022
    hand_m: float = 0.074
    fingertip_m: float = 0.155
    #: from the thumb landmark, along the hand and outward
    thumb_along_m: float = 0.015
    thumb_outward_m: float = 0.02
    #: The hand points between the directions of its knuckles and of the forearm: the more of this
    #: length of a palm is seen, the more the knuckles count.
    palm_m: float = 0.08
    #: from the hips away from the camera: clothes and the lap pull the fitted ones toward it, by
    #: 3 to 6 cm if people are rendered, not at all if they are simulated
    hip_m: float = 0.015
    #: the same of elbows: 1 to 2 cm for bare arms, 3 cm for sleeves
    elbow_m: float = 0.015
    #: and of thumbs, which are 2 to 3 cm too far away
    thumb_m: float = -0.01
    #: from the ankle landmark, along the shank
    ankle_m: float = 0.022
    #: from an ear landmark, outward
    ear_m: float = 0.022
    #: from between the ears, down
    head_m: float = 0.069


#: lower limit of a depth that is divided by
_MIN_DEPTH_M = 0.1
_TRUNK_SHARES, _OFFSETS = _TrunkShares(), _Offsets()
#: joints that are moved along their lines of sight, away from the camera, and how far, meters
_AWAY_FROM_CAMERA = (
    (Joint.ELBOW_LEFT, _OFFSETS.elbow_m), (Joint.ELBOW_RIGHT, _OFFSETS.elbow_m),
    (Joint.THUMB_LEFT, _OFFSETS.thumb_m), (Joint.THUMB_RIGHT, _OFFSETS.thumb_m))


def joints_from_landmarks(
    points: Vectors, confidences: Confidences,
) -> tuple[Vectors, Confidences]:
    """
    Return the positions (32, 3), meters, and confidences (32,) of the joints, by `Joint`.

    Joints of a hand have the least confidence of its landmarks; those in the middle of the body
    have that of the more certain side.

    :param points: (33, 3) meters, the landmarks.
    :param confidences: (33,), of `Confidence`.
    """
    points = points.copy()
    for hip in _HIPS:
        points[hip] += _OFFSETS.hip_m * unit(points[hip])
    positions = np.zeros((len(Joint), 3))
    joint_confidences = np.zeros(len(Joint), np.uint8)
    positions[_JOINTS] = points[_LANDMARKS]
    joint_confidences[_JOINTS] = confidences[_LANDMARKS]
    for first, (elbow, wrist, *knuckles) in _HANDS:
        _move_hand(positions[first:first + 4], points[elbow], points[wrist], points[knuckles])
        joint_confidences[first] = confidences[wrist]
        joint_confidences[first + 1:first + 3] = confidences[[wrist, *knuckles]].min()
    for ankle, (knee, landmark) in _ANKLES:
        positions[ankle] += _OFFSETS.ankle_m * unit(points[landmark] - points[knee])
    for joint, offset_m in _AWAY_FROM_CAMERA:
        positions[joint] += offset_m * unit(positions[joint])
    chest_axes = _set_trunk(positions, points)
    hips, shoulders = _middle(confidences[_HIPS]), _middle(confidences[_SHOULDERS])
    joint_confidences[Joint.PELVIS] = hips
    joint_confidences[[Joint.SPINE_NAVEL, Joint.SPINE_CHEST]] = min(hips, shoulders)
    joint_confidences[[Joint.NECK, Joint.CLAVICLE_LEFT, Joint.CLAVICLE_RIGHT]] = shoulders
    axes = head_axes(points[_FACE], chest_axes)
    positions[Joint.EAR_LEFT] += _OFFSETS.ear_m * axes[:, 2]
    positions[Joint.EAR_RIGHT] -= _OFFSETS.ear_m * axes[:, 2]
    positions[Joint.HEAD] = points[EARS].mean(axis=0) - _OFFSETS.head_m * axes[:, 0]
    joint_confidences[Joint.HEAD] = _middle(confidences[EARS])
    return positions, joint_confidences


def _move_hand(joints: Vectors, elbow: Vectors, wrist: Vectors, knuckles: Vectors) -> None:
    """
    Write the joints of a hand.

    :param joints: (4, 3) wrist, hand, fingertip and thumb, written; the thumb is its landmark,
        whose line of sight counts, but not its depth.
    :param knuckles: (2, 3) of the little and the index finger.
    """
    palm = knuckles.mean(axis=0) - wrist
    along = unit(palm / _OFFSETS.palm_m + unit(wrist - elbow))
    joints[:3] = wrist + np.outer(
        (_OFFSETS.wrist_m, _OFFSETS.hand_m, _OFFSETS.fingertip_m), along)
    # a thumb is thin: what is measured there often is behind it
    joints[3] *= (wrist[2] + knuckles[1][2]) / 2 / max(joints[3][2], _MIN_DEPTH_M)
    outward = unit(perpendicular_part(joints[3] - wrist, along)) + unit(
        perpendicular_part(knuckles[1] - knuckles[0], along))
    joints[3] += _OFFSETS.thumb_along_m * along + _OFFSETS.thumb_outward_m * unit(outward)


def _set_trunk(positions: Vectors, points: Vectors) -> Vectors:
    """Write the joints of the trunk; return its up, forward and left axes as columns (3, 3)."""
    hips, shoulders = points[_HIPS].mean(axis=0), points[_SHOULDERS].mean(axis=0)
    up = shoulders - hips
    length = max(float(np.linalg.norm(up)), 1e-6)
    up = up / length
    left = unit(perpendicular_part(points[_SHOULDERS[0]] - points[_SHOULDERS[1]], up))
    positions[Joint.PELVIS] = hips
    for joint, share in ((Joint.SPINE_NAVEL, _TRUNK_SHARES.navel),
                         (Joint.SPINE_CHEST, _TRUNK_SHARES.chest),
                         (Joint.NECK, _TRUNK_SHARES.neck)):
        positions[joint] = hips + share * length * up
    for joint, sign in ((Joint.CLAVICLE_LEFT, 1), (Joint.CLAVICLE_RIGHT, -1)):
        positions[joint] = positions[Joint.SPINE_CHEST] + length * (
            _TRUNK_SHARES.clavicle_up * up + sign * _TRUNK_SHARES.clavicle_outward * left)
    return np.stack((up, np.cross(left, up), left), axis=1)


def _middle(pair: Confidences) -> int:
    """
    Return the confidence of the middle of a left and a right landmark.

    The one that is measured determines where the other one is, so that the higher confidence
    holds; it is at most LOW if one of them is not in the image at all.
    """
    return int(pair.max()) if pair.min() > Confidence.NONE else int(
        min(pair.max(), Confidence.LOW))
