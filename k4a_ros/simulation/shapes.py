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
Shapes with analytic ray intersections.

Intersections are solved analytically in double precision, in the shape's local frame: a plane is
spanned by x and y; a cuboid is centered and axis-aligned; a capsule extends from the origin along
z, and may taper. Positions are meters in the scene's world frame.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from dataclasses import replace
import math

from k4a_ros.calibration.rigid_transform import RigidTransform
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Vector = tuple[float, float, float]

#: shorter distances, in units of the ray's direction, are taken for the ray's origin itself
MIN_DISTANCE = 1e-9

#: codes of the kinds of shapes in ``shape_table``
PLANE, BOX, CAPSULE = 0, 1, 2


@dataclass(frozen=True)
class Material:
    """
    Color and reflectivity of a surface.

    ``color`` is blue, green, red from 0 to 1. If ``square`` > 0 (meters), it alternates with
    ``other`` in a checkerboard of squares of that size, which has a corner at the origin of the
    shape's local frame. ``infrared``: reflectivity in infrared, 0 to 1, of all squares; None for
    the mean of the color channels of each.
    """

    color: Vector = (0.7, 0.7, 0.7)
    other: Vector = (0.1, 0.1, 0.1)
    square: float = 0.0
    infrared: float | None = None

    @property
    def reflectivities(self) -> tuple[float, float]:
        """Return the reflectivities in infrared of ``color`` and ``other``."""
        if self.infrared is not None:
            return self.infrared, self.infrared
        return sum(self.color) / 3.0, sum(self.other) / 3.0

    def colors_at(self, texture: Array) -> Array:
        """Return the colors (N, 3) at texture coordinates (N, 2), meters."""
        if self.square <= 0:
            return np.broadcast_to(np.array(self.color), (len(texture), 3))
        odd = np.floor(texture / self.square).astype(np.int64).sum(axis=1) % 2
        colors: Array = np.array((self.color, self.other))[odd]
        return colors


class Shape(abc.ABC):
    """A solid with one material."""

    material: Material
    #: PLANE, BOX or CAPSULE
    kind: int

    @abc.abstractmethod
    def frame(self) -> RigidTransform:
        """Return the transform from the local frame to the world frame."""

    @property
    @abc.abstractmethod
    def dimensions(self) -> Vector:
        """
        Return half sizes (box), zeros (plane), or radius, length and slope (capsule).

        The slope is by how much the radius of a capsule decreases per length.
        """

    @abc.abstractmethod
    def intersect_local(self, origin: Array, directions: Array) -> tuple[Array, Array]:
        """Return the same as ``intersect``, with arguments and normals in the local frame."""

    @abc.abstractmethod
    def texture_local(self, points: Array) -> Array:
        """Return texture coordinates (N, 2), meters, of points (N, 3) in the local frame."""

    @abc.abstractmethod
    def translated(self, offset: Vector) -> Shape:
        """Return the shape translated in the world frame."""

    def intersect(self, origin: Array, directions: Array) -> tuple[Array, Array]:
        """
        Return the first intersections of rays with the surface.

        :param origin: (3,), common to all rays.
        :param directions: (N, 3), any length.
        :return: distances (N,) in units of the directions, inf for no intersection; unit normals
            (N, 3), outward or inward, arbitrary for no intersection.
        """
        frame = self.frame()
        rotation = frame.rotation
        distance, normal = self.intersect_local(
            (origin - frame.translation) @ rotation, directions @ rotation)
        with np.errstate(invalid='ignore'):
            return distance, normal @ rotation.T

    def texture(self, points: Array) -> Array:
        """Return texture coordinates (N, 2), meters, of points (N, 3) on the surface."""
        frame = self.frame()
        return self.texture_local((points - frame.translation) @ frame.rotation)


@dataclass(frozen=True)
class Plane(Shape):
    """All points p with ``normal · (p - point)`` = 0; ``normal`` may have any length."""

    point: Vector
    normal: Vector
    material: Material = Material()
    kind = PLANE

    def frame(self) -> RigidTransform:
        """Return a frame at ``point`` whose z is the normal."""
        return RigidTransform(_rotation_with_z(unit(self.normal)), np.array(self.point))

    @property
    def dimensions(self) -> Vector:
        """Return zeros: a plane has no dimensions."""
        return 0.0, 0.0, 0.0

    def intersect_local(self, origin: Array, directions: Array) -> tuple[Array, Array]:
        """Return the intersections of rays with z = 0."""
        with np.errstate(divide='ignore', invalid='ignore'):
            t = -origin[2] / directions[:, 2]
        t = np.where(t > MIN_DISTANCE, t, np.inf)
        return t, np.broadcast_to(np.array([0.0, 0.0, 1.0]), directions.shape)

    def texture_local(self, points: Array) -> Array:
        """Return x and y."""
        return points[:, :2]

    def translated(self, offset: Vector) -> Plane:
        """Return the plane translated in the world frame."""
        return replace(self, point=_sum(self.point, offset))


@dataclass(frozen=True)
class Box(Shape):
    """A cuboid of edge lengths ``size`` around the origin of its frame, ``pose`` in the world."""

    size: Vector
    pose: RigidTransform
    material: Material = Material()
    kind = BOX

    def frame(self) -> RigidTransform:
        """Return the pose."""
        return self.pose

    @property
    def dimensions(self) -> Vector:
        """Return half the edge lengths."""
        return self.size[0] / 2, self.size[1] / 2, self.size[2] / 2

    def intersect_local(self, origin: Array, directions: Array) -> tuple[Array, Array]:
        """Return the first intersections of rays, by the slab method (Kay and Kajiya 1986)."""
        half = np.array(self.dimensions)
        with np.errstate(divide='ignore', invalid='ignore'):
            a = (-half - origin) / directions
            b = (half - origin) / directions
        # 0 / 0 for a ray within the plane of a side, which then does not limit the ray
        near = np.where(np.isnan(a) | np.isnan(b), -np.inf, np.minimum(a, b))
        far = np.where(np.isnan(a) | np.isnan(b), np.inf, np.maximum(a, b))
        entry = near.max(axis=1)
        exit_ = far.min(axis=1)
        from_outside = entry > MIN_DISTANCE
        t = np.where(from_outside, entry, exit_)
        side = np.where(from_outside, near.argmax(axis=1), far.argmin(axis=1))
        return np.where((entry <= exit_) & (t > MIN_DISTANCE), t, np.inf), np.eye(3)[side]

    def texture_local(self, points: Array) -> Array:
        """Return x and y."""
        return points[:, :2]

    def translated(self, offset: Vector) -> Box:
        """Return the cuboid translated in the world frame."""
        return replace(self, pose=RigidTransform(
            self.pose.rotation, self.pose.translation + np.array(offset)))


@dataclass(frozen=True)
class Capsule(Shape):
    """
    The convex hull of a sphere of ``radius`` at ``start`` and one of ``end_radius`` at ``end``.

    ``end_radius`` is by default the same: then these are all points within ``radius`` of the
    segment. Otherwise it is a cone with round ends, whose length must be more than the difference
    of the radii, as otherwise one sphere would contain the other.
    """

    start: Vector
    end: Vector
    radius: float
    material: Material = Material()
    end_radius: float | None = None
    kind = CAPSULE

    def frame(self) -> RigidTransform:
        """Return a frame at ``start`` whose z points to ``end``."""
        return RigidTransform(_rotation_with_z(self._axis()[0]), np.array(self.start))

    @property
    def dimensions(self) -> Vector:
        """Return the radius, the distance from start to end, and the slope."""
        length = self._axis()[1]
        if self.end_radius is None or length == 0:
            return self.radius, length, 0.0
        return self.radius, length, (self.radius - self.end_radius) / length

    def intersect_local(self, origin: Array, directions: Array) -> tuple[Array, Array]:
        """Return the first intersections of rays with the side, or with the sphere at an end."""
        radius, length, slope = self.dimensions
        # the side is the cone that touches both spheres where they have these levels
        first, last = slope * radius, length + slope * (radius - slope * length)
        best: Array = np.full(len(directions), np.inf)
        for t in _cone_roots(directions, origin, radius, slope):
            level = origin[2] + t * directions[:, 2]
            hit = (t > MIN_DISTANCE) & (level >= first) & (level <= last)
            best = np.where(hit & (t < best), t, best)
        for end, edge, outward in ((0.0, first, -1.0), (length, last, 1.0)):
            center = origin - [0.0, 0.0, end]
            for t in _sphere_roots(directions, center, radius - slope * end):
                level = (origin[2] + t * directions[:, 2] - edge) * outward
                hit = (t > MIN_DISTANCE) & (level >= 0)
                best = np.where(hit & (t < best), t, best)
        with np.errstate(invalid='ignore'):
            return best, self.normals_local(origin + best[:, np.newaxis] * directions)

    def normals_local(self, points: Array) -> Array:
        """Return the unit normals (N, 3), outward, at points (N, 3) of the surface."""
        radius, length, slope = self.dimensions
        level = np.clip((points[:, 2] - slope * radius) / (1.0 - slope * slope), 0.0, length)
        from_axis = np.column_stack((points[:, :2], points[:, 2] - level))
        normals: Array = from_axis / (radius - slope * level)[:, np.newaxis]
        return normals

    def texture_local(self, points: Array) -> Array:
        """Return the distance along the axis, and the arc length around it."""
        around = np.arctan2(points[:, 1], points[:, 0]) * self.radius
        return np.stack((points[:, 2], around), axis=1)

    def translated(self, offset: Vector) -> Capsule:
        """Return the capsule translated in the world frame."""
        return replace(self, start=_sum(self.start, offset), end=_sum(self.end, offset))

    def _axis(self) -> tuple[Array, float]:
        """Return the unit vector from start to end (y for a sphere), and their distance."""
        span = np.subtract(self.end, self.start)
        length = float(np.linalg.norm(span))
        return (span / length if length > 0 else np.array([0.0, 1.0, 0.0])), length


def sphere(center: Vector, radius: float, material: Material) -> Capsule:
    """Return a sphere, as a capsule of length 0."""
    return Capsule(center, center, radius, material)


def _sum(a: Vector, b: Vector) -> Vector:
    """Return the sum of two vectors."""
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


def unit(vector: npt.ArrayLike) -> Array:
    """Return a vector scaled to length 1."""
    array = np.asarray(vector, np.float64)
    scaled: Array = array / np.linalg.norm(array)
    return scaled


def _rotation_with_z(axis: Array) -> Array:
    """Return a rotation whose z is this unit vector, and whose x is close to a world axis."""
    first = np.eye(3)[np.argmin(np.abs(axis))]
    first = unit(first - first @ axis * axis)
    return np.stack((first, np.cross(axis, first), axis), axis=1)


def _sphere_roots(direction: Array, offset: Array, radius: float) -> tuple[Array, Array]:
    """Return both solutions t of |offset + t direction| = radius, NaN if there are none."""
    return _roots((direction * direction).sum(axis=1), direction @ offset,
                  offset @ offset - radius * radius)


def _cone_roots(
    direction: Array, offset: Array, radius: float, slope: float,
) -> tuple[Array, Array]:
    """
    Return both intersections t of offset + t direction with a cone around z, NaN if none.

    The cone touches the spheres of the radius ``radius - slope * z`` around all points of z.
    """
    cosine = math.sqrt(1.0 - slope * slope)
    # the radius of the cone decreases by this per level
    taper = slope / cosine
    width = radius / cosine - taper * offset[2]
    run = taper * direction[:, 2]
    across = direction[:, :2]
    return _roots(
        (across * across).sum(axis=1) - run * run, across @ offset[:2] + run * width,
        offset[:2] @ offset[:2] - width * width)


def _roots(a: Array, b: Array, c: Array | float) -> tuple[Array, Array]:
    """
    Return both solutions t of a t² + 2 b t + c = 0, NaN if there are none.

    Solved without cancellation (Press et al., "Numerical Recipes", 5.6).
    """
    with np.errstate(invalid='ignore', divide='ignore'):
        q = -(b + np.copysign(np.sqrt(b * b - a * c), b))
        return q / a, c / q
