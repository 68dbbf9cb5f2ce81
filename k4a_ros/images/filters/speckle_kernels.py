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
def _find_runs(depth: Any, row: int, links: Any, first: int, begins: Any, ends: Any) -> int:
    """Write begin and end, as columns, of the runs of a row; return the number of all runs."""
    width = links.size
    column = 0
    count = first
    while column < width:
        if depth[row, column] == 0:
            column += 1
            continue
        begins[count] = column
        column += 1
        while column < width and links[column] & _LEFT:
            column += 1
        ends[count] = column
        count += 1
    return count


@compiled
def _join(
    links: Any, above: int, first: int, count: int, parents: Any, begins: Any, ends: Any,
) -> None:
    """
    Join the runs of a row with those of the row above that belong to the same surface.

    :param above: first run of the row above, with ``first`` as the first one of this row, and
        ``count`` as the number of all runs.
    """
    for run in range(first, count):
        parents[run] = run
        # runs above that end before this one cannot touch the next one either
        while above < first and ends[above] <= begins[run]:
            above += 1
        other = above
        while other < first and begins[other] < ends[run]:
            column = max(begins[other], begins[run])
            end = min(ends[other], ends[run])
            while column < end and not links[column] & _UP:
                column += 1
            if column < end:
                a, b = _root(parents, other), _root(parents, run)
                parents[max(a, b)] = min(a, b)
            other += 1


@compiled
def remove_speckles(
    depth: Any, min_step: int, slope: int, min_pixels: int, links: Any, counts: Any, runs: Any,
) -> None:
    """
    Remove surfaces of few pixels: the connected components of neighbors in rows and columns.

    Two-pass labeling of runs, which are parts of a row without a step (He et al., "A run-based
    two-scan labeling algorithm", 2008).

    :param depth: (height, width) uint16 millimeters, 0 for invalid: changed.
    :param min_step: neighbors belong to one surface if they differ by at most this, millimeters,
        or by ``slope`` / 65536 of the nearer one.
    :param min_pixels: size of the smallest surface that is kept.
    :param links: (width,) uint8: scratch, as are ``counts``, (height,) int32, and ``runs``,
        (4 or more, height * width) int32.
    """
    height = depth.shape[0]
    parents, begins, ends, sizes = runs[0], runs[1], runs[2], runs[3]
    above, count = 0, 0
    for row in range(height):
        _link(depth, row, np.int32(min_step), np.int32(slope), links)
        first = count
        count = _find_runs(depth, row, links, first, begins, ends)
        _join(links, above, first, count, parents, begins, ends)
        counts[row] = count
        above = first
    # the parent of a run comes before it
    for run in range(count):
        sizes[run] = ends[run] - begins[run]
    for run in range(count - 1, 0, -1):
        if parents[run] != run:
            sizes[parents[run]] += sizes[run]
    run = 0
    for row in range(height):
        while run < counts[row]:
            sizes[run] = sizes[parents[run]]
            if sizes[run] < min_pixels:
                depth[row, begins[run]:ends[run]] = 0
            run += 1
