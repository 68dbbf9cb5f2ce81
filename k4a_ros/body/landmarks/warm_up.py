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
from k4a_ros.body.landmarks.pose_2d.blazepose import Landmarks
from k4a_ros.body.landmarks.pose_2d.crop import CropView
from k4a_ros.body.landmarks.pose_2d.crop import Region
from k4a_ros.body.landmarks.pose_3d.fitting import fit_limbs
from k4a_ros.body.landmarks.pose_3d.lifting import lift
from k4a_ros.body.landmarks.segmentation.ownership import assign_segments
from k4a_ros.body.landmarks.segmentation.person_depth import PersonDepth
from k4a_ros.body.landmarks.segmentation.segmenter import Segmenter
from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.jit.announce import warms_up
import numpy as np

_SIZE_PIXELS, _FOCAL_PIXELS = 128, 80.0
_WALL_MM, _CAMERA_HEIGHT_MM = 3000, 1000
_UP = np.array([0.0, -1.0, 0.0])


@warms_up('body tracking')
def warm_up_bodies() -> None:
    """Call every kernel once, with a wall on a floor in place of a person."""
    center = _SIZE_PIXELS / 2
    lens = Intrinsics(_SIZE_PIXELS, _SIZE_PIXELS, _FOCAL_PIXELS, _FOCAL_PIXELS, center, center)
    rows_below_horizon = np.maximum(np.arange(_SIZE_PIXELS) - center, 1)
    depth_mm = np.minimum(_CAMERA_HEIGHT_MM * _FOCAL_PIXELS / rows_below_horizon, _WALL_MM)
    depth = np.repeat(depth_mm.astype(np.uint16)[:, np.newaxis], _SIZE_PIXELS, axis=1)
    own = np.ones((_SIZE_PIXELS, _SIZE_PIXELS), np.bool_)
    segmentation = Segmenter(lens, _UP).segment(depth)
    position = np.array([0.0, 0.0, 1e-3 * _WALL_MM])
    # landmarks spread over the wall, so that enough of it is near them
    offsets = np.linspace(-1, 1, LANDMARK_COUNT)[:, np.newaxis] * [1, 1, 0]
    assign_segments(segmentation, [position + offsets])
    landmarks = Landmarks(
        1.0, np.full((LANDMARK_COUNT, 2), 128, np.float32), np.ones(LANDMARK_COUNT, np.float32),
        np.zeros((LANDMARK_COUNT, 3), np.float32), np.zeros(2, np.float32),
        np.zeros(2, np.float32))
    person = PersonDepth(depth, own, ~own, lens)
    pose = lift(landmarks, CropView(Region(position, 1.0), _UP), person)
    assert pose is not None
    cloud = person.sample_points(lens.rays(), 1)
    fit_limbs(pose, cloud, pose.lengths, None)
