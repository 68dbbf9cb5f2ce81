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

"""Lenses of turned images: the same directions in the same, turned, pixels."""

from __future__ import annotations

from dataclasses import replace
import json
from typing import Any

import cv2
from hypothesis import given
from hypothesis import strategies as st
from k4a_ros.calibration.camera_info import CameraInfoValues
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.calibration.rotation import ROTATIONS
from k4a_ros.calibration.rotation import upright_axes
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
import numpy as np
import pytest

MODES = [mode for mode in (*DepthMode, *ColorResolution) if mode]


def with_large_distortion(model: str) -> bytes:
    """Return the nominal calibration with distortion that is far from symmetric."""
    root = json.loads(nominal_calibration().rstrip(b'\0'))
    for camera in root['CalibrationInformation']['Cameras']:
        intrinsics = camera['Intrinsics']
        intrinsics['ModelType'] = f'CALIBRATION_LensDistortionModel{model}'
        center = [0.01, -0.02] if model == 'Rational6KT' else [0.0, 0.0]
        intrinsics['ModelParameters'][10:14] = [*center, 0.004, -0.006]
    return json.dumps(root).encode()


CALIBRATIONS = {
    'nominal': nominal_calibration, 'tangential': lambda: with_large_distortion('BrownConrady'),
    'rational_6kt': lambda: with_large_distortion('Rational6KT')}
REAL = {'recording': 'recording_001514394512/calibration.json',
        'k4a_net': 'calibrations/raw_calibration_000019492412.bin'}


@pytest.fixture(scope='module', params=[*CALIBRATIONS, *REAL])
def calibration(request: pytest.FixtureRequest) -> FactoryCalibration:
    name = request.param
    if name in REAL:
        return FactoryCalibration.from_raw(
            (request.getfixturevalue('test_data') / REAL[name]).read_bytes())
    return FactoryCalibration.from_raw(CALIBRATIONS[name]())


def lens_of(calibration: FactoryCalibration, mode: Any) -> Intrinsics:
    """Return the lens of a depth mode or color resolution."""
    return calibration.depth(mode) if isinstance(mode, DepthMode) else calibration.color(mode)


def turned_pixels(pixels: np.ndarray, size: tuple[int, int], rotation: int) -> np.ndarray:
    """Return where pixels (x, y) are when the image is turned clockwise."""
    x, y = np.moveaxis(pixels, -1, 0)
    width, height = size
    return np.stack({0: (x, y), 90: (height - 1 - y, x), 180: (width - 1 - x, height - 1 - y),
                     270: (y, width - 1 - x)}[rotation], axis=-1)


def directions(lens: Intrinsics) -> tuple[np.ndarray, np.ndarray]:
    """Return a grid of pixels (N, 2) of a lens, and points (N, 3) that they see."""
    grid = np.stack(np.meshgrid(np.linspace(0, lens.width - 1, 25),
                                np.linspace(0, lens.height - 1, 25)), axis=-1).reshape(-1, 2)
    rays, valid = lens.unproject(grid)
    points = np.column_stack((rays, np.ones(len(rays)))) * np.linspace(0.5, 5, len(rays))[:, None]
    return grid[valid], points[valid]


@pytest.mark.parametrize('rotation', ROTATIONS)
@pytest.mark.parametrize('mode', MODES, ids=lambda mode: mode.name)
def test_turned_lens_sees_the_same_in_turned_pixels(
    calibration: FactoryCalibration, mode: Any, rotation: int,
) -> None:
    """Also as consumers of camera_info do it: cv2.projectPoints with K and D."""
    lens = lens_of(calibration, mode)
    turned = lens_of(calibration.rotated(rotation), mode)
    size = (lens.width, lens.height)
    assert (turned.width, turned.height) == (size if rotation % 180 == 0 else size[::-1])
    _, points = directions(lens)
    assert len(points) > 100
    expected = turned_pixels(lens.project(points)[0], size, rotation)
    in_turned_axes = points @ upright_axes(rotation).T
    found, valid = turned.project(in_turned_axes)
    assert valid.all()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
    back, valid = turned.unproject(expected)
    np.testing.assert_allclose(back[valid], (in_turned_axes / points[:, 2:])[valid, :2], atol=1e-6)
    if lens.model == 'brown_conrady':  # the only one that camera_info can express
        by_consumer, _ = cv2.projectPoints(
            in_turned_axes, np.zeros(3), np.zeros(3), turned.camera_matrix, turned.distortion)
        np.testing.assert_allclose(by_consumer[:, 0], expected, rtol=0, atol=1e-6)


def rectified(info: CameraInfoValues, points: np.ndarray) -> np.ndarray:
    """Return the pixels of points in the rectified image, as CameraInfo.msg defines it."""
    r, p = np.reshape(info.r, (3, 3)), np.reshape(info.p, (3, 4))
    pixels = np.column_stack((points @ r.T, np.ones(len(points)))) @ p.T
    return pixels[:, :2] / pixels[:, 2:]


@pytest.mark.parametrize('rotation', ROTATIONS)
def test_camera_info_turns_like_the_lens(
    calibration: FactoryCalibration, rotation: int,
) -> None:
    """Also R and P of a lens that was calibrated in ROS: they map to the turned pixels."""
    info = calibration.depth(DepthMode.NFOV_UNBINNED).camera_info
    turned = calibration.rotated(rotation).depth(DepthMode.NFOV_UNBINNED).camera_info
    found = info.rotated(rotation)
    assert (found.width, found.height, found.model) == (turned.width, turned.height, turned.model)
    for name in 'dkrp':
        np.testing.assert_allclose(getattr(found, name), getattr(turned, name), atol=1e-9)
    tilt, _ = cv2.Rodrigues(np.array([0.01, -0.02, 0.03]))
    p = np.array([[450.0, 0, 310, -20], [0, 460, 300, 5], [0, 0, 1, 0]])
    own = replace(info, r=tuple(tilt.ravel()), p=tuple(p.ravel()))
    np.testing.assert_allclose(
        own.rotated(rotation).rotated((360 - rotation) % 360).p, own.p, atol=1e-9)
    points = np.random.default_rng(1).uniform([-1, -1, 1], [1, 1, 4], (50, 3))
    expected = turned_pixels(rectified(own, points), (info.width, info.height), rotation)
    np.testing.assert_allclose(
        rectified(own.rotated(rotation), points @ upright_axes(rotation).T), expected, atol=1e-9)


@pytest.mark.parametrize('rotation', ROTATIONS)
def test_rays_are_those_of_the_camera_bit_for_bit(
    calibration: FactoryCalibration, rotation: int,
) -> None:
    measured = calibration.depth(DepthMode.NFOV_2X2BINNED).rays()
    turned = calibration.rotated(rotation).depth(DepthMode.NFOV_2X2BINNED).rays()
    axes = upright_axes(rotation)[:2, :2].astype(np.float32)
    expected = np.rot90(measured, -rotation // 90) @ axes.T
    np.testing.assert_array_equal(turned, expected)
    assert turned.dtype == np.float32 and not turned.flags.writeable


@given(st.lists(st.sampled_from(ROTATIONS), max_size=5), st.sampled_from(MODES))
def test_rotations_add_up(rotations: list[int], mode: Any) -> None:
    calibration = FactoryCalibration.from_raw(with_large_distortion('Rational6KT'))
    turned = calibration
    for rotation in rotations:
        turned = turned.rotated(rotation)
    total = sum(rotations) % 360
    assert turned.rotation == total
    assert lens_of(turned, mode) == lens_of(calibration.rotated(total), mode)
    assert lens_of(turned, mode).rotated((360 - total) % 360) == lens_of(calibration, mode)
