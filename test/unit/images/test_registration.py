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


"""Registration and colored clouds, against the simulated truth and formulas of their own."""

from __future__ import annotations

import itertools
import math
import tracemalloc

import cv2
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.errors import CalibrationError
from k4a_ros.images.clouds import Cloud
from k4a_ros.images.clouds import PointOptions
from k4a_ros.images.registration import CameraPair
from k4a_ros.images.registration import ColorToDepth
from k4a_ros.images.registration import Correspondences
from k4a_ros.images.registration import DepthToColor
from k4a_ros.images.registration import ExtraChannel
from k4a_ros.images.warm_up import warm_up_clouds
from k4a_ros.images.warm_up import warm_up_registration
from k4a_ros.jit import numba_jit
from k4a_ros.simulation.motion import CameraPath
from k4a_ros.simulation.scene import Scene
from k4a_ros.simulation.scene_file import default_scene
from k4a_ros.simulation.sensor import Sensor
from k4a_ros.simulation.shapes import Material
from k4a_ros.simulation.shapes import Plane
from k4a_ros.simulation.shapes import sphere
from k4a_ros.simulation.view import Timeline
from k4a_ros.simulation.view import View
import numpy as np
import pytest

NOMINAL = FactoryCalibration.from_raw(nominal_calibration())
POSE = CameraPath().depth_camera(0.0)
GRAY = Material((0.8, 0.8, 0.8))
#: a slanted wall and, well before it, a ball
SCENE = Scene((
    Plane(tuple(POSE.apply([0.0, 0.0, 2.2])), tuple(POSE.rotation @ [0.2, 0.1, -1.0]), GRAY),
    sphere(tuple(POSE.apply([0.05, 0.0, 1.0])), 0.25, Material((0.2, 0.4, 0.9)))))
DEPTH_MODES = [mode for mode in DepthMode if mode.has_depth]
RESOLUTIONS = [resolution for resolution in ColorResolution if resolution.value]
SMALL = (DepthMode.NFOV_2X2BINNED, ColorResolution.R720P)
COMPILED = [pytest.param(True, marks=pytest.mark.skipif(
    not numba_jit.AVAILABLE, reason='numba is not installed')), False]


class Take:
    """One capture of a scene, and what is true of it."""

    def __init__(
        self, mode: DepthMode, resolution: ColorResolution, scene: Scene = SCENE,
    ) -> None:
        self.scene = scene
        self.pair = CameraPair(NOMINAL, mode, resolution)
        sensor = Sensor(scene, NOMINAL, CameraConfig.of_modes(mode, ColorResolution.OFF),
                        noise=False)
        self.depth, self.infrared = sensor.depth_and_ir(0)
        self.lens = NOMINAL.color(resolution)
        rng = np.random.default_rng(1)
        shape = self.pair.color_shape
        noise = rng.integers(0, 256, (*shape, 4), np.uint8)
        noise[..., 3] = 255
        self.color = noise

    def points(self) -> np.ndarray:
        """Return the depth pixels' points in the color camera's frame, (height, width, 3)."""
        z = np.where(self.depth > 0, self.depth / 1000.0, np.nan)
        points = np.stack((self.pair.rays[..., 0] * z, self.pair.rays[..., 1] * z, z), axis=-1)
        return NOMINAL.depth_to_color.apply(points)

    def true_depth(self) -> np.ndarray:
        """Return what the color camera's depth is, meters, inf for nothing."""
        from_color = NOMINAL.depth_to_color.normalized().inverse()
        view = View(Timeline(self.scene), self.lens, from_color)
        view.update(0.0)
        return view.z

    def registered(self, compiled: bool = numba_jit.AVAILABLE, **companions) -> np.ndarray:
        """Return the depth image in the color camera."""
        out = np.full(self.pair.color_shape, 12345, np.uint16)
        DepthToColor(self.pair, compiled=compiled).into(self.matches(compiled), out, **companions)
        return out

    def matches(self, compiled: bool = numba_jit.AVAILABLE) -> Correspondences:
        """Return the correspondences."""
        correspondences = Correspondences(self.pair, compiled=compiled)
        correspondences.update(self.depth)
        return correspondences

    def colors(
        self, compiled: bool = numba_jit.AVAILABLE, occlusion: bool = False, channels: int = 4,
    ) -> np.ndarray:
        """Return the color image in the depth camera."""
        out = np.full((*self.pair.depth_shape, channels), 99, np.uint8)
        ColorToDepth(self.pair, occlusion=occlusion, compiled=compiled).into(
            self.matches(compiled), np.ascontiguousarray(self.color[..., :channels]), out)
        return out


def smooth(true: np.ndarray) -> np.ndarray:
    """Return which pixels have no edge nearby."""
    known = np.where(np.isfinite(true), true, 100.0)
    kernel = np.ones((15, 15), np.uint8)
    return cv2.dilate(known, kernel) - cv2.erode(known, kernel) < 0.2


@pytest.mark.parametrize(('mode', 'resolution'), itertools.product(DEPTH_MODES, RESOLUTIONS))
def test_all_pairs_of_modes_agree_with_the_lens_and_the_truth(mode, resolution):
    take = Take(mode, resolution)
    matches = take.matches()
    points = take.points()
    pixels, valid = take.lens.project(points)
    assert ((matches.z > 0) == valid).mean() > 0.9999
    both = valid & (matches.z > 0)
    assert both.any()
    # float32 and the lens's own double precision
    error = np.abs(np.stack((matches.u, matches.v), axis=-1) - pixels)[both]
    assert error.max() < 0.01
    assert np.abs(matches.z / 1000 - points[..., 2])[both].max() < 1e-5
    assert (matches.u[~(matches.z > 0)] == -1).all()
    out = take.registered()
    known = out.astype(float) / 1000
    row, column = np.nonzero((out > 0) & smooth(known))
    assert len(row) > 10000
    some = np.random.default_rng(6).choice(len(row), 3000, replace=False)
    row, column = row[some], column[some]
    rays, valid = take.lens.unproject(np.stack((column, row), axis=-1).astype(float))
    assert valid.all()
    camera = POSE @ NOMINAL.depth_to_color.normalized().inverse()
    directions = np.concatenate((rays, np.ones_like(rays[:, :1])), axis=1) @ camera.rotation.T
    # the rays have z = 1 in the camera's frame, so lengths along them are depths
    true = SCENE.cast(camera.translation, directions).distance
    error = np.abs(known[row, column] - true)
    # half a millimeter of rounding in either image
    assert np.median(error) <= 0.001 and np.percentile(error, 99) <= 0.001


@pytest.mark.parametrize(('mode', 'resolution'), [
    (DepthMode.NFOV_UNBINNED, ColorResolution.R720P),
    (DepthMode.WFOV_2X2BINNED, ColorResolution.R1536P)])
def test_surfaces_have_no_holes_and_do_not_bleed(mode, resolution):
    take = Take(mode, resolution)
    true = take.true_depth()
    out = take.registered()
    # the points that the color camera sees, as the depth camera sees them
    rays = take.lens.rays()
    points = np.stack((rays[..., 0] * true, rays[..., 1] * true, true), axis=-1)
    there = NOMINAL.depth_to_color.normalized().inverse().apply(points)
    pixels, valid = NOMINAL.depth(mode).project(there)
    height, width = take.pair.depth_shape
    column, row = (np.nan_to_num(pixels[..., axis], nan=-1) for axis in (0, 1))
    valid &= (column > 1) & (row > 1) & (column < width - 2) & (row < height - 2)
    column, row = column.astype(int), row.astype(int)
    for down, across in itertools.product((0, 1), (0, 1)):
        measured = take.depth[row.clip(0, height - 2) + down, column.clip(0, width - 2) + across]
        valid &= np.abs(measured / 1000.0 - there[..., 2]) < 0.03
    assert valid.mean() > 0.2
    assert (out[valid] > 0).mean() >= 0.99
    # nothing is drawn between the ball and the wall, and nothing else over what both cameras see
    assert not ((out > 1300) & (out < 1700)).any()
    valid &= out > 0
    assert (np.abs(out[valid] - 1000 * true[valid]) < 60).mean() > 0.999


@pytest.mark.parametrize('compiled', COMPILED)
def test_colors_are_interpolated_bilinearly(compiled):
    take = Take(DepthMode.NFOV_UNBINNED, ColorResolution.R720P)
    out = take.colors(compiled)
    pixels, valid = take.lens.project(take.points())
    height, width = take.pair.color_shape
    x, y = pixels[..., 0], pixels[..., 1]
    with np.errstate(invalid='ignore'):
        valid &= (x >= 0) & (y >= 0) & (x < width - 1) & (y < height - 1)
    assert (out.any(axis=2) == valid).mean() > 0.9999
    inside = valid & out.any(axis=2)
    x, y = x[inside], y[inside]
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    a, b = (x - column)[:, np.newaxis], (y - row)[:, np.newaxis]
    image = take.color.astype(float)
    expected = ((image[row, column] * (1 - a) + image[row, column + 1] * a) * (1 - b)
                + (image[row + 1, column] * (1 - a) + image[row + 1, column + 1] * a) * b)
    error = np.abs(out[inside] - expected).max(axis=1)
    # the image is noise: no other has larger differences between neighbors
    assert (error <= 2).mean() >= 0.999


@pytest.mark.skipif(not numba_jit.AVAILABLE, reason='numba is not installed')
@pytest.mark.parametrize('linear', [False, True])
def test_numpy_and_numba_give_the_same_bytes(linear):
    take = Take(*SMALL)
    # holes of all forms, so that all kinds of triangles occur
    take.depth[np.random.default_rng(2).random(take.depth.shape) < 0.1] = 0
    ours, other = take.matches(True), take.matches(False)
    for name in ('u', 'v', 'z'):
        assert (getattr(ours, name) == getattr(other, name)).all()
    results = []
    for compiled in (True, False):
        wide = ExtraChannel(take.infrared, np.empty(take.pair.color_shape, np.uint16), linear, 7)
        narrow = ExtraChannel((take.infrared & 255).astype(np.uint8),
                              np.empty(take.pair.color_shape, np.uint8), not linear, 255)
        results.append((take.registered(compiled, wide=wide, narrow=narrow), wide.out, narrow.out,
                        take.registered(compiled), take.colors(compiled, True),
                        take.colors(compiled, False, 3)))
    for one, two in zip(*results, strict=True):
        assert (one == two).all()
    assert (results[0][0] == results[0][3]).all()


@pytest.mark.parametrize('compiled', COMPILED)
def test_companions_go_with_the_depth(compiled):
    take = Take(*SMALL)
    shape = take.pair.color_shape
    labels = np.where(take.depth < 1500, 3, 200).astype(np.uint8)
    nearest = ExtraChannel(labels, np.empty(shape, np.uint8), False, 255)
    ramp = np.where(take.depth > 0, take.depth, 0).astype(np.uint16)
    linear = ExtraChannel(ramp, np.empty(shape, np.uint16), True, 65535)
    out = take.registered(compiled, wide=linear, narrow=nearest)
    assert set(np.unique(nearest.out)) == {3, 200, 255}
    assert ((nearest.out == 255) == (out == 0)).all()
    assert ((linear.out == 65535) == (out == 0)).all()
    assert (nearest.out[(out > 0) & (out < 1200)] == 3).all()
    # the depth in the depth camera's frame is, by the formula, a little less or more than there
    drawn = (out > 0) & smooth(take.true_depth())
    rays = take.lens.rays()[drawn]
    z = out[drawn] / 1000.0
    points = np.stack((rays[:, 0] * z, rays[:, 1] * z, z), axis=-1)
    there = NOMINAL.depth_to_color.inverse().apply(points)[:, 2]
    assert np.percentile(np.abs(linear.out[drawn] / 1000.0 - there), 99) < 0.002


def emptied(
    take: Take, plain: np.ndarray, tested: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return which of the pixels that are hidden, and of those that are seen, have no color."""
    matches, true = take.matches(), take.true_depth()
    inside = plain.any(axis=2)
    row = np.rint(matches.v[inside]).astype(int)
    column = np.rint(matches.u[inside]).astype(int)
    behind = matches.z[inside] / 1000 - true[row, column]
    empty = ~tested.any(axis=2)[inside]
    return empty[behind > 0.3], empty[np.abs(behind) < 0.01]


@pytest.mark.parametrize('compiled', COMPILED)
def test_hidden_pixels_have_no_color(compiled):
    take = Take(DepthMode.NFOV_UNBINNED, ColorResolution.R720P)
    plain, tested = take.colors(compiled), take.colors(compiled, occlusion=True)
    hidden, visible = emptied(take, plain, tested)
    # within a pixel of the silhouette of the ball either may be
    assert len(hidden) > 500 and hidden.mean() > 0.95
    assert visible.mean() < 0.002
    kept = tested.any(axis=2)
    assert (tested[kept] == plain[kept]).all()


@pytest.mark.parametrize('mode', [DepthMode.NFOV_UNBINNED, DepthMode.WFOV_2X2BINNED])
def test_what_hides_others_has_edges_that_are_not_measured(mode):
    """The depth camera does not see the outermost pixels of what is before something else."""
    take = Take(mode, ColorResolution.R720P, default_scene())
    hidden, visible = emptied(take, take.colors(), take.colors(occlusion=True))
    assert len(hidden) > 15 and hidden.mean() > 0.93
    assert visible.mean() < 0.01


def test_black_is_a_color_and_is_told_from_none():
    take = Take(*SMALL)
    take.color = np.zeros_like(take.color)
    plain = take.colors(channels=3)
    assert {tuple(pixel) for pixel in plain.reshape(-1, 3)} == {(0, 0, 0), (1, 0, 0)}
    assert (plain.any(axis=2) == take.colors().any(axis=2)).all()


@pytest.mark.parametrize('compiled', COMPILED)
def test_colored_cloud(compiled):
    take = Take(*SMALL)
    colors = take.colors()
    cloud = Cloud(take.pair.rays, compiled=compiled)
    out = np.full((*take.pair.depth_shape, 8), 5, np.float32)
    assert cloud.size == (320, 288) and cloud.xyz_rgb(take.depth, colors, out) == 320 * 288
    valid = colors.any(axis=2)
    z = take.depth / np.float32(1000)
    for axis, expected in enumerate((
            take.pair.rays[..., 0] * z, take.pair.rays[..., 1] * z, z)):
        assert np.allclose(out[..., axis][valid], expected[valid], atol=1e-6)
        assert np.isnan(out[..., axis][~valid]).all()
    packed = np.ascontiguousarray(out[..., 4]).view(np.uint8).reshape(*valid.shape, 4)
    assert (packed[..., :3][valid] == colors[..., :3][valid]).all()
    assert (packed[..., 3] == 0).all() and (packed[~valid] == 0).all()
    assert (out[..., [3, 5, 6, 7]] == 0).all()


@pytest.mark.parametrize('compiled', COMPILED)
@pytest.mark.parametrize('stride', [1, 3])
def test_only_the_points_that_count(compiled, stride):
    take = Take(*SMALL)
    options = PointOptions(organized=False, near=0.9, far=2.1, stride=stride)
    cloud = Cloud(take.pair.rays, options, compiled=compiled)
    taken = (slice(None, None, stride),) * 2
    depth = take.depth[taken]
    valid = (depth >= 900) & (depth <= 2100) & ~np.isnan(take.pair.rays[taken][..., 0])
    expected = np.stack((take.pair.rays[taken][..., 0] * (depth / 1000.0),
                         take.pair.rays[taken][..., 1] * (depth / 1000.0), depth / 1000.0),
                        axis=-1)[valid]
    assert 0 < len(expected) < cloud.capacity == depth.size
    out = np.full((cloud.capacity, 4), -1, np.float32)
    for last in (None, take.infrared):
        count = (cloud.xyz(take.depth, out) if last is None
                 else cloud.xyz_intensity(take.depth, last, out))
        assert count == len(expected)
        assert np.allclose(out[:count, :3], expected, atol=1e-6)
        assert (out[count:] == -1).all()
        assert (out[:count, 3] == (0 if last is None else last[taken][valid])).all()
    wide = np.full((cloud.capacity, 8), -1, np.float32)
    colors = take.colors()
    count = cloud.xyz_rgb(take.depth, colors, wide)
    both = valid & colors[taken].any(axis=2)
    assert count == both.sum()
    assert np.allclose(wide[:count, :3], expected[both[valid]], atol=1e-6)


@pytest.mark.skipif(not numba_jit.AVAILABLE, reason='numba is not installed')
@pytest.mark.parametrize('organized', [True, False])
@pytest.mark.parametrize('stride', [1, 3])
def test_clouds_of_numpy_and_numba_have_the_same_bits(organized, stride):
    take = Take(*SMALL)
    take.depth[np.random.default_rng(4).random(take.depth.shape) < 0.1] = 0
    colors = take.colors()
    results = []
    for compiled in (True, False):
        cloud = Cloud(take.pair.rays, PointOptions(organized, 0.9, 2.1, stride),
                      compiled=compiled)
        four, four_more = np.full((2, cloud.capacity, 4), 7, np.float32)
        eight = np.full((cloud.capacity, 8), 7, np.float32)
        counts = [cloud.xyz(take.depth, four),
                  cloud.xyz_intensity(take.depth, take.infrared, four_more),
                  cloud.xyz_rgb(take.depth, colors, eight)]
        assert 0 < counts[2] <= counts[1] == counts[0]
        results.append([array.view(np.uint32) for array in (four, four_more, eight)])
    for one, other in zip(*results, strict=True):
        assert (one == other).all()


def test_both_limits_of_depth_count():
    depth = np.arange(1, 20001, dtype=np.uint16).reshape(1, -1)
    rays = np.zeros((1, depth.size, 2), np.float32)
    out = np.empty((depth.size, 4), np.float32)
    # some have no exact product with 1000
    for limit in (1001, 1003, 2007, 2011, 4321, 20000):
        only = PointOptions(organized=False, near=limit / 1000, far=limit / 1000)
        assert Cloud(rays, only).xyz(depth, out) == 1
        assert out[0, 2] == np.float32(limit / 1000)
    assert Cloud(rays, PointOptions(organized=False)).xyz(depth, out) == depth.size


@pytest.mark.parametrize('compiled', COMPILED)
def test_organized_intensity_keeps_the_infrared_without_a_point(compiled):
    take = Take(*SMALL)
    take.depth[100:110] = 0
    cloud = Cloud(take.pair.rays, PointOptions(stride=2), compiled=compiled)
    out = np.zeros((cloud.size[1], cloud.size[0], 4), np.float32)
    assert cloud.xyz_intensity(take.depth, take.infrared, out) == cloud.capacity
    assert np.isnan(out[50:55, :, :3]).all()
    assert (out[..., 3] == take.infrared[::2, ::2]).all()


def test_cloud_in_the_color_camera_lies_on_the_true_surfaces():
    take = Take(*SMALL)
    cloud = Cloud(take.lens.rays(), PointOptions(organized=False))
    out = np.empty((cloud.capacity, 8), np.float32)
    count = cloud.xyz_rgb(take.registered(), take.color, out)
    assert count > 100000
    to_world = POSE @ NOMINAL.depth_to_color.normalized().inverse()
    points = to_world.apply(out[:count, :3])
    normal = POSE.rotation @ [0.2, 0.1, -1.0]
    wall = np.abs((points - POSE.apply([0.0, 0.0, 2.2])) @ normal) / np.linalg.norm(normal)
    ball = np.abs(np.linalg.norm(points - POSE.apply([0.05, 0.0, 1.0]), axis=1) - 0.25)
    distance = np.minimum(wall, ball)
    assert np.percentile(distance, 99) < 0.002


@pytest.mark.skipif(not numba_jit.AVAILABLE, reason='numba is not installed')
def test_nothing_of_an_images_size_is_allocated():
    take = Take(*SMALL)
    matches, to_color = Correspondences(take.pair), DepthToColor(take.pair)
    to_depth, cloud = ColorToDepth(take.pair, occlusion=True), Cloud(take.pair.rays)
    depth = np.empty(take.pair.color_shape, np.uint16)
    color = np.empty((*take.pair.depth_shape, 4), np.uint8)
    points = np.empty((*take.pair.depth_shape, 8), np.float32)

    def capture() -> None:
        matches.update(take.depth)
        to_color.into(matches, depth)
        to_depth.into(matches, take.color, color)
        cloud.xyz_rgb(take.depth, color, points)

    capture()
    tracemalloc.start()
    try:
        capture()
        assert tracemalloc.get_traced_memory()[1] < 20000
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(not numba_jit.AVAILABLE, reason='numba is not installed')
def test_after_warming_up_nothing_is_compiled():
    warm_up_clouds()
    warm_up_registration()
    from k4a_ros.images import cloud_kernels
    from k4a_ros.images import registration_kernels
    loops = [(module, name) for module, names in (
        (cloud_kernels, ('points', 'intensity_points', 'colored_points')),
        (registration_kernels, ('project', 'rasterize', 'sample_bgra', 'sample_bgr')),
    ) for name in names]
    before = [len(getattr(module, name).signatures) for module, name in loops]
    take = Take(*SMALL)
    take.depth.flags.writeable = False
    shape = take.pair.color_shape
    wide = ExtraChannel(take.infrared, np.empty(shape, np.uint16))
    narrow = ExtraChannel(np.zeros(take.pair.depth_shape, np.uint8), np.empty(shape, np.uint8))
    take.registered(), take.registered(wide=wide), take.registered(narrow=narrow)
    take.registered(wide=wide, narrow=narrow)
    take.colors(), take.colors(channels=3), take.colors(occlusion=True)
    cloud = Cloud(take.pair.rays)
    four, eight = (np.empty((cloud.capacity, columns), np.float32) for columns in (4, 8))
    cloud.xyz(take.depth, four), cloud.xyz_intensity(take.depth, take.infrared, four)
    cloud.xyz_rgb(take.depth, take.colors(), eight)
    assert [len(getattr(module, name).signatures) for module, name in loops] == before


def test_wrong_arrays_and_modes_are_refused():
    take = Take(*SMALL)
    matches = take.matches()
    with pytest.raises(CalibrationError, match='OFF'):
        CameraPair(NOMINAL, DepthMode.OFF, ColorResolution.R720P)
    with pytest.raises(ValueError, match='depth is uint16'):
        matches.update(take.depth[1:])
    with pytest.raises(ValueError, match='not contiguous'):
        matches.update(np.asfortranarray(take.depth))
    out = np.empty(take.pair.color_shape, np.uint16)
    out.flags.writeable = False
    with pytest.raises(ValueError, match='cannot be written to'):
        DepthToColor(take.pair).into(matches, out)
    with pytest.raises(ValueError, match='channels'):
        ColorToDepth(take.pair).into(matches, take.color[..., :2], np.empty(1, np.uint8))
    with pytest.raises(ValueError, match='room for'):
        Cloud(take.pair.rays).xyz(take.depth, np.empty((10, 4), np.float32))
    with pytest.raises(ValueError, match='near'):
        PointOptions(near=2.0, far=1.0)
    with pytest.raises(ValueError, match='near'):
        PointOptions(near=math.nan)
    with pytest.raises(ValueError, match='stride'):
        PointOptions(stride=0)
