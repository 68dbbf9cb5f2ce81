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
Inner loops of the rectification of depth images, compiled with numba.

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
#: Depth divided by the largest difference between the slopes on both sides of a pixel, or of two
#: pixels, that count as one surface, per pixel. It is less than the error of the camera.
BENDS = 256
#: Difference between the slopes on both sides of a bend, divided by the largest difference between
#: two slopes that count as the same.
ALIKE = 4
#: in place of a slope: two planes meet between the pixel and its neighbor
MEETING = -32768
#: fractional bits of the offsets
_OFFSET_BITS = 8
_ONE = 1 << _OFFSET_BITS
_HALF = _ONE >> 1
#: units of depths that are not rounded, 1/256 mm
UNITS_PER_M = 1000 << _OFFSET_BITS

# In float32, which SIMD instructions compare and multiply; all results are whole and exact.
_ZERO = np.float32(0)
_SLOPES, _BENDS, _ALIKE, _MEETING = (
    np.float32(value) for value in (SLOPES, BENDS, ALIKE, MEETING))


@compiled_inline
def _limited(near: Any, far: Any, z: Any) -> Any:
    """Return the slope of a surface from two successive differences, 0 for none."""
    smaller = far if abs(far) < abs(near) else near
    edge = smaller if near * far >= _ZERO else _ZERO
    slope = edge if abs(near - far) * _BENDS > z else near
    return slope if abs(slope) * _SLOPES <= z else _ZERO


@compiled_inline
def _slope(last: Any, far: Any, near: Any, next_: Any, z: Any, has_far: Any, has_near: Any) -> Any:
    """
    Return the slope of a surface from a pixel towards one of its neighbors, millimeters per pixel.

    The arguments are successive differences along an axis. The slope is that to the neighbor, if
    it continues the one on the other side of the pixel. Where it does not, there are these cases:

    - Two planes meet between the pixel and the neighbor, as a wall and a floor do: the slopes
      beyond both are those of different planes, and that between them is in between. The result is
      MEETING: the depth there is that of the plane in front or of the one behind.
    - The slope beyond the neighbor is the same: the pixel and the neighbor are on one plane.
    - Otherwise there is a step in depth, or noise: the slope is the smaller one of the two at the
      pixel, or 0 if they have different signs.

    With one neighbor, the slope beyond that takes the place of the missing one. There are no
    branches, so that LLVM computes several pixels at a time.

    :param last: slope beyond the other neighbor; ``far`` between that and the pixel; ``near``
        between the pixel and the neighbor; ``next_`` beyond the neighbor. Pixels without depth are
        0, and make slopes that are too large for a surface.
    :param has_far: whether the other neighbor has a depth; ``has_near`` whether the neighbor has.
    """
    turn, bend = next_ - far, near - far
    meets = ((abs(turn) * _BENDS > z) & (bend * turn >= _ZERO) & ((next_ - near) * turn >= _ZERO)
             & (abs(far - last) * _ALIKE <= abs(turn)) & (abs(far) * _SLOPES <= z)
             & (abs(next_) * _SLOPES <= z))
    is_plane = (abs(next_ - near) * _ALIKE <= abs(bend)) & (abs(near) * _SLOPES <= z)
    slope = near if is_plane else _limited(near, far, z)
    between = _MEETING if meets else slope
    at_end = _limited(near, next_, z) if has_near else _limited(far, last, z)
    return between if has_near & has_far else at_end if has_near | has_far else _ZERO


@compiled
def _slopes_along(
    behind: Any, before: Any, here: Any, after: Any, beyond: Any, slopes: Any,
) -> None:
    """
    Write the slopes of pixels along one axis.

    :param behind: with ``before``, ``here``, ``after`` and ``beyond``, (N,) uint16 each: depths of
        five successive pixels.
    :param slopes: (2 * N,) int16: for each pixel, those towards ``after`` and ``before``.
    """
    for n in range(here.size):
        z, next_z, last_z = np.float32(here[n]), np.float32(after[n]), np.float32(before[n])
        a, b = last_z - np.float32(behind[n]), z - last_z
        c, d = next_z - z, np.float32(beyond[n]) - next_z
        has_after, has_before = next_z > _ZERO, last_z > _ZERO
        slopes[2 * n] = np.int16(_slope(a, b, c, d, z, has_before, has_after))
        slopes[2 * n + 1] = np.int16(_slope(d, c, b, a, z, has_after, has_before))


@compiled
def find_slopes(depth: Any, width: int, slopes: Any) -> None:
    """
    Write the slopes of the surfaces in a depth image.

    :param depth: (rows * width,) uint16 millimeters, 0 for invalid, with two rows and columns of 0
        on each side.
    :param width: of ``depth`` with these columns.
    :param slopes: (2, 2 * rows * width) int16, millimeters per pixel, or MEETING: for each pixel,
        along the row towards greater and lesser columns; and along the column, towards greater and
        lesser rows. Those in the outer two rows are not written.
    """
    first, count = 2 * width, depth.size - 4 * width
    for axis in range(2):
        step = width if axis else 1
        _slopes_along(
            depth[first - 2 * step:first - 2 * step + count],
            depth[first - step:first - step + count], depth[first:first + count],
            depth[first + step:first + step + count],
            depth[first + 2 * step:first + 2 * step + count],
            slopes[axis, 2 * first:2 * (first + count)])


@compiled
def _meeting(depth: Any, i: Any, side: Any, distance: Any) -> Any:
    """
    Return the rise from a pixel where its plane and the next one meet, in units of 1/256 mm.

    Of a corner that points to the camera, the depth is the greater one of both planes; of one that
    points away from it, the lesser one.

    :param i: flat index of the pixel.
    :param side: from that to the neighbor.
    :param distance: from the pixel, in units of 1/256 pixel, at least 0.
    """
    z, after = np.int64(depth[i]), np.int64(depth[i + side])
    far, next_ = z - np.int64(depth[i - side]), np.int64(depth[i + 2 * side]) - after
    here = far * distance
    there = (after - z) * _ONE - next_ * (_ONE - distance)
    return max(here, there) if next_ > far else min(here, there)


@compiled_inline
def _rise(depth: Any, width: int, slopes: Any, i: Any, x: Any, y: Any) -> Any:
    """
    Return the rise of a surface from a pixel, in units of 1/256 millimeter.

    :param i: flat index of the pixel.
    :param x: with ``y``: distance from the pixel, in units of 1/256 pixel.
    """
    across = np.int64(slopes[0, 2 * i + (x < 0)])
    down = np.int64(slopes[1, 2 * i + (y < 0)])
    rise = across * x + down * y
    if (across == MEETING) | (down == MEETING):
        rise = (_meeting(depth, i, 1 if x >= 0 else -1, abs(x)) if across == MEETING
                else across * x)
        rise += (_meeting(depth, i, width if y >= 0 else -width, abs(y)) if down == MEETING
                 else down * y)
    return rise


@compiled
def rectify_depth(
    depth: Any, width: int, slopes: Any, index: Any, offset_x: Any, offset_y: Any, out: Any,
) -> None:
    """
    Write a rectified depth image.

    Each pixel gets the depth of the nearest pixel of the source, moved along the surface that the
    latter lies on by the distance between the rays of both.

    :param depth: with ``width`` and ``slopes``: as for `find_slopes`.
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
            rise = _rise(depth, width, slopes, i, np.int64(offset_x[n]), np.int64(offset_y[n]))
            moved = min(max(z + ((rise + _HALF) >> _OFFSET_BITS), 1), 65535)
        out[n] = np.uint16(moved)


@compiled
def rectify_depth_to_meters(
    depth: Any, width: int, slopes: Any, index: Any, offset_x: Any, offset_y: Any, out: Any,
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
            rise = _rise(depth, width, slopes, i, np.int64(offset_x[n]), np.int64(offset_y[n]))
            moved = max((z << _OFFSET_BITS) + rise, 1 << _OFFSET_BITS)
            meters = np.float32(moved) / np.float32(UNITS_PER_M)
        out[n] = meters
