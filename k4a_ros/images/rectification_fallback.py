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

"""The kernel of ``rectification_kernels`` in numpy, slower, for installations without numba."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from k4a_ros.images.rectification_kernels import BENDS
from k4a_ros.images.rectification_kernels import SLOPES
from k4a_ros.images.rectification_kernels import UNITS_PER_M
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

#: pixels at a time: few enough for intermediate results to stay in the CPU cache
_BLOCK_PIXELS = 16384


def rectify_depth(
    depth: Array, width: int, index: Array, offset_x: Array, offset_y: Array, out: Array,
) -> None:
    """Do the same as ``rectification_kernels.rectify_depth``."""
    for block, moved in _moved(depth, width, index, offset_x, offset_y):
        out[block] = (moved + 128 >> 8).clip(0, 65535)


def rectify_depth_to_meters(
    depth: Array, width: int, index: Array, offset_x: Array, offset_y: Array, out: Array,
) -> None:
    """Do the same as ``rectification_kernels.rectify_depth_to_meters``."""
    for block, moved in _moved(depth, width, index, offset_x, offset_y):
        out[block] = np.where(
            moved > 0, moved.astype(np.float32) / np.float32(UNITS_PER_M), np.float32(np.nan))


def _moved(
    depth: Array, width: int, index: Array, offset_x: Array, offset_y: Array,
) -> Iterator[tuple[slice, Array]]:
    """Yield blocks of pixels with their depths, in units of 1/256 mm, 0 for invalid."""
    for start in range(0, index.size, _BLOCK_PIXELS):
        block = slice(start, start + _BLOCK_PIXELS)
        i = index[block].astype(np.int64)
        z = depth[i].astype(np.int64)
        # without a nearest pixel, the index is 0: that of a pixel without neighbors before it
        i = np.where(z > 0, i, 2 * width + 2)
        rise = (_rise(depth, i, 1, z, offset_x[block].astype(np.int64))
                + _rise(depth, i, width, z, offset_y[block].astype(np.int64)))
        yield block, np.where(z > 0, np.maximum((z << 8) + rise, 256), 0)


def _rise(depth: Array, i: Array, step: int, z: Array, offset: Array) -> Array:
    """Do the same as ``_rise_between`` and ``_rise_at_end`` of ``rectification_kernels``."""
    after, before, beyond_after, beyond_before = (
        depth[i + distance * step].astype(np.int64) for distance in (1, -1, 2, -2))
    behind = offset < 0
    both = (after > 0) & (before > 0)
    near = np.select(
        (both & ~behind | (before == 0), both & behind | (after == 0)),
        (after - z, z - before))
    far = np.select(
        (both & ~behind, both & behind, after > 0),
        (z - before, after - z, beyond_after - after), before - beyond_before)
    bent = np.abs(near - far) * BENDS > z
    slope = np.where(bent & (np.abs(far) < np.abs(near)), far, near)
    known = ((after > 0) | (before > 0)) & ~(bent & (near ^ far < 0))
    rise: Array = np.where(known & (np.abs(slope) * SLOPES <= z), slope * offset, 0)
    return rise
