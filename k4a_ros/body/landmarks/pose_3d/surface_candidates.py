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

"""Find the surfaces that each landmark may be on, in the depth samples around it."""

from __future__ import annotations

from typing import Any
from typing import NamedTuple

from k4a_ros.jit.numba_jit import compiled
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]


class _Surface(NamedTuple):
    """
    What counts as a surface, and what choosing it costs.

    Costs are in squared standard deviations, as those in `depth_assignment`.
    """

    #: difference in depth between two samples from which on they are on two surfaces
    gap_m: float = 0.05
    #: samples that a surface needs
    min_samples: int = 3
    #: cost of a surface that fills none of the window around the landmark
    empty_window_cost: float = 1.5
    #: cost of a surface that is not assigned to a person
    unassigned_cost: float = 1.0


_SURFACE = _Surface()


class SurfaceCandidates(NamedTuple):
    """
    The surfaces that each of N landmarks may be on, by increasing cost.

    ``counts`` (N,) int64: the number of them; of the arrays (N, M), only that many elements of a
    row are in use. ``depths`` float64: meters of the joint behind the surface; ``costs`` float64:
    of choosing it; ``fills`` float64: the share of the window around the landmark that it fills;
    ``own`` bool: whether it is the person's, or not assigned to anyone.
    """

    counts: npt.NDArray[np.int64]
    depths: Vectors
    costs: Vectors
    fills: Vectors
    own: npt.NDArray[np.bool_]


def find_surfaces(
    own: Vectors, unassigned: Vectors, weights: Vectors, insets: Vectors,
) -> SurfaceCandidates:
    """
    Group the samples around each landmark by depth.

    :param own: (N, M) meters: samples that show the person, 0 for none.
    :param unassigned: (N, M) meters: samples that show no known person, 0 for none.
    :param weights: (M,) of the samples, their sum is 1.
    :param insets: (N,) meters in depth from the surface to the joint behind it.
    """
    shape = own.shape
    found = SurfaceCandidates(
        counts=np.zeros(len(own), np.int64), depths=np.empty(shape), costs=np.empty(shape),
        fills=np.empty(shape), own=np.empty(shape, np.bool_))
    _find_surfaces(own, unassigned, weights, insets, found)
    return found


@compiled
def _find_surfaces(own: Any, unassigned: Any, weights: Any, insets: Any, found: Any) -> None:
    """Write the candidates; see `find_surfaces`."""
    for landmark in range(len(own)):
        depths, costs = found.depths[landmark], found.costs[landmark]
        fills, is_own = found.fills[landmark], found.own[landmark]
        own_count = _append_layers(own[landmark], weights, depths, fills, 0)
        count = _append_layers(unassigned[landmark], weights, depths, fills, own_count)
        for layer in range(count):
            depths[layer] += insets[landmark]
            costs[layer] = _SURFACE.empty_window_cost * (1 - fills[layer])
            is_own[layer] = layer < own_count
            if layer >= own_count:
                costs[layer] += _SURFACE.unassigned_cost
            # insertion sort
            at = layer
            while at > 0 and costs[at - 1] > costs[at]:
                depths[at - 1], depths[at] = depths[at], depths[at - 1]
                costs[at - 1], costs[at] = costs[at], costs[at - 1]
                fills[at - 1], fills[at] = fills[at], fills[at - 1]
                is_own[at - 1], is_own[at] = is_own[at], is_own[at - 1]
                at -= 1
        found.counts[landmark] = count


@compiled
def _append_layers(values: Any, weights: Any, depths: Any, fills: Any, count: int) -> int:
    """Append depth and fill of each group of samples of similar depth; return the new count."""
    order = np.empty(len(values), np.int64)
    valid = 0
    for sample in range(len(values)):
        if values[sample] > 0:
            at = valid
            while at > 0 and values[order[at - 1]] > values[sample]:
                order[at] = order[at - 1]
                at -= 1
            order[at] = sample
            valid += 1
    start = 0
    for end in range(1, valid + 1):
        if end == valid or values[order[end]] - values[order[end - 1]] > _SURFACE.gap_m:
            if end - start >= _SURFACE.min_samples:
                fill = 0.0
                for at in range(start, end):
                    fill += weights[order[at]]
                depths[count] = values[order[(start + end) // 2]]
                fills[count] = fill
                count += 1
            start = end
    return count
