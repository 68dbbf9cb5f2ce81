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
A scene whose geometry is known exactly at every time.

The world frame is level and has the axes of an optical frame: x right, y down, z forward, meters;
gravity points along y. The shapes are those of ``k4a_ros.simulation.shapes``.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from functools import cached_property

from k4a_ros.body.tracker import BACKGROUND
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.simulation.board import BoardObject
from k4a_ros.simulation.motion import CameraPath
from k4a_ros.simulation.motion import Motion
from k4a_ros.simulation.person import Person
from k4a_ros.simulation.shapes import Array
from k4a_ros.simulation.shapes import Shape
from k4a_ros.simulation.voices import Sound
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Hits:
    """
    The first intersections of an array of rays, of any shape S.

    ``distance`` S float64 in units of the ray's direction (the depth Z for directions with z = 1
    in the camera's frame), inf for no hit; ``normal`` (S, 3) float64, unit, towards the ray's
    origin, 0 for no hit; ``index`` S int32 into the shapes, -1 for no hit; ``color`` (S, 3)
    float64 blue, green, red from 0 to 1, unshaded, 0 for no hit.
    """

    distance: Array
    normal: Array
    index: npt.NDArray[np.int32]
    color: Array


@dataclass(frozen=True)
class Mover:
    """A rigid group of shapes that moves without rotating."""

    name: str
    shapes: tuple[Shape, ...]
    motion: Motion

    def pose(self, time: float) -> RigidTransform:
        """Return the transform from the initial position to that at a time, seconds."""
        return RigidTransform(np.eye(3), np.array(self.motion.offset(time)))

    def at(self, time: float) -> tuple[Shape, ...]:
        """Return the shapes at a time, seconds."""
        offset = self.motion.offset(time)
        return tuple(shape.translated(offset) for shape in self.shapes)


@dataclass(frozen=True)
class Scene:
    """Static shapes, movers, persons, the path of the camera, sounds and calibration boards."""

    shapes: tuple[Shape, ...]
    movers: tuple[Mover, ...] = ()
    persons: tuple[Person, ...] = ()
    camera: CameraPath = field(default_factory=CameraPath)
    sounds: tuple[Sound, ...] = ()
    boards: tuple[BoardObject, ...] = ()

    @cached_property
    def static(self) -> tuple[tuple[Shape, ...], tuple[int, ...]]:
        """Return the shapes that never move, and the person index or BACKGROUND of each."""
        shapes = list(self.shapes)
        for board in self.boards:
            if board.is_still:
                shapes += board.at(0.0)
        owners = [BACKGROUND] * len(shapes)
        for index, person in enumerate(self.persons):
            if person.is_still:
                body = person.at(0.0).shapes
                shapes += body
                owners += [index] * len(body)
        return tuple(shapes), tuple(owners)

    def moving(self, time: float) -> tuple[tuple[tuple[Shape, ...], int], ...]:
        """Return the groups of shapes that move: shapes at a time, and person or BACKGROUND."""
        groups: list[tuple[tuple[Shape, ...], int]] = [
            (mover.at(time), BACKGROUND) for mover in self.movers]
        groups += [(board.at(time), BACKGROUND) for board in self.boards if not board.is_still]
        groups += [(person.at(time).shapes, index)
                   for index, person in enumerate(self.persons) if not person.is_still]
        return tuple(groups)

    def at(self, time: float) -> tuple[Shape, ...]:
        """Return all shapes at a time, seconds."""
        shapes = list(self.static[0])
        for group, _ in self.moving(time):
            shapes += group
        return tuple(shapes)

    def cast(self, origin: npt.ArrayLike, directions: npt.ArrayLike, time: float = 0.0) -> Hits:
        """
        Return the first intersections of rays from one point with the shapes at a time.

        :param origin: (3,) in the world, meters.
        :param directions: (..., 3) in the world, any length; NaN hits nothing.
        """
        shapes = self.at(time)
        start = np.asarray(origin, np.float64)
        rays = np.asarray(directions, np.float64)
        flat = np.ascontiguousarray(rays.reshape(-1, 3))
        distance = np.full(len(flat), np.inf)
        normal = np.zeros_like(flat)
        color = np.zeros_like(flat)
        index = np.full(len(flat), -1, np.int32)
        for i, shape in enumerate(shapes):
            shape_distance, shape_normal = shape.intersect(start, flat)
            nearer = shape_distance < distance
            distance[nearer] = shape_distance[nearer]
            normal[nearer] = shape_normal[nearer]
            index[nearer] = i
        for i, shape in enumerate(shapes):
            visible = index == i
            points = start + distance[visible, np.newaxis] * flat[visible]
            color[visible] = shape.material.colors_at(shape.texture(points))
        with np.errstate(invalid='ignore'):
            normal[(normal * flat).sum(axis=1) > 0] *= -1
        lead = rays.shape[:-1]
        return Hits(distance.reshape(lead), normal.reshape(rays.shape), index.reshape(lead),
                    color.reshape(rays.shape))
