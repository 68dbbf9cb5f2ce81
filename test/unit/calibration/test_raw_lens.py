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

"""Factory calibrations with another lens, as the JSON of the camera."""

from __future__ import annotations

from dataclasses import replace

from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
import numpy as np
import pytest

CALIBRATION = FactoryCalibration.from_raw(nominal_calibration())
POINTS = np.random.default_rng(0).uniform((-0.5, -0.3, 1), (0.5, 0.3, 1), (100, 3))
MODES = [mode for mode in DepthMode if mode is not DepthMode.OFF]
RESOLUTIONS = [size for size in ColorResolution if size is not ColorResolution.OFF]


def changed(values):
    """Return a lens that differs in everything that a user can calibrate."""
    k = np.array(values.k)
    k[[0, 4]] *= 1.013, 0.991
    k[[2, 5]] += 7.25, -3.5
    return replace(values, model='plumb_bob', d=(0.06, -0.05, 0.002, -0.001, 0.01),
                   k=tuple(k.tolist()))


@pytest.mark.parametrize('mode', MODES)
def test_stored_depth_lens_gives_the_lens_of_its_mode(mode: DepthMode) -> None:
    own = CALIBRATION.with_depth_lens(mode, changed(CALIBRATION.depth(mode).camera_info))
    stored = FactoryCalibration.from_raw(own.raw)
    difference = stored.depth(mode).project(POINTS)[0] - own.depth(mode).project(POINTS)[0]
    assert np.abs(difference).max() < 2e-4
    assert stored.depth(mode).metric_radius == pytest.approx(own.depth(mode).metric_radius)
    for size in RESOLUTIONS:
        assert stored.color(size) == CALIBRATION.color(size)
    np.testing.assert_array_equal(
        stored.depth_to_color.translation, CALIBRATION.depth_to_color.translation)


@pytest.mark.parametrize('size', RESOLUTIONS)
def test_stored_color_lens_gives_the_lens_of_its_resolution(size: ColorResolution) -> None:
    own = CALIBRATION.with_color_lens(size, changed(CALIBRATION.color(size).camera_info))
    stored = FactoryCalibration.from_raw(own.raw)
    difference = stored.color(size).project(POINTS)[0] - own.color(size).project(POINTS)[0]
    assert np.abs(difference).max() < 5e-4
    for mode in MODES:
        assert stored.depth(mode) == CALIBRATION.depth(mode)


def test_both_lenses_are_replaced() -> None:
    mode, size = DepthMode.WFOV_2X2BINNED, ColorResolution.R1080P
    depth = changed(CALIBRATION.depth(mode).camera_info)
    color = changed(CALIBRATION.color(size).camera_info)
    own = CALIBRATION.with_depth_lens(mode, depth).with_color_lens(size, color)
    assert own.depth(mode).camera_info == depth
    assert own.color(size).camera_info == color
    assert own.depth(DepthMode.NFOV_UNBINNED) == CALIBRATION.depth(DepthMode.NFOV_UNBINNED)
    stored = FactoryCalibration.from_raw(own.raw)
    assert stored.depth(mode).fx == pytest.approx(depth.k[0], rel=1e-6)
    assert stored.color(size).fx == pytest.approx(color.k[0], rel=1e-6)


def test_libk4a_projects_with_the_replaced_lenses() -> None:
    """As Microsoft's body tracker does, which takes the JSON."""
    pyk4a = pytest.importorskip('pyk4a', exc_type=ImportError)  # built for numpy 1
    mode, size = DepthMode.NFOV_UNBINNED, ColorResolution.R1080P
    own = CALIBRATION.with_depth_lens(
        mode, changed(CALIBRATION.depth(mode).camera_info)).with_color_lens(
        size, changed(CALIBRATION.color(size).camera_info))
    native = pyk4a.Calibration.from_raw(
        own.raw.decode(), pyk4a.DepthMode(int(mode)), pyk4a.ColorResolution(int(size)))
    for camera, lens in ((pyk4a.CalibrationType.DEPTH, own.depth(mode)),
                         (pyk4a.CalibrationType.COLOR, own.color(size))):
        pixels = [native.convert_3d_to_2d(tuple(1000 * p), camera, camera) for p in POINTS]
        assert np.abs(pixels - lens.project(POINTS)[0]).max() < 5e-4
