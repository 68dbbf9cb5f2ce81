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

"""Compiles, or loads from the cache, what body tracking with landmarks needs."""

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
from k4a_ros.body.landmarks.segmentation.silhouette import Silhouette
from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.jit.announce import warms_up
import numpy as np

_SIZE, _FOCAL, _WALL_MM = 128, 80.0, 3000
_UP = np.array([0.0, -1.0, 0.0])


@warms_up('body tracking')
def warm_up_bodies() -> None:
    """Take a wall, above a floor 1 m below the camera, for somebody, whose landmarks are one."""
    middle = _SIZE / 2
    lens = Intrinsics(_SIZE, _SIZE, _FOCAL, _FOCAL, middle, middle)
    below = np.maximum(np.arange(_SIZE) - middle, 1)
    floor_mm = np.minimum(1000 * _FOCAL / below, _WALL_MM)
    depth = np.repeat(floor_mm.astype(np.uint16)[:, np.newaxis], _SIZE, axis=1)
    mine = np.ones((_SIZE, _SIZE), np.bool_)
    segmenter = Segmenter(lens, _UP)
    segments = segmenter.segment(depth)
    place = np.array([0.0, 0.0, 1e-3 * _WALL_MM])
    # somebody across all of the wall has enough of it near to him
    across = np.linspace(-1, 1, LANDMARK_COUNT)[:, np.newaxis] * [1, 1, 0]
    assign_segments(segments, [place + across])
    seen = Landmarks(
        1.0, np.full((LANDMARK_COUNT, 2), 128, np.float32), np.ones(LANDMARK_COUNT, np.float32),
        np.zeros((LANDMARK_COUNT, 3), np.float32), np.zeros(2, np.float32),
        np.zeros(2, np.float32))
    person = PersonDepth(depth, mine, ~mine, lens)
    body = lift(seen, CropView(Region(place, 1.0), _UP), person)
    assert body is not None
    cloud = person.sample_points(lens.rays(), 1)
    fit_limbs(body, cloud, Silhouette(person, segments.step), body.lengths, None)
