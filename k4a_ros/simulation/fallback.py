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


"""What ``kernels`` does, for where numba is not installed: with numpy, several times slower."""

from __future__ import annotations

from typing import Any

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
    """Do as ``kernels.trace``."""
    for n, (row, area) in enumerate(zip(shapes, areas, strict=True)):
        part = np.s_[area[0]:area[1], area[2]:area[3]]
        rotation = row[4:13].reshape(3, 3)
        rays = _rays(rx[part], ry[part])
        if not len(rays):
            continue
        t, _ = _shape(row).meet(-row[13:16] @ rotation, rays @ rotation)
        t = t.reshape(z[part].shape)
        nearer = t < z[part]
        z[part][nearer] = t[nearer]
        index[part][nearer] = first + n


def paint(
    shapes: Floats, area: Floats, first: int, rx: Floats, ry: Floats, z: Floats, index: Floats,
    light: Floats, ambient: float, image: Floats,
) -> None:
    """Do as ``kernels.paint``."""
    part = np.s_[area[0]:area[1], area[2]:area[3]]
    if first == 0:
        image[part][index[part] < 0] = 0
    for n in np.unique(index[part]):
        if n < first:
            continue
        seen = index[part] == n
        row = shapes[n - first]
        normal, color = _look(row, _rays(rx[part][seen], ry[part][seen]), z[part][seen])
        shade = (ambient + (1.0 - ambient) * np.maximum(normal @ light, 0.0)) * 255.0
        image[part][seen] = np.minimum(color * shade[:, np.newaxis], 255.0) + 0.5


def illuminate(
    shapes: Floats, area: Floats, first: int, rx: Floats, ry: Floats, z: Floats, index: Floats,
    light: Floats, ambient: float, active: float, passive: float, lit: Floats,
    amplitude: Floats,
) -> None:
    """Do as ``kernels.illuminate``."""
    part = np.s_[area[0]:area[1], area[2]:area[3]]
    if first == 0:
        amplitude[part][index[part] < 0] = 0
    for n in np.unique(index[part]):
        if n < first:
            continue
        seen = index[part] == n
        rays, depth = _rays(rx[part][seen], ry[part][seen]), z[part][seen]
        normal, color = _look(shapes[n - first], rays, depth)
        stretch = (rays * rays).sum(axis=1)
        value = passive * (ambient + (1.0 - ambient) * np.maximum(normal @ light, 0.0))
        value -= active * (normal * rays).sum(axis=1) / (stretch ** 1.5 * depth * depth)
        amplitude[part][seen] = np.where(lit[part][seen], value * color.mean(axis=1), 0.0)


def measure(
    area: Floats, first: int, index: Floats, z: Floats, amplitude: Floats, lit: Floats,
    jump: float, floor: float, shot: float, wave: Floats, depth: Floats, sigma: Floats,
) -> None:
    """Do as ``kernels.measure``."""
    part = np.s_[area[0]:area[1], area[2]:area[3]]
    height, width = z.shape
    # with a margin around the area, which is not lit where it is outside of the image
    rows, columns = (np.arange(area[i] - 1, area[i + 1] + 1) for i in (0, 2))
    inside = ((rows >= 0) & (rows < height))[:, np.newaxis] & (columns >= 0) & (columns < width)
    around = np.ix_(rows.clip(0, height - 1), columns.clip(0, width - 1))
    known = lit[around] & inside
    inverse = 1.0 / z[around]
    middle = inverse[1:-1, 1:-1]
    seen = (index[around] >= first) & inside
    touched = seen[1:-1, 1:-1].copy()
    bend = np.zeros(middle.shape)
    for before, after in ((np.s_[1:-1, :-2], np.s_[1:-1, 2:]),
                          (np.s_[:-2, 1:-1], np.s_[2:, 1:-1])):
        change = np.abs(inverse[before] + inverse[after] - 2.0 * middle)
        bend = np.maximum(bend, np.where(known[before] & known[after], change, 0.0))
        touched |= seen[before] | seen[after]
    light = amplitude[part]
    valid = lit[part] & (middle > 0) & (light > 0) & (bend <= jump * middle)
    far = 1000.0 / np.where(valid, middle, 1.0)
    wrong = far + wave[0] * np.sin(2.0 * np.pi * far / wave[1] + wave[2])
    spread = np.sqrt(floor * floor + shot * shot / np.where(valid, light, 1.0))
    depth[part] = np.where(touched, np.where(valid, wrong, 0.0), depth[part])
    sigma[part] = np.where(touched, np.where(valid, spread, 0.0), sigma[part])


def develop(
    depth: Floats, sigma: Floats, amplitude: Floats, depth_noise: Floats, light_noise: Floats,
    photons: float, least: float, saturation: float, depth_out: Floats, ir_out: Floats,
) -> None:
    """Do as ``kernels.develop``."""
    light, value = amplitude, depth
    if photons > 0:
        light = light + np.sqrt(photons * light) * light_noise
        value = value + sigma * depth_noise
    ir_out[:] = np.where(amplitude > 0, np.clip(light, 1.0, 65534.0) + np.float32(0.5), 0.0)
    ir_out[light > saturation] = 65535
    if len(depth_out):
        valid = (depth > 0) & (light >= least) & (light <= saturation) & (value < 65535)
        depth_out[:] = np.where(valid, np.maximum(value, 1.0) + np.float32(0.5), 0.0)


def _rays(rx: Floats, ry: Floats) -> Floats:
    """Return directions (N, 3) float64."""
    return np.stack((rx, ry, np.ones_like(rx)), axis=-1).reshape(-1, 3).astype(np.float64)


def _shape(row: Floats) -> Plane | Box | Capsule:
    """Return a shape, in its own frame, from its row of the table."""
    from k4a_ros.calibration.rigid_transform import RigidTransform
    if row[0] == PLANE:
        return Plane((0.0, 0.0, 0.0), (0.0, 0.0, 1.0))
    if row[0] == BOX:
        return Box((2 * row[1], 2 * row[2], 2 * row[3]), RigidTransform.identity())
    return Capsule((0.0, 0.0, 0.0), (0.0, 0.0, row[2]), row[1])


def _look(row: Floats, rays: Floats, z: Floats) -> tuple[Floats, Floats]:
    """Return the unit normals towards the camera (N, 3) and the colors (N, 3) of hits."""
    rotation = row[4:13].reshape(3, 3)
    points = (rays * z[:, np.newaxis] - row[13:16]) @ rotation
    normal = np.zeros_like(points)
    places = points[:, :2]
    if row[0] == PLANE:
        normal[:, 2] = 1.0
    elif row[0] == BOX:
        side = np.abs(np.abs(points) - row[1:4]).argmin(axis=1)
        normal[np.arange(len(points)), side] = 1.0
    else:
        normal[:] = points
        normal[:, 2] -= np.clip(points[:, 2], 0.0, row[2])
        normal /= row[1]
        around = np.arctan2(points[:, 1], points[:, 0]) * row[1]
        places = np.stack((points[:, 2], around), axis=1)
    normal = normal @ rotation.T
    normal[(normal * rays).sum(axis=1) > 0] *= -1
    odd = np.zeros(len(points), np.intp)
    if row[16] > 0:
        odd = np.floor(places / row[16]).astype(np.int64).sum(axis=1) % 2
    return normal, np.stack((row[17:20], row[20:23]))[odd]
