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

"""Clouds and metric images against libk4a's own, and against hand-computed values."""

from __future__ import annotations

import tracemalloc

from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import DepthMode
from k4a_ros.images.geometry import ir_to_mono8
from k4a_ros.images.geometry import MetricDepth
from k4a_ros.images.geometry import PointCloud
from k4a_ros.jit import numba_jit
import numpy as np
import pyk4a
from pyk4a import transformation
import pytest

MODES = [mode for mode in DepthMode if mode.has_depth]


@pytest.fixture(scope='module')
def real_depth(real_recording):
    """Return the depth image of the real recording, and its calibration."""
    playback = pyk4a.PyK4APlayback(real_recording, thread_safe=False)
    playback.open()
    try:
        depth = playback.get_next_capture().depth.copy()
        return depth, playback.calibration_raw
    finally:
        playback.close()


def libk4a_cloud(raw: str, mode: DepthMode, depth: np.ndarray) -> np.ndarray:
    """Return libk4a's cloud, (height, width, 3) int16 millimeters, 0, 0, 0 where invalid."""
    calibration = pyk4a.Calibration.from_raw(
        raw, pyk4a.DepthMode(mode.value), pyk4a.ColorResolution.OFF, thread_safe=False)
    return transformation.depth_image_to_point_cloud(depth, calibration, thread_safe=False)


def compare(cloud: np.ndarray, expected: np.ndarray) -> None:
    """Assert that a cloud is libk4a's, but for its rounding to millimeters."""
    valid = expected[..., 2] != 0
    np.testing.assert_array_equal(np.isnan(cloud[..., :3]).any(axis=2), ~valid)
    np.testing.assert_array_equal(np.isnan(cloud[..., :3]).all(axis=2), ~valid)
    error = np.abs(cloud[..., :3][valid] * 1000.0 - expected[valid])
    assert error.max() <= 0.51
    assert valid.any()


def test_cloud_of_the_real_recording_is_that_of_libk4a(real_depth):
    depth, raw = real_depth
    assert depth.shape == (576, 640)
    calibration = FactoryCalibration.from_raw(raw)
    out = np.zeros((576, 640, 4), np.float32)
    PointCloud(calibration.depth(DepthMode.NFOV_UNBINNED).rays()).into(depth, out)
    compare(out, libk4a_cloud(raw, DepthMode.NFOV_UNBINNED, depth))
    assert (out[..., 3] == 0).all()
    # the frame has both: three quarters of it are valid
    assert 0.7 < np.isfinite(out[..., 2]).mean() < 0.8


@pytest.mark.parametrize('mode', MODES, ids=[mode.name for mode in MODES])
def test_cloud_in_every_mode_is_that_of_libk4a(mode):
    raw = nominal_calibration()
    width, height = mode.size
    rng = np.random.default_rng(7)
    # not more: libk4a's millimeters are int16, and x reaches 1.75 times the depth
    depth = rng.integers(1, 18000, (height, width)).astype(np.uint16)
    depth[rng.random(depth.shape) < 0.2] = 0
    out = np.full((height, width, 4), 7, np.float32)
    PointCloud(FactoryCalibration.from_raw(raw).depth(mode).rays()).into(depth, out)
    compare(out, libk4a_cloud(raw.rstrip(b'\0').decode(), mode, depth))
    # whole points are written at a time
    assert (out[..., 3] == 0).all()


def test_cloud_is_computed_by_hand():
    # 33 rows: one more than are converted at a time
    rays = np.zeros((33, 2, 2), np.float32)
    rays[32] = [[0.5, -0.25], [np.nan, np.nan]]
    depth = np.full((33, 2), 65535, np.uint16)
    depth[0, 0] = 0
    depth[32] = 1001
    out = np.zeros((33, 2, 3), np.float32)
    cloud = PointCloud(rays)
    cloud.into(depth, out)
    assert np.isnan(out[0, 0]).all()
    # beyond the 32.767 m of int16
    np.testing.assert_array_equal(out[0, 1], np.float32([0, 0, 65.535]))
    np.testing.assert_array_equal(out[32, 0], np.float32([0.5005, -0.25025, 1.001]))
    assert np.isnan(out[32, 1]).all()
    # the buffer is used again: what was NaN is overwritten
    depth[0, 0] = 2000
    cloud.into(depth, out)
    np.testing.assert_array_equal(out[0, 0], np.float32([0, 0, 2]))


@pytest.mark.skipif(not numba_jit.AVAILABLE, reason='numba is not installed')
@pytest.mark.parametrize('step', [3, 4])
def test_numpy_and_numba_give_the_same_bits(step):
    rng = np.random.default_rng(5)
    rays = rng.normal(size=(70, 9, 2)).astype(np.float32)
    rays[rng.random((70, 9)) < 0.2] = np.nan
    depth = rng.integers(0, 65536, (70, 9)).astype(np.uint16)
    depth[rng.random((70, 9)) < 0.2] = 0
    results = []
    for compiled in (True, False):
        results.append(np.full((70, 9, step), 7, np.float32))
        PointCloud(rays, compiled=compiled).into(depth, results[-1])
    # NaN has many forms
    assert (results[0].view(np.uint32) == results[1].view(np.uint32)).all()


def test_cloud_into_a_part_of_a_wider_buffer():
    message = np.full((4, 3, 8), 9, np.float32)
    PointCloud(np.ones((4, 3, 2), np.float32)).into(
        np.full((4, 3), 500, np.uint16), message[..., :3])
    assert (message[..., :3] == 0.5).all()
    assert (message[..., 3:] == 9).all()


def test_metric_depth():
    depth = np.full((70, 5), 1234, np.uint16)
    depth[3, 2] = 0
    depth[69] = 65535
    out = np.zeros((70, 5), np.float32)
    MetricDepth(5, 70).into(depth, out)
    assert out[0, 0] == np.float32(1.234)
    assert (out[69] == np.float32(65.535)).all()
    np.testing.assert_array_equal(np.isnan(out), depth == 0)


@pytest.mark.parametrize(('factor', 'value', 'expected'), [
    (1.0, 0, 0), (1.0, 255, 255), (1.0, 256, 255), (1.0, 65535, 255), (0.5, 101, 50),
    (0.5, 103, 52), (0.1, 26, 3), (10.0, 25, 250), (10.0, 26, 255), (0.0, 65535, 0)])
def test_ir_is_scaled_rounded_and_limited(factor, value, expected):
    out = np.full((2, 3), 77, np.uint8)
    ir_to_mono8(np.full((2, 3), value, np.uint16), factor, out)
    assert (out == expected).all()


def test_nothing_is_allocated_per_image():
    depth = np.ones((576, 640), np.uint16)
    meters = np.zeros((576, 640), np.float32)
    out = np.zeros((576, 640, 4), np.float32)
    mono = np.zeros((576, 640), np.uint8)
    cloud = PointCloud(np.ones((576, 640, 2), np.float32))
    metric = MetricDepth(640, 576)

    def convert() -> None:
        cloud.into(depth, out)
        metric.into(depth, meters)
        ir_to_mono8(depth, 1.0, mono)

    convert()
    tracemalloc.start()
    try:
        convert()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # the smallest image here has 368 640 bytes
    assert peak < 50_000


def test_wrong_arrays_are_refused():
    depth = np.ones((4, 3), np.uint16)
    cloud = PointCloud(np.ones((4, 3, 2), np.float32))
    metric = MetricDepth(3, 4)
    with pytest.raises(ValueError, match='depth is uint16'):
        cloud.into(depth.T, np.zeros((4, 3, 4), np.float32))
    with pytest.raises(ValueError, match='out is float64'):
        cloud.into(depth, np.zeros((4, 3, 4)))
    with pytest.raises(ValueError, match='3 or more'):
        cloud.into(depth, np.zeros((4, 3, 2), np.float32))
    with pytest.raises(ValueError, match='depth is int16'):
        metric.into(depth.astype(np.int16), np.zeros((4, 3), np.float32))
    with pytest.raises(ValueError, match='out is float32'):
        metric.into(depth, np.zeros((3, 4), np.float32))
    with pytest.raises(ValueError, match='ir is uint16'):
        ir_to_mono8(depth, 1.0, np.zeros((3, 4), np.uint8))
    with pytest.raises(ValueError, match='contiguous'):
        ir_to_mono8(depth, 1.0, np.zeros((4, 6), np.uint8)[:, ::2])
    for factor in (-1.0, float('nan')):
        with pytest.raises(ValueError, match='factor'):
            ir_to_mono8(depth, factor, np.zeros((4, 3), np.uint8))
