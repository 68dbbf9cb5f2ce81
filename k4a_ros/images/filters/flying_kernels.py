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

"""Inner loop of the filter of flying pixels, compiled with numba."""

from __future__ import annotations

from typing import Any

from k4a_ros.jit.numba_jit import compiled
import numpy as np

_ZERO = np.float32(0)


@compiled
def _flies(before: Any, here: Any, after: Any, steepness: Any) -> Any:
    """
    Return whether the middle one of three neighbors is between two surfaces.

    It is if the surface would be too steep on both sides in the same direction, or on one side if
    there is no measurement on the other.

    :param before: distance of the first one, 0 for invalid; ``here`` and ``after`` likewise.
    :param steepness: largest difference of distances relative to the nearer one.
    """
    first, second = here - before, after - here
    steep_before = (before > _ZERO) & (abs(first) > min(before, here) * steepness)
    steep_after = (after > _ZERO) & (abs(second) > min(here, after) * steepness)
    same = (first > _ZERO) == (second > _ZERO)
    return (steep_before & steep_after & same) | (
        steep_before & (after == _ZERO)) | (steep_after & (before == _ZERO))


@compiled
def remove_flying(
    depth: Any, norm: Any, steep_x: Any, steep_y: Any, rows: Any, out: Any,
) -> None:
    """
    Copy an image without the pixels between two surfaces, along its rows or its columns.

    :param depth: (height, width) uint16 millimeters, 0 for invalid.
    :param norm: (height, width) float32: distance relative to depth, 0 for pixels without a ray.
    :param steep_x: (height, width) float32: largest difference of the distances of neighbors in a
        row, relative to the nearer one; ``steep_y`` likewise, of neighbors in a column.
    :param rows: (3, width + 2) float32: scratch.
    :param out: (height, width) uint16: written; another array than ``depth``.
    """
    height, width = depth.shape
    rows[:] = _ZERO
    for column in range(width):
        rows[1, column + 1] = np.float32(depth[0, column]) * norm[0, column]
    for row in range(height):
        above, here, below = rows[row % 3], rows[(row + 1) % 3], rows[(row + 2) % 3]
        if row + 1 < height:
            for column in range(width):
                below[column + 1] = np.float32(depth[row + 1, column]) * norm[row + 1, column]
        else:
            below[:] = _ZERO
        for column in range(width):
            distance = here[column + 1]
            flies = (distance > _ZERO) & (
                _flies(here[column], distance, here[column + 2], steep_x[row, column])
                | _flies(above[column + 1], distance, below[column + 1], steep_y[row, column]))
            out[row, column] = np.uint16(0) if flies else depth[row, column]
