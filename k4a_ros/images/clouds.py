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
Depth images to point clouds, plain or with color or infrared.

A converter belongs to one lens. With the rays of the depth camera it takes depth images, and
colors from ``ColorToDepth``; with those of the color camera it takes what ``DepthToColor`` writes,
and color images.
"""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import Any

from k4a_ros.images.arrays import check_array
from k4a_ros.images.arrays import check_contiguous
from k4a_ros.images.arrays import read_only_view
from k4a_ros.images.kernels import cloud_kernels
from k4a_ros.images.scaling import BAND_ROWS
from k4a_ros.images.scaling import band_to_meters
import numpy as np
import numpy.typing as npt

_MM_PER_M = 1000.0
#: largest depth that an image can hold, millimeters
_MAX_DEPTH_MM = 65535


class FullCloudConverter:
    """
    Converts depth images to organized clouds of x, y, z with every pixel: the fastest way.

    The arithmetic is float32 throughout; libk4a rounds its clouds to millimeters. Not
    thread-safe: an instance has scratch buffers.

    :param rays: x/z and y/z of every pixel, (height, width, 2) float32, NaN where the lens has
        none: ``Intrinsics.rays()``.
    :param compiled: whether to use numba; None for wherever it is installed.
    """

    def __init__(
        self, rays: npt.NDArray[np.float32], *, compiled: bool | None = None,
    ) -> None:
        height, width, _ = rays.shape
        self._shape = (height, width)
        self._x = np.ascontiguousarray(rays[..., 0])
        self._y = np.ascontiguousarray(rays[..., 1])
        self._z = np.where(np.isnan(rays).any(axis=2), np.nan, 1.0).astype(np.float32)
        self._x *= self._z
        self._y *= self._z
        self._flat_rays = tuple(read_only_view(ray.reshape(-1)) for ray in (self._x, self._y))
        # the fallback has no such kernel: `convert` itself is the numpy version
        self._kernel: Any = getattr(cloud_kernels(compiled), 'xyz', None)
        rows = min(BAND_ROWS, height)
        self._meters = np.empty((rows, width), np.float32)
        self._scratch = np.empty((rows, width), np.float32)

    def convert(self, depth: npt.NDArray[np.uint16], out: npt.NDArray[np.float32]) -> None:
        """
        Write x, y, z in meters, all three NaN where the pixel is invalid or has no ray.

        :param depth: (height, width) uint16 millimeters, 0 for invalid.
        :param out: (height, width, 3 or more) float32. With four values the last becomes 0; with
            more, everything after z stays as it is.
        :raises ValueError: an array has the wrong shape or dtype.
        """
        check_array('depth', depth, self._shape, np.uint16)
        if out.ndim != 3 or out.shape[2] < 3:
            raise ValueError(f'out has shape {out.shape}, expected (height, width, 3 or more)')
        check_array('out', out, (*self._shape, out.shape[2]), np.float32)
        step = out.shape[2]
        if (self._kernel and step in (3, 4) and depth.flags.aligned
                and depth.flags.c_contiguous and out.flags.carray):
            self._kernel(read_only_view(depth.reshape(-1)), *self._flat_rays, step,
                         out.reshape(-1))
            return
        for start in range(0, len(depth), BAND_ROWS):
            rows = slice(start, start + BAND_ROWS)
            band = out[rows]
            meters = self._meters[:len(band)]
            band_to_meters(depth[rows], meters, self._scratch)
            np.multiply(self._x[rows], meters, out=band[..., 0])
            np.multiply(self._y[rows], meters, out=band[..., 1])
            np.multiply(self._z[rows], meters, out=band[..., 2])
            if step == 4:
                band[..., 3] = 0


@dataclass(frozen=True)
class CloudOptions:
    """
    Which pixels become points.

    ``organized``: one point for each pixel, NaN for invalid ones; otherwise valid points only.
    ``min_depth_m`` and ``max_depth_m``: limits along the optical axis, meters, both inclusive.
    ``stride``: only every Nth row and column of the image is used, starting with the first.

    :raises ValueError: a value is out of range, or the limits are the wrong way round.
    """

    organized: bool = True
    min_depth_m: float = 0.0
    max_depth_m: float = math.inf
    stride: int = 1

    def __post_init__(self) -> None:
        """Check the values."""
        if not 0 <= self.min_depth_m <= self.max_depth_m:
            raise ValueError(f'min_depth_m is {self.min_depth_m}, max_depth_m {self.max_depth_m}, '
                             'expected 0 <= min_depth_m <= max_depth_m')
        if self.stride < 1:
            raise ValueError(f'stride is {self.stride}, expected 1 or more')

    def organized_size(self, width: int, height: int) -> tuple[int, int]:
        """Return width and height of the organized cloud of an image."""
        return -(-width // self.stride), -(-height // self.stride)


class CloudConverter:
    """
    Converts depth images to clouds with options, and with color or infrared.

    Points are in meters, in the frame of the camera whose rays are given. ``size`` is the (width,
    height) of an organized cloud, ``capacity`` the maximum number of points. Output buffers need
    room for ``capacity`` points, in any shape. Unorganized points are in the order of the pixels,
    row by row, and nothing is written behind them.

    :param rays: x/z and y/z of every pixel, (height, width, 2) float32, NaN where the lens has
        none: ``Intrinsics.rays()``.
    :param compiled: whether to use numba; None for wherever it is installed.
    """

    def __init__(
        self, rays: npt.NDArray[np.float32], options: CloudOptions | None = None, *,
        compiled: bool | None = None,
    ) -> None:
        options = options or CloudOptions()
        height, width, _ = rays.shape
        self._shape = (height, width)
        self._kernels: Any = cloud_kernels(compiled)
        without_ray = np.isnan(rays).any(axis=2)
        self._x, self._y = (
            read_only_view(np.where(without_ray, np.float32(np.nan), rays[..., axis]))
            for axis in (0, 1))
        self.size = options.organized_size(width, height)
        self.capacity = self.size[0] * self.size[1]
        # rounded to 1e-6 mm, because 1.001 * 1000 is a little less than 1001
        min_mm, max_mm = (round(min(meters * _MM_PER_M, _MAX_DEPTH_MM), 6)
                          for meters in (options.min_depth_m, options.max_depth_m))
        self._selection = (
            options.stride, math.ceil(min_mm), math.floor(max_mm), options.organized)

    def write_xyz(self, depth: npt.NDArray[np.uint16], out: npt.NDArray[np.float32]) -> int:
        """
        Write x, y, z.

        :param depth: (height, width) uint16 millimeters, 0 for invalid.
        :param out: (..., 4) float32 with room for ``capacity`` points; the fourth value of each
            point becomes 0.
        :return: number of points written.
        :raises ValueError: an array has the wrong shape or dtype.
        """
        check_contiguous('depth', depth, self._shape, np.uint16)
        points = self._as_points(out, 4)
        count: int = self._kernels.points(
            read_only_view(depth), self._x, self._y, *self._selection, points)
        return count

    def write_xyz_intensity(
        self, depth: npt.NDArray[np.uint16], infrared: npt.NDArray[np.uint16],
        out: npt.NDArray[np.float32],
    ) -> int:
        """
        Write x, y, z and the raw infrared value; organized, also the infrared of invalid points.

        :param depth: (height, width) uint16 millimeters, 0 for invalid.
        :param infrared: (height, width) uint16 of the same pixels.
        :param out: (..., 4) float32 with room for ``capacity`` points.
        :return: number of points written.
        :raises ValueError: an array has the wrong shape or dtype.
        """
        check_contiguous('depth', depth, self._shape, np.uint16)
        check_contiguous('infrared', infrared, self._shape, np.uint16)
        points = self._as_points(out, 4)
        count: int = self._kernels.intensity_points(
            read_only_view(depth), self._x, self._y, read_only_view(infrared), *self._selection,
            points)
        return count

    def write_xyz_rgb(
        self, depth: npt.NDArray[np.uint16], color: npt.NDArray[np.uint8],
        out: npt.NDArray[np.float32],
    ) -> int:
        """
        Write x, y, z and, as pcl::PointXYZRGB, blue, green, red, 0 at byte 16 of 32.

        Pixels whose four color bytes are all 0 are invalid: NaN with color 0.

        :param depth: (height, width) uint16 millimeters, 0 for invalid.
        :param color: (height, width, 4) uint8 of the same pixels: blue, green, red, alpha.
        :param out: (..., 8) float32 with room for ``capacity`` points; padding becomes 0.
        :return: number of points written.
        :raises ValueError: an array has the wrong shape or dtype.
        """
        check_contiguous('depth', depth, self._shape, np.uint16)
        check_contiguous('color', color, (*self._shape, 4), np.uint8)
        points = self._as_points(out, 8)
        count: int = self._kernels.colored_points(
            read_only_view(depth), self._x, self._y, read_only_view(color.view('<u4')[..., 0]),
            *self._selection, points.reshape(-1).view('<u4'))
        return count

    def _as_points(self, out: npt.NDArray[np.float32], columns: int) -> npt.NDArray[np.float32]:
        """Return the output buffer as (points, columns) after checking it."""
        if out.ndim < 2 or out.shape[-1] != columns or out.size < self.capacity * columns:
            raise ValueError(f'out has shape {out.shape}, expected (..., {columns}) with room '
                             f'for {self.capacity} points')
        check_contiguous('out', out, out.shape, np.float32, writeable=True)
        return out.reshape(-1, columns)
