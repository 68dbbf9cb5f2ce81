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

"""Shapes, and rays whose intersections with them were computed by hand."""

from __future__ import annotations

import math

from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.simulation.shapes import Box
from k4a_ros.simulation.shapes import Capsule
from k4a_ros.simulation.shapes import Material
from k4a_ros.simulation.shapes import Plane
from k4a_ros.simulation.shapes import sphere
import numpy as np

WHITE = Material((1.0, 1.0, 1.0))


def rotation_about(axis: int, degrees: float) -> np.ndarray:
    """Return a rotation about an axis."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    rotation = np.eye(3)
    a, b = (axis + 1) % 3, (axis + 2) % 3
    rotation[a, a] = rotation[b, b] = c
    rotation[b, a], rotation[a, b] = s, -s
    return rotation


BOX = Box((2.0, 1.0, 4.0), RigidTransform(np.eye(3), np.array([0.0, 0.0, 5.0])))
#: with an edge towards the origin, at a distance of 4 - √2 / 2
DIAMOND = Box((1.0, 1.0, 1.0), RigidTransform(rotation_about(1, 45), np.array([0.0, 0.0, 4.0])))
BALL = sphere((0.0, 0.0, 3.0), 1.0, WHITE)
ROD = Capsule((0.0, -1.0, 3.0), (0.0, 1.0, 3.0), 0.5)
#: its side is 1 from the axis at y = 0, where the normal is (0.8, -0.6 along y)
CONE = Capsule((0.0, 1.0, 5.0), (0.0, -1.0, 5.0), 1.4, WHITE, 0.2)
SLOPE = Plane((0.0, 0.0, 2.0), (0.0, -3.0, -3.0))
ROOT3 = math.sqrt(3)

INTERSECTIONS = [
    # shape, origin and direction of the ray, distance, normal towards the origin
    (SLOPE, (0, 0, 0), (0, 0, 1), 2.0, (0, -math.sqrt(0.5), -math.sqrt(0.5))),
    (SLOPE, (0, 0, 0), (0, 0, 4), 0.5, (0, -math.sqrt(0.5), -math.sqrt(0.5))),
    (SLOPE, (0, 0, 0), (0, 1, 1), 1.0, (0, -math.sqrt(0.5), -math.sqrt(0.5))),
    (SLOPE, (0, 4, 0), (0, -1, 0), 2.0, (0, math.sqrt(0.5), math.sqrt(0.5))),
    (SLOPE, (0, 0, 0), (0, 0, -1), math.inf, None),
    (SLOPE, (0, 0, 0), (1, -1, 1), math.inf, None),
    (BOX, (0, 0, 0), (0, 0, 1), 3.0, (0, 0, -1)),
    (BOX, (0, 0, 5), (0, 0, 1), 2.0, (0, 0, -1)),
    (BOX, (0, 0, 5), (0, -1, 0), 0.5, (0, 1, 0)),
    (BOX, (3, 0, 4), (-1, 0, 0), 2.0, (1, 0, 0)),
    (BOX, (0, -2, 6), (0, 0.5, 0), 3.0, (0, -1, 0)),
    (BOX, (0, 0, 0), (0, 0, -1), math.inf, None),
    (BOX, (1.001, 0, 0), (0, 0, 1), math.inf, None),
    (BOX, (0.999, 0.499, 0), (0, 0, 1), 3.0, (0, 0, -1)),
    (BOX, (-3, 0, 0), (1, 0, 0.4), math.inf, None),
    (BOX, (-3, 0, 0.5), (2.1, 0, 2.5), 1.0, (0, 0, -1)),
    (DIAMOND, (0.1, 0, 0), (0, 0, 1), 4.1 - math.sqrt(0.5), (math.sqrt(.5), 0, -math.sqrt(.5))),
    (DIAMOND, (-0.1, 0, 0), (0, 0, 1), 4.1 - math.sqrt(0.5), (-math.sqrt(.5), 0, -math.sqrt(.5))),
    (DIAMOND, (0.708, 0, 0), (0, 0, 1), math.inf, None),
    (BALL, (0, 0, 0), (0, 0, 1), 2.0, (0, 0, -1)),
    (BALL, (0, 0, 3), (0, 0, 1), 1.0, (0, 0, -1)),
    (BALL, (0.5, 0, 0), (0, 0, 1), 3 - ROOT3 / 2, (0.5, 0, -ROOT3 / 2)),
    (BALL, (0, 0, 0), (0, 0, -1), math.inf, None),
    (BALL, (1.001, 0, 0), (0, 0, 1), math.inf, None),
    (CONE, (0, 0, 0), (0, 0, 1), 4.0, (0, -0.6, -0.8)),
    (CONE, (0.6, 0, 0), (0, 0, 2), 2.1, (0.48, -0.6, -0.64)),
    (CONE, (0, 0, 5), (0, 0, 1), 1.0, (0, 0.6, -0.8)),
    (CONE, (0, -4, 5), (0, 1, 0), 2.8, (0, -1, 0)),
    (CONE, (0, 4, 5), (0, -1, 0), 1.6, (0, 1, 0)),
    (CONE, (0, 1, 0), (0, 0, 1), 3.6, (0, 0, -1)),
    (CONE, (1.001, 0, 0), (0, 0, 1), math.inf, None),
    (CONE, (0, -1.201, 0), (0, 0, 1), math.inf, None),
    (CONE, (0, 0, 0), (0, 0, -1), math.inf, None),
    (ROD, (0, 0, 0), (0, 0, 1), 2.5, (0, 0, -1)),
    (ROD, (0.25, 0.9, 0), (0, 0, 1), 3 - ROOT3 / 4, (0.5, 0, -ROOT3 / 2)),
    (ROD, (0, 1.25, 0), (0, 0, 1), 3 - ROOT3 / 4, (0, 0.5, -ROOT3 / 2)),
    (ROD, (0, -4, 3), (0, 1, 0), 2.5, (0, -1, 0)),
    (ROD, (0.25, 9, 3), (0, -2, 0), (8 - ROOT3 / 4) / 2, (0.5, ROOT3 / 2, 0)),
    (ROD, (0, 0.8, 3), (0, -1, 0), 2.3, (0, 1, 0)),
    (ROD, (0, 0.8, 3), (0, 0, 1), 0.5, (0, 0, -1)),
    (ROD, (0, 1.501, 0), (0, 0, 1), math.inf, None),
    (ROD, (0.501, 0, 0), (0, 0, 1), math.inf, None),
    (ROD, (0, 9, 3), (0, 1, 0), math.inf, None),
]
