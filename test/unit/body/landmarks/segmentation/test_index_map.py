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

"""Index maps of simulated people, against the true masks."""

from __future__ import annotations

from k4a_ros.body.landmarks.segmentation.index_map import index_map
from k4a_ros.body.tracker import BACKGROUND
from k4a_ros.camera_config import DepthMode
import numpy as np
import pytest
from support.people.shots import NOMINAL
from support.people.shots import ROOM
from support.segmentation import depth_image
from support.segmentation import largest_segment
from support.segmentation import make_segmenter
from support.segmentation import make_sensor
from support.segmentation import MODES

NFOV_LENS = NOMINAL.depth(DepthMode.NFOV_UNBINNED)


@pytest.mark.parametrize('mode', MODES, ids=lambda mode: mode.name)
def test_index_map_covers_the_person(mode):
    sensor = make_sensor(ROOM, mode)
    segmenter, rays = make_segmenter(mode), NOMINAL.depth(mode).rays()
    for time_us in (0, 1_000_000, 5_000_000):
        depth = depth_image(sensor, time_us)
        segmentation = segmenter.segment(depth)
        true = sensor.body_index(time_us) == 0
        mask = segmentation.labels == largest_segment(segmentation, true).label
        indices = index_map(segmentation, [mask], depth, rays)
        assert set(np.unique(indices)) == {0, BACKGROUND}
        overlap = float(((indices == 0) & true).sum() / ((indices == 0) | true).sum())
        assert overlap > (0.85 if mode is DepthMode.NFOV_UNBINNED else 0.75)


def test_index_map_includes_feet_and_excludes_floor():
    sensor = make_sensor(ROOM)
    depth = depth_image(sensor)
    segmentation = make_segmenter().segment(depth)
    true = (sensor.body_index(0) == 0) & (depth > 0)
    mask = segmentation.labels == largest_segment(segmentation, true).label
    indices = index_map(segmentation, [mask], depth, NFOV_LENS.rays())
    points = np.dstack((NFOV_LENS.rays(), np.ones(depth.shape))) * depth[..., None] * 1e-3
    assert segmentation.floor is not None
    heights = points @ segmentation.floor.up + segmentation.floor.height
    feet = true & (heights > 0.02) & (heights < 0.055)
    assert feet.sum() > 100
    assert float((indices[feet] == 0).mean()) > 0.6
    assert float((heights[indices == 0] < 0.01).mean()) < 0.01


def test_empty_mask_has_no_pixels():
    depth = np.zeros((576, 640), np.uint16)
    segmentation = make_segmenter().segment(depth)
    indices = index_map(
        segmentation, [np.zeros(segmentation.labels.shape, bool)], depth, NFOV_LENS.rays())
    assert (indices == BACKGROUND).all()
