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
The inner loops of registration, compiled where numba is installed.

Written after the Azure Kinect Sensor SDK, src/transformation/rgbz.c, and equal to it but for
float32 rounding. All images are C-contiguous. ``registration_fallback`` does the same with
numpy, bit by bit, for where numba is missing.
"""

from __future__ import annotations

import math
from typing import Any

from k4a_ros.jit.numba_jit import compiled
from k4a_ros.jit.numba_jit import prefetch
import numpy as np

#: quads whose depths differ by more than this share of the least are no surface: the distance of
#: two pixels (120 degrees / 512) on a surface that is slanted by 85 degrees (rgbz.c)
MAX_SPREAD = np.float32(0.04693441759)

_ZERO = np.float32(0)
_HALF = np.float32(0.5)
_ONE = np.float32(1)
_TWO = np.float32(2)
_NOWHERE = np.float32(-1)
_STEPS = np.float32(256)
#: so many pixels before they are used, colors are sent for: memory answers later than any cache
_AHEAD = 64

#: four bytes in the low halves of four 16-bit lanes
_LANES = np.uint64(0x00ff00ff00ff00ff)
_EVEN = np.uint64(0x00ff00ff)
_ODD = np.uint64(0xff00ff00)
_ROUND = np.uint64(0x0080008000800080)
_SHIFT8 = np.uint64(8)
_SHIFT16 = np.uint64(16)
_SHIFT24 = np.uint64(24)
_WHOLE = np.uint64(256)


@compiled
def project(depth: Any, a: Any, b: Any, c: Any, lens: Any, u: Any, v: Any, z: Any) -> None:
    """
    Find where the pixels of a depth image are in the color image.

    :param depth: (N,) uint16, millimeters.
    :param a: with ``b`` and ``c`` (N,) float32: the pixels' rays (x/z, y/z, 1), turned into the
        color camera's axes; NaN where there is no ray.
    :param lens: 19 float32: the depth camera's place in the color camera's frame, millimeters,
        fx, fy, cx, cy, k1 to k6, p1, p2, codx, cody, metric_radius², 2 (or 1: rational_6kt).
    :param u: with ``v`` (N,) float32: written, the pixels; -1 where there is none.
    :param z: (N,) float32: written, the depths there, millimeters; 0 where there is no pixel.
    """
    tx, ty, tz, fx, fy, cx, cy, k1, k2, k3, k4, k5, k6, p1, p2, codx, cody, limit, mixed = lens
    for i in range(depth.size):
        d = np.float32(depth[i])
        depth_there = c[i] * d + tz
        inverse = _ONE / depth_there
        x = (a[i] * d + tx) * inverse - codx
        y = (b[i] * d + ty) * inverse - cody
        xx = x * x
        yy = y * y
        xy = x * y
        r2 = xx + yy
        r4 = r2 * r2
        r6 = r4 * r2
        q = (_ONE + k1 * r2 + k2 * r4 + k3 * r6) / (_ONE + k4 * r2 + k5 * r4 + k6 * r6)
        px = (x * q + ((r2 + _TWO * xx) * p2 + mixed * xy * p1) + codx) * fx + cx
        py = (y * q + ((r2 + _TWO * yy) * p1 + mixed * xy * p2) + cody) * fy + cy
        valid = ((depth[i] != 0) & (r2 <= limit) & (depth_there > _ZERO)
                 & (px == px) & (py == py))
        u[i] = px if valid else _NOWHERE
        v[i] = py if valid else _NOWHERE
        z[i] = depth_there if valid else _ZERO


@compiled
def _smaller(a: Any, b: Any) -> Any:
    """Return the smaller number; unlike ``min`` without regard to NaN, and so faster."""
    return a if a < b else b


@compiled
def _larger(a: Any, b: Any) -> Any:
    """Return the larger number."""
    return a if a > b else b


@compiled
def _least(a: Any, b: Any, c: Any, d: Any) -> Any:
    """Return the smallest of four numbers."""
    return _smaller(_smaller(a, b), _smaller(c, d))


@compiled
def _most(a: Any, b: Any, c: Any, d: Any) -> Any:
    """Return the largest of four numbers."""
    return _larger(_larger(a, b), _larger(c, d))


@compiled
def _draw(
    x1: Any, y1: Any, z1: Any, i1: int, x2: Any, y2: Any, z2: Any, i2: int,
    x3: Any, y3: Any, z3: Any, i3: int, x4: Any, y4: Any, z4: Any, i4: int, out: Any,
    wide: Any, wide_out: Any, wide_linear: bool, narrow: Any, narrow_out: Any,
    narrow_linear: bool,
) -> None:
    """Draw the quad of vertices 1 to 4, in the order of the corners, where it is nearest."""
    height, width = out.shape
    left = math.ceil(_larger(_least(x1, x2, x3, x4), _ZERO))
    right = math.ceil(_smaller(_most(x1, x2, x3, x4), np.float32(width)))
    top = math.ceil(_larger(_least(y1, y2, y3, y4), _ZERO))
    bottom = math.ceil(_smaller(_most(y1, y2, y3, y4), np.float32(height)))
    if left >= right or top >= bottom:
        return
    dx, dy = x3 - x1, y3 - y1
    dx14, dy14, dx43, dy43 = x1 - x4, y1 - y4, x4 - x3, y4 - y3
    dx21, dy21, dx32, dy32 = x2 - x1, y2 - y1, x3 - x2, y3 - y2
    for row in range(top, bottom):
        y = np.float32(row)
        middle_0 = (y - y1) * dx
        third_4, first_4 = (y - y4) * dx14, (y - y3) * dx43
        third_2, first_2 = (y - y2) * dx21, (y - y3) * dx32
        for column in range(left, right):
            x = np.float32(column)
            # Twice the signed areas of triangles with this pixel. The diagonal from 1 to 3 says
            # in which half of the quad it is; the weight of a vertex is the area opposite of it.
            middle = middle_0 - (x - x1) * dy
            half = middle >= _ZERO
            third = third_4 - (x - x4) * dy14 if half else third_2 - (x - x2) * dy21
            first = first_4 - (x - x3) * dy43 if half else first_2 - (x - x3) * dy32
            if (third >= _ZERO) & (first > _ZERO):
                middle = abs(middle)
                z_middle = z4 if half else z2
                i_middle = i4 if half else i2
                share = _ONE / (first + middle + third)
                z = np.uint16(np.int32(
                    (first * z1 + middle * z_middle + third * z3) * share + _HALF))
                before = out[row, column]
                if (before == 0) | (z < before):
                    out[row, column] = z
                    if third > middle:
                        nearest = i3 if third > first else i1
                    else:
                        nearest = i_middle if middle > first else i1
                    if wide is not None:
                        value = np.float32(wide[nearest])
                        if wide_linear:
                            value = (first * np.float32(wide[i1])
                                     + middle * np.float32(wide[i_middle])
                                     + third * np.float32(wide[i3])) * share + _HALF
                        wide_out[row, column] = np.uint16(value)
                    if narrow is not None:
                        value = np.float32(narrow[nearest])
                        if narrow_linear:
                            value = (first * np.float32(narrow[i1])
                                     + middle * np.float32(narrow[i_middle])
                                     + third * np.float32(narrow[i3])) * share + _HALF
                        narrow_out[row, column] = np.uint8(value)


@compiled
def rasterize(
    u: Any, v: Any, z: Any, out: Any, wide: Any, wide_out: Any, wide_linear: bool, narrow: Any,
    narrow_out: Any, narrow_linear: bool,
) -> None:
    """
    Draw the surfaces between a depth image's pixels into another camera's depth image.

    Four neighbors make a quad, three a triangle; none where depths differ by more than
    ``MAX_SPREAD``. The nearest surface stays.

    :param u: with ``v`` and ``z`` (height, width) float32: what ``project`` wrote.
    :param out: uint16, millimeters, 0 to begin with.
    :param wide: (height * width,) uint16: a companion of the depth image; or None, for which a
        loop of its own is compiled.
    :param wide_out: uint16 of ``out``'s shape, or None; written where ``out`` is.
    :param wide_linear: whether to interpolate it; else the nearest vertex counts.
    :param narrow: as ``wide``, but uint8.
    """
    height, width = u.shape
    for row in range(1, height):
        for column in range(1, width):
            z1, z2 = z[row - 1, column - 1], z[row - 1, column]
            z4, z3 = z[row, column - 1], z[row, column]
            low, high = _least(z1, z2, z3, z4), _most(z1, z2, z3, z4)
            if low > _ZERO and high - low > MAX_SPREAD * low:
                continue
            if not high > _ZERO:
                continue
            x1, x2 = u[row - 1, column - 1], u[row - 1, column]
            x4, x3 = u[row, column - 1], u[row, column]
            y1, y2 = v[row - 1, column - 1], v[row - 1, column]
            y4, y3 = v[row, column - 1], v[row, column]
            i3 = row * width + column
            i1, i2, i4 = i3 - width - 1, i3 - width, i3 - 1
            if not low > _ZERO:
                # a triangle is a quad of which two vertices are the same
                if (z1 > _ZERO) + (z2 > _ZERO) + (z3 > _ZERO) + (z4 > _ZERO) < 3:
                    continue
                if not z1 > _ZERO:
                    x1, y1, z1, i1 = x2, y2, z2, i2
                    x2, y2, z2, i2 = x3, y3, z3, i3
                    x3, y3, z3, i3 = x4, y4, z4, i4
                elif not z3 > _ZERO:
                    x3, y3, z3, i3 = x2, y2, z2, i2
                    x2, y2, z2, i2 = x1, y1, z1, i1
                    x1, y1, z1, i1 = x4, y4, z4, i4
                    x4, y4, z4, i4 = x3, y3, z3, i3
                elif not z2 > _ZERO:
                    x2, y2, z2, i2 = x3, y3, z3, i3
                else:
                    x4, y4, z4, i4 = x3, y3, z3, i3
                low, high = _least(z1, z2, z3, z4), _most(z1, z2, z3, z4)
                if high - low > MAX_SPREAD * low:
                    continue
            _draw(x1, y1, z1, i1, x2, y2, z2, i2, x3, y3, z3, i3, x4, y4, z4, i4, out,
                  wide, wide_out, wide_linear, narrow, narrow_out, narrow_linear)


@compiled
def _blend(p00: Any, p01: Any, p10: Any, p11: Any, across: Any, down: Any) -> Any:
    """
    Return four pixels' four bytes, interpolated in steps of 1/256 pixel.

    :param p00: the four pixels, uint64 of 32 bits each.
    :param across: 0 to 256, uint64, as ``down``.
    """
    left, above = _WHOLE - across, _WHOLE - down
    upper = (((p00 & _EVEN) | ((p00 & _ODD) << _SHIFT24)) * left
             + ((p01 & _EVEN) | ((p01 & _ODD) << _SHIFT24)) * across)
    lower = (((p10 & _EVEN) | ((p10 & _ODD) << _SHIFT24)) * left
             + ((p11 & _EVEN) | ((p11 & _ODD) << _SHIFT24)) * across)
    upper = ((upper + _ROUND) >> _SHIFT8) & _LANES
    lower = ((lower + _ROUND) >> _SHIFT8) & _LANES
    lanes = ((upper * above + lower * down + _ROUND) >> _SHIFT8) & _LANES
    return (lanes & _EVEN) | ((lanes >> _SHIFT24) & _ODD)


@compiled
def _pack(color: Any, row: Any, column: Any) -> Any:
    """Return the three bytes of a pixel as uint64."""
    return (np.uint64(color[row, column, 0]) | (np.uint64(color[row, column, 1]) << _SHIFT8)
            | (np.uint64(color[row, column, 2]) << _SHIFT16))


@compiled
def _hidden(x: Any, y: Any, depth: Any, nearest: Any, scale: Any) -> bool:
    """Return whether something else is nearer where the color camera sees a pixel."""
    height, width = nearest.shape
    row = min(int((y + _HALF) * scale), height - 1)
    column = min(int((x + _HALF) * scale), width - 1)
    there = np.float32(nearest[row, column])
    hidden: bool = depth - there > MAX_SPREAD * there
    return hidden


@compiled
def _send_for(u: Any, v: Any, i: int, color: Any) -> None:
    """Have the colors brought into the cache that a pixel of the depth image will need."""
    if i < u.size:
        x, y = u[i], v[i]
        if (x >= _ZERO and y >= _ZERO and x < np.float32(color.shape[1] - 1)
                and y < np.float32(color.shape[0] - 1)):
            column, row = np.int64(x), np.int64(y)
            prefetch(color, (row, column))
            prefetch(color, (row + 1, column))


@compiled
def sample_bgra(
    u: Any, v: Any, z: Any, nearest: Any, scale: Any, color: Any, out: Any,
) -> None:
    """
    Look the pixels of a depth image up in a color image of four channels, bilinearly.

    :param u: with ``v`` and ``z`` (N,) float32: what ``project`` wrote.
    :param nearest: uint16, millimeters: the depth image of a color camera of ``scale``
        (float32) times the resolution, 65535 for nothing; of size 0 to not look for occlusions.
    :param color: (height, width) uint32: the four bytes of each pixel.
    :param out: (N,) uint32: written, 0 where there is no color; colors that are 0 become 1.
    """
    height, width = color.shape
    last_column, last_row = np.float32(width - 1), np.float32(height - 1)
    looking = nearest.size > 0
    for i in range(u.size):
        _send_for(u, v, i + _AHEAD, color)
        pixel = np.uint64(0)
        x, y = u[i], v[i]
        if (x >= _ZERO and y >= _ZERO and x < last_column and y < last_row
                and not (looking and _hidden(x, y, z[i], nearest, scale))):
            column, row = np.uint32(x), np.uint32(y)
            across = np.uint64((x - np.float32(column)) * _STEPS + _HALF)
            down = np.uint64((y - np.float32(row)) * _STEPS + _HALF)
            pixel = _blend(
                np.uint64(color[row, column]), np.uint64(color[row, column + 1]),
                np.uint64(color[row + 1, column]), np.uint64(color[row + 1, column + 1]),
                across, down)
            if pixel == 0:
                pixel = np.uint64(1)
        out[i] = np.uint32(pixel)


@compiled
def sample_bgr(
    u: Any, v: Any, z: Any, nearest: Any, scale: Any, color: Any, out: Any,
) -> None:
    """
    Look the pixels of a depth image up in a color image of three channels, bilinearly.

    As ``sample_bgra``, but ``color`` is (height, width, 3) uint8 and ``out`` (N, 3) uint8.
    """
    height, width, _ = color.shape
    last_column, last_row = np.float32(width - 1), np.float32(height - 1)
    looking = nearest.size > 0
    for i in range(u.size):
        _send_for(u, v, i + _AHEAD, color)
        pixel = np.uint64(0)
        x, y = u[i], v[i]
        if (x >= _ZERO and y >= _ZERO and x < last_column and y < last_row
                and not (looking and _hidden(x, y, z[i], nearest, scale))):
            column, row = np.uint32(x), np.uint32(y)
            across = np.uint64((x - np.float32(column)) * _STEPS + _HALF)
            down = np.uint64((y - np.float32(row)) * _STEPS + _HALF)
            pixel = _blend(
                _pack(color, row, column), _pack(color, row, column + 1),
                _pack(color, row + 1, column), _pack(color, row + 1, column + 1), across, down)
            if pixel == 0:
                pixel = np.uint64(1)
        out[i, 0] = np.uint8(pixel)
        out[i, 1] = np.uint8(pixel >> _SHIFT8)
        out[i, 2] = np.uint8(pixel >> _SHIFT16)
