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
Inner loops of registration, compiled with numba.

They follow the Azure Kinect Sensor SDK, src/transformation/rgbz.c, and differ from it by float32
rounding only. All images are C-contiguous. ``registration_fallback`` computes the same bits with
numpy, for installations without numba.
"""

from __future__ import annotations

import math
from typing import Any

from k4a_ros.jit.numba_jit import compiled
from k4a_ros.jit.numba_jit import prefetch
import numpy as np

#: Largest difference of depths in a quad, as a fraction of the smallest depth; beyond it there is
#: a depth edge. That is the difference between adjacent pixels (120 degrees / 512) on a surface
#: slanted by 85 degrees (rgbz.c).
MAX_SPREAD = np.float32(0.04693441759)

#: Largest depth that fits into an image, millimeters. The other camera may see the farthest pixels
#: of a depth image farther away than this.
MAX_DEPTH = np.float32(65535)

_ZERO = np.float32(0)
_HALF = np.float32(0.5)
_ONE = np.float32(1)
_TWO = np.float32(2)
_INVALID_POSITION = np.float32(-1)
#: interpolation steps per pixel
_STEPS = np.float32(256)
#: distance of the prefetch, in pixels; it hides the latency of main memory
_PREFETCH_DISTANCE = 64

#: interpolation of four bytes at a time, one in the low half of each 16-bit lane of a uint64
_LANES = np.uint64(0x00ff00ff00ff00ff)
_EVEN_BYTES = np.uint64(0x00ff00ff)
_ODD_BYTES = np.uint64(0xff00ff00)
#: half a step in each lane
_ROUND = np.uint64(0x0080008000800080)
_SHIFT8 = np.uint64(8)
_SHIFT16 = np.uint64(16)
_SHIFT24 = np.uint64(24)
_UNIT_WEIGHT = np.uint64(256)


@compiled
def project(
    depth: Any, ray_x: Any, ray_y: Any, ray_z: Any, projection: Any, u: Any, v: Any, z: Any,
) -> None:
    """
    Project the pixels of a depth image into the color image.

    :param depth: (N,) uint16 millimeters, 0 for invalid.
    :param ray_x: with ``ray_y`` and ``ray_z`` (N,) float32: the rays (x/z, y/z, 1) of the pixels
        in the axes of the color camera, NaN for no ray.
    :param projection: 19 float32: translation from the depth to the color camera, millimeters,
        fx, fy, cx, cy, k1 to k6, p1, p2, codx, cody, metric_radius², and the factor of the mixed
        tangential term, 2 (1 for rational_6kt).
    :param u: with ``v`` (N,) float32: written, pixels of the color image; -1 for invalid.
    :param z: (N,) float32: written, depths in the color camera's frame, millimeters, at most
        ``MAX_DEPTH``; 0 for invalid.
    """
    (tx, ty, tz, fx, fy, cx, cy, k1, k2, k3, k4, k5, k6, p1, p2, codx, cody, max_r2,
     mixed) = projection
    for i in range(depth.size):
        d = np.float32(depth[i])
        z_color = ray_z[i] * d + tz
        inverse = _ONE / z_color
        x = (ray_x[i] * d + tx) * inverse - codx
        y = (ray_y[i] * d + ty) * inverse - cody
        xx = x * x
        yy = y * y
        xy = x * y
        r2 = xx + yy
        r4 = r2 * r2
        r6 = r4 * r2
        q = (_ONE + k1 * r2 + k2 * r4 + k3 * r6) / (_ONE + k4 * r2 + k5 * r4 + k6 * r6)
        px = (x * q + ((r2 + _TWO * xx) * p2 + mixed * xy * p1) + codx) * fx + cx
        py = (y * q + ((r2 + _TWO * yy) * p1 + mixed * xy * p2) + cody) * fy + cy
        valid = ((depth[i] != 0) & (r2 <= max_r2) & (z_color > _ZERO) & (z_color <= MAX_DEPTH)
                 & (px == px) & (py == py))
        u[i] = px if valid else _INVALID_POSITION
        v[i] = py if valid else _INVALID_POSITION
        z[i] = z_color if valid else _ZERO


@compiled
def _smaller(a: Any, b: Any) -> Any:
    """Return the smaller number; faster than ``min``, because NaN is not handled."""
    return a if a < b else b


@compiled
def _larger(a: Any, b: Any) -> Any:
    """Return the larger number; see ``_smaller``."""
    return a if a > b else b


@compiled
def _min4(a: Any, b: Any, c: Any, d: Any) -> Any:
    """Return the smallest of four numbers."""
    return _smaller(_smaller(a, b), _smaller(c, d))


@compiled
def _max4(a: Any, b: Any, c: Any, d: Any) -> Any:
    """Return the largest of four numbers."""
    return _larger(_larger(a, b), _larger(c, d))


@compiled
def _draw(
    x1: Any, y1: Any, z1: Any, i1: int, x2: Any, y2: Any, z2: Any, i2: int,
    x3: Any, y3: Any, z3: Any, i3: int, x4: Any, y4: Any, z4: Any, i4: int, out: Any,
    extra16: Any, extra16_out: Any, linear16: bool, extra8: Any, extra8_out: Any, linear8: bool,
) -> None:
    """Draw the quad of vertices 1 to 4, in cyclic order, where nothing nearer has been drawn."""
    height, width = out.shape
    left = math.ceil(_larger(_min4(x1, x2, x3, x4), _ZERO))
    right = math.ceil(_smaller(_max4(x1, x2, x3, x4), np.float32(width)))
    top = math.ceil(_larger(_min4(y1, y2, y3, y4), _ZERO))
    bottom = math.ceil(_smaller(_max4(y1, y2, y3, y4), np.float32(height)))
    if left >= right or top >= bottom:
        return
    dx, dy = x3 - x1, y3 - y1
    dx14, dy14, dx43, dy43 = x1 - x4, y1 - y4, x4 - x3, y4 - y3
    dx21, dy21, dx32, dy32 = x2 - x1, y2 - y1, x3 - x2, y3 - y2
    for row in range(top, bottom):
        y = np.float32(row)
        w_mid_row = (y - y1) * dx
        w3_row4, w1_row4 = (y - y4) * dx14, (y - y3) * dx43
        w3_row2, w1_row2 = (y - y2) * dx21, (y - y3) * dx32
        for column in range(left, right):
            x = np.float32(column)
            # Barycentric weights: twice the signed area of the triangle opposite to a vertex. The
            # diagonal from 1 to 3 splits the quad; "mid" is the third vertex of a half, 4 or 2.
            w_mid = w_mid_row - (x - x1) * dy
            is_half4 = w_mid >= _ZERO
            w3 = w3_row4 - (x - x4) * dy14 if is_half4 else w3_row2 - (x - x2) * dy21
            w1 = w1_row4 - (x - x3) * dy43 if is_half4 else w1_row2 - (x - x3) * dy32
            if (w3 >= _ZERO) & (w1 > _ZERO):
                w_mid = abs(w_mid)
                z_mid = z4 if is_half4 else z2
                i_mid = i4 if is_half4 else i2
                inverse_area = _ONE / (w1 + w_mid + w3)
                z = np.uint16(np.int32(
                    (w1 * z1 + w_mid * z_mid + w3 * z3) * inverse_area + _HALF))
                drawn = out[row, column]
                if (drawn == 0) | (z < drawn):
                    out[row, column] = z
                    if w3 > w_mid:
                        nearest = i3 if w3 > w1 else i1
                    else:
                        nearest = i_mid if w_mid > w1 else i1
                    if extra16 is not None:
                        value = np.float32(extra16[nearest])
                        if linear16:
                            value = (w1 * np.float32(extra16[i1])
                                     + w_mid * np.float32(extra16[i_mid])
                                     + w3 * np.float32(extra16[i3])) * inverse_area + _HALF
                        extra16_out[row, column] = np.uint16(value)
                    if extra8 is not None:
                        value = np.float32(extra8[nearest])
                        if linear8:
                            value = (w1 * np.float32(extra8[i1])
                                     + w_mid * np.float32(extra8[i_mid])
                                     + w3 * np.float32(extra8[i3])) * inverse_area + _HALF
                        extra8_out[row, column] = np.uint8(value)


@compiled
def rasterize(
    u: Any, v: Any, z: Any, out: Any, extra16: Any, extra16_out: Any, linear16: bool,
    extra8: Any, extra8_out: Any, linear8: bool,
) -> None:
    """
    Draw the surfaces of a depth image into the depth image of another camera.

    Four neighboring pixels make a quad, three a triangle, unless their depths differ by more than
    ``MAX_SPREAD``. The nearest surface wins.

    :param u: with ``v`` and ``z`` (height, width) float32: output of ``project``.
    :param out: uint16 millimeters, all 0: written.
    :param extra16: (height * width,) uint16: extra channel of the depth image, or None. numba
        compiles a version without the channel for None.
    :param extra16_out: uint16 of the shape of ``out``, or None: written where ``out`` is.
    :param linear16: interpolate the channel; otherwise take the value of the nearest vertex.
    :param extra8: as ``extra16``, but uint8.
    """
    height, width = u.shape
    for row in range(1, height):
        for column in range(1, width):
            z1, z2 = z[row - 1, column - 1], z[row - 1, column]
            z4, z3 = z[row, column - 1], z[row, column]
            low, high = _min4(z1, z2, z3, z4), _max4(z1, z2, z3, z4)
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
                # a triangle is drawn as a quad with a repeated vertex
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
                low, high = _min4(z1, z2, z3, z4), _max4(z1, z2, z3, z4)
                if high - low > MAX_SPREAD * low:
                    continue
            _draw(x1, y1, z1, i1, x2, y2, z2, i2, x3, y3, z3, i3, x4, y4, z4, i4, out,
                  extra16, extra16_out, linear16, extra8, extra8_out, linear8)


@compiled
def _blend(p00: Any, p01: Any, p10: Any, p11: Any, across: Any, down: Any) -> Any:
    """
    Interpolate four pixels of four bytes bilinearly, in steps of 1/256 pixel.

    :param p00: with ``p01``, ``p10`` and ``p11`` uint64: 32-bit pixels, by row and column.
    :param across: with ``down`` uint64: position between the pixels, 0 to 256.
    """
    left, above = _UNIT_WEIGHT - across, _UNIT_WEIGHT - down
    upper = (((p00 & _EVEN_BYTES) | ((p00 & _ODD_BYTES) << _SHIFT24)) * left
             + ((p01 & _EVEN_BYTES) | ((p01 & _ODD_BYTES) << _SHIFT24)) * across)
    lower = (((p10 & _EVEN_BYTES) | ((p10 & _ODD_BYTES) << _SHIFT24)) * left
             + ((p11 & _EVEN_BYTES) | ((p11 & _ODD_BYTES) << _SHIFT24)) * across)
    upper = ((upper + _ROUND) >> _SHIFT8) & _LANES
    lower = ((lower + _ROUND) >> _SHIFT8) & _LANES
    lanes = ((upper * above + lower * down + _ROUND) >> _SHIFT8) & _LANES
    return (lanes & _EVEN_BYTES) | ((lanes >> _SHIFT24) & _ODD_BYTES)


@compiled
def _pack(color: Any, row: Any, column: Any) -> Any:
    """Return the three bytes of a pixel in a uint64."""
    return (np.uint64(color[row, column, 0]) | (np.uint64(color[row, column, 1]) << _SHIFT8)
            | (np.uint64(color[row, column, 2]) << _SHIFT16))


@compiled
def _is_occluded(x: Any, y: Any, depth: Any, nearest: Any, scale: Any) -> bool:
    """Return whether a nearer surface occludes a pixel of the depth image in the color image."""
    height, width = nearest.shape
    row = min(int((y + _HALF) * scale), height - 1)
    column = min(int((x + _HALF) * scale), width - 1)
    occluder = np.float32(nearest[row, column])
    occluded: bool = depth - occluder > MAX_SPREAD * occluder
    return occluded


@compiled
def _prefetch_colors(u: Any, v: Any, i: int, color: Any) -> None:
    """Prefetch the colors of pixel ``i`` of the depth image into the processor's cache."""
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
    Sample a color image of four channels at the pixels of a depth image, bilinearly.

    :param u: with ``v`` and ``z`` (N,) float32: output of ``project``.
    :param nearest: uint16 millimeters: depth image of a color camera with ``scale`` (float32)
        times the resolution, 65535 for no surface; size 0 disables the occlusion test.
    :param color: (height, width) uint32: the four bytes of each pixel.
    :param out: (N,) uint32: written, 0 for no color; colors that are 0 become 1.
    """
    height, width = color.shape
    last_column, last_row = np.float32(width - 1), np.float32(height - 1)
    check_occlusion = nearest.size > 0
    for i in range(u.size):
        _prefetch_colors(u, v, i + _PREFETCH_DISTANCE, color)
        pixel = np.uint64(0)
        x, y = u[i], v[i]
        if (x >= _ZERO and y >= _ZERO and x < last_column and y < last_row
                and not (check_occlusion and _is_occluded(x, y, z[i], nearest, scale))):
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
    Sample a color image of three channels at the pixels of a depth image, bilinearly.

    As ``sample_bgra``, but ``color`` is (height, width, 3) uint8 and ``out`` (N, 3) uint8.
    """
    height, width, _ = color.shape
    last_column, last_row = np.float32(width - 1), np.float32(height - 1)
    check_occlusion = nearest.size > 0
    for i in range(u.size):
        _prefetch_colors(u, v, i + _PREFETCH_DISTANCE, color)
        pixel = np.uint64(0)
        x, y = u[i], v[i]
        if (x >= _ZERO and y >= _ZERO and x < last_column and y < last_row
                and not (check_occlusion and _is_occluded(x, y, z[i], nearest, scale))):
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
