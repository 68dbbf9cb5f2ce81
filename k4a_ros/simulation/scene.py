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
A world whose geometry is known exactly, at every time.

The world is a level frame with the axes of an optical frame: x right, y down, z forward, meters;
gravity is along y. The geometry is exact (``k4a_ros.simulation.shapes``).
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from functools import cached_property

from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.simulation.motion import CameraPath
from k4a_ros.simulation.motion import Motion
from k4a_ros.simulation.person import Person
from k4a_ros.simulation.person import Posture
from k4a_ros.simulation.shapes import Array
from k4a_ros.simulation.shapes import Shape
import numpy as np
import numpy.typing as npt

#: ``Body.person`` of what is nobody
NOBODY = 255


@dataclass(frozen=True, eq=False)
class Hits:
    """
    What rays of any shape S meet first.

    ``distance`` S float64 in lengths of the ray's direction (so the depth Z, where the directions
    have z = 1 in the camera's frame), inf for nothing; ``normal`` (S, 3) float64, unit, towards
    the ray's origin, 0 for nothing; ``index`` S int32 into the shapes, -1 for nothing;
    ``color`` (S, 3) float64 blue, green, red from 0 to 1, before shading, 0 for nothing.
    """

    distance: Array
    normal: Array
    index: npt.NDArray[np.int32]
    color: Array


@dataclass(frozen=True)
class Mover:
    """A thing of some shapes that moves as a whole, without turning."""

    name: str
    shapes: tuple[Shape, ...]
    motion: Motion

    def pose(self, time: float) -> RigidTransform:
        """Return the transform from where the scene puts it to where it is."""
        return RigidTransform(np.eye(3), np.array(self.motion.offset(time)))

    def at(self, time: float) -> tuple[Shape, ...]:
        """Return its shapes at a time."""
        offset = self.motion.offset(time)
        return tuple(shape.moved(offset) for shape in self.shapes)


@dataclass(frozen=True)
class Scene:
    """What stands still, what moves, who is there, and where the camera is."""

    shapes: tuple[Shape, ...]
    movers: tuple[Mover, ...] = ()
    persons: tuple[Person, ...] = ()
    camera: CameraPath = field(default_factory=CameraPath)

    @cached_property
    def still(self) -> tuple[tuple[Shape, ...], tuple[int, ...]]:
        """Return the shapes that never move, and for each the index of its person or NOBODY."""
        shapes, owners = list(self.shapes), [NOBODY] * len(self.shapes)
        for index, person in enumerate(self.persons):
            if person.is_still:
                body = person.at(0.0).shapes
                shapes += body
                owners += [index] * len(body)
        return tuple(shapes), tuple(owners)

    def moving(self, time: float) -> tuple[tuple[tuple[Shape, ...], int], ...]:
        """Return groups of shapes that move: the shapes at a time, and person or NOBODY."""
        groups: list[tuple[tuple[Shape, ...], int]] = [
            (mover.at(time), NOBODY) for mover in self.movers]
        groups += [(person.at(time).shapes, index)
                   for index, person in enumerate(self.persons) if not person.is_still]
        return tuple(groups)

    def at(self, time: float) -> tuple[tuple[Shape, ...], tuple[int, ...]]:
        """Return all shapes at a time, as ``still``."""
        still, of_still = self.still
        shapes, owners = list(still), list(of_still)
        for group, person in self.moving(time):
            shapes += group
            owners += [person] * len(group)
        return tuple(shapes), tuple(owners)

    def postures(self, time: float) -> tuple[Posture, ...]:
        """Return all persons at a time."""
        return tuple(person.at(time) for person in self.persons)

    def cast(self, origin: npt.ArrayLike, directions: npt.ArrayLike, time: float = 0.0) -> Hits:
        """
        Return what rays from one point meet first, at a time.

        :param origin: (3,) in the world, meters.
        :param directions: (..., 3) in the world, any length; NaN meets nothing.
        """
        return cast(self.at(time)[0], origin, directions)


def cast(
    shapes: tuple[Shape, ...], origin: npt.ArrayLike, directions: npt.ArrayLike,
) -> Hits:
    """Return what rays from one point meet first: as ``Scene.cast``, among these shapes."""
    start = np.asarray(origin, np.float64)
    rays = np.asarray(directions, np.float64)
    flat = np.ascontiguousarray(rays.reshape(-1, 3))
    distance = np.full(len(flat), np.inf)
    normal = np.zeros_like(flat)
    color = np.zeros_like(flat)
    index = np.full(len(flat), -1, np.int32)
    for i, shape in enumerate(shapes):
        t, across = shape.intersect(start, flat)
        nearer = t < distance
        distance[nearer] = t[nearer]
        normal[nearer] = across[nearer]
        index[nearer] = i
    for i, shape in enumerate(shapes):
        seen = index == i
        points = start + distance[seen, np.newaxis] * flat[seen]
        color[seen] = shape.material.at(shape.surface(points))
    with np.errstate(invalid='ignore'):
        normal[(normal * flat).sum(axis=1) > 0] *= -1
    lead = rays.shape[:-1]
    return Hits(distance.reshape(lead), normal.reshape(rays.shape), index.reshape(lead),
                color.reshape(rays.shape))
