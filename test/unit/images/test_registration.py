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

"""Registration, against the ground truth of a simulated scene and independent formulas."""

from __future__ import annotations

import itertools
import tracemalloc

import cv2
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.errors import CalibrationError
from k4a_ros.images.registration import CameraPair
from k4a_ros.images.registration import ColorToDepth
from k4a_ros.images.registration import Correspondences
from k4a_ros.images.registration import DepthToColor
from k4a_ros.images.registration import ExtraChannel
from k4a_ros.simulation.scene_file import default_scene
import numpy as np
import pytest
from support.synthetic_capture import COMPILED
from support.synthetic_capture import NEEDS_NUMBA
from support.synthetic_capture import NOMINAL
from support.synthetic_capture import POSE
from support.synthetic_capture import SCENE
from support.synthetic_capture import SMALL
from support.synthetic_capture import SyntheticCapture

DEPTH_MODES = [mode for mode in DepthMode if mode.has_depth]
RESOLUTIONS = [resolution for resolution in ColorResolution if resolution.value]


def smooth(depth: np.ndarray) -> np.ndarray:
    """Return which pixels of a depth image, meters, have no depth edge nearby."""
    filled = np.where(np.isfinite(depth), depth, 100.0)
    kernel = np.ones((15, 15), np.uint8)
    return cv2.dilate(filled, kernel) - cv2.erode(filled, kernel) < 0.2


@pytest.mark.parametrize(('mode', 'resolution'), itertools.product(DEPTH_MODES, RESOLUTIONS))
def test_every_pair_of_modes_matches_lens_and_ground_truth(mode, resolution):
    capture = SyntheticCapture(mode, resolution)
    matches = capture.correspondences()
    points = capture.points()
    pixels, valid = capture.color_lens.project(points)
    assert ((matches.z > 0) == valid).mean() > 0.9999
    both = valid & (matches.z > 0)
    assert both.any()
    # the kernel computes in float32, the lens in double precision
    error = np.abs(np.stack((matches.u, matches.v), axis=-1) - pixels)[both]
    assert error.max() < 0.01
    assert np.abs(matches.z / 1000 - points[..., 2])[both].max() < 1e-5
    assert (matches.u[~(matches.z > 0)] == -1).all()
    out = capture.depth_in_color()
    measured = out.astype(float) / 1000
    row, column = np.nonzero((out > 0) & smooth(measured))
    assert len(row) > 10000
    some = np.random.default_rng(6).choice(len(row), 3000, replace=False)
    row, column = row[some], column[some]
    rays, valid = capture.color_lens.unproject(np.stack((column, row), axis=-1).astype(float))
    assert valid.all()
    camera = POSE @ NOMINAL.depth_to_color.normalized().inverse()
    directions = np.concatenate((rays, np.ones_like(rays[:, :1])), axis=1) @ camera.rotation.T
    # the rays have z = 1 in the camera's frame, so lengths along them are depths
    true = SCENE.cast(camera.translation, directions).distance
    error = np.abs(measured[row, column] - true)
    # half a millimeter of rounding in each of the two images
    assert np.median(error) <= 0.001 and np.percentile(error, 99) <= 0.001


@pytest.mark.parametrize(('mode', 'resolution'), [
    (DepthMode.NFOV_UNBINNED, ColorResolution.R720P),
    (DepthMode.WFOV_2X2BINNED, ColorResolution.R1536P)])
def test_surfaces_have_no_holes_and_do_not_cross_depth_edges(mode, resolution):
    capture = SyntheticCapture(mode, resolution)
    true = capture.true_depth()
    out = capture.depth_in_color()
    # project what the color camera sees into the depth camera, and keep what both cameras see
    rays = capture.color_lens.rays()
    points = np.stack((rays[..., 0] * true, rays[..., 1] * true, true), axis=-1)
    in_depth = NOMINAL.depth_to_color.normalized().inverse().apply(points)
    pixels, valid = NOMINAL.depth(mode).project(in_depth)
    height, width = capture.pair.depth_shape
    column, row = (np.nan_to_num(pixels[..., axis], nan=-1) for axis in (0, 1))
    valid &= (column > 1) & (row > 1) & (column < width - 2) & (row < height - 2)
    column, row = column.astype(int), row.astype(int)
    for down, across in itertools.product((0, 1), (0, 1)):
        measured = capture.depth[
            row.clip(0, height - 2) + down, column.clip(0, width - 2) + across]
        valid &= np.abs(measured / 1000.0 - in_depth[..., 2]) < 0.03
    assert valid.mean() > 0.2
    assert (out[valid] > 0).mean() >= 0.99
    # nothing between the ball and the wall, and the right surface where both cameras see it
    assert not ((out > 1300) & (out < 1700)).any()
    valid &= out > 0
    assert (np.abs(out[valid] - 1000 * true[valid]) < 60).mean() > 0.999


@pytest.mark.parametrize('compiled', COMPILED)
def test_colors_are_interpolated_bilinearly(compiled):
    capture = SyntheticCapture(DepthMode.NFOV_UNBINNED, ColorResolution.R720P)
    out = capture.color_in_depth(compiled)
    pixels, valid = capture.color_lens.project(capture.points())
    height, width = capture.pair.color_shape
    x, y = pixels[..., 0], pixels[..., 1]
    with np.errstate(invalid='ignore'):
        valid &= (x >= 0) & (y >= 0) & (x < width - 1) & (y < height - 1)
    assert (out.any(axis=2) == valid).mean() > 0.9999
    inside = valid & out.any(axis=2)
    x, y = x[inside], y[inside]
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    a, b = (x - column)[:, np.newaxis], (y - row)[:, np.newaxis]
    image = capture.color.astype(float)
    expected = ((image[row, column] * (1 - a) + image[row, column + 1] * a) * (1 - b)
                + (image[row + 1, column] * (1 - a) + image[row + 1, column + 1] * a) * b)
    error = np.abs(out[inside] - expected).max(axis=1)
    # the image is noise: no other has larger differences between neighbors
    assert (error <= 2).mean() >= 0.999


@pytest.mark.parametrize('compiled', COMPILED)
def test_depth_beyond_16_bits_is_invalid(compiled):
    """65535 mm may be farther away from the color camera; it must not wrap around to 1 mm."""
    capture = SyntheticCapture(*SMALL)
    far = (32767, 32768, 60000, 65535)
    width = capture.depth.shape[1] // len(far)
    for place, depth in enumerate(far):
        capture.depth[:, width * place:width * (place + 1)] = depth
    assert (capture.correspondences(compiled).z <= 65535).all()
    found = capture.depth_in_color(compiled)
    assert found[found > 0].min() > 32767 * 0.9
    for depth in far:
        assert (abs(found - float(depth)) < depth * 0.1).sum() > 1000


@NEEDS_NUMBA
@pytest.mark.parametrize('linear', [False, True])
@pytest.mark.parametrize('far', [False, True])
def test_numpy_and_numba_are_bit_identical(linear, far):
    capture = SyntheticCapture(*SMALL)
    if far:
        capture.depth[capture.depth > 0] += np.uint16(65535 - capture.depth.max())
    # holes of all shapes, which make triangles of all kinds
    capture.depth[np.random.default_rng(2).random(capture.depth.shape) < 0.1] = 0
    numba_matches, numpy_matches = capture.correspondences(True), capture.correspondences(False)
    for name in ('u', 'v', 'z'):
        assert (getattr(numba_matches, name) == getattr(numpy_matches, name)).all()
    results = []
    for compiled in (True, False):
        extra16 = ExtraChannel(
            capture.infrared, np.empty(capture.pair.color_shape, np.uint16), linear, 7)
        extra8 = ExtraChannel(
            (capture.infrared & 255).astype(np.uint8),
            np.empty(capture.pair.color_shape, np.uint8), not linear, 255)
        results.append((
            capture.depth_in_color(compiled, extra16=extra16, extra8=extra8), extra16.out,
            extra8.out, capture.depth_in_color(compiled), capture.color_in_depth(compiled, True),
            capture.color_in_depth(compiled, False, 3)))
    for numba_result, numpy_result in zip(*results, strict=True):
        assert (numba_result == numpy_result).all()
    assert (results[0][0] == results[0][3]).all()


@pytest.mark.parametrize('compiled', COMPILED)
def test_extra_channels_follow_the_depth(compiled):
    capture = SyntheticCapture(*SMALL)
    shape = capture.pair.color_shape
    labels = np.where(capture.depth < 1500, 3, 200).astype(np.uint8)
    nearest = ExtraChannel(labels, np.empty(shape, np.uint8), False, 255)
    depth_copy = np.where(capture.depth > 0, capture.depth, 0).astype(np.uint16)
    linear = ExtraChannel(depth_copy, np.empty(shape, np.uint16), True, 65535)
    out = capture.depth_in_color(compiled, extra16=linear, extra8=nearest)
    assert set(np.unique(nearest.out)) == {3, 200, 255}
    assert ((nearest.out == 255) == (out == 0)).all()
    assert ((linear.out == 65535) == (out == 0)).all()
    assert (nearest.out[(out > 0) & (out < 1200)] == 3).all()
    # the extra channel is the depth in the depth camera's frame, which the formula gives, too
    drawn = (out > 0) & smooth(capture.true_depth())
    rays = capture.color_lens.rays()[drawn]
    z = out[drawn] / 1000.0
    points = np.stack((rays[:, 0] * z, rays[:, 1] * z, z), axis=-1)
    expected = NOMINAL.depth_to_color.inverse().apply(points)[:, 2]
    assert np.percentile(np.abs(linear.out[drawn] / 1000.0 - expected), 99) < 0.002


def uncolored(
    capture: SyntheticCapture, plain: np.ndarray, tested: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """
    Return which occluded pixels and which visible pixels have no color.

    :param plain: colors without the occlusion test.
    :param tested: colors with the occlusion test.
    """
    matches, true = capture.correspondences(), capture.true_depth()
    inside = plain.any(axis=2)
    row = np.rint(matches.v[inside]).astype(int)
    column = np.rint(matches.u[inside]).astype(int)
    behind = matches.z[inside] / 1000 - true[row, column]
    empty = ~tested.any(axis=2)[inside]
    return empty[behind > 0.3], empty[np.abs(behind) < 0.01]


@pytest.mark.parametrize('compiled', COMPILED)
def test_occluded_pixels_have_no_color(compiled):
    capture = SyntheticCapture(DepthMode.NFOV_UNBINNED, ColorResolution.R720P)
    plain = capture.color_in_depth(compiled)
    tested = capture.color_in_depth(compiled, occlusion=True)
    occluded, visible = uncolored(capture, plain, tested)
    # within a pixel of the ball's silhouette either result is right
    assert len(occluded) > 500 and occluded.mean() > 0.95
    assert visible.mean() < 0.002
    kept = tested.any(axis=2)
    assert (tested[kept] == plain[kept]).all()


@pytest.mark.parametrize('mode', [DepthMode.NFOV_UNBINNED, DepthMode.WFOV_2X2BINNED])
def test_occluders_include_their_unmeasured_edges(mode):
    """The depth camera does not measure the outermost pixels of a foreground object."""
    capture = SyntheticCapture(mode, ColorResolution.R720P, default_scene())
    occluded, visible = uncolored(
        capture, capture.color_in_depth(), capture.color_in_depth(occlusion=True))
    assert len(occluded) > 15 and occluded.mean() > 0.93
    assert visible.mean() < 0.01


def test_black_is_distinct_from_no_color():
    capture = SyntheticCapture(*SMALL)
    capture.color = np.zeros_like(capture.color)
    plain = capture.color_in_depth(channels=3)
    assert {tuple(pixel) for pixel in plain.reshape(-1, 3)} == {(0, 0, 0), (1, 0, 0)}
    assert (plain.any(axis=2) == capture.color_in_depth().any(axis=2)).all()


@NEEDS_NUMBA
def test_no_image_is_allocated_per_capture():
    capture = SyntheticCapture(*SMALL)
    matches, to_color = Correspondences(capture.pair), DepthToColor(capture.pair)
    to_depth = ColorToDepth(capture.pair, occlusion=True)
    depth = np.empty(capture.pair.color_shape, np.uint16)
    color = np.empty((*capture.pair.depth_shape, 4), np.uint8)

    def register() -> None:
        matches.update(capture.depth)
        to_color.warp(matches, depth)
        to_depth.warp(matches, capture.color, color)

    register()
    tracemalloc.start()
    try:
        register()
        assert tracemalloc.get_traced_memory()[1] < 20000
    finally:
        tracemalloc.stop()


def test_depth_mode_off_is_rejected():
    with pytest.raises(CalibrationError, match='OFF'):
        CameraPair(NOMINAL, DepthMode.OFF, ColorResolution.R720P)


def test_wrong_arrays_are_rejected():
    capture = SyntheticCapture(*SMALL)
    matches = capture.correspondences()
    with pytest.raises(ValueError, match='depth is uint16'):
        matches.update(capture.depth[1:])
    with pytest.raises(ValueError, match='depth is not C-contiguous'):
        matches.update(np.asfortranarray(capture.depth))
    out = np.empty(capture.pair.color_shape, np.uint16)
    out.flags.writeable = False
    with pytest.raises(ValueError, match='out is read-only'):
        DepthToColor(capture.pair).warp(matches, out)
    with pytest.raises(ValueError, match='channels'):
        ColorToDepth(capture.pair).warp(matches, capture.color[..., :2], np.empty(1, np.uint8))
