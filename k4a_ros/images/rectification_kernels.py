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
Inner loop of the rectification of depth images, compiled with numba.

``rectification_fallback`` computes the same numbers with numpy, for installations without numba.
"""

from __future__ import annotations

from typing import Any

from k4a_ros.jit.numba_jit import compiled
from k4a_ros.jit.numba_jit import compiled_inline
import numpy as np

#: Depth divided by the largest difference between neighboring pixels of one surface. Beyond it
#: there is a depth edge, as in registration_kernels.MAX_SPREAD.
SLOPES = 21
#: Depth divided by the largest difference between two successive slopes of one surface, per pixel.
#: It is less than the error of the camera.
BENDS = 256
#: fractional bits of the offsets
_OFFSET_BITS = 8
_HALF = 1 << (_OFFSET_BITS - 1)
#: units of depths that are not rounded, 1/256 mm
UNITS_PER_M = 1000 << _OFFSET_BITS


@compiled
def _rise_between(after: Any, before: Any, z: Any, offset: Any) -> Any:
    """
    Return the rise of a surface from a pixel along an axis, in units of 1/256 millimeter.

    The slope is the difference to the neighbor on that side, if it continues that to the neighbor
    on the other side. Otherwise there is an edge between two surfaces: the slope is the smaller
    one of the two differences, or 0 if they have different signs.

    There are no branches: with noise, the CPU could not predict them.

    :param after: with ``before`` and ``z``: depths of the neighbors and the pixel, not 0.
    :param offset: distance from the pixel, in units of 1/256 pixel.
    """
    near = after - z if offset >= 0 else z - before
    far = z - before if offset >= 0 else after - z
    return _limited(near, far, z) * offset


@compiled
def _rise_at_end(depth: Any, i: Any, step: int, z: Any, offset: Any) -> Any:
    """
    Return the rise at a pixel with one neighbor at most, as `_rise_between`.

    The difference between the neighbor and the next pixel takes the place of the missing one.

    :param i: flat index of the pixel.
    :param step: distance of neighbors along the axis.
    """
    after, before = np.int64(depth[i + step]), np.int64(depth[i - step])
    if after != 0:
        return _limited(after - z, np.int64(depth[i + 2 * step]) - after, z) * offset
    if before != 0:
        return _limited(z - before, before - np.int64(depth[i - 2 * step]), z) * offset
    return 0


@compiled
def _limited(near: Any, far: Any, z: Any) -> Any:
    """Return the slope of a surface from two successive differences, 0 for none."""
    smaller = far if abs(far) < abs(near) else near
    edge = smaller if (near ^ far) >= 0 else 0
    slope = edge if abs(near - far) * BENDS > z else near
    return slope if abs(slope) * SLOPES <= z else 0


@compiled_inline
def _rise(depth: Any, width: int, i: Any, z: Any, x: Any, y: Any) -> Any:
    """
    Return the rise of a surface from a pixel, in units of 1/256 millimeter.

    :param i: flat index of the pixel.
    :param x: with ``y``: distance from the pixel, in units of 1/256 pixel.
    """
    right, left = np.int64(depth[i + 1]), np.int64(depth[i - 1])
    below, above = np.int64(depth[i + width]), np.int64(depth[i - width])
    across = (_rise_between(right, left, z, x) if (right != 0) & (left != 0)
              else _rise_at_end(depth, i, 1, z, x))
    down = (_rise_between(below, above, z, y) if (below != 0) & (above != 0)
            else _rise_at_end(depth, i, width, z, y))
    return across + down


@compiled
def rectify_depth(
    depth: Any, width: int, index: Any, offset_x: Any, offset_y: Any, out: Any,
) -> None:
    """
    Write a rectified depth image.

    Each pixel gets the depth of the nearest pixel of the source, moved along the surface that the
    latter lies on by the distance between the rays of both.

    :param depth: (rows * width,) uint16 millimeters, 0 for invalid, with two rows and columns of 0
        on each side.
    :param width: of ``depth`` with these columns.
    :param index: (N,) int32: flat index into ``depth`` of the nearest pixel, 0 for none.
    :param offset_x: with ``offset_y`` (N,) int8: distance from that pixel to the ray, in units of
        1/256 pixel.
    :param out: (N,) uint16 millimeters: written, 0 for invalid.
    """
    for n in range(out.size):
        i = np.int64(index[n])
        z = np.int64(depth[i])
        moved: Any = z
        if z != 0:
            rise = _rise(depth, width, i, z, np.int64(offset_x[n]), np.int64(offset_y[n]))
            moved = min(max(z + ((rise + _HALF) >> _OFFSET_BITS), 1), 65535)
        out[n] = np.uint16(moved)


@compiled
def rectify_depth_to_meters(
    depth: Any, width: int, index: Any, offset_x: Any, offset_y: Any, out: Any,
) -> None:
    """
    Do the same as `rectify_depth`, without rounding to whole millimeters.

    :param out: (N,) float32 meters: written, NaN for invalid.
    """
    for n in range(out.size):
        i = np.int64(index[n])
        z = np.int64(depth[i])
        meters = np.float32(np.nan)
        if z != 0:
            rise = _rise(depth, width, i, z, np.int64(offset_x[n]), np.int64(offset_y[n]))
            moved = max((z << _OFFSET_BITS) + rise, 1 << _OFFSET_BITS)
            meters = np.float32(moved) / np.float32(UNITS_PER_M)
        out[n] = meters
