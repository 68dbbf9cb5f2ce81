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

"""Crop box and voxel grid, against values computed by hand, and both implementations."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.calibration.rigid_transform import rotation_z
from k4a_ros.images import cloud_selection
from k4a_ros.images.cloud_selection import CloudSelection
from k4a_ros.images.cloud_selection import PointSelector
import numpy as np
import pytest
from support.synthetic_capture import COMPILED
from support.synthetic_capture import NEEDS_NUMBA

STILL = RigidTransform.identity()
#: y of the points is x of the box
TURNED = RigidTransform(rotation_z(-np.pi / 2), np.array([0.0, 0.0, 1.0]))
BOX = replace(CloudSelection(), crop_min_x=0.5, crop_max_x=1.5, crop_max_z=2.5)


def cloud(*points: tuple[float, ...], color: int | None = None) -> np.ndarray:
    """Return points with intensities 10, 20, 30, …, or with colors."""
    out = np.zeros((len(points), 4 if color is None else 8), np.float32)
    out[:, :3] = points
    if color is None:
        out[:, 3] = 10 * np.arange(1, len(points) + 1)
    else:
        out.view(np.uint32)[:, 4] = color
    return out


clouds = npst.arrays(
    np.float32, st.tuples(st.integers(0, 40), st.sampled_from([4, 8])),
    elements=st.floats(-3, 3, width=32)).flatmap(lambda points: st.lists(
        st.booleans(), min_size=len(points), max_size=len(points)).map(
            lambda valid: with_colors(points, valid)))


def with_colors(points: np.ndarray, valid: list[bool]) -> np.ndarray:
    """Make points invalid, and the fields after z those of a cloud."""
    points = points.copy()
    points[~np.array(valid, bool), :3] = np.nan
    if points.shape[1] == 8:
        bits = points.view(np.uint32)
        bits[:, 4] &= 0x00ffffff
        points[:, [3, 5, 6, 7]] = 0
        bits[np.isnan(points[:, 2]), 4] = 0
    return points


@NEEDS_NUMBA
@settings(max_examples=100, deadline=None)
@given(clouds, st.booleans(), st.sampled_from([STILL, TURNED]), st.sampled_from([0.01, 0.7, 9.0]))
def test_compiled_and_fallback_agree_to_the_bit(points, organized, to_box, size):
    if not organized:
        points = np.ascontiguousarray(points[~np.isnan(points[:, 2])])
    results = []
    for compiled in (True, False):
        out = points.copy()
        selector = PointSelector(compiled=compiled)
        count = selector.crop(out, len(out), BOX, to_box, organized=organized)
        cropped = out[:count].copy()
        count = selector.to_voxels(out, count, size)
        results.append((cropped.view(np.uint32), out[:count].view(np.uint32)))
    for fast, slow in zip(*results, strict=True):
        np.testing.assert_array_equal(fast, slow)


@pytest.mark.parametrize('compiled', COMPILED)
def test_crop_moves_points_to_the_front(compiled):
    points = cloud((0.4, 0, 1), (0.5, 0, 2.5), (1.0, 0, 2.6), (1.5, -9, 0), (1.6, 0, 0))
    count = PointSelector(compiled=compiled).crop(points, 5, BOX, STILL, organized=False)
    np.testing.assert_array_equal(points[:count], np.array(
        [(0.5, 0, 2.5, 20), (1.5, -9, 0, 40)], np.float32))


@pytest.mark.parametrize('compiled', COMPILED)
@pytest.mark.parametrize('color', [None, 0x0a0b0c])
def test_crop_keeps_the_places_of_an_organized_cloud(compiled, color):
    points = cloud((0.4, 0, 1), (1, 0, 1), color=color)
    before = points.copy()
    assert PointSelector(compiled=compiled).crop(points, 2, BOX, STILL, organized=True) == 2
    assert np.isnan(points[0, :3]).all()
    np.testing.assert_array_equal(points[1], before[1])
    if color is None:
        assert points[0, 3] == 10
    else:
        assert points.view(np.uint32)[0, 4] == 0


@pytest.mark.parametrize('compiled', COMPILED)
def test_crop_box_is_in_its_own_frame(compiled):
    # x, y, z of the box: y, -x, z + 1
    points = cloud((0, 1, 1.4), (0, 1, 1.6), (1, 0, 0))
    count = PointSelector(compiled=compiled).crop(points, 3, BOX, TURNED, organized=False)
    np.testing.assert_array_equal(points[:count, 3], [10])


@pytest.mark.parametrize('compiled', COMPILED)
def test_voxels_are_means_in_the_order_of_first_points(compiled):
    points = cloud((0.9, 0.1, 1.0), (0.1, 0.2, 1.0), (np.nan,) * 3, (0.8, 0.1, 1.2), (-0.1, 0, 1))
    count = PointSelector(compiled=compiled).to_voxels(points, 5, 0.5)
    np.testing.assert_allclose(points[:count], [
        (0.85, 0.1, 1.1, 25), (0.1, 0.2, 1.0, 20), (-0.1, 0, 1, 50)], rtol=1e-6)


@pytest.mark.parametrize('compiled', COMPILED)
def test_colors_of_a_voxel_are_averaged_by_channel(compiled):
    points = cloud((0, 0, 1), (0, 0, 1.01), color=0)
    points.view(np.uint32)[:, 4] = 0xff_00_0a, 0xfe_01_14
    assert PointSelector(compiled=compiled).to_voxels(points, 2, 0.5) == 1
    assert points.view(np.uint32)[0].tolist()[3:] == [0, 0xff_01_0f, 0, 0, 0]


@pytest.mark.parametrize('compiled', COMPILED)
def test_more_voxels_than_the_table_has_room_for(compiled, monkeypatch):
    monkeypatch.setattr(cloud_selection, '_MIN_TABLE_BITS', 4)
    x, z = np.meshgrid(np.arange(30), np.arange(30))
    points = cloud(*zip(x.ravel(), np.zeros(900), z.ravel(), strict=True))
    expected = points.copy()
    expected[:, :3] += 0.5
    points[:, :3] += 0.5
    assert PointSelector(compiled=compiled).to_voxels(points, 900, 1.0) == 900
    np.testing.assert_array_equal(points, expected)


def test_box_without_limits_does_not_crop():
    assert not CloudSelection().crops
    assert BOX.crops
