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

"""The compiled intersections agree with those of the shapes for rays from anywhere."""

from __future__ import annotations

from k4a_ros.simulation.intersection_kernels import intersect_cone
from k4a_ros.simulation.shapes import Capsule
import numpy as np


def test_cone_agrees_with_the_shape_from_outside_and_inside():
    random = np.random.default_rng(4)
    hits = inside = 0
    for _ in range(40):
        length = random.uniform(0.2, 1.5)
        radius = random.uniform(0.1, 0.6)
        # up to nearly a sphere that contains the other
        end_radius = max(radius + random.uniform(-0.95, 0.95) * length, 0.01)
        shape = Capsule((0, 0, 0), (0, 0, length), radius, end_radius=end_radius)
        origin = random.normal(0, random.choice([0.2, 2.0]), 3)
        aims = random.normal(0, 0.4, (40, 3)) + [0, 0, length / 2]
        directions = np.concatenate((aims - origin, random.normal(0, 1, (10, 3))))
        expected, _ = shape.intersect_local(origin, directions)
        found = np.array([intersect_cone(*ray, *origin, *shape.dimensions)
                          for ray in directions.tolist()])
        np.testing.assert_allclose(found, expected, rtol=1e-9)
        hits += np.isfinite(expected).sum()
        inside += np.isfinite(expected).all()
    assert hits > 800
    # from inside every ray ends on the surface
    assert inside >= 5
