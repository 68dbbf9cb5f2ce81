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

"""The kernels of ``cloud_selection_kernels`` in numpy, for installations without numba."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_INDEX_BITS = 21
_OFFSET = 1 << (_INDEX_BITS - 1)


def crop(points: Array, count: int, matrix: Array, box: Array, organized: bool) -> int:
    """Do the same as ``cloud_selection_kernels.crop``."""
    x, y, z = (points[:count, axis] for axis in range(3))
    inside = np.ones(count, bool)
    for axis in range(3):
        value = matrix[axis, 0] * x + matrix[axis, 1] * y + matrix[axis, 2] * z + matrix[axis, 3]
        inside &= (value >= box[axis]) & (value <= box[axis + 3])
    if organized:
        points[:count, :3][~inside] = np.nan
        if points.shape[1] == 8:
            points[:count, 4][~inside] = 0
        return count
    kept = points[:count][inside]
    points[:len(kept)] = kept
    return len(kept)


def to_voxels(
    points: Array, bits: Array, count: int, per_meter: np.float32, table: Array, sums: Array,
) -> int:
    """Do the same as ``cloud_selection_kernels.to_voxels``, with tables of its own."""
    valid = points[:count][~np.isnan(points[:count, 2])]
    indices = np.floor(valid[:, :3] * per_meter).astype(np.int64) + _OFFSET
    key = (indices[:, 0] << 2 * _INDEX_BITS) | (indices[:, 1] << _INDEX_BITS) | indices[:, 2]
    _, first, voxel = np.unique(key, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))
    voxel = order[voxel.reshape(-1)]
    used = len(first)
    number = np.bincount(voxel, minlength=used)

    def mean(values: Array) -> Array:
        means: Array = np.bincount(voxel, values, used) / number
        return means

    means = [mean(valid[:, axis]) for axis in range(3)]
    if points.shape[1] == 8:
        pixels = valid.view(np.uint32)[:, 4]
        color = sum((mean((pixels >> shift) & 0xff) + 0.5).astype(np.uint32) << shift
                    for shift in (0, 8, 16))
        bits[:used, 3:] = 0
        bits[:used, 4] = color
    else:
        points[:used, 3] = mean(valid[:, 3])
    for axis in range(3):
        points[:used, axis] = means[axis]
    return used
