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

"""Point clouds, against libk4a's, the ground truth of a scene, and values computed by hand."""

from __future__ import annotations

import math
import tracemalloc

from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import DepthMode
from k4a_ros.images.clouds import CloudConverter
from k4a_ros.images.clouds import CloudOptions
from k4a_ros.images.clouds import FullCloudConverter
import numpy as np
import pytest
from support.reference import Reference
from support.reference_calibration import ReferenceCalibration
from support.synthetic_capture import COMPILED
from support.synthetic_capture import NEEDS_NUMBA
from support.synthetic_capture import NOMINAL
from support.synthetic_capture import POSE
from support.synthetic_capture import SMALL
from support.synthetic_capture import SyntheticCapture

MODES = [mode for mode in DepthMode if mode.has_depth]


@pytest.fixture(scope='module')
def real_depth(real_recording):
    """Return the depth image of the real recording, and its calibration."""
    with Reference(real_recording) as playback:
        _, pixels = next(playback.captures())['depth']
        depth = np.frombuffer(pixels, np.uint16).reshape(DepthMode.NFOV_UNBINNED.size[::-1])
        return depth, playback.calibration()


def libk4a_cloud(raw: bytes, mode: DepthMode, depth: np.ndarray) -> np.ndarray:
    """Return libk4a's cloud, (height, width, 3) int16 millimeters, 0, 0, 0 for invalid."""
    return ReferenceCalibration(raw, depth=mode).cloud(depth)


def assert_matches_libk4a(cloud: np.ndarray, expected: np.ndarray) -> None:
    """Assert that a cloud is that of libk4a, except for its rounding to millimeters."""
    valid = expected[..., 2] != 0
    np.testing.assert_array_equal(np.isnan(cloud[..., :3]).any(axis=2), ~valid)
    np.testing.assert_array_equal(np.isnan(cloud[..., :3]).all(axis=2), ~valid)
    error = np.abs(cloud[..., :3][valid] * 1000.0 - expected[valid])
    assert error.max() <= 0.51
    assert valid.any()


def test_full_cloud_of_the_real_recording_matches_libk4a(real_depth):
    depth, raw = real_depth
    assert depth.shape == (576, 640)
    calibration = FactoryCalibration.from_raw(raw)
    out = np.zeros((576, 640, 4), np.float32)
    FullCloudConverter(calibration.depth(DepthMode.NFOV_UNBINNED).rays()).convert(depth, out)
    assert_matches_libk4a(out, libk4a_cloud(raw, DepthMode.NFOV_UNBINNED, depth))
    assert (out[..., 3] == 0).all()
    # three quarters of the frame are valid
    assert 0.7 < np.isfinite(out[..., 2]).mean() < 0.8


@pytest.mark.parametrize('mode', MODES, ids=[mode.name for mode in MODES])
def test_full_cloud_matches_libk4a_in_every_mode(mode):
    raw = nominal_calibration()
    width, height = mode.size
    rng = np.random.default_rng(7)
    # not more: libk4a's millimeters are int16, and x reaches 1.75 times the depth
    depth = rng.integers(1, 18000, (height, width)).astype(np.uint16)
    depth[rng.random(depth.shape) < 0.2] = 0
    out = np.full((height, width, 4), 7, np.float32)
    FullCloudConverter(FactoryCalibration.from_raw(raw).depth(mode).rays()).convert(depth, out)
    assert_matches_libk4a(out, libk4a_cloud(raw, mode, depth))
    assert (out[..., 3] == 0).all()


def test_full_cloud_matches_values_computed_by_hand():
    # 33 rows: one more than are converted at a time
    rays = np.zeros((33, 2, 2), np.float32)
    rays[32] = [[0.5, -0.25], [np.nan, np.nan]]
    depth = np.full((33, 2), 65535, np.uint16)
    depth[0, 0] = 0
    depth[32] = 1001
    out = np.zeros((33, 2, 3), np.float32)
    converter = FullCloudConverter(rays)
    converter.convert(depth, out)
    assert np.isnan(out[0, 0]).all()
    # beyond the 32.767 m of int16
    np.testing.assert_array_equal(out[0, 1], np.float32([0, 0, 65.535]))
    np.testing.assert_array_equal(out[32, 0], np.float32([0.5005, -0.25025, 1.001]))
    assert np.isnan(out[32, 1]).all()
    # the NaN of the previous image is overwritten
    depth[0, 0] = 2000
    converter.convert(depth, out)
    np.testing.assert_array_equal(out[0, 0], np.float32([0, 0, 2]))


@NEEDS_NUMBA
@pytest.mark.parametrize('step', [3, 4])
def test_full_clouds_of_numpy_and_numba_are_bit_identical(step):
    rng = np.random.default_rng(5)
    rays = rng.normal(size=(70, 9, 2)).astype(np.float32)
    rays[rng.random((70, 9)) < 0.2] = np.nan
    depth = rng.integers(0, 65536, (70, 9)).astype(np.uint16)
    depth[rng.random((70, 9)) < 0.2] = 0
    results = []
    for compiled in (True, False):
        results.append(np.full((70, 9, step), 7, np.float32))
        FullCloudConverter(rays, compiled=compiled).convert(depth, results[-1])
    # as integers, because NaN has many bit patterns
    assert (results[0].view(np.uint32) == results[1].view(np.uint32)).all()


def test_full_cloud_leaves_further_columns_of_a_buffer_unchanged():
    message = np.full((4, 3, 8), 9, np.float32)
    FullCloudConverter(np.ones((4, 3, 2), np.float32)).convert(
        np.full((4, 3), 500, np.uint16), message[..., :3])
    assert (message[..., :3] == 0.5).all()
    assert (message[..., 3:] == 9).all()


@pytest.mark.parametrize('compiled', COMPILED)
def test_colored_cloud_has_points_and_colors_of_the_depth_pixels(compiled):
    capture = SyntheticCapture(*SMALL)
    colors = capture.color_in_depth()
    converter = CloudConverter(capture.pair.rays, compiled=compiled)
    out = np.full((*capture.pair.depth_shape, 8), 5, np.float32)
    assert converter.size == (320, 288)
    assert converter.write_xyz_rgb(capture.depth, colors, out) == 320 * 288
    valid = colors.any(axis=2)
    z = capture.depth / np.float32(1000)
    for axis, expected in enumerate((
            capture.pair.rays[..., 0] * z, capture.pair.rays[..., 1] * z, z)):
        assert np.allclose(out[..., axis][valid], expected[valid], atol=1e-6)
        assert np.isnan(out[..., axis][~valid]).all()
    packed = np.ascontiguousarray(out[..., 4]).view(np.uint8).reshape(*valid.shape, 4)
    assert (packed[..., :3][valid] == colors[..., :3][valid]).all()
    assert (packed[..., 3] == 0).all() and (packed[~valid] == 0).all()
    assert (out[..., [3, 5, 6, 7]] == 0).all()


@pytest.mark.parametrize('compiled', COMPILED)
@pytest.mark.parametrize('stride', [1, 3])
def test_unorganized_cloud_has_only_valid_points_in_range(compiled, stride):
    capture = SyntheticCapture(*SMALL)
    options = CloudOptions(organized=False, min_depth_m=0.9, max_depth_m=2.1, stride=stride)
    converter = CloudConverter(capture.pair.rays, options, compiled=compiled)
    selected = (slice(None, None, stride),) * 2
    depth, rays = capture.depth[selected], capture.pair.rays[selected]
    valid = (depth >= 900) & (depth <= 2100) & ~np.isnan(rays[..., 0])
    expected = np.stack((rays[..., 0] * (depth / 1000.0), rays[..., 1] * (depth / 1000.0),
                         depth / 1000.0), axis=-1)[valid]
    assert 0 < len(expected) < converter.capacity == depth.size
    out = np.full((converter.capacity, 4), -1, np.float32)
    for infrared in (None, capture.infrared):
        count = (converter.write_xyz(capture.depth, out) if infrared is None
                 else converter.write_xyz_intensity(capture.depth, infrared, out))
        assert count == len(expected)
        assert np.allclose(out[:count, :3], expected, atol=1e-6)
        assert (out[count:] == -1).all()
        assert (out[:count, 3] == (0 if infrared is None else infrared[selected][valid])).all()
    out = np.full((converter.capacity, 8), -1, np.float32)
    colors = capture.color_in_depth()
    count = converter.write_xyz_rgb(capture.depth, colors, out)
    both = valid & colors[selected].any(axis=2)
    assert count == both.sum()
    assert np.allclose(out[:count, :3], expected[both[valid]], atol=1e-6)


@NEEDS_NUMBA
@pytest.mark.parametrize('organized', [True, False])
@pytest.mark.parametrize('stride', [1, 3])
def test_clouds_of_numpy_and_numba_are_bit_identical(organized, stride):
    capture = SyntheticCapture(*SMALL)
    capture.depth[np.random.default_rng(4).random(capture.depth.shape) < 0.1] = 0
    colors = capture.color_in_depth()
    results = []
    for compiled in (True, False):
        converter = CloudConverter(
            capture.pair.rays, CloudOptions(organized, 0.9, 2.1, stride), compiled=compiled)
        xyz, intensity = np.full((2, converter.capacity, 4), 7, np.float32)
        rgb = np.full((converter.capacity, 8), 7, np.float32)
        counts = [converter.write_xyz(capture.depth, xyz),
                  converter.write_xyz_intensity(capture.depth, capture.infrared, intensity),
                  converter.write_xyz_rgb(capture.depth, colors, rgb)]
        assert 0 < counts[2] <= counts[1] == counts[0]
        results.append([array.view(np.uint32) for array in (xyz, intensity, rgb)])
    for numba_result, numpy_result in zip(*results, strict=True):
        assert (numba_result == numpy_result).all()


def test_depth_limits_are_inclusive_to_the_millimeter():
    depth = np.arange(1, 20001, dtype=np.uint16).reshape(1, -1)
    rays = np.zeros((1, depth.size, 2), np.float32)
    out = np.empty((depth.size, 4), np.float32)
    # the product of some with 1000 is not exact
    for limit in (1001, 1003, 2007, 2011, 4321, 20000):
        options = CloudOptions(
            organized=False, min_depth_m=limit / 1000, max_depth_m=limit / 1000)
        assert CloudConverter(rays, options).write_xyz(depth, out) == 1
        assert out[0, 2] == np.float32(limit / 1000)
    assert CloudConverter(rays, CloudOptions(organized=False)).write_xyz(depth, out) == depth.size


@pytest.mark.parametrize('compiled', COMPILED)
def test_organized_intensity_is_kept_at_invalid_points(compiled):
    capture = SyntheticCapture(*SMALL)
    capture.depth[100:110] = 0
    converter = CloudConverter(capture.pair.rays, CloudOptions(stride=2), compiled=compiled)
    out = np.zeros((converter.size[1], converter.size[0], 4), np.float32)
    count = converter.write_xyz_intensity(capture.depth, capture.infrared, out)
    assert count == converter.capacity
    assert np.isnan(out[50:55, :, :3]).all()
    assert (out[..., 3] == capture.infrared[::2, ::2]).all()


def test_cloud_of_the_color_camera_lies_on_the_true_surfaces():
    capture = SyntheticCapture(*SMALL)
    converter = CloudConverter(capture.color_lens.rays(), CloudOptions(organized=False))
    out = np.empty((converter.capacity, 8), np.float32)
    count = converter.write_xyz_rgb(capture.depth_in_color(), capture.color, out)
    assert count > 100000
    to_world = POSE @ NOMINAL.depth_to_color.normalized().inverse()
    points = to_world.apply(out[:count, :3])
    normal = POSE.rotation @ [0.2, 0.1, -1.0]
    wall = np.abs((points - POSE.apply([0.0, 0.0, 2.2])) @ normal) / np.linalg.norm(normal)
    ball = np.abs(np.linalg.norm(points - POSE.apply([0.05, 0.0, 1.0]), axis=1) - 0.25)
    distance = np.minimum(wall, ball)
    assert np.percentile(distance, 99) < 0.002


@NEEDS_NUMBA
def test_no_image_is_allocated_per_capture():
    capture = SyntheticCapture(*SMALL)
    colors = capture.color_in_depth()
    full, converter = FullCloudConverter(capture.pair.rays), CloudConverter(capture.pair.rays)
    xyz, rgb = (np.empty((*capture.pair.depth_shape, columns), np.float32) for columns in (4, 8))

    def convert() -> None:
        full.convert(capture.depth, xyz)
        converter.write_xyz_rgb(capture.depth, colors, rgb)

    convert()
    tracemalloc.start()
    try:
        convert()
        assert tracemalloc.get_traced_memory()[1] < 20000
    finally:
        tracemalloc.stop()


def test_full_cloud_without_numba_allocates_no_image():
    depth = np.ones((576, 640), np.uint16)
    out = np.zeros((576, 640, 4), np.float32)
    converter = FullCloudConverter(np.ones((576, 640, 2), np.float32), compiled=False)
    converter.convert(depth, out)
    tracemalloc.start()
    try:
        converter.convert(depth, out)
        # the depth image has 737 280 bytes
        assert tracemalloc.get_traced_memory()[1] < 50_000
    finally:
        tracemalloc.stop()


def test_wrong_arrays_are_rejected():
    depth = np.ones((4, 3), np.uint16)
    rays = np.ones((4, 3, 2), np.float32)
    full = FullCloudConverter(rays)
    with pytest.raises(ValueError, match='depth is uint16'):
        full.convert(depth.T, np.zeros((4, 3, 4), np.float32))
    with pytest.raises(ValueError, match='out is float64'):
        full.convert(depth, np.zeros((4, 3, 4)))
    with pytest.raises(ValueError, match='3 or more'):
        full.convert(depth, np.zeros((4, 3, 2), np.float32))
    with pytest.raises(ValueError, match='room for'):
        CloudConverter(rays).write_xyz(depth, np.empty((10, 4), np.float32))


def test_contradictory_options_are_rejected():
    with pytest.raises(ValueError, match='min_depth_m'):
        CloudOptions(min_depth_m=2.0, max_depth_m=1.0)
    with pytest.raises(ValueError, match='min_depth_m'):
        CloudOptions(min_depth_m=math.nan)
    with pytest.raises(ValueError, match='stride'):
        CloudOptions(stride=0)
