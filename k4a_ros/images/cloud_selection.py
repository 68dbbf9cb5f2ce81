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

"""Which points of a cloud are published: those in a box, or one for each voxel."""

from __future__ import annotations

from dataclasses import dataclass
import functools
from typing import Any

from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.images.arrays import check_contiguous
from k4a_ros.images.kernels import selection_kernels
import numpy as np
import numpy.typing as npt

#: limits of a box that leave out nothing: no mode of the camera measures as far
CROP_LIMIT_M = 20.0
#: smallest and largest size of the table of voxels, as powers of 2; only half of it is used
_MIN_TABLE_BITS, _MAX_TABLE_BITS = 16, 26


@dataclass(frozen=True)
class CloudSelection:
    """
    Points to keep.

    Those inside of a box, limits included, meters in the TF frame ``crop_frame``: one of the
    camera without prefix, or one of another node; and with ``voxel_size``, meters, 0 for off, the
    mean of all points in each cube of a grid.
    """

    crop_frame: str = 'camera_base'
    crop_min_x: float = -CROP_LIMIT_M
    crop_min_y: float = -CROP_LIMIT_M
    crop_min_z: float = -CROP_LIMIT_M
    crop_max_x: float = CROP_LIMIT_M
    crop_max_y: float = CROP_LIMIT_M
    crop_max_z: float = CROP_LIMIT_M
    voxel_size: float = 0.0

    @property
    def box(self) -> tuple[float, float, float, float, float, float]:
        """Return the least x, y, z of the box, and the greatest."""
        return (self.crop_min_x, self.crop_min_y, self.crop_min_z,
                self.crop_max_x, self.crop_max_y, self.crop_max_z)

    @functools.cached_property
    def crops(self) -> bool:
        """Return whether the box may leave out points."""
        return self.box != (-CROP_LIMIT_M,) * 3 + (CROP_LIMIT_M,) * 3


class PointSelector:
    """
    Selects points of clouds in one frame, in place.

    Not thread-safe: an instance has scratch buffers, for voxels since their first use.

    :param compiled: whether to use numba; None for wherever it is installed.
    """

    def __init__(self, *, compiled: bool | None = None) -> None:
        self._kernels: Any = selection_kernels(compiled)
        self._table_bits = _MIN_TABLE_BITS
        self._table: tuple[npt.NDArray[Any], ...] | None = None

    def crop(
        self, points: npt.NDArray[np.float32], count: int, selection: CloudSelection,
        to_box: RigidTransform, *, organized: bool,
    ) -> int:
        """
        Remove the points outside of the box.

        :param points: (N, 4 or 8) float32: x, y, z in meters, and others; changed.
        :param count: number of points in it.
        :param to_box: from the frame of the points to that of the box.
        :param organized: points outside become NaN in x, y, z, and their color 0; otherwise the
            others are moved to the front.
        :return: number of points.
        :raises ValueError: the array has the wrong shape or dtype.
        """
        check_contiguous('points', points, (len(points), points.shape[1]), np.float32,
                         writeable=True)
        matrix = np.column_stack((to_box.rotation, to_box.translation)).astype(np.float32)
        kept: int = self._kernels.crop(
            points, count, matrix, np.array(selection.box, np.float32), organized)
        return kept

    def to_voxels(self, points: npt.NDArray[np.float32], count: int, size: float) -> int:
        """
        Replace points by the mean of each cube of a grid that has points, without NaN.

        The grid is that of the frame of the points; cubes are in the order of their first points.

        :param points: (N, 4) float32: x, y, z in meters and a value of which the mean is taken,
            too; or (N, 8) with blue, green, red, 0 in the bytes of column 4; changed.
        :param count: number of points in it.
        :param size: edge of a cube, meters, greater than 0.
        :return: number of points.
        :raises ValueError: the array has the wrong shape or dtype.
        """
        check_contiguous('points', points, (len(points), points.shape[1]), np.float32,
                         writeable=True)
        while True:
            if self._table is None:
                length = 1 << self._table_bits
                self._table = np.empty((length, 2), np.int64), np.empty((length // 2, 8))
            kept: int = self._kernels.to_voxels(
                points, points.view(np.uint32), count, np.float32(1 / size), *self._table)
            if kept >= 0 or self._table_bits == _MAX_TABLE_BITS:
                return max(kept, 0)
            self._table_bits += 2
            self._table = None
