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

"""Unit tests of the points of a person's surface."""

from __future__ import annotations

from k4a_ros.body.landmarks.segmentation.person_depth import PersonDepth
from k4a_ros.camera_config import DepthMode
import numpy as np
import pytest
from support.people.shots import NOMINAL

LENS = NOMINAL.depth(DepthMode.NFOV_UNBINNED)


def test_samples_are_evenly_spread_over_the_mask():
    depth = np.full((LENS.height, LENS.width), 2000, np.uint16)
    own = np.zeros(depth.shape, bool)
    own[200:400, 250:350] = True
    points = PersonDepth(depth, own, ~own, LENS).sample_points(LENS.rays(), 600)
    assert 500 < len(points) < 700
    assert (points[:, 2] == 2.0).all()
    corners = LENS.rays()[[200, 399], [250, 349]] * 2.0
    assert points[:, :2].min(axis=0) == pytest.approx(corners[0], abs=0.02)
    assert points[:, :2].max(axis=0) == pytest.approx(corners[1], abs=0.05)


def test_pixels_without_depth_are_left_out():
    depth = np.zeros((LENS.height, LENS.width), np.uint16)
    own = np.ones(depth.shape, bool)
    assert PersonDepth(depth, own, ~own, LENS).sample_points(LENS.rays(), 600).shape == (0, 3)
