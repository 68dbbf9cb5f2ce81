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


"""The inner loops of point clouds, compiled where numba is installed."""

from __future__ import annotations

from typing import Any

from k4a_ros.jit.numba_jit import compiled
import numpy as np

_ZERO = np.float32(0)
_NAN = np.float32(np.nan)
_MM_PER_M = np.float32(1000)
_NO_COLOR = np.uint32(0)


@compiled
def xyz(depth: Any, x: Any, y: Any, step: int, out: Any) -> None:
    """
    Write the points of all pixels, NaN where there is none.

    :param depth: (N,) uint16, millimeters, 0 for none.
    :param x: with ``y`` (N,) float32: the pixels' rays (x/z, y/z), both NaN where there is none.
    :param step: how far apart the points are in ``out``, floats: 3 or 4.
    :param out: (N * step,) float32: written, meters; a fourth value becomes 0.
    """
    # Each loop has its step in it, or else the compiler would not vectorize it, and writes
    # everything, or else it would scatter numbers, which some processors do one by one.
    if step == 3:
        for i in range(depth.size):
            z = np.float32(depth[i]) / _MM_PER_M if (depth[i] != 0) & (x[i] == x[i]) else _NAN
            out[3 * i] = x[i] * z
            out[3 * i + 1] = y[i] * z
            out[3 * i + 2] = z
    else:
        for i in range(depth.size):
            z = np.float32(depth[i]) / _MM_PER_M if (depth[i] != 0) & (x[i] == x[i]) else _NAN
            out[4 * i] = x[i] * z
            out[4 * i + 1] = y[i] * z
            out[4 * i + 2] = z
            out[4 * i + 3] = _ZERO


@compiled
def _meters(depth: Any, ray: Any, near: int, far: int) -> Any:
    """Return a depth in meters, NaN if it is none or outside of the limits."""
    if (depth != 0) & (depth >= near) & (depth <= far) & (ray == ray):
        return np.float32(depth) / _MM_PER_M
    return _NAN


@compiled
def points(
    depth: Any, x: Any, y: Any, stride: int, near: int, far: int, organized: bool, out: Any,
) -> int:
    """
    Write points of some pixels.

    :param depth: (height, width) uint16, millimeters, 0 for none.
    :param x: with ``y`` (height, width) float32: the rays, as in ``xyz``.
    :param stride: only every so manieth row and column counts.
    :param near: with ``far``: the depths that count, millimeters, both included.
    :param organized: whether pixels without a point become NaN; else they are left out.
    :param out: (M, 4) float32: written, x, y, z in meters, 0.
    :return: how many points have been written.
    """
    height, width = depth.shape
    flat = out.reshape(-1)
    if organized and stride == 1:
        # a loop of its own, which the compiler vectorizes
        d, a, b = depth.reshape(-1), x.reshape(-1), y.reshape(-1)
        for i in range(d.size):
            z = _meters(d[i], a[i], near, far)
            flat[4 * i] = a[i] * z
            flat[4 * i + 1] = b[i] * z
            flat[4 * i + 2] = z
            flat[4 * i + 3] = _ZERO
        return int(d.size)
    count = 0
    for row in range(0, height, stride):
        for column in range(0, width, stride):
            z = _meters(depth[row, column], x[row, column], near, far)
            if organized or z == z:
                out[count, 0] = x[row, column] * z
                out[count, 1] = y[row, column] * z
                out[count, 2] = z
                out[count, 3] = _ZERO
                count += 1
    return count


@compiled
def intensity_points(
    depth: Any, x: Any, y: Any, infrared: Any, stride: int, near: int, far: int,
    organized: bool, out: Any,
) -> int:
    """
    Write points with the infrared as their fourth value.

    As ``points``; ``infrared`` is (height, width) uint16. Organized, pixels without a point keep
    their infrared.
    """
    height, width = depth.shape
    flat = out.reshape(-1)
    if organized and stride == 1:
        d, a, b, bright = depth.reshape(-1), x.reshape(-1), y.reshape(-1), infrared.reshape(-1)
        for i in range(d.size):
            z = _meters(d[i], a[i], near, far)
            flat[4 * i] = a[i] * z
            flat[4 * i + 1] = b[i] * z
            flat[4 * i + 2] = z
            flat[4 * i + 3] = np.float32(bright[i])
        return int(d.size)
    count = 0
    for row in range(0, height, stride):
        for column in range(0, width, stride):
            z = _meters(depth[row, column], x[row, column], near, far)
            if organized or z == z:
                out[count, 0] = x[row, column] * z
                out[count, 1] = y[row, column] * z
                out[count, 2] = z
                out[count, 3] = np.float32(infrared[row, column])
                count += 1
    return count


@compiled
def _write_colored(out: Any, at: int, x: Any, y: Any, z: Any, pixel: Any) -> None:
    """Write a point of eight values, as bits, beginning at one of them."""
    out[at] = np.float32(x * z).view(np.uint32)
    out[at + 1] = np.float32(y * z).view(np.uint32)
    out[at + 2] = np.float32(z).view(np.uint32)
    out[at + 3] = _NO_COLOR
    out[at + 4] = pixel & np.uint32(0x00ffffff) if z == z else _NO_COLOR
    out[at + 5] = _NO_COLOR
    out[at + 6] = _NO_COLOR
    out[at + 7] = _NO_COLOR


@compiled
def colored_points(
    depth: Any, x: Any, y: Any, color: Any, stride: int, near: int, far: int, organized: bool,
    out: Any,
) -> int:
    """
    Write points with their colors.

    As ``points``. Pixels whose color is 0 have no point.

    :param color: (height, width) uint32: blue, green, red, any fourth, from the lowest byte on.
    :param out: (M * 8,) uint32, the bits of float32: written, x, y, z in meters and, fifth, the
        color with 0 as its fourth byte; the others become 0.
    """
    height, width = depth.shape
    if organized and stride == 1:
        d, a, b, pixels = depth.reshape(-1), x.reshape(-1), y.reshape(-1), color.reshape(-1)
        for i in range(d.size):
            z = _meters(d[i], a[i], near, far)
            z = z if pixels[i] != _NO_COLOR else _NAN
            _write_colored(out, 8 * i, a[i], b[i], z, pixels[i])
        return int(d.size)
    count = 0
    for row in range(0, height, stride):
        for column in range(0, width, stride):
            z = _meters(depth[row, column], x[row, column], near, far)
            z = z if color[row, column] != _NO_COLOR else _NAN
            if organized or z == z:
                _write_colored(
                    out, 8 * count, x[row, column], y[row, column], z, color[row, column])
                count += 1
    return count
