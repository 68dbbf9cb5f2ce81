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
What a depth camera sees of people in a room, and where their joints are.

The room is met by rays, and light, noise and invalid pixels are those of the simulated camera
(``k4a_ros.simulation``); people are meshes of triangles of about a centimeter, whose corners are
projected by the lens with its distortion and between which 1 / z is linear. Needs numba to be of
any use.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
import math
from typing import Any

from k4a_ros.body.joints import Joint
from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.camera_config import DepthMode
from k4a_ros.jit.numba_jit import compiled
from k4a_ros.simulation import kernels
from k4a_ros.simulation import response
from k4a_ros.simulation import scene as simulated
from k4a_ros.simulation.shapes import Box
from k4a_ros.simulation.shapes import Material
from k4a_ros.simulation.shapes import Plane
from k4a_ros.simulation.view import rays_of
from k4a_ros.simulation.view import Timeline
from k4a_ros.simulation.view import View
import numpy as np
from support.people import model as people
from support.people.model import Clothes
from support.people.model import Posture
from support.people.model import STANDING
from support.people.model import USUAL

#: index_map of a pixel that shows nobody
BACKGROUND = 255

#: The groups of bones in which a joint is: seen, if what is seen in its pixel is one of them and
#: not further in front of it, meters. The trunk is thicker than limbs; what is in the face is on
#: the surface.
_GROUPS = {'pelvis': 0, 'spine': 0, 'chest': 0, 'collar': 0, 'neck': 0, 'head': 1, 'arm': 2,
           'arm2': 2, 'forearm': 4, 'forearm2': 4, 'hand': 4, 'fingers': 4, 'thumb': 4,
           'thigh': 6, 'shank': 8, 'foot': 8, 'toes': 8}
_SEEN = {'PELVIS': ((0, 6), 0.25), 'SPINE_NAVEL': ((0,), 0.25), 'SPINE_CHEST': ((0,), 0.25),
         'NECK': ((0, 1), 0.25), 'CLAVICLE': ((0, 1), 0.25), 'SHOULDER': ((0, 2), 0.15),
         'ELBOW': ((2, 4), 0.15), 'WRIST': ((4,), 0.15), 'HAND': ((4,), 0.15),
         'HANDTIP': ((4,), 0.15), 'THUMB': ((4,), 0.15), 'HIP': ((0, 6), 0.25),
         'KNEE': ((6, 8), 0.15), 'ANKLE': ((8,), 0.15), 'FOOT': ((8,), 0.15),
         'HEAD': ((0, 1), 0.2), 'NOSE': ((1,), 0.05), 'EYE': ((1,), 0.05), 'EAR': ((1,), 0.05)}


@dataclass(frozen=True)
class Person:
    """
    Somebody in a scene.

    ``at`` is where on the floor: right of the camera and ahead of it, meters. With ``facing`` 0
    the person faces the way to the camera's plane, with 90 the right edge of the image (the own
    left), with 180 away. ``height`` in meters, of the shape by default.
    """

    at: tuple[float, float]
    posture: Posture = STANDING
    shape: str = 'man'
    facing: float = 0.0
    height: float | None = None
    clothes: Clothes = USUAL


@dataclass(frozen=True)
class Furniture:
    """A cuboid: its middle as (right, up, ahead) from the floor below the camera, and its size."""

    middle: tuple[float, float, float]
    size: tuple[float, float, float]
    reflectivity: float = 0.4


@dataclass(frozen=True)
class Scene:
    """People in a room with a camera ``height`` above the floor that looks down by ``tilt``."""

    people: tuple[Person, ...] = ()
    furniture: tuple[Furniture, ...] = ()
    height: float = 1.1
    tilt: float = 0.0
    wall: float = 3.6
    side_wall: float | None = None


@dataclass(frozen=True, eq=False)
class Truth:
    """
    Where the joints of one person are.

    ``positions`` (32, 3) meters in the depth camera's frame; ``inside`` (32,) bool: the joint is
    in the illuminated part of the image; ``visible`` (32,) bool: and nothing hides it, neither
    others nor another limb of the person's own.
    """

    positions: np.ndarray
    visible: np.ndarray
    inside: np.ndarray


@dataclass(frozen=True, eq=False)
class Rendered:
    """
    The images, as the camera gives them, and the truth.

    ``index_map`` (height, width) uint8: index into ``people``, the order of the scene, of whoever
    an illuminated pixel shows, valid depth or not; `BACKGROUND` for nobody. ``surface`` (height,
    width) float32: depth without any error, meters.
    """

    depth: np.ndarray
    infrared: np.ndarray
    index_map: np.ndarray
    surface: np.ndarray
    people: tuple[Truth, ...]


def render(scene: Scene, intrinsics: Intrinsics, seed: int = 0) -> Rendered:
    """Return what a camera with this lens sees of a scene; the mode follows from its size."""
    mode = _mode(intrinsics)
    light = response.response(mode)
    empty, empty_amplitude, lit = _room(
        scene.furniture, scene.height, scene.tilt, scene.wall, scene.side_wall, intrinsics)
    surface, amplitude = empty.copy(), empty_amplitude.copy()
    owner = np.full(surface.shape, BACKGROUND, np.uint8)
    group = np.full(surface.shape, -1, np.int8)
    to_camera = _camera(scene.height, scene.tilt).inverse()
    joints = []
    for index, person in enumerate(scene.people):
        vertices, points = _placed(person, to_camera)
        joints.append(points)
        triangles, albedo, groups = _skin(person.shape, person.clothes)
        with np.errstate(invalid='ignore'):
            pixels, valid = intrinsics.project(vertices)
        normals = np.zeros_like(vertices)
        _normals(vertices, triangles, normals)
        _draw(pixels, valid & (vertices[:, 2] > 0.2), vertices, normals, triangles, albedo,
              groups, index, light.active, surface, amplitude, owner, group)
    amplitude[~lit] = 0
    owner[~lit] = BACKGROUND
    images = _images(mode, surface, amplitude, lit, light, seed)
    truths = tuple(_truth(points, index, intrinsics, surface, owner, group, lit)
                   for index, points in enumerate(joints))
    return Rendered(*images, owner, surface.astype(np.float32), truths)


def _mode(intrinsics: Intrinsics) -> DepthMode:
    size = (intrinsics.width, intrinsics.height)
    return next(mode for mode in DepthMode if mode.has_depth and mode.size == size)


def _camera(height: float, tilt: float) -> RigidTransform:
    """Return its pose in a world with x right, y down, z ahead and the floor at y = 0."""
    c, s = math.cos(math.radians(tilt)), math.sin(math.radians(tilt))
    return RigidTransform(np.array([[1, 0, 0], [0, c, s], [0, -s, c]]), np.array([0, -height, 0]))


def _placed(person: Person, to_camera: RigidTransform) -> tuple[np.ndarray, np.ndarray]:
    """Return the vertices and joints of a person in the camera's frame."""
    figure = people.posed(person.shape, person.posture, person.height)
    c, s = math.cos(math.radians(person.facing)), math.sin(math.radians(person.facing))
    # columns: where forward, left and up are in the world
    world = RigidTransform(np.array([[s, c, 0], [0, 0, -1], [-c, s, 0]]),
                           np.array([person.at[0], 0, person.at[1]]))
    pose = to_camera @ world
    return (figure.vertices @ pose.rotation.T + pose.translation,
            figure.joints @ pose.rotation.T + pose.translation)


@lru_cache(maxsize=16)
def _skin(shape: str, clothes: Clothes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return triangles, reflectivities of the corners (T, 3) and groups of bones (T,)."""
    rest = people.model(shape)
    colors = np.array([
        (clothes.shirt if clothes.long_sleeves else 0.0) if part == 'sleeve'
        else getattr(clothes, part) for part in rest.parts])
    reflectivity = colors[rest.materials]
    x, y, z = rest.vertices.T
    # cloth and skin are not all the same
    pattern = 1 + 0.04 * (np.sin(90 * x + 31 * z) + np.sin(70 * y - 57 * z + 1))
    groups = []
    for name in rest.bones:
        kind, _, side = name.partition(' ')
        number = _GROUPS[kind]
        groups.append(number + (1 if side == 'r' and number > 1 else 0))
    seen = reflectivity > 0
    triangles = np.ascontiguousarray(rest.triangles[seen])
    group = np.array(groups, np.int8)[rest.weight_bones[triangles[:, 0], 0]]
    return triangles, reflectivity[seen, np.newaxis] * pattern[triangles], group


@lru_cache(maxsize=24)
def _room(
    furniture: tuple[Furniture, ...], height: float, tilt: float, wall: float,
    side_wall: float | None, intrinsics: Intrinsics,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return depth (m), amplitude, and the illuminated pixels, of a room without people."""
    def matt(value: float) -> Material:
        return Material((value, value, value))

    shapes: list[Any] = [
        Plane((0, 0, 0), (0, -1, 0), matt(0.3)), Plane((0, 0, wall), (0, 0, -1), matt(0.6))]
    if side_wall is not None:
        shapes.append(Plane((side_wall, 0, 0), (-1, 0, 0), matt(0.6)))
    for one in furniture:
        x, up, z = one.middle
        shapes.append(Box(one.size, RigidTransform(np.eye(3), np.array([x, -up, z])),
                          matt(one.reflectivity)))
    world = simulated.Scene(tuple(shapes))
    mount = world.camera.depth_camera(0.0).inverse() @ _camera(height, tilt)
    view = View(Timeline(world), intrinsics, mount, rays=_rays(intrinsics))
    mode = _mode(intrinsics)
    lit = response.illuminated(mode, view.rx, view.ry)
    amplitude = np.zeros(view.z.shape, np.float32)
    view.draw.illuminate(
        view.shapes, view.whole, 0, view.rx, view.ry, view.z, view.index, view.light, 1.0,
        response.response(mode).active, 0.0, lit, amplitude)
    return view.z, amplitude, lit


@lru_cache(maxsize=4)
def _rays(intrinsics: Intrinsics) -> tuple[np.ndarray, np.ndarray]:
    return rays_of(intrinsics)


@lru_cache(maxsize=4)
def _noise(pixels: int) -> response.Noise:
    return response.Noise(0, pixels)


def _images(
    mode: DepthMode, surface: np.ndarray, amplitude: np.ndarray, lit: np.ndarray,
    light: response.Response, seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return depth and infrared as the simulated camera develops them."""
    height, width = surface.shape
    z, sigma = np.zeros((2, height, width), np.float32)
    kernels.measure(
        (0, height, 0, width), -1, np.zeros((height, width), np.int16), surface, amplitude, lit,
        response.JUMP, light.floor, light.shot, response.systematic(0), z, sigma)
    depth, infrared = np.zeros((2, height, width), np.uint16)
    kernels.develop(
        z.ravel(), sigma.ravel(), amplitude.ravel(), *_noise(surface.size).of(seed),
        np.float32(response.PHOTONS), np.float32(light.least), np.float32(response.SATURATION),
        depth.reshape(-1), infrared.reshape(-1))
    return depth, infrared


def _truth(
    points: np.ndarray, index: int, intrinsics: Intrinsics, surface: np.ndarray,
    owner: np.ndarray, group: np.ndarray, lit: np.ndarray,
) -> Truth:
    """Return a person's joints and which of them are seen."""
    inside, visible = np.zeros((2, 32), bool)
    with np.errstate(invalid='ignore'):
        pixels, valid = intrinsics.project(points)
    for joint in Joint:
        if not valid[joint]:
            continue
        column, row = np.rint(pixels[joint]).astype(int)
        if not (0 <= row < intrinsics.height and 0 <= column < intrinsics.width):
            continue
        inside[joint] = lit[row, column]
        name, _, side = joint.name.rpartition('_')
        numbers, most = _SEEN.get(joint.name) or _SEEN[name]
        right = side == 'RIGHT'
        allowed = {one + (right if one > 1 else 0) for one in numbers}
        if joint is Joint.PELVIS:
            allowed.add(7)
        # one pixel around: fingers are thin
        for r in range(max(row - 1, 0), min(row + 2, intrinsics.height)):
            for c in range(max(column - 1, 0), min(column + 2, intrinsics.width)):
                visible[joint] |= bool(
                    lit[r, c] and owner[r, c] == index and group[r, c] in allowed
                    and points[joint, 2] - surface[r, c] < most)
    return Truth(points, visible & inside, inside)


@compiled
def _normals(vertices: Any, triangles: Any, normals: Any) -> None:
    """Add up, at each vertex, the normals of its triangles by their areas; then unit length."""
    for n in range(triangles.shape[0]):
        i, j, k = triangles[n, 0], triangles[n, 1], triangles[n, 2]
        x, y, z = vertices[i, 0], vertices[i, 1], vertices[i, 2]
        ax, ay, az = vertices[j, 0] - x, vertices[j, 1] - y, vertices[j, 2] - z
        bx, by, bz = vertices[k, 0] - x, vertices[k, 1] - y, vertices[k, 2] - z
        for corner in (i, j, k):
            normals[corner, 0] += ay * bz - az * by
            normals[corner, 1] += az * bx - ax * bz
            normals[corner, 2] += ax * by - ay * bx
    for n in range(normals.shape[0]):
        x, y, z = normals[n, 0], normals[n, 1], normals[n, 2]
        size = math.sqrt(x * x + y * y + z * z)
        if size > 0:
            normals[n, 0], normals[n, 1], normals[n, 2] = x / size, y / size, z / size


@compiled
def _draw(
    pixels: Any, valid: Any, vertices: Any, normals: Any, triangles: Any, albedo: Any,
    groups: Any, index: int, active: float, surface: Any, amplitude: Any, owner: Any, group: Any,
) -> None:
    """Draw triangles into a depth buffer, with their light and whose they are."""
    height, width = surface.shape
    for n in range(triangles.shape[0]):
        i, j, k = triangles[n, 0], triangles[n, 1], triangles[n, 2]
        if not (valid[i] and valid[j] and valid[k]):
            continue
        ui, vi = pixels[i, 0], pixels[i, 1]
        uj, vj = pixels[j, 0], pixels[j, 1]
        uk, vk = pixels[k, 0], pixels[k, 1]
        area = (uj - ui) * (vk - vi) - (uk - ui) * (vj - vi)
        if area == 0:
            continue
        left, right = max(math.ceil(min(ui, uj, uk)), 0), min(max(ui, uj, uk), width - 1.0)
        top, bottom = max(math.ceil(min(vi, vj, vk)), 0), min(max(vi, vj, vk), height - 1.0)
        row = top
        while row <= bottom:
            column = left
            while column <= right:
                a = ((uj - column) * (vk - row) - (uk - column) * (vj - row)) / area
                b = ((uk - column) * (vi - row) - (ui - column) * (vk - row)) / area
                c = 1.0 - a - b
                if a >= 0 and b >= 0 and c >= 0:
                    # of what is linear in space, each corner's share
                    a, b, c = a / vertices[i, 2], b / vertices[j, 2], c / vertices[k, 2]
                    z = 1.0 / (a + b + c)
                    if z < surface[row, column]:
                        a, b, c = a * z, b * z, c * z
                        along, across, distance = 0.0, 0.0, 0.0
                        for axis in range(3):
                            p = (a * vertices[i, axis] + b * vertices[j, axis]
                                 + c * vertices[k, axis])
                            q = a * normals[i, axis] + b * normals[j, axis] + c * normals[k, axis]
                            along += p * q
                            across += q * q
                            distance += p * p
                        facing = abs(along) / (math.sqrt(distance * across) + 1e-12)
                        bright = a * albedo[n, 0] + b * albedo[n, 1] + c * albedo[n, 2]
                        surface[row, column] = z
                        amplitude[row, column] = (
                            active * bright * max(facing, 0.05) / distance)
                        owner[row, column] = index
                        group[row, column] = groups[n]
                column += 1
            row += 1
