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

"""The functions of ``kernels`` in numpy, for use without numba; several times slower."""

from __future__ import annotations

from typing import Any

from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.simulation.shape_table import COLOR
from k4a_ros.simulation.shape_table import DIMENSIONS
from k4a_ros.simulation.shape_table import INFRARED
from k4a_ros.simulation.shape_table import KIND
from k4a_ros.simulation.shape_table import OTHER_COLOR
from k4a_ros.simulation.shape_table import ROTATION
from k4a_ros.simulation.shape_table import SQUARE
from k4a_ros.simulation.shape_table import TRANSLATION
from k4a_ros.simulation.shapes import BOX
from k4a_ros.simulation.shapes import Box
from k4a_ros.simulation.shapes import Capsule
from k4a_ros.simulation.shapes import PLANE
from k4a_ros.simulation.shapes import Plane
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[Any]


def trace(
    shapes: Floats, areas: Floats, first: int, rx: Floats, ry: Floats, z: Floats, index: Floats,
) -> None:
    """Draw shapes into a depth buffer; see ``kernels.trace``."""
    for n, (row, area) in enumerate(zip(shapes, areas, strict=True)):
        part = np.s_[area[0]:area[1], area[2]:area[3]]
        rotation = row[ROTATION].reshape(3, 3)
        rays = _rays(rx[part], ry[part])
        if not len(rays):
            continue
        distance, _ = _local_shape(row).intersect_local(
            -row[TRANSLATION] @ rotation, rays @ rotation)
        distance = distance.reshape(z[part].shape)
        nearer = distance < z[part]
        z[part][nearer] = distance[nearer]
        index[part][nearer] = first + n


def paint(
    shapes: Floats, area: Floats, first: int, rx: Floats, ry: Floats, z: Floats, index: Floats,
    light: Floats, ambient: float, image: Floats,
) -> None:
    """Color the pixels that show one of the shapes; see ``kernels.paint``."""
    part = np.s_[area[0]:area[1], area[2]:area[3]]
    if first == 0:
        image[part][index[part] < 0] = 0
    for n in np.unique(index[part]):
        if n < first:
            continue
        visible = index[part] == n
        row = shapes[n - first]
        normal, odd = _surface_at(
            row, _rays(rx[part][visible], ry[part][visible]), z[part][visible])
        color = np.stack((row[COLOR], row[OTHER_COLOR]))[odd]
        shade = (ambient + (1.0 - ambient) * np.maximum(normal @ light, 0.0)) * 255.0
        image[part][visible] = np.minimum(color * shade[:, np.newaxis], 255.0) + 0.5


def illuminate(
    shapes: Floats, area: Floats, first: int, rx: Floats, ry: Floats, z: Floats, index: Floats,
    light: Floats, ambient: float, active: float, passive: float, lit: Floats,
    amplitude: Floats,
) -> None:
    """Compute the infrared amplitude of the shapes; see ``kernels.illuminate``."""
    part = np.s_[area[0]:area[1], area[2]:area[3]]
    if first == 0:
        amplitude[part][index[part] < 0] = 0
    for n in np.unique(index[part]):
        if n < first:
            continue
        visible = index[part] == n
        rays, depth = _rays(rx[part][visible], ry[part][visible]), z[part][visible]
        row = shapes[n - first]
        normal, odd = _surface_at(row, rays, depth)
        stretch = (rays * rays).sum(axis=1)
        value = passive * (ambient + (1.0 - ambient) * np.maximum(normal @ light, 0.0))
        value -= active * (normal * rays).sum(axis=1) / (stretch ** 1.5 * depth * depth)
        amplitude[part][visible] = np.where(lit[part][visible], value * row[INFRARED][odd], 0.0)


def measure(
    area: Floats, first: int, index: Floats, z: Floats, amplitude: Floats, lit: Floats,
    max_bend: float, sigma_floor: float, shot_noise: float, wave: Floats, depth: Floats,
    sigma: Floats,
) -> None:
    """Compute depth and its standard deviation; see ``kernels.measure``."""
    part = np.s_[area[0]:area[1], area[2]:area[3]]
    height, width = z.shape
    # with a margin of one pixel around the area, which is unlit outside the image
    rows, columns = (np.arange(area[i] - 1, area[i + 1] + 1) for i in (0, 2))
    inside = ((rows >= 0) & (rows < height))[:, np.newaxis] & (columns >= 0) & (columns < width)
    padded = np.ix_(rows.clip(0, height - 1), columns.clip(0, width - 1))
    known = lit[padded] & inside
    inverse = 1.0 / z[padded]
    center = inverse[1:-1, 1:-1]
    shown = (index[padded] >= first) & inside
    affected = shown[1:-1, 1:-1].copy()
    bend = np.zeros(center.shape)
    for before, after in ((np.s_[1:-1, :-2], np.s_[1:-1, 2:]),
                          (np.s_[:-2, 1:-1], np.s_[2:, 1:-1])):
        difference = np.abs(inverse[before] + inverse[after] - 2.0 * center)
        bend = np.maximum(bend, np.where(known[before] & known[after], difference, 0.0))
        affected |= shown[before] | shown[after]
    light = amplitude[part]
    valid = lit[part] & (center > 0) & (light > 0) & (bend <= max_bend * center)
    true_depth = 1000.0 / np.where(valid, center, 1.0)
    measured = true_depth + wave[0] * np.sin(2.0 * np.pi * true_depth / wave[1] + wave[2])
    spread = np.sqrt(
        sigma_floor * sigma_floor + shot_noise * shot_noise / np.where(valid, light, 1.0))
    depth[part] = np.where(affected, np.where(valid, measured, 0.0), depth[part])
    sigma[part] = np.where(affected, np.where(valid, spread, 0.0), sigma[part])


def develop(
    depth: Floats, sigma: Floats, amplitude: Floats, depth_noise: Floats, ir_noise: Floats,
    amplitude_variance: float, min_amplitude: float, saturation: float, depth_out: Floats,
    ir_out: Floats,
) -> None:
    """Add noise, and convert to the images of one frame; see ``kernels.develop``."""
    light, distance = amplitude, depth
    if amplitude_variance > 0:
        light = light + np.sqrt(amplitude_variance * light) * ir_noise
        distance = distance + sigma * depth_noise
    ir_out[:] = np.where(amplitude > 0, np.clip(light, 1.0, 65534.0) + np.float32(0.5), 0.0)
    ir_out[light > saturation] = 65535
    if len(depth_out):
        valid = ((depth > 0) & (light >= min_amplitude) & (light <= saturation)
                 & (distance < 65535))
        depth_out[:] = np.where(valid, np.maximum(distance, 1.0) + np.float32(0.5), 0.0)


def _rays(rx: Floats, ry: Floats) -> Floats:
    """Return the directions (N, 3) float64 of rays."""
    return np.stack((rx, ry, np.ones_like(rx)), axis=-1).reshape(-1, 3).astype(np.float64)


def _local_shape(row: Floats) -> Plane | Box | Capsule:
    """Return the shape of a row, in its local frame."""
    if row[KIND] == PLANE:
        return Plane((0.0, 0.0, 0.0), (0.0, 0.0, 1.0))
    if row[KIND] == BOX:
        return Box((2 * row[1], 2 * row[2], 2 * row[3]), RigidTransform.identity())
    return _local_capsule(row)


def _local_capsule(row: Floats) -> Capsule:
    """Return the capsule of a row, in its local frame."""
    return Capsule(
        (0.0, 0.0, 0.0), (0.0, 0.0, row[2]), row[1], end_radius=row[1] - row[3] * row[2])


def _surface_at(row: Floats, rays: Floats, z: Floats) -> tuple[Floats, Floats]:
    """Return the unit normals (N, 3), towards the camera, and 1 for the other color (N,)."""
    rotation = row[ROTATION].reshape(3, 3)
    points = (rays * z[:, np.newaxis] - row[TRANSLATION]) @ rotation
    normal = np.zeros_like(points)
    texture = points[:, :2]
    if row[KIND] == PLANE:
        normal[:, 2] = 1.0
    elif row[KIND] == BOX:
        side = np.abs(np.abs(points) - row[DIMENSIONS]).argmin(axis=1)
        normal[np.arange(len(points)), side] = 1.0
    else:
        normal = _local_capsule(row).normals_local(points)
        around = np.arctan2(points[:, 1], points[:, 0]) * row[1]
        texture = np.stack((points[:, 2], around), axis=1)
    normal = normal @ rotation.T
    normal[(normal * rays).sum(axis=1) > 0] *= -1
    odd = np.zeros(len(points), np.intp)
    if row[SQUARE] > 0:
        odd = np.floor(texture / row[SQUARE]).astype(np.int64).sum(axis=1) % 2
    return normal, odd
