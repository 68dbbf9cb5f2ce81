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

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Surface:
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
    The surfaces that each of N landmarks may be on, (N, M), by increasing cost.

    ``depths``: meters of the joint behind the surface, 0 for none; ``costs``: of choosing it;
    ``fills``: the share of the window around the landmark that it fills, 0 for none; ``own`` bool:
    whether it is the person's, or not assigned to anyone.
    """

    depths: Vectors
    costs: Vectors
    fills: Vectors
    own: npt.NDArray[np.bool_]


def find_surfaces(
    own: Vectors, unassigned: Vectors, weights: Vectors, insets: Vectors,
) -> SurfaceCandidates:
    """
    Group the samples around each landmark by depth.

    :param own: (N, K) meters: samples that show the person, 0 for none.
    :param unassigned: (N, K) meters: samples that show no known person, 0 for none.
    :param weights: (K,) of the samples, their sum is 1.
    :param insets: (N,) meters in depth from the surface to the joint behind it.
    """
    values = np.concatenate((own, unassigned))
    order = np.argsort(np.where(values > 0, values, np.inf), axis=1, kind='stable')
    ranked = np.take_along_axis(values, order, axis=1)
    # a group begins with each row, after each gap, and where there are no more samples
    begins = np.abs(np.diff(ranked, axis=1, prepend=-np.inf)) > _SURFACE.gap_m
    first = np.flatnonzero(begins)
    end = np.append(first[1:], values.size)
    depths = ranked.reshape(-1)[(first + end) // 2]
    fills = np.add.reduceat(weights[order].reshape(-1), first)
    used = (end - first >= _SURFACE.min_samples) & (depths > 0)
    rows, depths, fills = first[used] // own.shape[1], depths[used], fills[used]
    costs = _SURFACE.empty_window_cost * (1 - fills) + _SURFACE.unassigned_cost * (
        rows >= len(own))
    landmarks = rows % len(own)
    by_cost = np.lexsort((costs, landmarks))
    counts = np.bincount(landmarks, minlength=len(own))
    places = np.arange(int(counts.max())) < counts[:, np.newaxis]
    shape = places.shape
    found = SurfaceCandidates(
        np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape, np.bool_))
    found.depths[places] = (depths + insets[landmarks])[by_cost]
    found.costs[places], found.fills[places] = costs[by_cost], fills[by_cost]
    found.own[places] = (rows < len(own))[by_cost]
    return found
