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


"""The 32 joints of k4abt from the 33 landmarks of BlazePose, in space."""

from __future__ import annotations

from k4a_ros.body.joints import Joint
from k4a_ros.body.orientations import head_axes
from k4a_ros.body.tracker import Confidence
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]
Confidences = npt.NDArray[np.uint8]

#: joints that are landmarks
LANDMARK_OF_JOINT = {
    Joint.NOSE: 0, Joint.EYE_LEFT: 2, Joint.EYE_RIGHT: 5, Joint.EAR_LEFT: 7, Joint.EAR_RIGHT: 8,
    Joint.SHOULDER_LEFT: 11, Joint.SHOULDER_RIGHT: 12, Joint.ELBOW_LEFT: 13,
    Joint.ELBOW_RIGHT: 14, Joint.WRIST_LEFT: 15, Joint.WRIST_RIGHT: 16, Joint.THUMB_LEFT: 21,
    Joint.THUMB_RIGHT: 22, Joint.HIP_LEFT: 23, Joint.HIP_RIGHT: 24, Joint.KNEE_LEFT: 25,
    Joint.KNEE_RIGHT: 26, Joint.ANKLE_LEFT: 27, Joint.ANKLE_RIGHT: 28, Joint.FOOT_LEFT: 31,
    Joint.FOOT_RIGHT: 32,
}
_JOINTS, _LANDMARKS = list(LANDMARK_OF_JOINT), list(LANDMARK_OF_JOINT.values())
#: the first joint of a hand, and its landmarks: elbow, wrist, knuckles of little and first finger
_HANDS = ((Joint.WRIST_LEFT, (13, 15, 17, 19)), (Joint.WRIST_RIGHT, (14, 16, 18, 20)))

# The following were measured on 1105 skeletons of Microsoft's SDK (PyMoCapViewer's recording).
#: how far up from between the hips to between the shoulders
_NAVEL, _CHEST, _NECK = 0.34, 0.62, 1.03
#: from the chest to a clavicle, in units of the same length: up and to the side
_CLAVICLE = (0.40, 0.075)
# The following are how the landmarks of simulated people differ from their joints, meters.
#: wrist, hand and fingertip from the wrist's landmark, along the hand, and the thumb's tip
#: along it and outwards
_HAND = (-0.022, 0.074, 0.155)
_THUMB = (0.015, 0.02)
#: The length of a palm, meters. A hand points where the knuckles are, in between the direction of
#: the forearm: that is the surer, the less of the palm is seen.
_PALM = 0.08
#: the ankle from its landmark, along the shank
_ANKLE = 0.022
_ANKLES = ((Joint.ANKLE_LEFT, (25, 27)), (Joint.ANKLE_RIGHT, (26, 28)))
#: the ears outwards
_EAR = 0.022
#: from between the ears down to the head's joint, meters
_HEAD = 0.069


def joints_from_landmarks(
    points: Vectors, confidences: Confidences,
) -> tuple[Vectors, Confidences]:
    """
    Return the joints.

    :param points: (33, 3) meters; ``confidences`` (33,) of `Confidence`.
    :return: (32, 3) and (32,), by `Joint`. What lies between landmarks is as sure as the least
        sure of them.
    """
    positions = np.zeros((len(Joint), 3))
    sure = np.zeros(len(Joint), np.uint8)
    positions[_JOINTS] = points[_LANDMARKS]
    sure[_JOINTS] = confidences[_LANDMARKS]
    for first, (elbow, wrist, *knuckles) in _HANDS:
        palm = points[knuckles].mean(axis=0) - points[wrist]
        along = _unit(palm / _PALM + _unit(points[wrist] - points[elbow]))
        positions[first:first + 3] = points[wrist] + np.outer(_HAND, along)
        sure[first:first + 3] = [confidences[wrist], *[confidences[[wrist, *knuckles]].min()] * 2]
        thumb = positions[first + 3] - points[wrist]
        across = _unit(_across(thumb, along)) + _unit(
            _across(points[knuckles[1]] - points[knuckles[0]], along))
        positions[first + 3] += _THUMB[0] * along + _THUMB[1] * _unit(across)
    for ankle, (knee, landmark) in _ANKLES:
        positions[ankle] += _ANKLE * _unit(points[landmark] - points[knee])
    hips, shoulders = points[[23, 24]].mean(axis=0), points[[11, 12]].mean(axis=0)
    low, high = confidences[[23, 24]], confidences[[11, 12]]
    up = shoulders - hips
    length = max(float(np.linalg.norm(up)), 1e-6)
    up = up / length
    left = points[11] - points[12]
    left = _unit(left - (left @ up) * up)
    positions[Joint.PELVIS] = hips
    for joint, share in ((Joint.SPINE_NAVEL, _NAVEL), (Joint.SPINE_CHEST, _CHEST),
                         (Joint.NECK, _NECK)):
        positions[joint] = hips + share * length * up
    rise, side = _CLAVICLE
    for joint, sign in ((Joint.CLAVICLE_LEFT, 1), (Joint.CLAVICLE_RIGHT, -1)):
        positions[joint] = positions[Joint.SPINE_CHEST] + length * (rise * up + sign * side * left)
    # One side of the trunk tells where its middle is, once the other is not measured: so these
    # are as sure as the surer of two sides, but for what is not there at all.
    sure[Joint.PELVIS] = _middle(low)
    sure[Joint.SPINE_NAVEL] = min(_middle(low), _middle(high))
    sure[[Joint.SPINE_CHEST, Joint.NECK, Joint.CLAVICLE_LEFT, Joint.CLAVICLE_RIGHT]] = _middle(
        high)
    chest = np.stack((up, np.cross(left, up), left), axis=1)
    axes = head_axes(points[[0, 2, 7, 5, 8]], chest)
    positions[Joint.EAR_LEFT] += _EAR * axes[:, 2]
    positions[Joint.EAR_RIGHT] -= _EAR * axes[:, 2]
    positions[Joint.HEAD] = points[[7, 8]].mean(axis=0) - _HEAD * axes[:, 0]
    sure[Joint.HEAD] = _middle(confidences[[7, 8]])
    return positions, sure


def _middle(pair: Confidences) -> int:
    """Return how sure the middle of a pair is."""
    return int(pair.max()) if pair.min() > Confidence.NONE else int(
        min(pair.max(), Confidence.LOW))


def _across(vector: Vectors, along: Vectors) -> Vectors:
    """Return what of a vector is across a unit vector."""
    part: Vectors = vector - (vector @ along) * along
    return part


def _unit(vector: Vectors) -> Vectors:
    """Return a vector with length 1, 0 if it has none."""
    unit: Vectors = vector / max(float(np.linalg.norm(vector)), 1e-9)
    return unit
