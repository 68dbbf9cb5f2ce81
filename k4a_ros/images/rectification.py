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

"""
Rectify images: draw them as a pinhole camera without distortion would have seen them.

`rectified_lens` chooses the pinhole camera for a lens. It has the same axes and center of
projection, so that rectification needs no depth. `DepthRectifier` and `ImageRectifier` convert
images.
"""

from __future__ import annotations

from collections.abc import Callable
import functools
import math
from typing import Any
from typing import Literal

import cv2
from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.images.arrays import check_contiguous
from k4a_ros.images.arrays import read_only_view
from k4a_ros.images.kernels import rectification_kernels
import numpy as np
import numpy.typing as npt

#: full: the whole field of view of the lens; no_border: the largest part of it without pixels
#: that the lens does not see
FieldOfView = Literal['full', 'no_border']

#: distance of the pixels at which the field of view is sampled, beside the border of the image
_GRID_PX = 16
#: directions in which the limit of the lens is sampled
_LIMIT_SAMPLES = 720
#: samples along each side of a rectified image without a border
_SIDE_SAMPLES = 33
#: relative steps, and precision, of the search for its focal length
_FOCAL_STEP = 1.03
_FOCAL_PRECISION = 1e-4
#: rows and columns of invalid pixels around a depth image, for the kernels
_MARGIN = 2
#: Largest difference between the rays of a rectified pixel and of the nearest source pixel, in
#: pixels of the center of the image. Beyond the edge of a lens, its polynomials may map rays back
#: into the image, to pixels with quite other rays.
_MAX_RAY_DISTANCE_PX = 4.0
#: steps per pixel of the offsets that kernels take
_STEPS = 256
#: rectified pixels whose position is computed at a time
_BLOCK_ROWS = 64


@functools.lru_cache(maxsize=8)
def rectified_lens(lens: Intrinsics, fov: FieldOfView, size: float = 1.0) -> Intrinsics:
    """
    Return the pinhole camera that images of a lens are rectified to, with square pixels.

    With 'full', its image has a pixel for every ray of the lens, and the focal length is ``size``
    times that of the lens: at 1, the resolution is nowhere lower than in the center of the source,
    and no pixel of a lens that compresses the edges (as that of the depth camera) is lost. With
    'no_border', width and height are ``size`` times those of the source, and every pixel is seen
    by the lens.

    :param lens: of the source.
    :param size: more than 0.
    """
    if fov == 'no_border':
        return _largest_without_border(lens, size)
    focal = max(lens.fx, lens.fy) * size
    rays = _field_samples(lens)
    low = np.floor(rays.min(axis=0) * focal).astype(int)
    # an even width and height, which video encoders need
    width, height = (int(n + n % 2) for n in np.ceil(rays.max(axis=0) * focal).astype(int)
                     - low + 1)
    return _pinhole(lens, width, height, focal, (float(-low[0]), float(-low[1])))


def _pinhole(
    lens: Intrinsics, width: int, height: int, focal: float, center: tuple[float, float],
) -> Intrinsics:
    """Return a camera without distortion that sees no farther than a lens."""
    reach = lens.metric_radius + math.hypot(lens.codx, lens.cody)
    return Intrinsics(width, height, focal, focal, *center, metric_radius=reach)


def _field_samples(lens: Intrinsics) -> npt.NDArray[np.float64]:
    """Return rays (x/z, y/z) of the lens, (N, 2), among them the outermost ones."""
    columns = np.arange(lens.width, dtype=float)
    rows = np.arange(lens.height, dtype=float)
    inner = np.meshgrid(columns[::_GRID_PX], rows[::_GRID_PX])
    pixels = np.concatenate([
        *(np.stack((columns, np.full(lens.width, y)), axis=1) for y in (0, lens.height - 1)),
        *(np.stack((np.full(lens.height, x), rows), axis=1) for x in (0, lens.width - 1)),
        np.stack([grid.ravel() for grid in inner], axis=1)])
    rays, valid = lens.unproject(pixels)
    # the limit of the lens, where that is inside of the image
    angle = np.arange(_LIMIT_SAMPLES) * (2 * np.pi / _LIMIT_SAMPLES)
    radius = lens.metric_radius * (1 - 1e-6)
    limit = np.stack((lens.codx + radius * np.cos(angle), lens.cody + radius * np.sin(angle)), 1)
    return np.concatenate((rays[valid], limit[_is_seen(lens, limit)]))


def _project_inside(
    lens: Intrinsics, rays: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return the pixels of rays (N, 2), and which of them are in the image of a lens."""
    pixels, valid = lens.project(np.column_stack((rays, np.ones(len(rays)))))
    with np.errstate(invalid='ignore'):
        valid &= ((pixels >= 0) & (pixels <= (lens.width - 1, lens.height - 1))).all(axis=1)
    return pixels, valid


def _is_seen(lens: Intrinsics, rays: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Return which rays (N, 2) are in the image of a lens and within its limit."""
    pixels, valid = _project_inside(lens, rays)
    # the polynomials of a lens may map rays beyond its edge back into the image
    again = np.full_like(rays, np.inf)
    again[valid] = lens.unproject(pixels[valid])[0]
    with np.errstate(invalid='ignore'):
        same: npt.NDArray[np.bool_] = np.abs(again - rays).max(axis=1) < 1e-3
    return same


def _largest_without_border(lens: Intrinsics, size: float) -> Intrinsics:
    """Return the camera of ``rectified_lens`` for 'no_border'."""
    width, height = (max(2, round(length * size)) for length in (lens.width, lens.height))
    # the middle of the field of view, in both axes
    ends = np.array([(0, lens.cy), (lens.width - 1, lens.cy),
                     (lens.cx, 0), (lens.cx, lens.height - 1)])
    rays, valid = lens.unproject(ends)
    limits = np.array([-1.0, 1.0, -1.0, 1.0]) * lens.metric_radius
    left, right, top, bottom = np.where(valid, rays[np.arange(4), (0, 0, 1, 1)], limits)
    middle = np.array([left + right, top + bottom]) / 2
    across, down = (np.linspace(-length / 2, length / 2, _SIDE_SAMPLES) + middle_px
                    for length, middle_px in ((width - 1, 0.0), (height - 1, 0.0)))
    side = np.ones(_SIDE_SAMPLES)
    outline = np.concatenate([
        np.column_stack((across, side * down[0])), np.column_stack((across, side * down[-1])),
        np.column_stack((side * across[0], down)), np.column_stack((side * across[-1], down))])

    def may_fit(focal: float) -> bool:
        return bool(_project_inside(lens, outline / focal + middle)[1].all())

    def fits(focal: float) -> bool:
        return bool(_is_seen(lens, outline / focal + middle).all())

    start = 2 * max(lens.fx, lens.fy) * size
    focal = _smallest(may_fit, start)
    if not fits(focal):  # a lens whose own edge is in the image; this test takes longer
        focal = _smallest(fits, start)
    center = ((width - 1) / 2 - middle[0] * focal, (height - 1) / 2 - middle[1] * focal)
    return _pinhole(lens, width, height, focal, center)


def _smallest(fits: Callable[[float], bool], start: float) -> float:
    """
    Return the smallest focal length down to which all fit.

    :param start: one that fits.
    """
    large = start
    while fits(large / _FOCAL_STEP):
        large /= _FOCAL_STEP
    small = large / _FOCAL_STEP
    while large / small > 1 + _FOCAL_PRECISION:
        focal = (large + small) / 2
        large, small = (focal, small) if fits(focal) else (large, focal)
    return large


def rectified_rays(
    rectified: Intrinsics,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return x/z of the columns (width,) and y/z of the rows (height,) of a rectified image."""
    columns, rows = (
        np.arange(size, dtype=np.float64) for size in (rectified.width, rectified.height))
    return ((columns - np.float64(rectified.cx)) / np.float64(rectified.fx),
            (rows - np.float64(rectified.cy)) / np.float64(rectified.fy))


def source_positions(
    lens: Intrinsics, rectified: Intrinsics,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """
    Return where the rays of rectified pixels are in the image of a lens.

    :return: x and y, (height, width, 2) float32, in pixels; and a mask (height, width) of those
        within the image and the limit of the lens. All others are -1.
    """
    positions = np.full((rectified.height, rectified.width, 2), -1, np.float32)
    seen = np.zeros(positions.shape[:2], bool)
    x, y = rectified_rays(rectified)
    # where the edges of the outermost pixels are
    last = np.array((lens.width, lens.height)) - 0.5
    for start in range(0, rectified.height, _BLOCK_ROWS):
        rows = slice(start, start + _BLOCK_ROWS)
        points = np.ones((*seen[rows].shape, 3))
        points[..., 0], points[..., 1] = x, y[rows, np.newaxis]
        pixels, valid = lens.project(points)
        with np.errstate(invalid='ignore'):
            valid &= ((pixels > -0.5) & (pixels < last)).all(axis=2)
        positions[rows][valid] = pixels[valid]
        seen[rows] = valid
    return positions, seen


class DepthRectifier:
    """
    Rectifies depth images.

    Each pixel shows the nearest measurement, less than a pixel of the source away, and never a
    mixture of two surfaces. Its depth is moved along the surface that was measured to the ray of
    the rectified pixel: without that, points on a floor or a wall seen at an angle would be off by
    as much as that surface recedes within half a pixel. The slopes come from the neighbors within
    two pixels on both sides of the measurement, so that they are not those of a depth edge; where
    two planes meet, the one that the ray hits is continued. `rectification_kernels` has the rules.
    Not thread-safe: an instance has buffers.

    :param lens: of the depth camera.
    :param rectified: the camera that sees the result; see `rectified_lens`.
    :param compiled: whether to use numba; None for wherever it is installed.
    """

    def __init__(
        self, lens: Intrinsics, rectified: Intrinsics, *, compiled: bool | None = None,
    ) -> None:
        self._kernels: Any = rectification_kernels(compiled)
        self._shape = (lens.height, lens.width)
        self._rectified_shape = (rectified.height, rectified.width)
        self._padded = np.zeros(
            (lens.height + 2 * _MARGIN, lens.width + 2 * _MARGIN), np.uint16)
        self._slopes = np.zeros((2, 2 * self._padded.size), np.int16)
        positions, seen = source_positions(lens, rectified)
        nearest = np.rint(positions).astype(np.int32)
        seen &= _matches_rays(lens, rectified, nearest)
        offsets = np.rint((positions - nearest) * _STEPS).clip(-128, 127).astype(np.int8)
        index = (nearest[..., 1] + _MARGIN) * self._padded.shape[1] + nearest[..., 0] + _MARGIN
        index[~seen] = 0
        self._index = read_only_view(index.reshape(-1))
        self._offsets = tuple(
            read_only_view(np.ascontiguousarray(offsets[..., axis]).reshape(-1))
            for axis in (0, 1))

    def rectify(
        self, depth: npt.NDArray[np.uint16], out: npt.NDArray[np.uint16 | np.float32],
    ) -> None:
        """
        Write the rectified image.

        :param depth: (height, width) uint16 millimeters, 0 for invalid.
        :param out: of the size of the rectified camera: uint16 millimeters, 0 for invalid; or
            float32 meters, NaN for invalid, which are not rounded to whole millimeters.
        :raises ValueError: an array has the wrong shape or dtype.
        """
        in_meters = out.dtype == np.float32
        check_contiguous('depth', depth, self._shape, np.uint16)
        check_contiguous('out', out, self._rectified_shape,
                         np.float32 if in_meters else np.uint16, writeable=True)
        self._padded[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN] = depth
        kernel = (self._kernels.rectify_depth_to_meters if in_meters
                  else self._kernels.rectify_depth)
        padded, width = read_only_view(self._padded.reshape(-1)), self._padded.shape[1]
        self._kernels.find_slopes(padded, width, self._slopes)
        kernel(padded, width, read_only_view(self._slopes), self._index, *self._offsets,
               out.reshape(-1))


def _matches_rays(
    lens: Intrinsics, rectified: Intrinsics, nearest: npt.NDArray[np.int32],
) -> npt.NDArray[np.bool_]:
    """Return whether the nearest pixels have rays, and these are those of the rectified pixels."""
    rays = lens.rays()[nearest[..., 1], nearest[..., 0]]
    x, y = rectified_rays(rectified)
    limit = _MAX_RAY_DISTANCE_PX / lens.fx
    matches: npt.NDArray[np.bool_] = (
        (np.abs(rays[..., 0] - x) < limit) & (np.abs(rays[..., 1] - y[:, np.newaxis]) < limit))
    return matches


class ImageRectifier:
    """
    Rectifies images of any kind but depth: pixels are interpolated bilinearly.

    Pixels that the lens does not see become 0.

    :param lens: of the source.
    :param rectified: the camera that sees the result; see `rectified_lens`.
    """

    def __init__(self, lens: Intrinsics, rectified: Intrinsics) -> None:
        positions, seen = source_positions(lens, rectified)
        # the outer halves of the outermost pixels have nothing to interpolate with
        inside = positions.clip(0, np.array((lens.width - 1, lens.height - 1), np.float32))
        positions[seen] = inside[seen]
        self._maps = cv2.convertMaps(
            positions[..., 0], positions[..., 1], cv2.CV_16SC2, nninterpolation=False)

    def rectify(self, image: npt.NDArray[Any], out: npt.NDArray[Any]) -> None:
        """
        Write the rectified image.

        :param image: (height, width) or (height, width, channels), uint8 or uint16.
        :param out: of the same dtype and channels, and the size of the rectified camera.
        """
        cv2.remap(image, *self._maps, cv2.INTER_LINEAR, dst=out)
