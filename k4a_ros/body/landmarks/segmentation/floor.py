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

from k4a_ros.body.landmarks.segmentation.planes import fit_plane
from k4a_ros.body.landmarks.segmentation.planes import level_planes
from k4a_ros.body.landmarks.segmentation.planes import planes_through_triples
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Vectors = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _FloorThresholds:
    """What counts as the floor."""

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

    def heights(self, points: Floats) -> Floats:
        """Return how far points (..., 3) are above the floor, (...) meters."""
        heights: Floats = points @ self.up.astype(np.float32) + np.float32(self.height)
        return heights


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
    positions, weights = _level_points(points, areas, up)
    if len(positions) < _FLOOR.min_points:
        return None
    candidates = _candidates(positions, up, previous)
    heights = candidates[:, :3] @ positions.T + candidates[:, 3:]
    scores = (np.abs(heights) < _FLOOR.inlier_m) @ weights - (heights < -_FLOOR.below_m) @ weights
    plane = candidates[scores.argmax()]
    for _ in range(2):
        inliers = np.abs(positions @ plane[:3] + plane[3]) < _FLOOR.inlier_m
        if float(weights[inliers].sum()) < _FLOOR.min_area_m2:
            return None
        plane = _face_up(fit_plane(positions[inliers], weights[inliers]), up)
    if plane[3] < _FLOOR.inlier_m or plane[:3] @ up < _FLOOR.min_up_cosine:
        return None
    return Floor(plane[:3], float(plane[3]))


def _level_points(points: Floats, areas: Floats, up: Vectors) -> tuple[Vectors, Vectors]:
    """Return points (N, 3) of level surfaces below the camera, and the m² each stands for."""
    reach, stride = _FLOOR.neighbor_pixels, _FLOOR.stride_pixels
    middle = slice(reach, -reach, stride)
    before, after = slice(None, -2 * reach, stride), slice(2 * reach, None, stride)
    neighbors = points[middle, after], points[middle, before], points[after, middle], points[
        before, middle]
    here = points[middle, middle]
    z = here[..., 2]
    row, column = neighbors[0] - neighbors[1], neighbors[2] - neighbors[3]
    # without depth discontinuities
    used = (z > 0) & np.all([one[..., 2] > 0 for one in neighbors], axis=0)
    used &= np.abs(row[..., 2]) < _FLOOR.max_row_step_m_per_m * z
    used &= np.abs(column[..., 2]) < _FLOOR.max_column_step_m_per_m * z
    here, weights = here[used].astype(np.float64), areas[middle, middle][used]
    normals = np.cross(column[used], row[used])
    cosines = normals @ up / np.maximum(np.linalg.norm(normals, axis=1), 1e-12)
    level = (cosines > _FLOOR.min_up_cosine) & (here @ up < 0)
    # at a grazing angle a pixel covers more
    weights = weights[level] * stride ** 2 / np.maximum(cosines[level], _FLOOR.min_area_cosine)
    return here[level], weights


def _candidates(positions: Vectors, up: Vectors, previous: Floor | None) -> Vectors:
    """Return candidate planes (M, 4): unit normals, and offsets that give heights."""
    planes = _face_up(planes_through_triples(positions, _TRIPLES), up)
    candidates = [planes[planes[:, :3] @ up > _FLOOR.min_up_cosine]]
    # the given up may be exact
    candidates.append(level_planes(positions, up, _FLOOR.level_candidates))
    if previous is not None:
        candidates.insert(0, np.array([[*previous.up, previous.height]]))
    return np.concatenate(candidates)


def _face_up(planes: Vectors, up: Vectors) -> Vectors:
    """Return planes (..., 4) with their normals pointing up."""
    facing: Vectors = planes * np.where(planes[..., :3] @ up < 0, -1.0, 1.0)[..., np.newaxis]
    return facing
