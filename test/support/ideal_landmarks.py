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

"""The landmarks that a perfect model would see of known joints."""

from __future__ import annotations

from k4a_ros.body.joints import Joint
from k4a_ros.body.landmarks.pose_3d.k4abt_joints import LANDMARK_OF_JOINT
import numpy as np

#: BlazePose has the wrist further out than k4abt, the knuckles where k4abt has the hand, and the
#: ankle higher: meters along the forearm and the shank
WRIST, KNUCKLES, ANKLE = 0.022, 0.09, -0.022


def landmarks_of(joints: np.ndarray) -> np.ndarray:
    """Return where a perfect model sees the landmarks, (33, 3)."""
    points = np.zeros((33, 3))
    points[:11] = joints[Joint.NOSE]
    for joint, landmark in LANDMARK_OF_JOINT.items():
        points[landmark] = joints[joint]
    for elbow, wrist, knuckles in ((13, 15, (17, 19)), (14, 16, (18, 20))):
        along = points[wrist] - points[elbow]
        along /= np.linalg.norm(along)
        points[list(knuckles)] = points[wrist] + KNUCKLES * along
        points[wrist] += WRIST * along
    for knee, ankle, heel in ((25, 27, 29), (26, 28, 30)):
        shank = points[ankle] - points[knee]
        points[heel] = points[ankle]
        points[ankle] += ANKLE * shank / np.linalg.norm(shank)
    return points
