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
A scene whose geometry is known exactly, and what a camera sees of it.

For tests, sample recordings and simulated cameras. The world is a level frame with the axes of
an optical frame: x right, y down, z forward, metres. The geometry is exact
(``k4a_ros.shapes``); what is not modelled is noise, the limited range and illuminated area of the
depth camera, and motion.
"""

from __future__ import annotations

from dataclasses import dataclass
import math

from k4a_ros import frames
from k4a_ros.lens import Intrinsics
from k4a_ros.rigid_transform import RigidTransform
from k4a_ros.shapes import Array
from k4a_ros.shapes import Box
from k4a_ros.shapes import Capsule
from k4a_ros.shapes import Material
from k4a_ros.shapes import Plane
from k4a_ros.shapes import Shape
from k4a_ros.shapes import sphere
from k4a_ros.shapes import Vector
import numpy as np
import numpy.typing as npt

__all__ = [
    'Box', 'Capsule', 'Hits', 'Material', 'Plane', 'Scene', 'Shape', 'default_room', 'depth_of',
    'ir_of', 'level_pose', 'render_color', 'render_depth', 'render_ir', 'sphere', 'view',
]

#: infrared brightness of a white surface seen frontally at 1 m
IR_AT_1_M = 3000.0

#: Direction to the light of ``render_color`` in the world, and the share of light from all around.
_LIGHT = np.array([-0.4, -0.7, -0.8]) / np.linalg.norm([-0.4, -0.7, -0.8])
_AMBIENT = 0.45


@dataclass(frozen=True, eq=False)
class Hits:
    """
    What rays of any shape S meet first.

    ``distance`` S float64 in lengths of the ray's direction (so the depth Z, where the directions
    have z = 1 in the camera's frame), inf for nothing; ``normal`` (S, 3) float64, unit, towards
    the ray's origin, 0 for nothing; ``index`` S int32 into ``Scene.shapes``, -1 for nothing;
    ``color`` (S, 3) float64 blue, green, red from 0 to 1, before shading, 0 for nothing.
    """

    distance: Array
    normal: Array
    index: npt.NDArray[np.int32]
    color: Array


@dataclass(frozen=True)
class Scene:
    """Shapes in the world."""

    shapes: tuple[Shape, ...]

    def cast(self, origin: npt.ArrayLike, directions: npt.ArrayLike) -> Hits:
        """
        Return what rays from one point meet first.

        :param origin: (3,) in the world, metres.
        :param directions: (..., 3) in the world, any length; NaN meets nothing.
        """
        start = np.asarray(origin, np.float64)
        rays = np.asarray(directions, np.float64)
        flat = np.ascontiguousarray(rays.reshape(-1, 3))
        distance = np.full(len(flat), np.inf)
        normal = np.zeros_like(flat)
        color = np.zeros_like(flat)
        index = np.full(len(flat), -1, np.int32)
        squared_length = (flat * flat).sum(axis=1)
        for i, shape in enumerate(self.shapes):
            rows = _passing(shape, start, flat, squared_length)
            t, across = shape.intersect(start, flat[rows])
            nearer = t < distance[rows]
            rows = rows[nearer]
            distance[rows] = t[nearer]
            normal[rows] = across[nearer]
            index[rows] = i
        for i, shape in enumerate(self.shapes):
            seen = index == i
            points = start + distance[seen, np.newaxis] * flat[seen]
            color[seen] = shape.material.at(shape.surface(points))
        normal[(normal * flat).sum(axis=1) > 0] *= -1
        lead = rays.shape[:-1]
        return Hits(distance.reshape(lead), normal.reshape(rays.shape), index.reshape(lead),
                    color.reshape(rays.shape))


def view(scene: Scene, intrinsics: Intrinsics, pose: RigidTransform) -> tuple[Hits, Array]:
    """
    Return what every pixel of a camera sees, through its true lens.

    :param pose: of the camera in the world (takes its points to the world's).
    :return: the hits, (height, width), and the rays' directions in the world (height, width, 3):
        their z in the camera's frame is 1, NaN where the lens has no ray.
    """
    rays = intrinsics.rays().astype(np.float64)
    forward = np.ones(rays.shape[:2])
    directions = np.dstack((rays, forward)) @ pose.rotation.T
    return scene.cast(pose.translation, directions), directions


def render_depth(
    scene: Scene, intrinsics: Intrinsics, pose: RigidTransform,
) -> npt.NDArray[np.uint16]:
    """
    Return the depth image: Z rounded to millimetres, without noise.

    :return: (height, width) uint16; 0 where there is no ray, nothing is met, or it is too far.
    """
    return depth_of(view(scene, intrinsics, pose)[0])


def depth_of(hits: Hits) -> npt.NDArray[np.uint16]:
    """Return the depth image, as ``render_depth``, of what ``view`` has returned."""
    return _to_uint16(hits.distance * 1000.0, 0.0)


def render_ir(
    scene: Scene, intrinsics: Intrinsics, pose: RigidTransform,
) -> npt.NDArray[np.uint16]:
    """
    Return the infrared image of a scene that the camera itself lights.

    The brightness is reflectivity * cos(incidence) / range², IR_AT_1_M for 1 at 1 m.

    :return: (height, width) uint16; 0 where there is no ray or nothing is met.
    """
    return ir_of(*view(scene, intrinsics, pose))


def ir_of(hits: Hits, directions: Array) -> npt.NDArray[np.uint16]:
    """Return the infrared image, as ``render_ir``, of what ``view`` has returned."""
    length = np.linalg.norm(directions, axis=-1)
    with np.errstate(invalid='ignore', divide='ignore'):
        incidence = -(hits.normal * directions).sum(axis=-1) / length
        light = hits.color.mean(axis=-1) * incidence / (hits.distance * length) ** 2
    return _to_uint16(light * IR_AT_1_M, 65535.0)


def render_color(
    scene: Scene, intrinsics: Intrinsics, pose: RigidTransform,
) -> npt.NDArray[np.uint8]:
    """
    Return the colour image: a matt surface under one distant light, without shadows.

    :return: (height, width, 3) uint8 blue, green, red; black where nothing is met.
    """
    hits, _ = view(scene, intrinsics, pose)
    light = _AMBIENT + (1.0 - _AMBIENT) * np.clip(hits.normal @ _LIGHT, 0.0, 1.0)
    shaded = np.clip(hits.color * light[..., np.newaxis], 0.0, 1.0)
    image: npt.NDArray[np.uint8] = np.rint(shaded * 255).astype(np.uint8)
    return image


def _to_uint16(values: Array, too_large: float) -> npt.NDArray[np.uint16]:
    """Return rounded values, with another value for those that do not fit and 0 for inf, NaN."""
    limited = np.where(values > 65535.0, too_large, values)
    image: npt.NDArray[np.uint16] = np.rint(
        np.where(np.isfinite(values), limited, 0.0)).astype(np.uint16)
    return image


def _passing(
    shape: Shape, origin: Array, directions: Array, squared_length: Array,
) -> npt.NDArray[np.intp]:
    """Return which rays' lines pass the sphere around a shape; all if it is infinite."""
    bounds = shape.bounds()
    if bounds is None:
        return np.arange(len(directions))
    centre, radius = bounds
    offset = centre - origin
    # squared distance from the centre to the line, times the squared length of the direction
    apart = offset @ offset * squared_length - (directions @ offset) ** 2
    # a little more, for the rounding
    return np.flatnonzero(apart <= (radius * 1.001 + 1e-6) ** 2 * squared_length)


def level_pose() -> RigidTransform:
    """Return where the depth camera is when its housing stands level at the world's origin."""
    world_from_base = RigidTransform(frames.BODY_FROM_OPTICAL.T, np.zeros(3))
    return world_from_base @ frames.base_from_depth()


def default_room() -> Scene:
    """
    Return a small furnished room with somebody in it.

    It is made for a camera at the world's origin, 1.1 m above the floor and facing the back wall
    at z = 3.4 m (``level_pose``).
    """
    wall = Material((0.80, 0.84, 0.86))
    wood = Material((0.30, 0.48, 0.68))
    board = Material((0.95, 0.95, 0.95), (0.05, 0.05, 0.05), 0.08)
    floor = 1.1
    table = (-0.75, 0.42, 2.1)
    legs = tuple(
        Capsule((table[0] + x, table[1] + 0.02, table[2] + z), (table[0] + x, floor, table[2] + z),
                0.025, wood)
        for x in (-0.45, 0.45) for z in (-0.25, 0.25))
    return Scene((
        Plane((0.0, floor, 0.0), (0, -1, 0), Material((0.42, 0.50, 0.58), (0.36, 0.43, 0.5), 0.4)),
        Plane((0.0, -1.4, 0.0), (0, 1, 0), Material((0.92, 0.92, 0.92))),
        Plane((0.0, 0.0, 3.4), (0, 0, -1), wall),
        Plane((-2.0, 0.0, 0.0), (1, 0, 0), Material((0.62, 0.74, 0.55))),
        Plane((2.2, 0.0, 0.0), (-1, 0, 0), wall),
        Box((1.1, 0.04, 0.7), _turned(table, 0.0), wood),
        *legs,
        # a checkerboard leaning on the back wall
        Box((0.96, 0.64, 0.02), _turned((-0.75, -0.45, 3.2), 0.15), board),
        # what stands on the table, and a box on the floor
        sphere((-1.0, 0.25, 2.05), 0.15, Material((0.18, 0.22, 0.82))),
        sphere((-0.7, 0.31, 1.95), 0.09, Material((0.80, 0.45, 0.15))),
        Capsule((-0.4, 0.36, 2.15), (-0.4, 0.12, 2.15), 0.04, Material((0.25, 0.65, 0.25))),
        Box((0.4, 0.5, 0.4), _turned((1.45, floor - 0.25, 2.7), 0.6),
            Material((0.20, 0.62, 0.88))),
        *_figure(0.55, floor, 2.3),
    ))


def _turned(centre: Vector, angle: float) -> RigidTransform:
    """Return the pose of something turned about the vertical by an angle, radians."""
    c, s = math.cos(angle), math.sin(angle)
    return RigidTransform(
        np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]]), np.array(centre))


def _figure(x: float, floor: float, z: float) -> tuple[Shape, ...]:
    """Return somebody 1.75 m tall who stands on the floor and raises one hand."""
    skin = Material((0.55, 0.66, 0.86))
    shirt = Material((0.66, 0.34, 0.22))
    trousers = Material((0.30, 0.24, 0.22))

    def limb(
        material: Material, radius: float, start: Vector, end: Vector,
    ) -> Capsule:
        """Return a capsule between places relative to the feet, y up."""
        return Capsule((x + start[0], floor - start[1], z + start[2]),
                       (x + end[0], floor - end[1], z + end[2]), radius, material)

    return (
        limb(skin, 0.10, (0, 1.60, 0), (0, 1.65, 0)),
        limb(skin, 0.05, (0, 1.40, 0), (0, 1.60, 0)),
        limb(shirt, 0.14, (-0.04, 1.02, 0), (-0.04, 1.30, 0)),
        limb(shirt, 0.14, (0.04, 1.02, 0), (0.04, 1.30, 0)),
        limb(shirt, 0.06, (-0.19, 1.38, 0), (-0.34, 1.12, -0.05)),
        limb(skin, 0.045, (-0.34, 1.12, -0.05), (-0.42, 1.36, -0.18)),
        limb(shirt, 0.06, (0.19, 1.38, 0), (0.27, 1.08, 0.02)),
        limb(skin, 0.045, (0.27, 1.08, 0.02), (0.29, 0.84, -0.06)),
        limb(trousers, 0.085, (-0.10, 0.95, 0), (-0.11, 0.50, -0.02)),
        limb(trousers, 0.065, (-0.11, 0.50, -0.02), (-0.11, 0.07, 0.02)),
        limb(trousers, 0.085, (0.10, 0.95, 0), (0.11, 0.50, -0.02)),
        limb(trousers, 0.065, (0.11, 0.50, -0.02), (0.11, 0.07, 0.02)),
    )
