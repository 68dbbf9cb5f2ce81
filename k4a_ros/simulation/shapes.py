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

Every intersection is solved analytically in double precision, in the body's own frame: a plane is
its x and y axes; a cuboid is centered and aligned; a capsule runs along z from the origin.
Positions are meters in the world of the scene that the bodies are in.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace

from k4a_ros.calibration.rigid_transform import RigidTransform
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Vector = tuple[float, float, float]

#: hits nearer than this, in lengths of the ray's direction, are where the ray starts from
NEAREST = 1e-9

#: codes of the kinds of shapes, for the compiled code
PLANE, BOX, CAPSULE = 0, 1, 2


@dataclass(frozen=True)
class Material:
    """
    What a surface looks like.

    ``color`` is blue, green, red from 0 to 1; with ``square`` > 0 (meters) it alternates with
    ``other`` like a checkerboard whose corner is at the shape's own origin. The infrared
    reflectivity is the mean of the color.
    """

    color: Vector = (0.7, 0.7, 0.7)
    other: Vector = (0.1, 0.1, 0.1)
    square: float = 0.0

    def at(self, surface: Array) -> Array:
        """Return the colors (N, 3) at places (N, 2) on the surface, meters."""
        if self.square <= 0:
            return np.broadcast_to(np.array(self.color), (len(surface), 3))
        odd = np.floor(surface / self.square).astype(np.int64).sum(axis=1) % 2
        colors: Array = np.array((self.color, self.other))[odd]
        return colors


class Shape(abc.ABC):
    """A body with one material."""

    material: Material
    #: PLANE, BOX or CAPSULE
    kind: int

    @abc.abstractmethod
    def frame(self) -> RigidTransform:
        """Return the transform from the body's own frame to the world's."""

    @property
    @abc.abstractmethod
    def dimensions(self) -> Vector:
        """Return what the compiled code needs to know: half sizes; radius, length and 0; or 0."""

    @abc.abstractmethod
    def corners(self) -> tuple[Array, float] | None:
        """
        Return what it is wrapped in.

        :return: points (N, 3) in the world and a radius: the body is in the convex hull of the
            spheres around them; None if it is infinite.
        """

    @abc.abstractmethod
    def meet(self, origin: Array, directions: Array) -> tuple[Array, Array]:
        """Do as ``intersect``, with everything in the body's own frame."""

    @abc.abstractmethod
    def texture(self, points: Array) -> Array:
        """Return coordinates (N, 2), meters, that texture points (N, 3) in the own frame."""

    @abc.abstractmethod
    def moved(self, offset: Vector) -> Shape:
        """Return the same body elsewhere."""

    def intersect(self, origin: Array, directions: Array) -> tuple[Array, Array]:
        """
        Return where rays first meet the surface.

        :param origin: (3,), of all rays.
        :param directions: (N, 3), any length.
        :return: distances (N,) in lengths of the directions, inf where there is no hit; unit
            normals (N, 3), outward or inward, of any value there.
        """
        frame = self.frame()
        rotation = frame.rotation
        distance, normal = self.meet(
            (origin - frame.translation) @ rotation, directions @ rotation)
        with np.errstate(invalid='ignore'):
            return distance, normal @ rotation.T

    def surface(self, points: Array) -> Array:
        """Return coordinates (N, 2), meters, that texture the surface at points (N, 3) of it."""
        frame = self.frame()
        return self.texture((points - frame.translation) @ frame.rotation)


@dataclass(frozen=True)
class Plane(Shape):
    """All points p with ``normal · (p - point)`` = 0; ``normal`` need not have length 1."""

    point: Vector
    normal: Vector
    material: Material = Material()
    kind = PLANE

    def frame(self) -> RigidTransform:
        """Return its frame: z is the normal."""
        return RigidTransform(_frame(_unit(self.normal)), np.array(self.point))

    @property
    def dimensions(self) -> Vector:
        """Return 0: it has none."""
        return 0.0, 0.0, 0.0

    def corners(self) -> None:
        """Return None: it is infinite."""
        return None

    def meet(self, origin: Array, directions: Array) -> tuple[Array, Array]:
        """Return where rays first meet z = 0."""
        with np.errstate(divide='ignore', invalid='ignore'):
            t = -origin[2] / directions[:, 2]
        t = np.where(t > NEAREST, t, np.inf)
        return t, np.broadcast_to(np.array([0.0, 0.0, 1.0]), directions.shape)

    def texture(self, points: Array) -> Array:
        """Return x and y."""
        return points[:, :2]

    def moved(self, offset: Vector) -> Plane:
        """Return the plane through another point."""
        return replace(self, point=_sum(self.point, offset))


@dataclass(frozen=True)
class Box(Shape):
    """A cuboid of full ``size`` about the origin of its own frame, put into the world by pose."""

    size: Vector
    pose: RigidTransform
    material: Material = Material()
    kind = BOX

    def frame(self) -> RigidTransform:
        """Return the pose."""
        return self.pose

    @property
    def dimensions(self) -> Vector:
        """Return half the size."""
        return self.size[0] / 2, self.size[1] / 2, self.size[2] / 2

    def corners(self) -> tuple[Array, float]:
        """Return its corners."""
        signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
        return self.pose.apply(signs * np.array(self.dimensions)), 0.0

    def meet(self, origin: Array, directions: Array) -> tuple[Array, Array]:
        """Return where rays first meet the surface (slab method, Kay and Kajiya 1986)."""
        half = np.array(self.dimensions)
        with np.errstate(divide='ignore', invalid='ignore'):
            a = (-half - origin) / directions
            b = (half - origin) / directions
        # a ray within the plane of a side is 0 / 0: neither inside nor outside by that side
        near = np.where(np.isnan(a) | np.isnan(b), -np.inf, np.minimum(a, b))
        far = np.where(np.isnan(a) | np.isnan(b), np.inf, np.maximum(a, b))
        entry = near.max(axis=1)
        leave = far.min(axis=1)
        from_outside = entry > NEAREST
        t = np.where(from_outside, entry, leave)
        side = np.where(from_outside, near.argmax(axis=1), far.argmin(axis=1))
        return np.where((entry <= leave) & (t > NEAREST), t, np.inf), np.eye(3)[side]

    def texture(self, points: Array) -> Array:
        """Return x and y."""
        return points[:, :2]

    def moved(self, offset: Vector) -> Box:
        """Return the cuboid elsewhere."""
        return replace(self, pose=RigidTransform(
            self.pose.rotation, self.pose.translation + np.array(offset)))


@dataclass(frozen=True)
class Capsule(Shape):
    """All points within ``radius`` of the line from ``start`` to ``end``."""

    start: Vector
    end: Vector
    radius: float
    material: Material = Material()
    kind = CAPSULE

    def frame(self) -> RigidTransform:
        """Return its frame: z goes from start to end."""
        return RigidTransform(_frame(self._axis()[0]), np.array(self.start))

    @property
    def dimensions(self) -> Vector:
        """Return the radius and the length between start and end."""
        return self.radius, self._axis()[1], 0.0

    def corners(self) -> tuple[Array, float]:
        """Return start and end and the radius."""
        return np.array((self.start, self.end), np.float64), self.radius

    def meet(self, origin: Array, directions: Array) -> tuple[Array, Array]:
        """Return where rays first meet the surface: a cylinder's side or a cap at either end."""
        length = self._axis()[1]
        height, slope = origin[2], directions[:, 2]
        best = np.full(len(directions), np.inf)
        for t in _roots(directions[:, :2], origin[:2], self.radius):
            level = height + t * slope
            hit = (t > NEAREST) & (level >= 0) & (level <= length)
            best = np.where(hit & (t < best), t, best)
        for end, outward in ((0.0, -1.0), (length, 1.0)):
            for t in _roots(directions, origin - [0.0, 0.0, end], self.radius):
                level = (height + t * slope - end) * outward
                hit = (t > NEAREST) & (level >= 0)
                best = np.where(hit & (t < best), t, best)
        with np.errstate(invalid='ignore'):
            points = origin + best[:, np.newaxis] * directions
            points[:, 2] -= np.clip(points[:, 2], 0.0, length)
            return best, points / self.radius

    def texture(self, points: Array) -> Array:
        """Return how far along the axis, and around it, on the radius."""
        around = np.arctan2(points[:, 1], points[:, 0]) * self.radius
        return np.stack((points[:, 2], around), axis=1)

    def moved(self, offset: Vector) -> Capsule:
        """Return the capsule elsewhere."""
        return replace(self, start=_sum(self.start, offset), end=_sum(self.end, offset))

    def _axis(self) -> tuple[Array, float]:
        """Return the direction from start to end and the length between; any for a sphere."""
        span = np.subtract(self.end, self.start)
        length = float(np.linalg.norm(span))
        return (span / length if length > 0 else np.array([0.0, 1.0, 0.0])), length


def sphere(center: Vector, radius: float, material: Material) -> Capsule:
    """Return a sphere: a capsule of no length."""
    return Capsule(center, center, radius, material)


def table(shapes: Sequence[Shape]) -> Array:
    """
    Return shapes as the compiled code reads them.

    :return: (N, 23) float64, a row each: kind, dimensions (3), rotation (9, row by row) and
        translation (3) from the shape's own frame to the world's, square, color (3), other (3).
    """
    rows = np.zeros((len(shapes), 23))
    capsules = []
    for i, shape in enumerate(shapes):
        material = shape.material
        rows[i, 16:] = (material.square, *material.color, *material.other)
        if isinstance(shape, Capsule):
            capsules.append((i, *shape.start, *shape.end, shape.radius))
            continue
        frame = shape.frame()
        rows[i, 0] = shape.kind
        rows[i, 1:4] = shape.dimensions
        rows[i, 4:13] = frame.rotation.ravel()
        rows[i, 13:16] = frame.translation
    if capsules:
        # somebody is made of many: all at once, as Capsule.frame does it
        numbers = np.array(capsules)
        at, starts, spans = numbers[:, 0].astype(np.intp), numbers[:, 1:4], numbers[:, 4:7]
        spans = spans - starts
        lengths = np.sqrt((spans * spans).sum(axis=1))
        axes = np.where(lengths[:, np.newaxis] > 0, spans, [0.0, 1.0, 0.0])
        axes /= np.where(lengths > 0, lengths, 1.0)[:, np.newaxis]
        firsts = np.eye(3)[np.abs(axes).argmin(axis=1)]
        firsts -= (firsts * axes).sum(axis=1, keepdims=True) * axes
        firsts /= np.sqrt((firsts * firsts).sum(axis=1, keepdims=True))
        rows[at, 0] = CAPSULE
        rows[at, 1] = numbers[:, 7]
        rows[at, 2] = lengths
        rows[at, 4:13] = np.stack(
            (firsts, np.cross(axes, firsts), axes), axis=2).reshape(-1, 9)
        rows[at, 13:16] = starts
    return rows


def seen_from(camera: RigidTransform, rows: Array) -> Array:
    """
    Return the rows of ``table`` with the camera's frame instead of the world's.

    :param camera: its pose in the world.
    """
    seen = rows.copy()
    seen[:, 4:13] = (camera.rotation.T @ rows[:, 4:13].reshape(-1, 3, 3)).reshape(-1, 9)
    seen[:, 13:16] = (rows[:, 13:16] - camera.translation) @ camera.rotation
    return seen


def _sum(a: Vector, b: Vector) -> Vector:
    """Return the sum of two vectors."""
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


def _unit(vector: npt.ArrayLike) -> Array:
    """Return the direction of a vector."""
    array = np.asarray(vector, np.float64)
    return array / np.linalg.norm(array)


def _frame(axis: Array) -> Array:
    """Return a rotation whose z is this unit vector; x is near a world axis, if possible x."""
    first = np.eye(3)[np.argmin(np.abs(axis))]
    first = _unit(first - first @ axis * axis)
    return np.stack((first, np.cross(axis, first), axis), axis=1)


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
