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

"""Whether simulated people pass through each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from k4a_ros.simulation.person import Person
import numpy as np

#: spheres that stand for a tapered capsule
_SPHERES = 7


def overlap(people: Sequence[Person]) -> float:
    """Return by how much the surfaces of people intersect at time 0, meters; 0 for not at all."""
    return max((_depth(_spheres(a), _spheres(b)) for a, b in combinations(people, 2)), default=0.0)


def _spheres(person: Person) -> np.ndarray:
    """Return center and radius (N, 4) of spheres along all limbs."""
    limbs = person.at(0.0).shapes
    ends = np.array([[(*limb.start, limb.radius), (
        *limb.end, limb.radius if limb.end_radius is None else limb.end_radius)]
        for limb in limbs])
    share = np.linspace(0, 1, _SPHERES)[:, np.newaxis, np.newaxis]
    return ((1 - share) * ends[:, 0] + share * ends[:, 1]).reshape(-1, 4)


def _depth(a: np.ndarray, b: np.ndarray) -> float:
    """Return by how much spheres (N, 4) and (M, 4) intersect."""
    a, b = _near(a, b), _near(b, a)
    gaps = np.linalg.norm(a[:, np.newaxis, :3] - b[:, :3], axis=2) - a[:, np.newaxis, 3] - b[:, 3]
    return max(0.0, -float(gaps.min(initial=0.0)))


def _near(spheres: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the spheres that reach into the box around others."""
    low, high = (others[:, :3] - others[:, 3:]).min(axis=0), (others[:, :3] + others[:, 3:]).max(
        axis=0)
    inside = (spheres[:, :3] + spheres[:, 3:] > low) & (spheres[:, :3] - spheres[:, 3:] < high)
    return spheres[inside.all(axis=1)]
