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

"""Depth samples around the landmarks of one person."""

from __future__ import annotations

from k4a_ros.body.landmarks.pose_3d.depth_sampling import DepthSampler
from k4a_ros.body.landmarks.pose_3d.depth_sampling import row_medians
from k4a_ros.body.landmarks.pose_3d.depth_sampling import row_quantiles
from k4a_ros.body.landmarks.segmentation.person_depth import PersonDepth
from k4a_ros.calibration.lens import Intrinsics
import numpy as np
import pytest

LENS = Intrinsics(100, 80, 50.0, 50.0, 50.0, 40.0)


def sampler() -> DepthSampler:
    """Return a sampler for three rays: at the person, at the background, and out of the image."""
    depth = np.full((80, 100), 3000, np.uint16)
    own = np.zeros((80, 100), bool)
    own[20:60, 40:60] = True
    depth[own] = 2000
    rays = np.array([[0.0, 0.0, 1.0], [0.6, 0.0, 1.0], [5.0, 0.0, 1.0]])
    return DepthSampler(rays, PersonDepth(depth, own, ~own, LENS))


def test_samples_are_split_by_owner() -> None:
    depths = sampler()
    samples = depths.sample(depths.pixels, depths.inside, np.full(3, 0.05))
    assert samples.own.shape == samples.unassigned.shape == (3, 49)
    assert (samples.own[0] == 2.0).all() and (samples.unassigned[0] == 0).all()
    assert (samples.own[1] == 0).all() and (samples.unassigned[1] == 3.0).all()


def test_ray_out_of_the_image_has_no_samples() -> None:
    depths = sampler()
    samples = depths.sample(depths.pixels, depths.inside, np.full(3, 0.05))
    assert depths.inside.tolist() == samples.any_depth.tolist() == [True, True, False]
    assert not samples.own[2].any() and not samples.unassigned[2].any()


def test_ray_behind_the_camera_is_not_inside() -> None:
    depth = np.full((80, 100), 3000, np.uint16)
    own = np.ones((80, 100), bool)
    behind = DepthSampler(np.array([[0.0, 0.0, -1.0]]), PersonDepth(depth, own, ~own, LENS))
    assert not behind.inside[0]


def test_row_median_is_of_positive_values_only() -> None:
    values = np.array([[0.0, 3.0, 1.0, 2.0], [0.0, 0.0, 1.0, 2.0], [1.0, 2.0, 3.0, 4.0]])
    assert row_medians(values) == pytest.approx([2.0, np.nan, 3.0], nan_ok=True)


def test_row_quantile_counts_from_the_greatest_value() -> None:
    values = np.array([[0.0, 3.0, 1.0, 2.0, 0.0, 5.0, 4.0], [0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 0.0]])
    np.testing.assert_array_equal(row_quantiles(values, 0.75, 5), [4.0, np.nan])
    np.testing.assert_array_equal(row_quantiles(values, 0.5, 3), [3.0, 3.0])
    np.testing.assert_array_equal(row_quantiles(0 * values, 0.9, 1), [np.nan, np.nan])
