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
Render people in a room as a depth camera sees them, with the true positions of their joints.

The room is ray-traced, and light, noise and invalid pixels are those of the simulated camera
(``k4a_ros.simulation``). People are triangle meshes with edges of about a centimeter, whose
vertices are projected through the lens with its distortion, and rasterized with 1 / z linear
between them. Without numba this is far too slow.
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
from k4a_ros.simulation.view import pixel_rays
from k4a_ros.simulation.view import Timeline
from k4a_ros.simulation.view import View
import numpy as np
from support.people.clothes import Clothes
from support.people.clothes import dress
from support.people.clothes import FOREARM
from support.people.clothes import HEAD
from support.people.clothes import SHANK
from support.people.clothes import THIGH
from support.people.clothes import TRUNK
from support.people.clothes import UPPER_ARM
from support.people.clothes import USUAL
from support.people.mesh import Mesh
from support.people.mesh import vertex_normals
from support.people.model import pose_figure
from support.people.model import Posture
from support.people.model import STANDING

#: index_map of a pixel that shows no person
BACKGROUND = 255

#: A joint is visible if its pixel shows one of these body parts, at most so many meters in front
#: of it: the trunk is thicker than limbs, and joints of the face are on the surface.
_VISIBLE_ON = {
    'PELVIS': ((TRUNK, THIGH), 0.25), 'SPINE_NAVEL': ((TRUNK,), 0.25),
    'SPINE_CHEST': ((TRUNK,), 0.25), 'NECK': ((TRUNK, HEAD), 0.25),
    'CLAVICLE': ((TRUNK, HEAD), 0.25), 'SHOULDER': ((TRUNK, UPPER_ARM), 0.15),
    'ELBOW': ((UPPER_ARM, FOREARM), 0.15), 'WRIST': ((FOREARM,), 0.15),
    'HAND': ((FOREARM,), 0.15), 'HANDTIP': ((FOREARM,), 0.15), 'THUMB': ((FOREARM,), 0.15),
    'HIP': ((TRUNK, THIGH), 0.25), 'KNEE': ((THIGH, SHANK), 0.15), 'ANKLE': ((SHANK,), 0.15),
    'FOOT': ((SHANK,), 0.15), 'HEAD': ((TRUNK, HEAD), 0.2), 'NOSE': ((HEAD,), 0.05),
    'EYE': ((HEAD,), 0.05), 'EAR': ((HEAD,), 0.05)}
#: how much further behind the surface it may be below loose cloth, except in the head
_CLOTHES_M = 0.04
#: meters in front of the camera up to which a vertex is not drawn
_MIN_DEPTH_M = 0.2


@dataclass(frozen=True)
class Person:
    """
    A person in a scene.

    ``position``: on the floor, right of the camera and ahead of it, meters. ``facing``: degrees,
    0 toward the camera's plane, 90 toward the right edge of the image, the person's left, 180
    away from the camera. ``height``: meters, by default that of the shape.
    """

    position: tuple[float, float]
    posture: Posture = STANDING
    shape: str = 'man'
    facing: float = 0.0
    height: float | None = None
    clothes: Clothes = USUAL


@dataclass(frozen=True)
class Furniture:
    """A cuboid: its center from the floor below the camera, and its size: right, up, ahead, m."""

    center: tuple[float, float, float]
    size: tuple[float, float, float]
    reflectivity: float = 0.4


@dataclass(frozen=True)
class Scene:
    """
    People in a room.

    ``height``: of the camera above the floor, ``wall`` and ``side_wall``: distances ahead and to
    the right of it, meters; ``tilt``: degrees by which it looks down.
    """

    people: tuple[Person, ...] = ()
    furniture: tuple[Furniture, ...] = ()
    height: float = 1.1
    tilt: float = 0.0
    wall: float = 3.6
    side_wall: float | None = None


@dataclass(frozen=True, eq=False)
class Truth:
    """
    The joints of one person.

    ``positions`` (32, 3): meters in the depth camera's frame; ``visible`` (32,) bool: the joint is
    in the illuminated part of the image, and occluded neither by others nor by another limb of
    the person; ``inside`` (32,) bool: it is in the illuminated part of the image.
    """

    positions: np.ndarray
    visible: np.ndarray
    inside: np.ndarray


@dataclass(frozen=True, eq=False)
class Rendered:
    """
    The images of the camera, and the ground truth.

    ``depth`` and ``infrared`` (height, width) uint16; ``index_map`` (height, width) uint8: index
    into ``people``, in the order of the scene, of the person that an illuminated pixel shows, with
    or without valid depth, `BACKGROUND` elsewhere; ``surface`` (height, width) float32: meters,
    depth without any error.
    """

    depth: np.ndarray
    infrared: np.ndarray
    index_map: np.ndarray
    surface: np.ndarray
    people: tuple[Truth, ...]


@dataclass(frozen=True, eq=False)
class _Buffers:
    """
    What people are drawn into, all (height, width).

    ``surface``: depth buffer, meters; ``amplitude``: of the reflected light; ``owner`` uint8: the
    index of the person; ``part`` int8: the body part.
    """

    surface: np.ndarray
    amplitude: np.ndarray
    owner: np.ndarray
    part: np.ndarray


def render(scene: Scene, intrinsics: Intrinsics, seed: int = 0) -> Rendered:
    """
    Render a scene.

    :param intrinsics: of the depth camera; the depth mode follows from its size.
    :param seed: of the noise.
    """
    mode = _mode(intrinsics)
    light = response.response_of(mode)
    surface, amplitude, lit = _room(
        scene.furniture, scene.height, scene.tilt, scene.wall, scene.side_wall, intrinsics)
    buffers = _Buffers(
        surface.copy(), amplitude.copy(), np.full(surface.shape, BACKGROUND, np.uint8),
        np.full(surface.shape, -1, np.int8))
    to_camera = _camera_pose(scene.height, scene.tilt).inverse()
    joints = []
    for index, person in enumerate(scene.people):
        outfit = dress(person.shape, person.clothes)
        vertices, points = _in_camera_frame(person, outfit.worn, to_camera)
        joints.append(points)
        with np.errstate(invalid='ignore'):
            pixels, valid = intrinsics.project(vertices)
        normals = np.zeros_like(vertices)
        vertex_normals(vertices, outfit.triangles, normals)
        _draw(pixels, valid & (vertices[:, 2] > _MIN_DEPTH_M), vertices, normals,
              outfit.triangles, outfit.albedo, outfit.parts, index, light.active,
              buffers.surface, buffers.amplitude, buffers.owner, buffers.part)
    buffers.amplitude[~lit] = 0
    buffers.owner[~lit] = BACKGROUND
    depth, infrared = _measure(mode, buffers, lit, light, seed)
    truths = tuple(
        _truth(points, index, scene.people[index].clothes.loose, intrinsics, buffers, lit)
        for index, points in enumerate(joints))
    return Rendered(depth, infrared, buffers.owner, buffers.surface.astype(np.float32), truths)


def _mode(intrinsics: Intrinsics) -> DepthMode:
    size = (intrinsics.width, intrinsics.height)
    return next(mode for mode in DepthMode if mode.has_depth and mode.size == size)


def _camera_pose(height: float, tilt: float) -> RigidTransform:
    """Return the camera's pose in a world with x right, y down, z ahead and the floor at y = 0."""
    c, s = math.cos(math.radians(tilt)), math.sin(math.radians(tilt))
    return RigidTransform(np.array([[1, 0, 0], [0, c, s], [0, -s, c]]), np.array([0, -height, 0]))


def _in_camera_frame(
    person: Person, worn: Mesh | None, to_camera: RigidTransform,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the vertices (V, 3) and joints (32, 3) of a person in the camera's frame, meters."""
    figure = pose_figure(person.shape, person.posture, person.height, worn)
    c, s = math.cos(math.radians(person.facing)), math.sin(math.radians(person.facing))
    # columns: forward, left and up of the person in the world
    to_world = RigidTransform(np.array([[s, c, 0], [0, 0, -1], [-c, s, 0]]),
                              np.array([person.position[0], 0, person.position[1]]))
    pose = to_camera @ to_world
    return (figure.vertices @ pose.rotation.T + pose.translation,
            figure.joints @ pose.rotation.T + pose.translation)


@lru_cache(maxsize=24)
def _room(
    furniture: tuple[Furniture, ...], height: float, tilt: float, wall: float,
    side_wall: float | None, intrinsics: Intrinsics,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return depth (meters), amplitude and the illuminated pixels of a room without people."""
    def matt(reflectivity: float) -> Material:
        return Material((reflectivity, reflectivity, reflectivity))

    shapes: list[Any] = [
        Plane((0, 0, 0), (0, -1, 0), matt(0.3)), Plane((0, 0, wall), (0, 0, -1), matt(0.6))]
    if side_wall is not None:
        shapes.append(Plane((side_wall, 0, 0), (-1, 0, 0), matt(0.6)))
    for piece in furniture:
        x, up, z = piece.center
        shapes.append(Box(piece.size, RigidTransform(np.eye(3), np.array([x, -up, z])),
                          matt(piece.reflectivity)))
    world = simulated.Scene(tuple(shapes))
    mount = world.camera.depth_camera(0.0).inverse() @ _camera_pose(height, tilt)
    view = View(Timeline(world), intrinsics, mount, rays=_rays(intrinsics))
    mode = _mode(intrinsics)
    lit = response.illumination_mask(mode, view.rx, view.ry)
    amplitude = np.zeros(view.z.shape, np.float32)
    view.kernels.illuminate(
        view.shapes, view.full_area, 0, view.rx, view.ry, view.z, view.index, view.light, 1.0,
        response.response_of(mode).active, 0.0, lit, amplitude)
    return view.z, amplitude, lit


@lru_cache(maxsize=4)
def _rays(intrinsics: Intrinsics) -> tuple[np.ndarray, np.ndarray]:
    return pixel_rays(intrinsics)


@lru_cache(maxsize=4)
def _noise(pixels: int) -> response.Noise:
    return response.Noise(0, pixels)


def _measure(
    mode: DepthMode, buffers: _Buffers, lit: np.ndarray, light: response.Response, seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return depth and infrared, with the errors of the simulated camera."""
    surface, amplitude = buffers.surface, buffers.amplitude
    height, width = surface.shape
    z, sigma = np.zeros((2, height, width), np.float32)
    kernels.measure(
        (0, height, 0, width), -1, np.zeros((height, width), np.int16), surface, amplitude, lit,
        response.MAX_BEND, light.sigma_floor, light.shot_noise, response.systematic_error(0), z,
        sigma)
    depth, infrared = np.zeros((2, height, width), np.uint16)
    kernels.develop(
        z.ravel(), sigma.ravel(), amplitude.ravel(), *_noise(surface.size).at(seed),
        np.float32(response.VARIANCE_PER_AMPLITUDE), np.float32(light.min_amplitude),
        np.float32(response.SATURATION), depth.reshape(-1), infrared.reshape(-1))
    return depth, infrared


def _truth(
    points: np.ndarray, index: int, loose: bool, intrinsics: Intrinsics, buffers: _Buffers,
    lit: np.ndarray,
) -> Truth:
    """Return the joints of a person, and which of them are visible."""
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
        parts, max_distance_m = _VISIBLE_ON.get(joint.name) or _VISIBLE_ON[name]
        if loose and joint < Joint.HEAD:
            max_distance_m += _CLOTHES_M
        right = side == 'RIGHT'
        allowed = {part + (right if part >= UPPER_ARM else 0) for part in parts}
        if joint is Joint.PELVIS:
            allowed.add(THIGH + 1)
        # also one pixel around it: fingers are thin
        for r in range(max(row - 1, 0), min(row + 2, intrinsics.height)):
            for c in range(max(column - 1, 0), min(column + 2, intrinsics.width)):
                visible[joint] |= bool(
                    lit[r, c] and buffers.owner[r, c] == index and buffers.part[r, c] in allowed
                    and points[joint, 2] - buffers.surface[r, c] < max_distance_m)
    return Truth(points, visible & inside, inside)


@compiled
def _draw(
    pixels: Any, valid: Any, vertices: Any, normals: Any, triangles: Any, albedo: Any,
    parts: Any, index: int, active: float, surface: Any, amplitude: Any, owner: Any, part: Any,
) -> None:
    """Rasterize triangles into the buffers of `_Buffers`; ``active``: light of the camera."""
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
                    # perspective-correct barycentric weights
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
                        cosine = abs(along) / (math.sqrt(distance * across) + 1e-12)
                        reflectivity = a * albedo[n, 0] + b * albedo[n, 1] + c * albedo[n, 2]
                        surface[row, column] = z
                        amplitude[row, column] = (
                            active * reflectivity * max(cosine, 0.05) / distance)
                        owner[row, column] = index
                        part[row, column] = parts[n]
                column += 1
            row += 1
