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
Conversion of NV12 and YUY2 to planes of blue, green and red, compiled with numba.

The arithmetic is that of OpenCV's COLOR_YCrCb2BGR, bit for bit: BT.601 in full range, with
coefficients in units of 2^-14, rounded for each term.
"""

from __future__ import annotations

from typing import Any

from k4a_ros.jit.numba_jit import compiled
import numpy as np

#: OpenCV's coefficients (color_yuv.simd.hpp): 1.773, -0.344, -0.714 and 1.403
_BLUE_OF_U, _GREEN_OF_U, _GREEN_OF_V, _RED_OF_V = (
    np.int32(value) for value in (29049, -5636, -11698, 22987))
_HALF, _SHIFT, _CENTER = np.int32(1 << 13), np.int32(14), np.int32(128)


@compiled
def _convert_pair(
    first: Any, second: Any, chroma_u: Any, chroma_v: Any, x: int, blue: Any, green: Any, red: Any,
) -> None:
    """Convert two pixels that share U and V, to the columns 2 x and 2 x + 1 of rows."""
    u, v = np.int32(chroma_u) - _CENTER, np.int32(chroma_v) - _CENTER
    b = (u * _BLUE_OF_U + _HALF) >> _SHIFT
    g = (u * _GREEN_OF_U + v * _GREEN_OF_V + _HALF) >> _SHIFT
    r = (v * _RED_OF_V + _HALF) >> _SHIFT
    for column, luma in ((2 * x, np.int32(first)), (2 * x + 1, np.int32(second))):
        blue[column] = min(max(luma + b, 0), 255)
        green[column] = min(max(luma + g, 0), 255)
        red[column] = min(max(luma + r, 0), 255)


@compiled
def nv12_to_planes(luma: Any, chroma: Any, blues: Any, greens: Any, reds: Any) -> None:
    """
    Convert rows of an NV12 image.

    :param luma: (rows, width) uint8; both even.
    :param chroma: (rows / 2, width) uint8, U and V in turns.
    :param blues: (rows, width) uint8: overwritten, like ``greens`` and ``reds``.
    """
    height, width = luma.shape
    half = width // 2
    for y in range(height):
        row, uv = luma[y], chroma[y // 2]
        blue, green, red = blues[y], greens[y], reds[y]
        for x in range(half):
            _convert_pair(
                row[2 * x], row[2 * x + 1], uv[2 * x], uv[2 * x + 1], x, blue, green, red)


@compiled
def yuy2_to_planes(data: Any, blues: Any, greens: Any, reds: Any) -> None:
    """
    Convert rows of a YUY2 image.

    :param data: (rows, 2 * width) uint8: Y, U, Y, V of two pixels in turns.
    :param blues: as in `nv12_to_planes`, like ``greens`` and ``reds``.
    """
    height, width = data.shape
    half = width // 4
    for y in range(height):
        row = data[y]
        blue, green, red = blues[y], greens[y], reds[y]
        for x in range(half):
            _convert_pair(
                row[4 * x], row[4 * x + 2], row[4 * x + 1], row[4 * x + 3], x, blue, green, red)
