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

"""Inner loops of the filter that fills small holes, compiled with numba."""

from __future__ import annotations

from typing import Any

from k4a_ros.jit.numba_jit import compiled
import numpy as np

_HALF = np.float32(0.5)
_ZERO = np.float32(0)
_ONE = np.float32(1)
#: size of a hole that touches the edge of the image
_HUGE = 1 << 30


@compiled
def _root(parents: Any, run: int) -> int:
    """Return the first run of the hole of a run, and shorten the path to it."""
    while parents[run] != run:
        parents[run] = parents[parents[run]]
        run = parents[run]
    return run


@compiled
def _find_holes(depth: Any, runs: Any) -> int:
    """
    Write the runs of pixels without depth, and the holes that they form.

    :param runs: (6, N) int32: written: parent, begin, length and size of the hole of each run.
    :return: number of runs.
    """
    height, width = depth.shape
    parents, begins, lengths, sizes = runs[0], runs[1], runs[2], runs[3]
    count, first_above = 0, 0
    for row in range(height):
        last_above, first, column = count, count, 0
        above = first_above
        while column < width:
            if depth[row, column] != 0:
                column += 1
                continue
            begin = column
            while column < width and depth[row, column] == 0:
                column += 1
            run = count
            count += 1
            parents[run], begins[run], lengths[run] = run, row * width + begin, column - begin
            at_edge = begin == 0 or column == width or row == 0 or row == height - 1
            sizes[run] = _HUGE if at_edge else column - begin
            # runs above that end before this one begins cannot touch the next one either
            while above < last_above and (
                    begins[above] + lengths[above] + width <= begins[run]):
                above += 1
            other = above
            while other < last_above and begins[other] + width < row * width + column:
                a, b = _root(parents, other), _root(parents, run)
                parents[max(a, b)] = min(a, b)
                other += 1
        first_above = first
    # the parent of a run comes before it
    for run in range(count - 1, 0, -1):
        if parents[run] != run:
            parent = parents[run]
            sizes[parent] = min(sizes[parent] + sizes[run], _HUGE)
    for run in range(count):
        parents[run] = parents[parents[run]]
        sizes[run] = sizes[parents[run]]
    return count


@compiled
def _nearest(depth: Any, row: int, column: int, down: int, right: int) -> tuple[Any, Any]:
    """Return the weight and the depth of the first valid pixel in a direction."""
    distance = 1
    while depth[row + distance * down, column + distance * right] == 0:
        distance += 1
    return (_ONE / np.float32(distance),
            np.float32(depth[row + distance * down, column + distance * right]))


@compiled
def fill_holes(
    depth: Any, max_pixels: int, min_step: int, slope: int, runs: Any, out: Any,
) -> None:
    """
    Copy an image, and fill holes of few pixels within one surface.

    A hole is filled if the greatest and the smallest depth around it differ by less than a step.
    Its pixels get the mean of the nearest valid depths to the left and right, above and below,
    weighted with the inverse of their distance.

    :param depth: (height, width) uint16 millimeters, 0 for invalid.
    :param max_pixels: size of the largest hole that is filled.
    :param min_step: a step is more than this, millimeters, and more than ``slope`` / 65536 of the
        nearer depth.
    :param runs: (6, height * width) int32: scratch.
    :param out: (height, width) uint16: written; another array than ``depth``.
    """
    height, width = depth.shape
    for row in range(height):  # an assignment of slices takes numba four seconds to compile
        for column in range(width):
            out[row, column] = depth[row, column]
    count = _find_holes(depth, runs)
    parents, begins, lengths, sizes, nearest, farthest = (
        runs[0], runs[1], runs[2], runs[3], runs[4], runs[5])
    for run in range(count):
        nearest[run], farthest[run] = 65535, 0
    pixels = depth.reshape(-1)
    for run in range(count):
        if sizes[run] > max_pixels:
            continue
        hole, begin, end = parents[run], begins[run], begins[run] + lengths[run]
        low = min(np.int32(pixels[begin - 1]), np.int32(pixels[end]))
        high = max(np.int32(pixels[begin - 1]), np.int32(pixels[end]))
        for i in range(begin, end):
            for other in (i - width, i + width):
                value = np.int32(pixels[other])
                if value != 0:
                    low, high = min(low, value), max(high, value)
        nearest[hole], farthest[hole] = min(nearest[hole], low), max(farthest[hole], high)
    for run in range(count):
        low, high = nearest[parents[run]], farthest[parents[run]]
        if sizes[run] > max_pixels or high - low > max(min_step, (low * slope) >> 16):
            continue
        row = begins[run] // width
        for i in range(begins[run], begins[run] + lengths[run]):
            column = i - row * width
            weights, total = _ZERO, _ZERO
            for down, right in ((0, -1), (0, 1), (-1, 0), (1, 0)):
                weight, value = _nearest(depth, row, column, down, right)
                weights += weight
                total += weight * value
            filled = int(total / weights + _HALF)
            out[row, column] = np.uint16(min(max(filled, low), high))
