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
Point clouds with color or infrared, with only the points that count.

A ``Cloud`` belongs to one camera: with the depth camera's rays it takes depth images and color
from ``ColorToDepth``; with the color camera's, what ``DepthToColor`` writes and color images.
"""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import Any

from k4a_ros.images.kernels import cloud_kernels
from k4a_ros.images.registration import check
from k4a_ros.images.registration import fixed
import numpy as np
import numpy.typing as npt

_MM_PER_M = 1000.0
_FARTHEST = 65535


@dataclass(frozen=True)
class PointOptions:
    """
    Which points a cloud has.

    ``organized``: one for each pixel, NaN where there is none; else only those that there are.
    ``near`` and ``far``: the depths along the optical axis that count, meters, both included.
    ``stride``: only every so manieth row and column of pixels counts, beginning with the first.
    """

    organized: bool = True
    near: float = 0.0
    far: float = math.inf
    stride: int = 1

    def __post_init__(self) -> None:
        """
        Check the options.

        :raises ValueError: they contradict themselves.
        """
        if not 0 <= self.near <= self.far:
            raise ValueError(
                f'near is {self.near}, far {self.far}, expected 0 <= near <= far')
        if self.stride < 1:
            raise ValueError(f'stride is {self.stride}, expected 1 or more')

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Return width and height of the organized cloud of an image."""
        return -(-width // self.stride), -(-height // self.stride)


class Cloud:
    """
    Makes the point clouds of one camera. All lengths in meters, in that camera's frame.

    ``size`` is the (width, height) of an organized cloud, ``capacity`` the most points there can
    be: what is written to has room for as many, in any shape; only as many points as are
    returned are written. Unorganized they are in the order of the pixels, row by row.

    :param rays: x/z and y/z of every pixel, (height, width, 2) float32, NaN where the lens has
        none: ``Intrinsics.rays()``.
    :param compiled: whether to use numba; by default where it is installed.
    """

    def __init__(
        self, rays: npt.NDArray[np.float32], options: PointOptions | None = None, *,
        compiled: bool | None = None,
    ) -> None:
        options = options or PointOptions()
        height, width, _ = rays.shape
        self._shape = (height, width)
        self._loops: Any = cloud_kernels(compiled)
        unseen = np.isnan(rays).any(axis=2)
        self._x, self._y = (
            fixed(np.where(unseen, np.float32(np.nan), rays[..., axis])) for axis in (0, 1))
        stride = options.stride
        self.size = options.size(width, height)
        self.capacity = self.size[0] * self.size[1]
        # 1.001 * 1000 is a little less than 1001
        near, far = (round(min(meters * _MM_PER_M, _FARTHEST), 6)
                     for meters in (options.near, options.far))
        self._choice = (stride, math.ceil(near), math.floor(far), options.organized)

    def xyz(self, depth: npt.NDArray[np.uint16], out: npt.NDArray[np.float32]) -> int:
        """
        Write x, y, z.

        :param depth: (height, width) uint16 millimeters, 0 where there is none.
        :param out: (..., 4) float32 with room for ``capacity`` points; the fourth value of a
            point becomes 0.
        :return: how many points have been written.
        :raises ValueError: an array has another shape or type.
        """
        check('depth', depth, self._shape, np.uint16)
        points = self._room(out, 4)
        count: int = self._loops.points(fixed(depth), self._x, self._y, *self._choice, points)
        return count

    def xyz_intensity(
        self, depth: npt.NDArray[np.uint16], infrared: npt.NDArray[np.uint16],
        out: npt.NDArray[np.float32],
    ) -> int:
        """
        Write x, y, z and the infrared's raw value; the latter also where there is no point.

        :param depth: (height, width) uint16 millimeters, 0 where there is none.
        :param infrared: of the same pixels, uint16.
        :param out: (..., 4) float32 with room for ``capacity`` points.
        :return: how many points have been written.
        :raises ValueError: an array has another shape or type.
        """
        check('depth', depth, self._shape, np.uint16)
        check('infrared', infrared, self._shape, np.uint16)
        points = self._room(out, 4)
        count: int = self._loops.intensity_points(
            fixed(depth), self._x, self._y, fixed(infrared), *self._choice, points)
        return count

    def xyz_rgb(
        self, depth: npt.NDArray[np.uint16], color: npt.NDArray[np.uint8],
        out: npt.NDArray[np.float32],
    ) -> int:
        """
        Write x, y, z and, as pcl::PointXYZRGB, at byte 16 of 32 blue, green, red, 0.

        Pixels whose four bytes of color are all 0 have no point: NaN and color 0.

        :param depth: (height, width) uint16 millimeters, 0 where there is none.
        :param color: of the same pixels, (height, width, 4) uint8 blue, green, red, alpha.
        :param out: (..., 8) float32 with room for ``capacity`` points; what is not named above
            becomes 0.
        :return: how many points have been written.
        :raises ValueError: an array has another shape or type.
        """
        check('depth', depth, self._shape, np.uint16)
        check('color', color, (*self._shape, 4), np.uint8)
        points = self._room(out, 8)
        count: int = self._loops.colored_points(
            fixed(depth), self._x, self._y, fixed(color.view('<u4')[..., 0]), *self._choice,
            points.reshape(-1).view('<u4'))
        return count

    def _room(self, out: npt.NDArray[np.float32], columns: int) -> npt.NDArray[np.float32]:
        """Return what is to be written to as (points, columns)."""
        if out.ndim < 2 or out.shape[-1] != columns or out.size < self.capacity * columns:
            raise ValueError(f'out has shape {out.shape}, expected (..., {columns}) with room '
                             f'for {self.capacity} points')
        check('out', out, out.shape, np.float32, written=True)
        return out.reshape(-1, columns)
