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
Bodies whose surfaces rays meet at exactly known places.

Every intersection is solved analytically in double precision. Positions are metres in the world
of the scene that the bodies are in.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass

from k4a_ros.rigid_transform import RigidTransform
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Vector = tuple[float, float, float]

#: hits nearer than this, in lengths of the ray's direction, are where the ray starts from
_NEAREST = 1e-9


@dataclass(frozen=True)
class Material:
    """
    What a surface looks like.

    ``color`` is blue, green, red from 0 to 1; with ``square`` > 0 (metres) it alternates with
    ``other`` like a checkerboard whose corner is at the shape's own origin. The infrared
    reflectivity is the mean of the colour.
    """

    color: Vector = (0.7, 0.7, 0.7)
    other: Vector = (0.1, 0.1, 0.1)
    square: float = 0.0

    def at(self, surface: Array) -> Array:
        """Return the colours (N, 3) at places (N, 2) on the surface, metres."""
        if self.square <= 0:
            return np.broadcast_to(np.array(self.color), (len(surface), 3))
        odd = np.floor(surface / self.square).astype(np.int64).sum(axis=1) % 2
        colors: Array = np.array((self.color, self.other))[odd]
        return colors


class Shape(abc.ABC):
    """A body with one material."""

    material: Material

    @abc.abstractmethod
    def bounds(self) -> tuple[Array, float] | None:
        """Return centre (3,) and radius of a sphere around it, or None if it is infinite."""

    @abc.abstractmethod
    def intersect(self, origin: Array, directions: Array) -> tuple[Array, Array]:
        """
        Return where rays first meet the surface.

        :param origin: (3,), of all rays.
        :param directions: (N, 3), any length.
        :return: distances (N,) in lengths of the directions, inf where there is no hit; unit
            normals (N, 3), outward or inward, of any value there.
        """

    @abc.abstractmethod
    def surface(self, points: Array) -> Array:
        """Return coordinates (N, 2), metres, that texture the surface at points (N, 3) of it."""


@dataclass(frozen=True)
class Plane(Shape):
    """All points p with ``normal · (p - point)`` = 0; ``normal`` need not have length 1."""

    point: Vector
    normal: Vector
    material: Material = Material()

    def bounds(self) -> None:
        """Return None: it is infinite."""
        return None

    def intersect(self, origin: Array, directions: Array) -> tuple[Array, Array]:
        """Return where rays first meet the surface."""
        normal = _unit(self.normal)
        with np.errstate(divide='ignore', invalid='ignore'):
            t = (np.array(self.point) - origin) @ normal / (directions @ normal)
        t = np.where(t > _NEAREST, t, np.inf)
        return t, np.broadcast_to(normal, directions.shape)

    def surface(self, points: Array) -> Array:
        """Return coordinates along two axes in the plane."""
        normal = _unit(self.normal)
        # the world axis that is most nearly in the plane becomes the first
        first = np.eye(3)[np.argmin(np.abs(normal))]
        first = _unit(first - first @ normal * normal)
        axes = np.stack((first, np.cross(normal, first)), axis=1)
        places: Array = (points - np.array(self.point)) @ axes
        return places


@dataclass(frozen=True)
class Box(Shape):
    """A cuboid of full ``size`` about the origin of its own frame, put into the world by pose."""

    size: Vector
    pose: RigidTransform
    material: Material = Material()

    def bounds(self) -> tuple[Array, float]:
        """Return the sphere through its corners."""
        return self.pose.translation, float(np.linalg.norm(self.size)) / 2

    def intersect(self, origin: Array, directions: Array) -> tuple[Array, Array]:
        """Return where rays first meet the surface (slab method, Kay and Kajiya 1986)."""
        start = self.pose.inverse().apply(origin)
        along = directions @ self.pose.rotation
        half = np.array(self.size) / 2
        with np.errstate(divide='ignore', invalid='ignore'):
            a = (-half - start) / along
            b = (half - start) / along
        # a ray within the plane of a side is 0 / 0: neither inside nor outside by that side
        near = np.where(np.isnan(a) | np.isnan(b), -np.inf, np.minimum(a, b))
        far = np.where(np.isnan(a) | np.isnan(b), np.inf, np.maximum(a, b))
        entry = near.max(axis=1)
        leave = far.min(axis=1)
        from_outside = entry > _NEAREST
        t = np.where(from_outside, entry, leave)
        side = np.where(from_outside, near.argmax(axis=1), far.argmin(axis=1))
        return (np.where((entry <= leave) & (t > _NEAREST), t, np.inf),
                self.pose.rotation.T[side])

    def surface(self, points: Array) -> Array:
        """Return x and y in the box's own frame."""
        return self.pose.inverse().apply(points)[:, :2]


@dataclass(frozen=True)
class Capsule(Shape):
    """All points within ``radius`` of the line from ``start`` to ``end``."""

    start: Vector
    end: Vector
    radius: float
    material: Material = Material()

    def bounds(self) -> tuple[Array, float]:
        """Return the sphere around both its ends."""
        _, length = self._axis()
        return np.add(self.start, self.end) / 2, length / 2 + self.radius

    def intersect(self, origin: Array, directions: Array) -> tuple[Array, Array]:
        """Return where rays first meet the surface: a cylinder's side or a cap at either end."""
        base = np.array(self.start)
        axis, length = self._axis()
        offset = origin - base
        height, slope = offset @ axis, directions @ axis
        # the side: everything perpendicular to the axis
        across = offset - height * axis
        sideways = directions - slope[:, np.newaxis] * axis
        best = np.full(len(directions), np.inf)
        for t in _roots(sideways, across, self.radius):
            level = height + t * slope
            hit = (t > _NEAREST) & (level >= 0) & (level <= length)
            best = np.where(hit & (t < best), t, best)
        for end, outward in ((0.0, -1.0), (length, 1.0)):
            for t in _roots(directions, offset - end * axis, self.radius):
                level = (height + t * slope - end) * outward
                hit = (t > _NEAREST) & (level >= 0)
                best = np.where(hit & (t < best), t, best)
        with np.errstate(invalid='ignore'):
            points = offset + best[:, np.newaxis] * directions
            level = np.clip(points @ axis, 0.0, length)
            return best, (points - level[:, np.newaxis] * axis) / self.radius

    def surface(self, points: Array) -> Array:
        """Return how far along the axis, and around it, on the radius."""
        axis, _ = self._axis()
        first = np.eye(3)[np.argmin(np.abs(axis))]
        first = _unit(first - first @ axis * axis)
        offset = points - np.array(self.start)
        around = np.arctan2(offset @ np.cross(axis, first), offset @ first) * self.radius
        return np.stack((offset @ axis, around), axis=1)

    def _axis(self) -> tuple[Array, float]:
        """Return the direction from start to end and the length between; any for a sphere."""
        span = np.subtract(self.end, self.start)
        length = float(np.linalg.norm(span))
        return (span / length if length > 0 else np.array([0.0, 1.0, 0.0])), length


def sphere(centre: Vector, radius: float, material: Material) -> Capsule:
    """Return a sphere: a capsule of no length."""
    return Capsule(centre, centre, radius, material)


def _unit(vector: npt.ArrayLike) -> Array:
    """Return the direction of a vector."""
    array = np.asarray(vector, np.float64)
    return array / np.linalg.norm(array)


def _roots(direction: Array, offset: Array, radius: float) -> tuple[Array, Array]:
    """
    Return both solutions t of |offset + t direction| = radius, NaN where there are none.

    Solved without cancellation (Press et al., "Numerical Recipes", 5.6).
    """
    a = (direction * direction).sum(axis=1)
    b = direction @ offset
    c = offset @ offset - radius * radius
    with np.errstate(invalid='ignore', divide='ignore'):
        q = -(b + np.copysign(np.sqrt(b * b - a * c), b))
        return q / a, c / q
