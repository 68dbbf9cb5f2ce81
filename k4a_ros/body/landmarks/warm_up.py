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

"""Compile the kernels of the landmark tracker, or load them from numba's cache."""

from __future__ import annotations

from k4a_ros.body.landmarks.pose_2d.blazepose import LANDMARK_COUNT
from k4a_ros.body.landmarks.pose_3d.depth_assignment import BONES
from k4a_ros.body.landmarks.pose_3d.fitting import fit_limbs
from k4a_ros.body.landmarks.pose_3d.lifting import Pose3d
from k4a_ros.body.landmarks.segmentation.ownership import assign_segments
from k4a_ros.body.landmarks.segmentation.segmenter import Segmenter
from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.jit.announce import warms_up
import numpy as np


@warms_up('body tracking')
def warm_up_bodies() -> None:
    """Call every kernel once, for a person at a wall."""
    points = np.linspace([-1, -1, 2.9], [1, 1, 3.1], LANDMARK_COUNT)
    wall = Segmenter(Intrinsics(128, 128, 80, 80, 64, 64), np.array([0.0, -1.0, 0.0])).segment(
        np.full((128, 128), 3000, np.uint16))
    assign_segments(wall, [points])
    pose = Pose3d(
        points, np.zeros(LANDMARK_COUNT, np.uint8), np.full(len(BONES), np.nan), scale=1.0,
        support=1.0, rays=points / points[:, 2:], world=points,
        visibility=np.ones(LANDMARK_COUNT, np.float32))
    fit_limbs(pose, points, pose.lengths, None)
