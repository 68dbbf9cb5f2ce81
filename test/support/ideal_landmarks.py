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

"""The landmarks that a perfect model would estimate for known joints."""

from __future__ import annotations

from k4a_ros.body.joints import Joint
from k4a_ros.body.landmarks.pose_2d.blazepose import LANDMARK_COUNT
from k4a_ros.body.landmarks.pose_2d.blazepose import Landmarks
from k4a_ros.body.landmarks.pose_2d.crop import CropView
from k4a_ros.body.landmarks.pose_3d.k4abt_joints import LANDMARK_OF_JOINT
import numpy as np

#: Where BlazePose's landmarks differ from k4abt's joints, meters along the forearm and the shank:
#: the wrist is closer to the hand, the knuckles are where k4abt has the hand, the ankle is higher.
WRIST_M, KNUCKLES_M, ANKLE_M = 0.022, 0.09, -0.022
#: how much closer to the camera hips are, where limbs are fitted to the surface
HIP_M = 0.015


def ideal_points(joints: np.ndarray) -> np.ndarray:
    """Return the landmarks (33, 3) of joints (32, 3), both meters in the camera's frame."""
    points = np.zeros((LANDMARK_COUNT, 3))
    points[:11] = joints[Joint.NOSE]
    for joint, landmark in LANDMARK_OF_JOINT.items():
        points[landmark] = joints[joint]
    for elbow, wrist, knuckles in ((13, 15, (17, 19)), (14, 16, (18, 20))):
        along = points[wrist] - points[elbow]
        along /= np.linalg.norm(along)
        points[list(knuckles)] = points[wrist] + KNUCKLES_M * along
        points[wrist] += WRIST_M * along
    for knee, ankle, heel in ((25, 27, 29), (26, 28, 30)):
        shank = points[ankle] - points[knee]
        points[heel] = points[ankle]
        points[ankle] += ANKLE_M * shank / np.linalg.norm(shank)
    hips = points[[23, 24]]
    points[[23, 24]] -= HIP_M * hips / np.linalg.norm(hips, axis=1, keepdims=True)
    return points


def ideal_landmarks(points: np.ndarray, view: CropView) -> Landmarks:
    """Return what the model would estimate in a crop for landmarks (33, 3), meters."""
    world = (points - points[[23, 24]].mean(axis=0)) @ view.rotation
    return Landmarks(
        1.0, view.project(points).astype(np.float32), np.full(33, 0.99, np.float32),
        world.astype(np.float32), np.array([128.0, 128.0]), np.array([128.0, 30.0]))
