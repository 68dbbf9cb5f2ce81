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

"""Find large planes in a segment: walls and tables, which belong to no person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Vectors = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class PlaneThresholds:
    """What counts as a large plane; areas are as if seen frontally, except for level planes."""

    #: planes per segment
    max_planes: int = 4
    #: candidates for each plane: through three random points, and level ones, approximately
    candidates: int = 40
    level_candidates: int = 20
    #: maximum distance of an inlier from a plane
    inlier_m: float = 0.025
    #: the increase of that for each meter from the camera
    inlier_m_per_m: float = 0.006
    #: minimum of twice the area of the triangle of three points that define a plane
    min_cross_product_m2: float = 0.02
    #: minimum area of a wall or of the side of a cabinet: more than that of a person's trunk
    min_area_m2: float = 0.4
    #: minimum area of a level plane, such as a table: twice that of a seated person's thighs
    min_level_area_m2: float = 0.3
    #: cosine of the maximum angle between the normal of a level plane and up
    min_level_cosine: float = 0.98
    #: the share of an inlier's distance that counts for a level candidate: forearms are near it
    level_distance_share: float = 0.5
    #: lower limit of the cosine by which the area of a level plane is divided: a table at the
    #: height of the camera is seen at a grazing angle
    min_area_cosine: float = 0.2
    #: minimum area of a random candidate, as a share of the minimum area of a plane, where a point
    #: counts by its distance
    min_candidate_share: float = 0.6
    #: minimum number of inliers
    min_points: int = 6
    #: maximum RMS distance of the inliers, as a share of the inlier distance; it is 0.58 for
    #: points that lie there by chance, such as those of people side by side
    max_rms_share: float = 0.4

    def inlier_distances_m(self, points: Vectors | Floats) -> Vectors:
        """Return how far from a plane points (..., 3) may be to be on it, (...) meters."""
        distances: Vectors = self.inlier_m + self.inlier_m_per_m * points[..., 2]
        return distances


LARGE_PLANE = PlaneThresholds()
#: the three points of each candidate, as shares of the number of points
_TRIPLES = np.random.default_rng(0).random((LARGE_PLANE.max_planes, LARGE_PLANE.candidates, 3))


def large_planes(samples: Floats, sample_areas: Floats, up: Vectors) -> Vectors:
    """
    Find large planes among points of a surface.

    Planes are found one after the other by RANSAC (Fischler and Bolles, "Random sample consensus",
    1981), in which the area of a point counts the less the farther it is from the plane (Torr and
    Zisserman, "MLESAC", 2000), and refined by least squares. Candidates go through three points,
    or are level: few points are on a table that is seen at a grazing angle.

    :param samples: (N, 3) meters.
    :param sample_areas: (N,) m² that each point represents.
    :param up: (3,) unit vector.
    :return: (M, 4) unit normals and offsets: ``normal @ point + offset`` is a point's distance.
    """
    points = samples.astype(np.float64)
    limits = LARGE_PLANE.inlier_distances_m(points)
    cosines = np.abs(points @ up) / np.maximum(np.linalg.norm(points, axis=1), 1e-6)
    # shares of the minimum area of a plane that is not level, and of a level one
    areas = np.column_stack((
        sample_areas / LARGE_PLANE.min_area_m2,
        sample_areas / np.maximum(cosines, LARGE_PLANE.min_area_cosine)
        / LARGE_PLANE.min_level_area_m2))
    found: list[Vectors] = []
    while len(found) < LARGE_PLANE.max_planes and float(areas[:, 1].sum()) >= 1:
        candidates = np.concatenate((
            planes_through_triples(points, _TRIPLES[len(found)]),
            level_planes(points, up, LARGE_PLANE.level_candidates)))
        level = is_level(candidates, up)
        squares = ((candidates[:, :3] @ points.T + candidates[:, 3:]) / limits) ** 2
        squares[level == 1] /= LARGE_PLANE.level_distance_share ** 2
        # points that are near a plane by chance, such as people beside a cabinet or the wall
        # behind a table, are at all distances, and add up to nothing
        weights = np.where(squares < 1, 1 - 3 * squares, 0)
        shares = (weights @ areas)[np.arange(len(candidates)), level]
        if shares.max() < LARGE_PLANE.min_candidate_share:
            break
        plane, inliers = _refine(points, areas[:, 0], limits, candidates[shares.argmax()])
        residuals = (points[inliers] @ plane[:3] + plane[3]) / limits[inliers]
        if (int(inliers.sum()) < LARGE_PLANE.min_points
                or float(areas[inliers, is_level(plane, up)].sum()) < 1
                or float(np.square(residuals).mean()) > LARGE_PLANE.max_rms_share ** 2):
            break
        found.append(plane)
        points, areas, limits = points[~inliers], areas[~inliers], limits[~inliers]
    return np.array(found).reshape(-1, 4)


def planes_through_triples(points: Vectors, triples: Vectors) -> Vectors:
    """
    Return the plane through each triple of points, in the form of `large_planes`, (M, 4).

    Triples whose points are too close to each other, or to a line, are left out.

    :param points: (N, 3) meters.
    :param triples: (K, 3) which points, as shares of N, 0 to less than 1.
    """
    corners = points[(triples * len(points)).astype(np.intp)]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1)
    usable = lengths > LARGE_PLANE.min_cross_product_m2
    normals = normals[usable] / lengths[usable, np.newaxis]
    return np.column_stack((normals, -(normals * corners[usable, 0]).sum(axis=1)))


def fit_plane(points: Vectors, weights: Vectors) -> Vectors:
    """Return the least-squares plane of points (N, 3), in the form of `large_planes`, (4,)."""
    center = weights @ points / weights.sum()
    offsets = points - center
    _, vectors = np.linalg.eigh((offsets * weights[:, np.newaxis]).T @ offsets)
    return np.array([*vectors[:, 0], -float(vectors[:, 0] @ center)])


def level_planes(points: Vectors, up: Vectors, count: int) -> Vectors:
    """Return planes (M, 4) at right angles to up (3,), through about ``count`` of points."""
    offsets = -(points[::max(1, len(points) // count)] @ up)
    return np.column_stack((np.tile(up, (len(offsets), 1)), offsets))


def is_level(planes: Vectors, up: Vectors) -> npt.NDArray[np.intp]:
    """Return 1 for level planes (..., 4), 0 for others."""
    level: Mask = np.abs(planes[..., :3] @ up) > LARGE_PLANE.min_level_cosine
    return level.astype(np.intp)


def _refine(
    points: Vectors, areas: Vectors, limits: Vectors, plane: Vectors,
) -> tuple[Vectors, Mask]:
    """Return a plane after fits to points that are nearer to it each time, and its inliers."""
    for share in (0.5, 0.25):
        squares = ((points @ plane[:3] + plane[3]) / (share * limits)) ** 2
        weights = areas * np.maximum(1 - squares, 0)
        if not weights.any():
            break
        plane = fit_plane(points, weights)
    return plane, np.abs(points @ plane[:3] + plane[3]) < limits
