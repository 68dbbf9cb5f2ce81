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

"""Inner loops of point clouds, compiled with numba."""

from __future__ import annotations

from typing import Any

from k4a_ros.jit.numba_jit import compiled
import numpy as np

_ZERO = np.float32(0)
_NAN = np.float32(np.nan)
_MM_PER_M = np.float32(1000)
_NO_COLOR = np.uint32(0)
_BGR_BYTES = np.uint32(0x00ffffff)


@compiled
def xyz(depth: Any, x: Any, y: Any, step: int, out: Any) -> None:
    """
    Write the points of all pixels, NaN for invalid ones.

    :param depth: (N,) uint16 millimeters, 0 for invalid.
    :param x: with ``y`` (N,) float32: rays (x/z, y/z) of the pixels, both NaN for no ray.
    :param step: distance of points in ``out``, in floats: 3 or 4.
    :param out: (N * step,) float32 meters: written; a fourth value becomes 0.
    """
    # The step is a constant in each loop, otherwise the compiler would not vectorize it. All
    # values are written, because a loop with gaps becomes scatter instructions, which some
    # processors execute element by element.
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
def _meters(depth: Any, ray: Any, min_mm: int, max_mm: int) -> Any:
    """Return the depth in meters, NaN if it is invalid, out of range or has no ray."""
    if (depth != 0) & (depth >= min_mm) & (depth <= max_mm) & (ray == ray):
        return np.float32(depth) / _MM_PER_M
    return _NAN


@compiled
def points(
    depth: Any, x: Any, y: Any, stride: int, min_mm: int, max_mm: int, organized: bool, out: Any,
) -> int:
    """
    Write the points of selected pixels.

    :param depth: (height, width) uint16 millimeters, 0 for invalid.
    :param x: with ``y`` (height, width) float32: rays, as in ``xyz``.
    :param stride: use only every Nth row and column.
    :param min_mm: with ``max_mm``: range of valid depths, millimeters, inclusive.
    :param organized: write NaN for invalid pixels; otherwise skip them.
    :param out: (M, 4) float32: written, x, y, z in meters, 0.
    :return: number of points written.
    """
    height, width = depth.shape
    flat = out.reshape(-1)
    if organized and stride == 1:
        # a separate loop, which the compiler can vectorize
        d, a, b = depth.reshape(-1), x.reshape(-1), y.reshape(-1)
        for i in range(d.size):
            z = _meters(d[i], a[i], min_mm, max_mm)
            flat[4 * i] = a[i] * z
            flat[4 * i + 1] = b[i] * z
            flat[4 * i + 2] = z
            flat[4 * i + 3] = _ZERO
        return int(d.size)
    count = 0
    for row in range(0, height, stride):
        for column in range(0, width, stride):
            z = _meters(depth[row, column], x[row, column], min_mm, max_mm)
            if organized or z == z:
                out[count, 0] = x[row, column] * z
                out[count, 1] = y[row, column] * z
                out[count, 2] = z
                out[count, 3] = _ZERO
                count += 1
    return count


@compiled
def intensity_points(
    depth: Any, x: Any, y: Any, infrared: Any, stride: int, min_mm: int, max_mm: int,
    organized: bool, out: Any,
) -> int:
    """
    Write points with the infrared as their fourth value.

    Parameters as in ``points``. Organized, invalid pixels keep their infrared.

    :param infrared: (height, width) uint16.
    """
    height, width = depth.shape
    flat = out.reshape(-1)
    if organized and stride == 1:
        d, a, b, bright = depth.reshape(-1), x.reshape(-1), y.reshape(-1), infrared.reshape(-1)
        for i in range(d.size):
            z = _meters(d[i], a[i], min_mm, max_mm)
            flat[4 * i] = a[i] * z
            flat[4 * i + 1] = b[i] * z
            flat[4 * i + 2] = z
            flat[4 * i + 3] = np.float32(bright[i])
        return int(d.size)
    count = 0
    for row in range(0, height, stride):
        for column in range(0, width, stride):
            z = _meters(depth[row, column], x[row, column], min_mm, max_mm)
            if organized or z == z:
                out[count, 0] = x[row, column] * z
                out[count, 1] = y[row, column] * z
                out[count, 2] = z
                out[count, 3] = np.float32(infrared[row, column])
                count += 1
    return count


@compiled
def _write_colored(out: Any, start: int, x: Any, y: Any, z: Any, pixel: Any) -> None:
    """Write the bits of one point's eight values to ``out[start:start + 8]``."""
    out[start] = np.float32(x * z).view(np.uint32)
    out[start + 1] = np.float32(y * z).view(np.uint32)
    out[start + 2] = np.float32(z).view(np.uint32)
    out[start + 3] = _NO_COLOR
    out[start + 4] = pixel & _BGR_BYTES if z == z else _NO_COLOR
    out[start + 5] = _NO_COLOR
    out[start + 6] = _NO_COLOR
    out[start + 7] = _NO_COLOR


@compiled
def colored_points(
    depth: Any, x: Any, y: Any, color: Any, stride: int, min_mm: int, max_mm: int,
    organized: bool, out: Any,
) -> int:
    """
    Write points with their colors.

    Parameters as in ``points``. Pixels whose color is 0 are invalid.

    :param color: (height, width) uint32, from the lowest byte: blue, green, red, ignored.
    :param out: (M * 8,) uint32, the bits of float32: written, x, y, z in meters, padding, the
        color with 0 as its fourth byte, and padding; padding is 0.
    """
    height, width = depth.shape
    if organized and stride == 1:
        d, a, b, pixels = depth.reshape(-1), x.reshape(-1), y.reshape(-1), color.reshape(-1)
        for i in range(d.size):
            z = _meters(d[i], a[i], min_mm, max_mm)
            z = z if pixels[i] != _NO_COLOR else _NAN
            _write_colored(out, 8 * i, a[i], b[i], z, pixels[i])
        return int(d.size)
    count = 0
    for row in range(0, height, stride):
        for column in range(0, width, stride):
            z = _meters(depth[row, column], x[row, column], min_mm, max_mm)
            z = z if color[row, column] != _NO_COLOR else _NAN
            if organized or z == z:
                _write_colored(
                    out, 8 * count, x[row, column], y[row, column], z, color[row, column])
                count += 1
    return count
