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

"""Find the floor in a depth image: a large level plane with no surface below it."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import Any
from typing import NamedTuple

from k4a_ros.body.landmarks.segmentation.planes import fit_plane
from k4a_ros.body.landmarks.segmentation.planes import planes_through_triples
from k4a_ros.jit.numba_jit import compiled
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Vectors = npt.NDArray[np.float64]


class _FloorThresholds(NamedTuple):
    """What counts as the floor; a named tuple, as compiled code cannot read a dataclass."""

    #: every Nth row and column is used
    stride_pixels: int = 5
    #: distance to the neighbors that give the normal of a pixel
    neighbor_pixels: int = 3
    #: maximum depth difference between opposite neighbors on one surface, per meter from the
    #: camera: in a row
    max_row_step_m_per_m: float = 0.12
    #: the same in a column, along which a floor recedes
    max_column_step_m_per_m: float = 0.24
    #: cosine of the maximum angle between the floor's normal and the approximate up
    min_up_cosine: float = math.cos(math.radians(25.0))
    #: lower limit of the cosine by which the area of a slanted pixel is divided
    min_area_cosine: float = 0.5
    #: maximum distance of an inlier from the floor
    inlier_m: float = 0.03
    #: points farther below a candidate than this are evidence against it
    below_m: float = 0.08
    #: minimum visible area of the floor
    min_area_m2: float = 0.12
    #: minimum number of points on level surfaces
    min_points: int = 12
    #: candidates through three random points
    candidates: int = 60
    #: approximate number of candidates at right angles to the given up
    level_candidates: int = 20


_FLOOR = _FloorThresholds()
#: the three points of each candidate, as shares of the number of points
_TRIPLES = np.random.default_rng(0).random((_FLOOR.candidates, 3))


@dataclass(frozen=True, eq=False)
class Floor:
    """A plane: ``up`` (3,) is its unit normal, ``height`` the camera's height above it, meters."""

    up: Vectors
    height: float


def find_floor(
    points: Floats, areas: Floats, up: Vectors, previous: Floor | None = None,
) -> Floor | None:
    """
    Find the floor by RANSAC (Fischler and Bolles, "Random sample consensus", 1981).

    The area of the points on a candidate counts for it, that of the points below against it.

    :param points: (height, width, 3) meters, 0 for no depth.
    :param areas: (height, width) m² that each pixel covers, as if seen frontally.
    :param up: the approximate direction of up in the camera's frame, unit length.
    :param previous: the floor in the previous image, the first candidate.
    :return: None if no floor is visible.
    """
    count = points.shape[0] * points.shape[1] // _FLOOR.stride_pixels ** 2 + 1
    level: Vectors = np.empty((count, 4))
    level = level[:_level_points(points, areas, up, level)]
    if len(level) < _FLOOR.min_points:
        return None
    positions, weights = level[:, :3], level[:, 3]
    candidates = _candidates(positions, up, previous)
    plane = candidates[_best_candidate(level, candidates)]
    for _ in range(2):
        inliers = np.abs(positions @ plane[:3] + plane[3]) < _FLOOR.inlier_m
        if float(weights[inliers].sum()) < _FLOOR.min_area_m2:
            return None
        plane = _face_up(fit_plane(positions[inliers], weights[inliers]), up)
    if plane[3] < _FLOOR.inlier_m or plane[:3] @ up < _FLOOR.min_up_cosine:
        return None
    return Floor(plane[:3], float(plane[3]))


@compiled
def _level_points(points: Any, areas: Any, up: Any, level: Any) -> int:
    """
    Write the points of level surfaces below the camera, and return how many there are.

    :param level: (N, 4) float64, written: points, meters, and the m² that each stands for.
    """
    reach, stride, count = _FLOOR.neighbor_pixels, _FLOOR.stride_pixels, 0
    for row in range(reach, points.shape[0] - reach, stride):
        for column in range(reach, points.shape[1] - reach, stride):
            x, y, z = points[row, column]
            ax, ay, az = points[row, column + reach]
            bx, by, bz = points[row, column - reach]
            cx, cy, cz = points[row + reach, column]
            dx, dy, dz = points[row - reach, column]
            if min(z, az, bz, cz, dz) <= 0 or x * up[0] + y * up[1] + z * up[2] >= 0:
                continue
            # skip depth discontinuities
            if (abs(az - bz) >= _FLOOR.max_row_step_m_per_m * z
                    or abs(cz - dz) >= _FLOOR.max_column_step_m_per_m * z):
                continue
            ax, ay, az = ax - bx, ay - by, az - bz
            cx, cy, cz = cx - dx, cy - dy, cz - dz
            nx, ny, nz = cy * az - cz * ay, cz * ax - cx * az, cx * ay - cy * ax
            rise = nx * up[0] + ny * up[1] + nz * up[2]
            length = math.sqrt(nx * nx + ny * ny + nz * nz)
            if rise > _FLOOR.min_up_cosine * length:
                level[count, 0], level[count, 1], level[count, 2] = x, y, z
                # at a grazing angle a pixel covers more
                level[count, 3] = areas[row, column] * stride ** 2 / max(
                    rise / length, _FLOOR.min_area_cosine)
                count += 1
    return count


@compiled
def _best_candidate(level: Any, planes: Any) -> int:
    """Return the index of the plane with most area on it, less that below: ``level`` (N, 4)."""
    best, best_score = 0, -math.inf
    for index in range(len(planes)):
        a, b, c, d = planes[index]
        score = 0.0
        for point in range(len(level)):
            height = a * level[point, 0] + b * level[point, 1] + c * level[point, 2] + d
            if abs(height) < _FLOOR.inlier_m:
                score += level[point, 3]
            elif height < -_FLOOR.below_m:
                score -= level[point, 3]
        if score > best_score:
            best, best_score = index, score
    return best


def _candidates(positions: Vectors, up: Vectors, previous: Floor | None) -> Vectors:
    """Return candidate planes (M, 4): unit normals, and offsets that give heights."""
    planes = _face_up(planes_through_triples(positions, _TRIPLES), up)
    candidates = [planes[planes[:, :3] @ up > _FLOOR.min_up_cosine]]
    # the given up may be exact
    step = max(1, len(positions) // _FLOOR.level_candidates)
    offsets = -(positions[::step] @ up)
    candidates.append(np.column_stack((np.tile(up, (len(offsets), 1)), offsets)))
    if previous is not None:
        candidates.insert(0, np.array([[*previous.up, previous.height]]))
    return np.concatenate(candidates)


def _face_up(planes: Vectors, up: Vectors) -> Vectors:
    """Return planes (..., 4) with their normals pointing up."""
    facing: Vectors = planes * np.where(planes[..., :3] @ up < 0, -1.0, 1.0)[..., np.newaxis]
    return facing
