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

"""Inner loops of crop box and voxel grid, compiled with numba."""

from __future__ import annotations

from typing import Any

from k4a_ros.jit.numba_jit import compiled
import numpy as np

_NAN = np.float32(np.nan)
_NO_COLOR = np.uint32(0)
_BYTE = np.uint32(0xff)
#: indices along an axis: 21 bits each
_INDEX_BITS = 21
_OFFSET = 1 << (_INDEX_BITS - 1)
#: golden ratio as a fraction of 2 to the power of 64 (Knuth, "Sorting and searching", 6.4)
_HASH = -7046029254386353131
#: only the upper bits of the product depend on all indices
_HASH_SHIFT = 40
_EMPTY = -1
#: distance of voxels in the table: that of rows, about the width of a room, and of planes, a prime
#: (Teschner et al., "Optimized spatial hashing for collision detection", 2003)
_ROWS, _PLANES = 411, 73856093
#: column of the number of points in a voxel
_NUMBER = 6


@compiled
def crop(points: Any, count: int, matrix: Any, box: Any, organized: bool) -> int:
    """
    Remove the points outside of a box; see ``PointSelector.crop``.

    :param matrix: (3, 4) float32: rotation and translation to the frame of the box.
    :param box: (6,) float32: least x, y, z and greatest.
    """
    kept = 0
    columns = points.shape[1]
    for i in range(count):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        inside = True
        for axis in range(3):
            value = (matrix[axis, 0] * x + matrix[axis, 1] * y + matrix[axis, 2] * z
                     + matrix[axis, 3])
            inside &= (value >= box[axis]) & (value <= box[axis + 3])
        if organized:
            if not inside:
                points[i, 0] = points[i, 1] = points[i, 2] = _NAN
                if columns == 8:
                    points[i, 4] = np.float32(0)
        elif inside:
            if kept < i:
                for column in range(columns):
                    points[kept, column] = points[i, column]
            kept += 1
    return count if organized else kept


@compiled
def to_voxels(
    points: Any, bits: Any, count: int, per_meter: Any, table: Any, sums: Any,
) -> int:
    """
    Replace points by the means of voxels; see ``PointSelector.to_voxels``.

    :param bits: (N, 4 or 8) uint32: the same memory as ``points``.
    :param per_meter: float32: voxels in a meter.
    :param table: (2 N, 2) int64: scratch, a hash table of keys and voxels with open addressing, N
        a power of 2; as is ``sums``, (N, 8) float64.
    :return: number of voxels; -1 if there are more than fit, and nothing has changed.
    """
    colored = points.shape[1] == 8
    mask = len(table) - 1
    table[:, 0] = _EMPTY
    used, last_key, slot = 0, _EMPTY, 0
    for i in range(count):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        if np.isnan(z):
            continue
        column = int(np.floor(x * per_meter)) + _OFFSET
        row = int(np.floor(y * per_meter)) + _OFFSET
        plane = int(np.floor(z * per_meter)) + _OFFSET
        key = (((column << _INDEX_BITS) | row) << _INDEX_BITS) | plane
        if key != last_key:
            # otherwise it is in the voxel of its neighbor
            last_key = key
            # neighbors in space are neighbors in memory; on a collision they part
            place = (column + _ROWS * row + _PLANES * plane) & mask
            step = ((key * _HASH) >> _HASH_SHIFT) | 1
            while table[place, 0] != key and table[place, 0] != _EMPTY:
                place = (place + step) & mask
            if table[place, 0] == _EMPTY:
                if used == len(sums):
                    return -1
                table[place, 0], table[place, 1] = key, used
                sums[used] = 0.0
                used += 1
            slot = table[place, 1]
        sums[slot, _NUMBER] += 1.0
        sums[slot, 0] += x
        sums[slot, 1] += y
        sums[slot, 2] += z
        if colored:
            pixel = bits[i, 4]
            sums[slot, 3] += pixel & _BYTE
            sums[slot, 4] += (pixel >> np.uint32(8)) & _BYTE
            sums[slot, 5] += (pixel >> np.uint32(16)) & _BYTE
        else:
            sums[slot, 3] += points[i, 3]
    for voxel in range(used):
        number = sums[voxel, _NUMBER]
        for axis in range(3):
            points[voxel, axis] = np.float32(sums[voxel, axis] / number)
        if colored:
            pixel = 0
            for channel in range(3):
                mean = int(sums[voxel, 3 + channel] / number + 0.5)
                pixel |= mean << (8 * channel)
            bits[voxel, 3] = bits[voxel, 5] = bits[voxel, 6] = bits[voxel, 7] = _NO_COLOR
            bits[voxel, 4] = np.uint32(pixel)
        else:
            points[voxel, 3] = np.float32(sums[voxel, 3] / number)
    return used
