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
import numpy as np

#: Depth divided by the largest difference between neighboring pixels of one surface. Beyond it
#: there is a depth edge, as in registration_kernels.MAX_SPREAD.
SLOPES = np.int32(21)
#: Depth divided by the largest difference between two successive slopes of one surface, per pixel.
#: It is less than the error of the camera.
BENDS = np.int32(256)
#: fractional bits of the offsets
_OFFSET_BITS = 8
_HALF = 1 << (_OFFSET_BITS - 1)


@compiled
def _rise(depth: Any, i: Any, step: int, z: Any, offset: Any) -> Any:
    """
    Return the rise of a surface from a pixel along an axis, in units of 1/256 millimeter.

    The slope is the difference to the neighbor on that side, if it continues that to the neighbor
    on the other side; where there is only one neighbor, the difference between that and the next
    one. Otherwise there is an edge between two surfaces: the slope is the smaller one of the two
    differences, or 0 if they have different signs.

    :param i: flat index of the pixel.
    :param step: distance of neighbors along the axis.
    :param z: depth of the pixel, not 0.
    :param offset: distance from the pixel, in units of 1/256 pixel.
    """
    after, before = np.int32(depth[i + step]), np.int32(depth[i - step])
    if (after != 0) & (before != 0):
        # no branches from here on: with noise, the CPU could not predict them
        near = after - z if offset >= 0 else z - before
        far = z - before if offset >= 0 else after - z
    elif after != 0:
        near, far = after - z, np.int32(depth[i + 2 * step]) - after
    elif before != 0:
        near, far = z - before, before - np.int32(depth[i - 2 * step])
    else:
        return np.int32(0)
    smaller = far if abs(far) < abs(near) else near
    edge = smaller if (near ^ far) >= 0 else np.int32(0)
    slope = edge if abs(near - far) * BENDS > z else near
    return slope * offset if abs(slope) * SLOPES <= z else np.int32(0)


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
        i = index[n]
        z = np.int32(depth[i])
        moved: Any = z
        if z != 0:
            rise = (_rise(depth, i, 1, z, np.int32(offset_x[n]))
                    + _rise(depth, i, width, z, np.int32(offset_y[n])))
            moved = min(max(z + ((rise + _HALF) >> _OFFSET_BITS), 1), 65535)
        out[n] = np.uint16(moved)
