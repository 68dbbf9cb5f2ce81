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

"""The large planes in a part of the surface: walls and tables, which are nobody's."""

from __future__ import annotations

from typing import Any

from k4a_ros.jit.numba_jit import compiled
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Vectors = npt.NDArray[np.float64]

_GUESSES = 40
#: as many planes are looked for in a part
_MOST = 4
#: three points of each guess, as shares of all
_DRAWN = np.random.default_rng(0).random((_MOST, _GUESSES, 3))
#: m², twice the area of the triangle of three points that tell of a plane at least
_APART = 0.02
#: meters from a plane that belong to it, and what is added for each meter from the camera
NEAR, NEAR_PER_METER = 0.025, 0.006
#: m², as the camera sees them, that a plane has at least: the trunk of a person has half of that;
#: and a level one, as a table; the thighs of who sits have a third; and the share of a guess
_LEAST, _LEAST_LEVEL, _GUESSED = 0.6, 0.22, 0.7
#: the cosine of the angle to up of the normal of a level plane
_LEVEL = 0.98
_FEW = 6
#: how far off it points are at most, root mean square, as a share of what belongs to it: of what
#: is there by chance, such as people side by side, it is 0.58
_EVEN = 0.4


def large_planes(samples: Floats, shown: Floats, up: Vectors) -> Vectors:
    """
    Return large planes, (M, 4): unit normals, and what to add to give distances.

    One after the other, the best of planes through three points each (Fischler and Bolles,
    "Random sample consensus", 1981).

    :param samples: (N, 3) meters.
    :param shown: (N,) m² that each point stands for.
    :param up: (3,) unit vector.
    """
    points, weights = samples.astype(np.float64), shown.astype(np.float64)
    near = NEAR + NEAR_PER_METER * points[:, 2]
    found: list[Vectors] = []
    while len(found) < _MOST and float(weights.sum()) >= _LEAST_LEVEL:
        planes = planes_through(points, _DRAWN[len(found)])
        least = _least(planes[:, :3], up)
        best, score = _best(points, weights, near, planes, least)
        if score < _GUESSED:
            break
        away = np.abs(points @ planes[best, :3] + planes[best, 3])
        plane, on_it = _closer(points, weights, near, away < near)
        off = (points[on_it] @ plane[:3] + plane[3]) / near[on_it]
        if (float(weights[on_it].sum()) < _least(plane[:3], up)
                or float(np.square(off).mean()) > _EVEN ** 2):
            break
        found.append(plane)
        points, weights, near = points[~on_it], weights[~on_it], near[~on_it]
    return np.array(found).reshape(-1, 4)


def planes_through(points: Vectors, drawn: Vectors) -> Vectors:
    """
    Return planes through three points each, (M, 4), as guesses: as `large_planes`.

    Points that are so near to each other, or to a line, that they tell nothing give none.

    :param points: (N, 3) meters.
    :param drawn: (K, 3) which of them, as shares of all, 0 to less than 1.
    """
    chosen = points[(drawn * len(points)).astype(np.intp)]
    normals = np.cross(chosen[:, 1] - chosen[:, 0], chosen[:, 2] - chosen[:, 0])
    lengths = np.linalg.norm(normals, axis=1)
    apart = lengths > _APART
    normals = normals[apart] / lengths[apart, np.newaxis]
    return np.column_stack((normals, -(normals * chosen[apart, 0]).sum(axis=1)))


def plane_of(points: Vectors, weights: Vectors) -> Vectors:
    """Return the plane of least squares through points (N, 3), (4,): as `large_planes`."""
    middle = weights @ points / weights.sum()
    away = points - middle
    _, vectors = np.linalg.eigh((away * weights[:, np.newaxis]).T @ away)
    return np.array([*vectors[:, 0], -float(vectors[:, 0] @ middle)])


@compiled
def _best(points: Any, weights: Any, near: Any, planes: Any, least: Any) -> Any:
    """Return the number of the plane with most on it for what it has at least, and that share."""
    best, most = 0, 0.0
    for number in range(len(planes)):
        x, y, z, offset = planes[number]
        score = 0.0
        for point in range(len(points)):
            away = x * points[point, 0] + y * points[point, 1] + z * points[point, 2] + offset
            if abs(away) < near[point]:
                score += weights[point]
        score /= least[number]
        if score > most:
            best, most = number, score
    return best, most


def _least(normals: Vectors, up: Vectors) -> Vectors:
    """Return how large planes with normals (..., 3) are at least, m²."""
    return np.where(np.abs(normals @ up) > _LEVEL, _LEAST_LEVEL, _LEAST)


def _closer(
    points: Vectors, weights: Vectors, near: Vectors, on_it: npt.NDArray[np.bool_],
) -> tuple[Vectors, npt.NDArray[np.bool_]]:
    """Return the plane of least squares, twice, and which points are on it."""
    plane = np.zeros(4)
    for _ in range(2):
        if int(on_it.sum()) < _FEW:
            break
        plane = plane_of(points[on_it], weights[on_it])
        on_it = np.abs(points @ plane[:3] + plane[3]) < near
    return plane, on_it
