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

"""Inner loops of the filter of speckles, compiled with numba."""

from __future__ import annotations

from typing import Any

from k4a_ros.jit.numba_jit import compiled
import numpy as np

#: bits of the row of connections
_LEFT, _UP = np.uint8(1), np.uint8(2)


@compiled
def _connected(a: Any, b: Any, min_step: int, slope: int) -> Any:
    """Return whether two depths, int32 millimeters, are valid and of one surface."""
    nearer = min(a, b)
    return (nearer != 0) & (abs(a - b) <= max(min_step, (nearer * slope) >> 16))


@compiled
def _root(parents: Any, run: int) -> int:
    """Return the first run of the surface of a run, and shorten the path to it."""
    while parents[run] != run:
        parents[run] = parents[parents[run]]
        run = parents[run]
    return run


@compiled
def _link(depth: Any, row: int, min_step: Any, slope: Any, links: Any) -> None:
    """Write which pixels of a row belong to the surface of their left and upper neighbors."""
    none = np.uint8(0)
    links[0] = none
    for column in range(1, links.size):
        linked = _connected(np.int32(depth[row, column]), np.int32(depth[row, column - 1]),
                            min_step, slope)
        links[column] = _LEFT if linked else none
    if row:
        for column in range(links.size):
            linked = _connected(np.int32(depth[row, column]), np.int32(depth[row - 1, column]),
                                min_step, slope)
            links[column] |= _UP if linked else none


@compiled
def remove_speckles(
    depth: Any, min_step: int, slope: int, min_pixels: int, links: Any, labels: Any, runs: Any,
) -> None:
    """
    Remove surfaces of few pixels: the connected components of neighbors in rows and columns.

    Two-pass labeling of runs, which are parts of a row without a step (He et al., "A run-based
    two-scan labeling algorithm", 2008).

    :param depth: (height, width) uint16 millimeters, 0 for invalid: changed.
    :param min_step: neighbors belong to one surface if they differ by at most this, millimeters,
        or by ``slope`` / 65536 of the nearer one.
    :param min_pixels: size of the smallest surface that is kept.
    :param links: (width,) uint8: scratch, as are ``labels``, (2, width) int32, and ``runs``,
        (4, height * width) int32.
    """
    height, width = depth.shape
    parents, begins, lengths, sizes = runs[0], runs[1], runs[2], runs[3]
    count = 0
    for row in range(height):
        _link(depth, row, np.int32(min_step), np.int32(slope), links)
        above, here = labels[(row + 1) & 1], labels[row & 1]
        run, joined = -1, -1
        for column in range(width):
            link = links[column]
            if not link & _LEFT:
                if run >= 0:
                    lengths[run] = row * width + column - begins[run]
                run, joined = -1, -1
                if depth[row, column] != 0:
                    run = count
                    parents[run] = run
                    begins[run] = row * width + column
                    count += 1
            here[column] = run
            if link & _UP and above[column] != joined:
                joined = above[column]
                a, b = _root(parents, joined), _root(parents, run)
                parents[max(a, b)] = min(a, b)
        if run >= 0:
            lengths[run] = (row + 1) * width - begins[run]
    # the parent of a run comes before it
    for run in range(count):
        sizes[run] = lengths[run]
    for run in range(count - 1, 0, -1):
        if parents[run] != run:
            sizes[parents[run]] += sizes[run]
    pixels = depth.reshape(-1)
    for run in range(count):
        sizes[run] = sizes[parents[run]]
        if sizes[run] < min_pixels:
            pixels[begins[run]:begins[run] + lengths[run]] = 0
