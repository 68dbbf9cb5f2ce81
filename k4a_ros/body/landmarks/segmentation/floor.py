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


"""The floor in a depth image: a level plane with nothing below it."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import Any

from k4a_ros.body.landmarks.segmentation.planes import plane_of
from k4a_ros.body.landmarks.segmentation.planes import planes_through
from k4a_ros.jit.numba_jit import compiled
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Vectors = npt.NDArray[np.float64]

#: every so manieth pixel, and how many pixels away its neighbors are that give its normal
_STRIDE = 5
_REACH = 3
#: how far a normal may be off the direction of up, which need be no more than a guess
_MAX_TILT = math.radians(25.0)
_LEAST_RISE = math.cos(_MAX_TILT)
#: meters from the plane that belong to it, and below it that speak against it
_NEAR = 0.03
_BELOW = 0.08
#: m² of floor that have to be seen
_LEAST_AREA = 0.12
_GUESSES = 60
#: three points of each guess, as shares of all
_DRAWN = np.random.default_rng(0).random((_GUESSES, 3))


@dataclass(frozen=True, eq=False)
class Floor:
    """A plane: ``up`` (3,) is its unit normal, ``height`` the camera's height above it, meters."""

    up: Vectors
    height: float


def find_floor(
    points: Floats, area: Floats, up: Vectors, before: Floor | None = None,
) -> Floor | None:
    """
    Look for the floor.

    The best of planes through three points each, after Fischler and Bolles, "Random sample
    consensus", 1981: what is on it counts for it, what is below counts against it.

    :param points: (height, width, 3) meters, 0 for none.
    :param area: (height, width) m² that each pixel shows, were it seen frontally.
    :param up: roughly the direction of up in the camera's frame, unit length.
    :param before: the floor in the image before, the first guess.
    :return: None if no floor is seen.
    """
    there = np.empty((points.shape[0] * points.shape[1] // _STRIDE ** 2 + 1, 4))
    there = there[:_level_points(points, area, up, there)]
    if len(there) < 12:
        return None
    level, weights = there[:, :3], there[:, 3]
    guesses = _guesses(level, up, before)
    plane = guesses[_best(there, guesses)]
    for _ in range(2):
        on_plane = np.abs(level @ plane[:3] + plane[3]) < _NEAR
        if float(weights[on_plane].sum()) < _LEAST_AREA:
            return None
        plane = _upwards(plane_of(level[on_plane], weights[on_plane]), up)
    if plane[3] < _NEAR or plane[:3] @ up < _LEAST_RISE:
        return None
    return Floor(plane[:3], float(plane[3]))


@compiled
def _level_points(points: Any, area: Any, up: Any, found: Any) -> int:
    """
    Write the surfaces below the camera that face up, and return how many there are.

    :param found: (N, 4) float64, written: points, meters, and the m² that each stands for.
    """
    far, count = _REACH, 0
    for row in range(far, points.shape[0] - far, _STRIDE):
        for column in range(far, points.shape[1] - far, _STRIDE):
            x, y, z = points[row, column]
            ax, ay, az = points[row, column + far]
            bx, by, bz = points[row, column - far]
            cx, cy, cz = points[row + far, column]
            dx, dy, dz = points[row - far, column]
            if min(z, az, bz, cz, dz) <= 0 or x * up[0] + y * up[1] + z * up[2] >= 0:
                continue
            # a surface, not the step from one to another behind it
            if abs(az - bz) >= 0.12 * z or abs(cz - dz) >= 0.24 * z:
                continue
            ax, ay, az = ax - bx, ay - by, az - bz
            cx, cy, cz = cx - dx, cy - dy, cz - dz
            nx, ny, nz = cy * az - cz * ay, cz * ax - cx * az, cx * ay - cy * ax
            rise = nx * up[0] + ny * up[1] + nz * up[2]
            length = math.sqrt(nx * nx + ny * ny + nz * nz)
            if rise > _LEAST_RISE * length:
                found[count, 0], found[count, 1], found[count, 2] = x, y, z
                # seen at a slant, a pixel shows more
                found[count, 3] = area[row, column] * _STRIDE ** 2 / max(rise / length, 0.5)
                count += 1
    return count


@compiled
def _best(points: Any, planes: Any) -> int:
    """Return which plane has most on it and least below: points (N, 4) with their areas."""
    best, most = 0, -math.inf
    for number in range(len(planes)):
        x, y, z, offset = planes[number]
        score = 0.0
        for point in range(len(points)):
            height = x * points[point, 0] + y * points[point, 1] + z * points[point, 2] + offset
            if abs(height) < _NEAR:
                score += points[point, 3]
            elif height < -_BELOW:
                score -= points[point, 3]
        if score > most:
            best, most = number, score
    return best


def _guesses(level: Vectors, up: Vectors, before: Floor | None) -> Vectors:
    """Return planes to try, (M, 4): normals, and what to add to give heights."""
    planes = _upwards(planes_through(level, _DRAWN), up)
    guesses = [planes[planes[:, :3] @ up > _LEAST_RISE]]
    # up may well be right
    offsets = -(level[:: max(1, len(level) // 20)] @ up)
    guesses.append(np.column_stack((np.tile(up, (len(offsets), 1)), offsets)))
    if before is not None:
        guesses.insert(0, np.array([[*before.up, before.height]]))
    return np.concatenate(guesses)


def _upwards(planes: Vectors, up: Vectors) -> Vectors:
    """Return planes (..., 4) with the normals that point up."""
    turned: Vectors = planes * np.where(planes[..., :3] @ up < 0, -1.0, 1.0)[..., np.newaxis]
    return turned
