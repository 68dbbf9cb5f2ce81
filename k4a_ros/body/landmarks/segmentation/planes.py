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
    """What counts as a large plane; areas are as if seen frontally."""

    #: planes per segment
    max_planes: int = 4
    #: random candidates for each plane
    candidates: int = 40
    #: maximum distance of an inlier from a plane
    inlier_m: float = 0.025
    #: the increase of that for each meter from the camera
    inlier_m_per_m: float = 0.006
    #: minimum of twice the area of the triangle of three points that define a plane
    min_cross_product_m2: float = 0.02
    #: minimum area of a wall or of the side of a cabinet: more than that of a person's trunk
    min_area_m2: float = 0.4
    #: minimum area of a level plane, such as a table: twice that of a seated person's thighs
    min_level_area_m2: float = 0.15
    #: cosine of the maximum angle between the normal of a level plane and up
    min_level_cosine: float = 0.98
    #: minimum area of a random candidate, as a share of the minimum area of a plane, where a point
    #: counts by its distance
    min_candidate_share: float = 0.6
    #: minimum number of points of a least-squares fit
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
    Zisserman, "MLESAC", 2000), and refined by least squares.

    :param samples: (N, 3) meters.
    :param sample_areas: (N,) m² that each point represents.
    :param up: (3,) unit vector.
    :return: (M, 4) unit normals and offsets: ``normal @ point + offset`` is a point's distance.
    """
    points, areas = samples.astype(np.float64), sample_areas.astype(np.float64)
    limits = LARGE_PLANE.inlier_distances_m(points)
    found: list[Vectors] = []
    while (len(found) < LARGE_PLANE.max_planes
           and float(areas.sum()) >= LARGE_PLANE.min_level_area_m2):
        candidates = planes_through_triples(points, _TRIPLES[len(found)])
        distances = np.abs(candidates[:, :3] @ points.T + candidates[:, 3:]) / limits
        # a cabinet is flat, and the people beside it are near a plane by chance
        weights = np.maximum(1 - distances * distances, 0)
        shares = weights @ areas / _min_areas_m2(candidates[:, :3], up)
        if shares.max(initial=0.0) < LARGE_PLANE.min_candidate_share:
            break
        plane, inliers = _refine(points, areas, limits, distances[shares.argmax()] < 1)
        residuals = (points[inliers] @ plane[:3] + plane[3]) / limits[inliers]
        if (float(areas[inliers].sum()) < _min_areas_m2(plane[:3], up)
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


def _min_areas_m2(normals: Vectors, up: Vectors) -> Vectors:
    """Return the minimum area of planes with these normals (..., 3), m²."""
    return np.where(
        np.abs(normals @ up) > LARGE_PLANE.min_level_cosine,
        LARGE_PLANE.min_level_area_m2, LARGE_PLANE.min_area_m2)


def _refine(
    points: Vectors, areas: Vectors, limits: Vectors, inliers: Mask,
) -> tuple[Vectors, Mask]:
    """Return the plane after two least-squares fits to its inliers, and its inliers."""
    plane: Vectors = np.zeros(4)
    for _ in range(2):
        if int(inliers.sum()) < LARGE_PLANE.min_points:
            break
        plane = fit_plane(points[inliers], areas[inliers])
        inliers = np.abs(points @ plane[:3] + plane[3]) < limits
    return plane, inliers
