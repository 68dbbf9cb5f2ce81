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

"""Rectified images, against the surfaces of a simulated scene and the rays of the lens."""

from __future__ import annotations

from pathlib import Path

from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.images.rectification import DepthRectifier
from k4a_ros.images.rectification import ImageRectifier
from k4a_ros.images.rectification import rectified_lens
from k4a_ros.images.rectification import rectified_rays
from k4a_ros.images.rectification import source_positions
from k4a_ros.images.registration import CameraPair
from k4a_ros.images.registration import Correspondences
from k4a_ros.images.registration import DepthToColor
from k4a_ros.simulation.scene_file import default_scene
from k4a_ros.simulation.sensor import Sensor
import numpy as np
import pytest
from support.surfaces import pinhole_rays
from support.surfaces import Surfaces
from support.synthetic_capture import COMPILED
from support.synthetic_capture import NOMINAL
from support.synthetic_capture import SCENE

#: the wall and the ball of SCENE in the depth camera's frame, meters
WALL_POINT = np.array([0.0, 0.0, 2.2])
WALL_NORMAL = np.array([0.2, 0.1, -1.0]) / np.linalg.norm([0.2, 0.1, -1.0])
BALL_CENTER, BALL_RADIUS = np.array([0.05, 0.0, 1.0]), 0.25

DEPTH_MODES = [mode for mode in DepthMode if mode.has_depth]


@pytest.fixture(scope='module')
def calibrations(test_data: Path) -> list[FactoryCalibration]:
    """Return the factory calibrations of two real cameras."""
    files = ('recording_001514394512/calibration.json',
             'calibrations/raw_calibration_000019492412.bin')
    return [FactoryCalibration.from_raw((test_data / name).read_bytes()) for name in files]


def depth_image(calibration: FactoryCalibration, mode: DepthMode) -> np.ndarray:
    """Return a depth image of SCENE without noise."""
    config = CameraConfig.of_modes(mode, ColorResolution.OFF)
    depth, _ = Sensor(SCENE, calibration, config, noise=False).depth_and_ir(0)
    assert depth is not None
    return depth


def rectify(
    depth: np.ndarray, lens: Intrinsics, rectified: Intrinsics, compiled: bool | None = None,
    dtype: type = np.uint16,
) -> np.ndarray:
    """Return a rectified depth image."""
    out = np.full((rectified.height, rectified.width), 12345, dtype)
    DepthRectifier(lens, rectified, compiled=compiled).rectify(depth, out)
    return out


def points(depth: np.ndarray, rectified: Intrinsics) -> np.ndarray:
    """Return the points of a rectified depth image, (N, 3) meters."""
    row, column = np.nonzero(depth)
    x, y = rectified_rays(rectified)
    z = depth[row, column] / 1000.0
    return np.stack((x[column] * z, y[row] * z, z), axis=-1)


def distances(cloud: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distances of points to the wall and to the ball, meters."""
    return (np.abs((cloud - WALL_POINT) @ WALL_NORMAL),
            np.abs(np.linalg.norm(cloud - BALL_CENTER, axis=1) - BALL_RADIUS))


def check_depth(calibration: FactoryCalibration, mode: DepthMode) -> None:
    """Fail unless every measurement is kept, and is on the surface that was measured."""
    lens = calibration.depth(mode)
    rectified = rectified_lens(lens, 'full')
    depth = depth_image(calibration, mode)
    # number the pixels: which of them does the rectified image show?
    numbered = rectify_nearest(np.arange(depth.size).reshape(depth.shape), lens, rectified)
    kept = np.isin(np.flatnonzero(depth), numbered).mean()
    assert kept >= 0.999
    wall, ball = distances(points(rectify(depth, lens, rectified), rectified))
    is_wall = wall < ball
    assert (is_wall.mean() > 0.5) and not is_wall.all()
    # the depth of the source is rounded to millimeters, and so is the result
    nearest = np.minimum(wall, ball)
    assert (nearest <= 0.001).mean() >= 0.995
    assert nearest.max() < 0.003


def rectify_nearest(image: np.ndarray, lens: Intrinsics, rectified: Intrinsics) -> np.ndarray:
    """Return the nearest pixel of an image, of any type, for each pixel that the lens sees."""
    positions, seen = source_positions(lens, rectified)
    column, row = np.rint(positions[seen]).astype(int).T
    return image[row, column]


@pytest.mark.parametrize('mode', DEPTH_MODES)
def test_depth_points_are_those_of_the_surfaces(mode):
    check_depth(NOMINAL, mode)


@pytest.mark.parametrize('mode', [DepthMode.NFOV_UNBINNED, DepthMode.WFOV_2X2BINNED])
def test_depth_points_with_real_calibrations(calibrations, mode):
    for calibration in calibrations:
        check_depth(calibration, mode)


def check_room(calibration: FactoryCalibration, mode: DepthMode) -> None:
    """Fail unless points of the furnished room are on its surfaces, and none between them."""
    lens = calibration.depth(mode)
    rectified = rectified_lens(lens, 'full')
    room = default_scene()
    sensor = Sensor(room, calibration, CameraConfig.of_modes(mode, ColorResolution.OFF),
                    noise=False)
    depth, _ = sensor.depth_and_ir(0)
    assert depth is not None
    out = rectify(depth, lens, rectified, dtype=np.float32)
    surfaces = Surfaces(room, pinhole_rays(rectified), rectified, 0.0)
    millimeters = 1000 * np.nan_to_num(out.astype(float))
    assert (surfaces.distances(millimeters) <= 1).mean() >= 0.995
    assert np.nanmax(surfaces.from_nearest(millimeters)[millimeters > 0]) < 10


def test_depth_of_a_furnished_room_is_on_its_surfaces(calibrations):
    """There, planes meet, and are seen behind limbs and the legs of a table."""
    for calibration in (NOMINAL, *calibrations):
        check_room(calibration, DepthMode.NFOV_2X2BINNED)
    check_room(calibrations[0], DepthMode.NFOV_UNBINNED)


@pytest.mark.parametrize('compiled', COMPILED)
@pytest.mark.parametrize('axis', [0, 1])
@pytest.mark.parametrize('shift', [-0.4, -0.1, 0.1, 0.25, 0.45])
def test_depth_where_two_planes_meet_is_that_of_the_one_that_the_ray_hits(compiled, axis, shift):
    """Corners that point to the camera and away, at all positions between two pixels."""
    lens = Intrinsics(96, 100, 250.0, 250.0, 47.5, 49.5)
    center = [lens.cx, lens.cy]
    center[axis] -= shift
    moved = Intrinsics(lens.width, lens.height, 250.0, 250.0, *center)
    along = np.arange(lens.width if axis == 0 else lens.height, dtype=float)
    lines = np.arange(lens.height if axis == 0 else lens.width)[:, np.newaxis]
    for before, after in ((-20, 14), (20, -14), (3, 30), (-40, -8), (0, 25)):

        def depth(along: np.ndarray, before: int = before, after: int = after) -> np.ndarray:
            distance = along - 40 - lines / 97  # from the corner, which is a slanted line
            return np.where(distance < 0, before, after) * distance + 2000

        image, expected = depth(along), depth(along + shift)
        if axis == 1:
            image, expected = image.T, expected.T
        measured = np.ascontiguousarray(np.rint(image), np.uint16)
        out = rectify(measured, lens, moved, compiled, np.float32)
        inside = np.s_[4:-4, 4:-4]
        # 1.5: rounding of the two depths that a slope is between, one pixel beside the ray
        assert np.abs(1000 * out - expected)[inside].max() < 1.5


def test_noise_of_a_slanted_wall_is_not_amplified():
    """A pixel and its slopes have noise; both together have no more than the pixel."""
    lens = NOMINAL.depth(DepthMode.NFOV_2X2BINNED)
    rectified = rectified_lens(lens, 'full')
    rays = lens.rays().astype(float)
    wall = WALL_NORMAL @ WALL_POINT / (
        rays[..., 0] * WALL_NORMAL[0] + rays[..., 1] * WALL_NORMAL[1] + WALL_NORMAL[2])
    for sigma in (0.001, 0.005):
        noise = np.random.default_rng(1).normal(0, sigma, wall.shape)
        depth = np.rint(1000 * (wall + noise)).astype(np.uint16)
        cloud = points(1000 * np.nan_to_num(rectify(depth, lens, rectified, dtype=np.float32)),
                       rectified)
        z = depth / 1000.0
        measured = np.stack((rays[..., 0] * z, rays[..., 1] * z, z), axis=-1)
        before, after = (np.sqrt(np.square((points - WALL_POINT) @ WALL_NORMAL).mean())
                         for points in (measured, cloud))
        assert after < before


def test_depth_in_meters_is_not_rounded_again():
    """At the edges of WFOV, half a millimeter of depth is up to 0.8 mm beside the surface."""
    lens = NOMINAL.depth(DepthMode.WFOV_2X2BINNED)
    rectified = rectified_lens(lens, 'full')
    depth = depth_image(NOMINAL, DepthMode.WFOV_2X2BINNED)
    whole = rectify(depth, lens, rectified)
    meters = rectify(depth, lens, rectified, dtype=np.float32)
    np.testing.assert_array_equal(np.isnan(meters), whole == 0)
    exact = np.nan_to_num(1000 * meters.astype(np.float64))
    assert np.abs(exact - whole).max() < 0.501
    errors = [np.minimum(*distances(points(image, rectified))) for image in (whole, exact)]
    assert (errors[1] <= 0.001).mean() > 0.998
    assert np.median(errors[1]) < 0.7 * np.median(errors[0])


def test_unrectified_depth_is_off_by_centimeters_for_consumers_that_ignore_distortion():
    lens = NOMINAL.depth(DepthMode.NFOV_UNBINNED)
    depth = depth_image(NOMINAL, DepthMode.NFOV_UNBINNED)
    wall, ball = distances(points(depth, lens))
    assert np.percentile(np.minimum(wall, ball), 95) > 0.03


@pytest.mark.parametrize('compiled', COMPILED)
def test_depth_never_mixes_two_surfaces(compiled):
    """The step is smaller than the slope that one surface may have."""
    lens = NOMINAL.depth(DepthMode.NFOV_2X2BINNED)
    depth = np.full((lens.height, lens.width), 1000, np.uint16)
    depth[:, 150:] = 1040
    depth[100:, :] += 30
    out = rectify(depth, lens, rectified_lens(lens, 'full'), compiled)
    assert set(np.unique(out)) == {0, 1000, 1040, 1030, 1070}


def test_depth_kernel_and_its_fallback_give_the_same_bits():
    lens = NOMINAL.depth(DepthMode.NFOV_2X2BINNED)
    rectified = rectified_lens(lens, 'no_border', 1.3)
    rng = np.random.default_rng(3)
    depth = (2000 + np.cumsum(rng.integers(-9, 10, (lens.height, lens.width)), axis=1)).astype(
        np.uint16)
    depth[rng.random(depth.shape) < 0.2] = 0
    depth[rng.random(depth.shape) < 0.05] += 800
    depth[:4], depth[-4:] = 65535, 1
    for dtype in (np.uint16, np.float32):
        np.testing.assert_array_equal(rectify(depth, lens, rectified, False, dtype),
                                      rectify(depth, lens, rectified, None, dtype))


def test_depth_follows_a_slope_from_both_sides_and_at_its_end():
    """Invalid pixels in the middle of a slanted wall leave its remaining points on the wall."""
    lens = NOMINAL.depth(DepthMode.NFOV_UNBINNED)
    rectified = rectified_lens(lens, 'full')
    depth = depth_image(NOMINAL, DepthMode.NFOV_UNBINNED)
    depth[::9] = depth[:, ::9] = 0
    wall, ball = distances(points(rectify(depth, lens, rectified), rectified))
    assert (wall[wall < ball] <= 0.001).mean() > 0.98
    assert wall[wall < ball].max() < 0.003


def test_full_field_of_view_has_every_ray_of_the_lens(calibrations):
    for calibration in (NOMINAL, *calibrations):
        for mode in (DepthMode.NFOV_UNBINNED, DepthMode.WFOV_2X2BINNED):
            lens = calibration.depth(mode)
            rectified = rectified_lens(lens, 'full')
            rays = lens.rays()
            rays = rays[~np.isnan(rays[..., 0])]
            pixels, valid = rectified.project(np.column_stack((rays, np.ones(len(rays)))))
            assert valid.all()
            assert (pixels > -0.5).all()
            assert (pixels < (rectified.width - 0.5, rectified.height - 0.5)).all()
            assert rectified.width % 2 == rectified.height % 2 == 0
            # no wider than necessary
            assert (pixels.min(axis=0) < 3).all()
            assert (pixels.max(axis=0) > (rectified.width - 5, rectified.height - 5)).all()


@pytest.mark.parametrize('size', [0.3, 1.2])
def test_image_without_border_is_seen_entirely(calibrations, size):
    for calibration in (NOMINAL, *calibrations):
        for lens in (calibration.depth(DepthMode.NFOV_2X2BINNED),
                     calibration.depth(DepthMode.WFOV_2X2BINNED)):
            rectified = rectified_lens(lens, 'no_border', size)
            assert rectified.width == round(lens.width * size)
            assert rectified.height == round(lens.height * size)
            assert source_positions(lens, rectified)[1].all()
            # and with a wider field of view it would have a border
            wider = Intrinsics(
                rectified.width, rectified.height, rectified.fx * 0.98, rectified.fy * 0.98,
                (rectified.width - 1) / 2 + (rectified.cx - (rectified.width - 1) / 2) * 0.98,
                (rectified.height - 1) / 2 + (rectified.cy - (rectified.height - 1) / 2) * 0.98)
            assert not source_positions(lens, wider)[1].all()


@pytest.mark.parametrize(('lens', 'fov', 'dtype'), [
    (NOMINAL.depth(DepthMode.NFOV_UNBINNED), 'full', np.uint16),
    (NOMINAL.depth(DepthMode.WFOV_2X2BINNED), 'full', np.uint16),
    (NOMINAL.color(ColorResolution.R720P), 'no_border', np.uint8)])
def test_straight_edges_are_straight_to_a_tenth_of_a_pixel(lens, fov, dtype):
    rectified = rectified_lens(lens, fov)
    rays = lens.rays()
    top = 255 if dtype is np.uint8 else 1000
    rectifier = ImageRectifier(lens, rectified)
    for slope, offset in ((0.1, 0.3), (-0.2, -0.45), (0.05, 0.0)):
        # a blurred edge along x = slope * y + offset
        distance = (rays[..., 0] - slope * rays[..., 1] - offset) * lens.fx
        image = np.rint(top * (1 + np.tanh(np.nan_to_num(distance) / 3)) / 2).astype(dtype)
        out = np.zeros((rectified.height, rectified.width), dtype)
        rectifier.rectify(image, out)
        _, y = rectified_rays(rectified)
        errors = []
        for row in range(rectified.height // 4, 3 * rectified.height // 4, 7):
            column = int(np.argmax(out[row].astype(float) > top / 2))
            before, after = out[row, column - 1:column + 1].astype(float)
            crossing = column - 1 + (top / 2 - before) / (after - before)
            expected = (slope * y[row] + offset) * rectified.fx + rectified.cx
            errors.append(crossing - expected)
        assert np.abs(errors).max() < 0.1


def test_colors_keep_their_channels_and_are_0_where_the_lens_does_not_see():
    lens = NOMINAL.depth(DepthMode.NFOV_2X2BINNED)
    rectified = rectified_lens(lens, 'full')
    image = np.empty((lens.height, lens.width, 4), np.uint8)
    image[:] = (10, 20, 30, 255)
    out = np.full((rectified.height, rectified.width, 4), 99, np.uint8)
    ImageRectifier(lens, rectified).rectify(image, out)
    seen = source_positions(lens, rectified)[1]
    assert 0.5 < seen.mean() < 0.95
    assert (out[seen] == (10, 20, 30, 255)).all() and not out[~seen].any()


def test_depth_is_drawn_into_the_rectified_color_camera():
    mode, resolution = DepthMode.NFOV_UNBINNED, ColorResolution.R720P
    rectified = rectified_lens(NOMINAL.color(resolution), 'no_border')
    pair = CameraPair(NOMINAL, mode, resolution, color=rectified)
    matches = Correspondences(pair)
    matches.update(depth_image(NOMINAL, mode))
    out = np.empty(pair.color_shape, np.uint16)
    DepthToColor(pair).warp(matches, out)
    assert (out > 0).mean() > 0.3
    # in the depth camera's frame
    cloud = NOMINAL.depth_to_color.inverse().apply(points(out, rectified))
    nearest = np.minimum(*distances(cloud))
    assert (nearest <= 0.001).mean() > 0.98
    assert not ((out > 1300) & (out < 1700)).any()
