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
Inner loops of the renderer, compiled with numba; ``fallback`` is the numpy version.

Shapes are rows of ``shape_table``, in the frame of the camera, which is the origin of all rays.
The ray of a pixel is (rx, ry, 1), so distances along it are depths Z.
"""

from __future__ import annotations

import math
from typing import Any

from k4a_ros.jit.numba_jit import compiled_fused
from k4a_ros.simulation.intersection_kernels import intersect_box
from k4a_ros.simulation.intersection_kernels import intersect_capsule
from k4a_ros.simulation.intersection_kernels import intersect_cone
from k4a_ros.simulation.shapes import BOX
from k4a_ros.simulation.shapes import MIN_DISTANCE
from k4a_ros.simulation.shapes import PLANE
import numpy as np


@compiled_fused
def trace(shapes: Any, areas: Any, first: int, rx: Any, ry: Any, z: Any, index: Any) -> None:
    """
    Draw shapes into a depth buffer.

    :param shapes: (N, 25) float64.
    :param areas: (N, 4) int64: first row, end row, first column and end column of each shape.
    :param first: index of the first of these shapes.
    :param rx: (height, width) float32, ``ry`` likewise: the rays, NaN for none.
    :param z: (height, width) float64, in place: depth, meters, inf for none.
    :param index: (height, width) int16, in place: index of the visible shape, -1 for none.
    """
    for n in range(shapes.shape[0]):
        kind, p, q, r = shapes[n, 0], shapes[n, 1], shapes[n, 2], shapes[n, 3]
        a, b, c = shapes[n, 4], shapes[n, 5], shapes[n, 6]
        d, e, f = shapes[n, 7], shapes[n, 8], shapes[n, 9]
        g, h, k = shapes[n, 10], shapes[n, 11], shapes[n, 12]
        tx, ty, tz = shapes[n, 13], shapes[n, 14], shapes[n, 15]
        # position of the camera in the shape's local frame
        ox = -(a * tx + d * ty + g * tz)
        oy = -(b * tx + e * ty + h * tz)
        oz = -(c * tx + f * ty + k * tz)
        for i in range(areas[n, 0], areas[n, 1]):
            for j in range(areas[n, 2], areas[n, 3]):
                x, y = rx[i, j], ry[i, j]
                dz = c * x + f * y + k
                if kind == PLANE:
                    t = -oz / dz
                    t = t if t > MIN_DISTANCE else math.inf
                else:
                    dx = a * x + d * y + g
                    dy = b * x + e * y + h
                    if kind == BOX:
                        t = intersect_box(dx, dy, dz, ox, oy, oz, p, q, r)
                    elif r != 0:
                        t = intersect_cone(dx, dy, dz, ox, oy, oz, p, q, r)
                    else:
                        t = intersect_capsule(dx, dy, dz, ox, oy, oz, p, q)
                if t < z[i, j]:
                    z[i, j] = t
                    index[i, j] = first + n


@compiled_fused
def _surface_at(
    geometry: Any, x: float, y: float, z: float,
) -> tuple[float, float, float, bool]:
    """
    Return the unit normal of a hit, towards the camera, and whether it has the other color.

    :param geometry: ``_geometry`` of the shape.
    :param x: x/z of the ray; ``y``: y/z of the ray; ``z``: depth.
    """
    kind, p, q, r, a, b, c, d, e, f, g, h, k, tx, ty, tz, square = geometry
    wx, wy, wz = c, f, k
    other = False
    if kind != PLANE or square > 0:
        # the point in the shape's local frame
        vx, vy, vz = x * z - tx, y * z - ty, z - tz
        px = a * vx + d * vy + g * vz
        py = b * vx + e * vy + h * vz
        pz = c * vx + f * vy + k * vz
        u, v = px, py
        if kind == BOX:
            ax, ay, az = abs(abs(px) - p), abs(abs(py) - q), abs(abs(pz) - r)
            if ax <= ay and ax <= az:
                wx, wy, wz = a, d, g
            elif ay <= az:
                wx, wy, wz = b, e, h
        elif kind != PLANE:
            level = min(max((pz - r * p) / (1.0 - r * r), 0.0), q)
            radius = p - r * level
            nx, ny, nz = px / radius, py / radius, (pz - level) / radius
            wx = a * nx + b * ny + c * nz
            wy = d * nx + e * ny + f * nz
            wz = g * nx + h * ny + k * nz
            u = pz
            if square > 0:
                v = math.atan2(py, px) * p
        if square > 0:
            other = (math.floor(u / square) + math.floor(v / square)) & 1 != 0
    if wx * x + wy * y + wz > 0:
        wx, wy, wz = -wx, -wy, -wz
    return wx, wy, wz, other


@compiled_fused
def _geometry(row: Any) -> Any:
    """Return the geometry of a row as a tuple: local variables are faster than an array."""
    return (row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8], row[9],
            row[10], row[11], row[12], row[13], row[14], row[15], row[16])


@compiled_fused
def paint(
    shapes: Any, area: Any, first: int, rx: Any, ry: Any, z: Any, index: Any, light: Any,
    ambient: float, image: Any,
) -> None:
    """
    Color the pixels that show one of the shapes: Lambertian surfaces under one distant light.

    If ``first`` is 0, so that these are all shapes, pixels without a shape become black.

    :param area: first row, end row, first column, end column.
    :param light: (3,) float64: unit vector towards the light in the camera's frame.
    :param ambient: ambient fraction of the light.
    :param image: (height, width, 3) uint8, in place.
    """
    if shapes.shape[0] == 0:
        if first == 0:
            image[area[0]:area[1], area[2]:area[3]] = 0
        return
    lx, ly, lz = light[0], light[1], light[2]
    last = 0
    geometry = _geometry(shapes[0])
    colors = (shapes[0, 17], shapes[0, 18], shapes[0, 19])
    others = (shapes[0, 20], shapes[0, 21], shapes[0, 22])
    for i in range(area[0], area[1]):
        for j in range(area[2], area[3]):
            n = index[i, j] - first
            if n < 0:
                if first == 0:
                    image[i, j, :] = 0
                continue
            if n != last:
                last = n
                geometry = _geometry(shapes[n])
                colors = (shapes[n, 17], shapes[n, 18], shapes[n, 19])
                others = (shapes[n, 20], shapes[n, 21], shapes[n, 22])
            nx, ny, nz, other = _surface_at(geometry, rx[i, j], ry[i, j], z[i, j])
            shade = (ambient + (1.0 - ambient) * max(nx * lx + ny * ly + nz * lz, 0.0)) * 255.0
            blue, green, red = others if other else colors
            image[i, j, 0] = int(min(blue * shade, 255.0) + 0.5)
            image[i, j, 1] = int(min(green * shade, 255.0) + 0.5)
            image[i, j, 2] = int(min(red * shade, 255.0) + 0.5)


@compiled_fused
def illuminate(
    shapes: Any, area: Any, first: int, rx: Any, ry: Any, z: Any, index: Any, light: Any,
    ambient: float, active: float, passive: float, lit: Any, amplitude: Any,
) -> None:
    """
    Compute the infrared amplitude of the pixels that show one of the shapes.

    It is reflectivity * (active * cos(incidence) / range² + passive * shading as in ``paint``),
    0 for pixels that are not illuminated and, if ``first`` is 0, for pixels without a shape.

    :param lit: (height, width) bool: the illuminated pixels.
    :param amplitude: (height, width) float32, in place.
    """
    if shapes.shape[0] == 0:
        if first == 0:
            amplitude[area[0]:area[1], area[2]:area[3]] = 0
        return
    lx, ly, lz = light[0], light[1], light[2]
    last = 0
    geometry = _geometry(shapes[0])
    reflectivity, other_reflectivity = shapes[0, 23], shapes[0, 24]
    for i in range(area[0], area[1]):
        for j in range(area[2], area[3]):
            n = index[i, j] - first
            if n < 0 or not lit[i, j]:
                if n >= 0 or first == 0:
                    amplitude[i, j] = 0
                continue
            if n != last:
                last = n
                geometry = _geometry(shapes[n])
                reflectivity, other_reflectivity = shapes[n, 23], shapes[n, 24]
            x, y, depth = rx[i, j], ry[i, j], z[i, j]
            nx, ny, nz, other = _surface_at(geometry, x, y, depth)
            stretch = x * x + y * y + 1.0
            value = passive * (
                ambient + (1.0 - ambient) * max(nx * lx + ny * ly + nz * lz, 0.0))
            value -= active * (nx * x + ny * y + nz) / (
                stretch * math.sqrt(stretch) * depth * depth)
            amplitude[i, j] = value * (other_reflectivity if other else reflectivity)


@compiled_fused
def measure(
    area: Any, first: int, index: Any, z: Any, amplitude: Any, lit: Any, max_bend: float,
    sigma_floor: float, shot_noise: float, wave: Any, depth: Any, sigma: Any,
) -> None:
    """
    Compute depth and its standard deviation for pixels that show, or adjoin, one of the shapes.

    :param area: first row, end row, first column, end column.
    :param first: index of the first of the shapes.
    :param lit: (height, width) bool: the illuminated pixels.
    :param max_bend: a pixel is invalid if the second difference of 1 / z over its neighbors is
        more than this fraction of 1 / z: it is zero on any plane, but not at an edge.
    :param sigma_floor: standard deviation of the depth in bright light, mm.
    :param shot_noise: standard deviation at amplitude 1, mm, added in quadrature; it decreases
        with the square root of the amplitude.
    :param wave: amplitude, mm, wavelength, mm, and phase of the systematic error.
    :param depth: (height, width) float32, in place: Z with systematic error, mm, 0 for invalid.
    :param sigma: (height, width) float32, in place: standard deviation, mm.
    """
    height, width = z.shape
    for i in range(area[0], area[1]):
        for j in range(area[2], area[3]):
            if (index[i, j] < first and index[max(i - 1, 0), j] < first
                    and index[min(i + 1, height - 1), j] < first
                    and index[i, max(j - 1, 0)] < first
                    and index[i, min(j + 1, width - 1)] < first):
                continue
            depth[i, j] = 0.0
            sigma[i, j] = 0.0
            here = z[i, j]
            light = amplitude[i, j]
            if not lit[i, j] or not here < math.inf or light <= 0:
                continue
            inverse = 2.0 / here
            bend = 0.0
            if j > 0 and j < width - 1 and lit[i, j - 1] and lit[i, j + 1]:
                bend = abs(1.0 / z[i, j - 1] + 1.0 / z[i, j + 1] - inverse)
            if i > 0 and i < height - 1 and lit[i - 1, j] and lit[i + 1, j]:
                bend = max(bend, abs(1.0 / z[i - 1, j] + 1.0 / z[i + 1, j] - inverse))
            if bend * here > max_bend:
                continue
            here *= 1000.0
            if wave[0] > 0:
                here += wave[0] * math.sin(2.0 * math.pi * here / wave[1] + wave[2])
            depth[i, j] = here
            sigma[i, j] = math.sqrt(sigma_floor * sigma_floor + shot_noise * shot_noise / light)


@compiled_fused
def develop(
    depth: Any, sigma: Any, amplitude: Any, depth_noise: Any, ir_noise: Any,
    amplitude_variance: float, min_amplitude: float, saturation: float, depth_out: Any,
    ir_out: Any,
) -> None:
    """
    Add noise, and convert to the images of one frame.

    All numbers are float32, which is faster.

    :param depth: (N,) float32 as from ``measure``; ``sigma``, ``amplitude`` likewise.
    :param depth_noise: (N,) float32, standard normal; ``ir_noise`` likewise.
    :param amplitude_variance: variance of the amplitude per unit of amplitude; 0 disables all
        noise.
    :param min_amplitude: amplitude below which depth is invalid.
    :param saturation: amplitude above which infrared is 65535 and depth invalid.
    :param depth_out: (N,) uint16, in place; may be empty.
    :param ir_out: (N,) uint16, in place.
    """
    noisy = amplitude_variance > 0
    zero, half, one, max_value = np.float32(0), np.float32(0.5), np.float32(1), np.float32(65535)
    with_depth = depth_out.shape[0] > 0
    for i in range(amplitude.shape[0]):
        expected = amplitude[i]
        light = expected
        if noisy:
            light += math.sqrt(amplitude_variance * expected) * ir_noise[i]
        saturated = light > saturation
        value = np.float32(65535.0) if saturated else max(light, one) + half
        ir_out[i] = np.uint16(value if expected > 0 else zero)
        if with_depth:
            distance = depth[i]
            if noisy:
                distance += sigma[i] * depth_noise[i]
            valid = (depth[i] > 0 and light >= min_amplitude and not saturated
                     and distance < max_value)
            depth_out[i] = np.uint16(max(distance, one) + half if valid else zero)
