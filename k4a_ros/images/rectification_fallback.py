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

"""The kernels of ``rectification_kernels`` in numpy, for installations without numba."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from k4a_ros.images.rectification_kernels import ALIKE
from k4a_ros.images.rectification_kernels import BENDS
from k4a_ros.images.rectification_kernels import MEETING
from k4a_ros.images.rectification_kernels import SLOPES
from k4a_ros.images.rectification_kernels import UNITS_PER_M
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

#: pixels at a time: few enough for intermediate results to stay in the CPU cache
_BLOCK_PIXELS = 16384


def find_slopes(depth: Array, width: int, slopes: Array) -> None:
    """Do the same as ``rectification_kernels.find_slopes``."""
    end = depth.size - 2 * width
    for start in range(2 * width, end, _BLOCK_PIXELS):
        stop = min(start + _BLOCK_PIXELS, end)
        for axis, step in enumerate((1, width)):
            behind, before, here, after, beyond = (
                depth[start + many * step:stop + many * step].astype(np.int32)
                for many in (-2, -1, 0, 1, 2))
            a, b, c, d = before - behind, here - before, after - here, beyond - after
            has_before, has_after = before > 0, after > 0
            for side, slope in enumerate((_slope(a, b, c, d, here, has_before, has_after),
                                          _slope(d, c, b, a, here, has_after, has_before))):
                slopes[axis, 2 * start + side:2 * stop:2] = slope


def _slope(
    last: Array, far: Array, near: Array, next_: Array, z: Array, has_far: Array, has_near: Array,
) -> Array:
    """Do the same as ``rectification_kernels._slope``."""
    turn, bend = next_ - far, near - far
    meets = ((np.abs(turn) * BENDS > z) & (np.sign(bend) * np.sign(turn) >= 0)
             & (np.sign(next_ - near) * np.sign(turn) >= 0)
             & (np.abs(far - last) * ALIKE <= np.abs(turn)) & (np.abs(far) * SLOPES <= z)
             & (np.abs(next_) * SLOPES <= z))
    is_plane = (np.abs(next_ - near) * ALIKE <= np.abs(bend)) & (np.abs(near) * SLOPES <= z)
    between = np.where(meets, MEETING, np.where(is_plane, near, _limited(near, far, z)))
    return np.select(
        (has_near & has_far, has_near, has_far),
        (between, _limited(near, next_, z), _limited(far, last, z)), 0)


def _limited(near: Array, far: Array, z: Array) -> Array:
    """Do the same as ``rectification_kernels._limited``."""
    smaller = np.where(np.abs(far) < np.abs(near), far, near)
    edge = np.where(np.sign(near) * np.sign(far) >= 0, smaller, 0)
    slope = np.where(np.abs(near - far) * BENDS > z, edge, near)
    return np.where(np.abs(slope) * SLOPES <= z, slope, 0)


def rectify_depth(
    depth: Array, width: int, slopes: Array, index: Array, offset_x: Array, offset_y: Array,
    out: Array,
) -> None:
    """Do the same as ``rectification_kernels.rectify_depth``."""
    for block, moved in _moved(depth, width, slopes, index, offset_x, offset_y):
        out[block] = (moved + 128 >> 8).clip(0, 65535)


def rectify_depth_to_meters(
    depth: Array, width: int, slopes: Array, index: Array, offset_x: Array, offset_y: Array,
    out: Array,
) -> None:
    """Do the same as ``rectification_kernels.rectify_depth_to_meters``."""
    for block, moved in _moved(depth, width, slopes, index, offset_x, offset_y):
        out[block] = np.where(
            moved > 0, moved.astype(np.float32) / np.float32(UNITS_PER_M), np.float32(np.nan))


def _moved(
    depth: Array, width: int, slopes: Array, index: Array, offset_x: Array, offset_y: Array,
) -> Iterator[tuple[slice, Array]]:
    """Yield blocks of pixels with their depths, in units of 1/256 mm, 0 for invalid."""
    for start in range(0, index.size, _BLOCK_PIXELS):
        block = slice(start, start + _BLOCK_PIXELS)
        i = index[block].astype(np.int64)
        z = depth[i].astype(np.int64)
        # without a nearest pixel, the index is 0: that of a pixel without neighbors before it
        i = np.where(z > 0, i, 2 * width + 2)
        rise = (_rise(depth, i, 1, slopes[0], offset_x[block].astype(np.int64))
                + _rise(depth, i, width, slopes[1], offset_y[block].astype(np.int64)))
        yield block, np.where(z > 0, np.maximum((z << 8) + rise, 256), 0)


def _rise(depth: Array, i: Array, step: int, slopes: Array, offset: Array) -> Array:
    """Do the same as ``_rise`` and ``_meeting`` of ``rectification_kernels`` on one axis."""
    is_before = offset < 0
    slope = slopes[2 * i + is_before].astype(np.int64)
    meeting = slope == MEETING
    rise: Array = slope * offset
    i, distance = i[meeting], np.abs(offset[meeting])
    side = np.where(is_before[meeting], -step, step)
    before, z, after, beyond = (
        depth[i + many * side].astype(np.int64) for many in (-1, 0, 1, 2))
    far, next_ = z - before, beyond - after
    here, there = far * distance, (after - z << 8) - next_ * (256 - distance)
    rise[meeting] = np.where(next_ > far, np.maximum(here, there), np.minimum(here, there))
    return rise
