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

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Vectors = npt.NDArray[np.float64]

#: every so manieth pixel, and how many pixels away its neighbours are that give its normal
_STRIDE = 5
_REACH = 3
#: how far a normal may be off the direction of up, which need be no more than a guess
_MAX_TILT = math.radians(25.0)
#: metres from the plane that belong to it, and below it that speak against it
_NEAR = 0.03
_BELOW = 0.08
#: m² of floor that have to be seen
_LEAST_AREA = 0.12
_GUESSES = 60


@dataclass(frozen=True, eq=False)
class Floor:
    """A plane: ``up`` (3,) is its unit normal, ``height`` the camera's height above it, metres."""

    up: Vectors
    height: float


def find_floor(
    points: Floats, area: Floats, up: Vectors, before: Floor | None = None,
) -> Floor | None:
    """
    Look for the floor.

    The best of planes through three points each, after Fischler and Bolles, "Random sample
    consensus", 1981: what is on it counts for it, what is below counts against it.

    :param points: (height, width, 3) metres, 0 for none.
    :param area: (height, width) m² that each pixel shows, were it seen frontally.
    :param up: roughly the direction of up in the camera's frame, unit length.
    :param before: the floor in the image before, the first guess.
    :return: None if no floor is seen.
    """
    level, weights = _level_points(points, area, up)
    if len(level) < 12:
        return None
    normals, offsets = _guesses(level, up, before)
    heights = normals @ level.T + offsets[:, np.newaxis]
    score = np.where(np.abs(heights) < _NEAR, weights, 0).sum(axis=1)
    score -= np.where(heights < -_BELOW, weights, 0).sum(axis=1)
    best = int(np.argmax(score))
    normal, offset = normals[best], float(offsets[best])
    for _ in range(2):
        on_plane = np.abs(level @ normal + offset) < _NEAR
        if float(weights[on_plane].sum()) < _LEAST_AREA:
            return None
        normal, offset = _fit(level[on_plane], weights[on_plane], up)
    if offset < _NEAR or normal @ up < math.cos(_MAX_TILT):
        return None
    return Floor(normal, offset)


def _level_points(
    points: Floats, area: Floats, up: Vectors,
) -> tuple[Vectors, Vectors]:
    """Return points (N, 3) of surfaces below the camera that face up, and their areas (N,)."""
    step, far = _STRIDE, _REACH
    rows = slice(far, points.shape[0] - far, step)
    columns = slice(far, points.shape[1] - far, step)
    right, left, lower, upper = (
        points[rows.start + dv:rows.stop + dv:step, columns.start + du:columns.stop + du:step]
        for dv, du in ((0, far), (0, -far), (far, 0), (-far, 0)))
    here = points[rows, columns]
    across, along = right - left, lower - upper
    normal = np.cross(along, across)
    length = np.sqrt(np.einsum('ijk,ijk->ij', normal, normal))
    rise = normal @ up.astype(np.float32)
    valid = (here[..., 2] > 0) & (right[..., 2] > 0) & (left[..., 2] > 0)
    valid &= (lower[..., 2] > 0) & (upper[..., 2] > 0)
    # a surface, not the step from one to another behind it
    reach = np.float32(0.12) * here[..., 2]
    valid &= (np.abs(across[..., 2]) < reach) & (np.abs(along[..., 2]) < 2 * reach)
    valid &= (rise > math.cos(_MAX_TILT) * length) & (here @ up.astype(np.float32) < 0)
    # seen at a slant, a pixel shows more
    slant = np.maximum(rise[valid] / np.maximum(length[valid], 1e-9), 0.5)
    weights = area[rows, columns][valid] * (step * step) / slant
    return here[valid].astype(np.float64), weights.astype(np.float64)


def _guesses(
    level: Vectors, up: Vectors, before: Floor | None,
) -> tuple[Vectors, Vectors]:
    """Return planes to try: normals (M, 3) and what to add to give heights (M,)."""
    chosen = level[np.random.default_rng(0).integers(0, len(level), (_GUESSES, 3))]
    normals = np.cross(chosen[:, 1] - chosen[:, 0], chosen[:, 2] - chosen[:, 0])
    lengths = np.linalg.norm(normals, axis=1)
    normals = normals / np.maximum(lengths, 1e-9)[:, np.newaxis]
    normals *= np.where(normals @ up < 0, -1.0, 1.0)[:, np.newaxis]
    right = (lengths > 0.02) & (normals @ up > math.cos(_MAX_TILT))
    normals = normals[right]
    offsets = -np.einsum('ij,ij->i', normals, chosen[right, 0])
    # up may well be right
    level_offsets = -(level[:: max(1, len(level) // 20)] @ up)
    normals = np.concatenate([normals, np.tile(up, (len(level_offsets), 1))])
    offsets = np.concatenate([offsets, level_offsets])
    if before is not None:
        normals = np.concatenate([before.up[np.newaxis], normals])
        offsets = np.concatenate([[before.height], offsets])
    return normals, offsets


def _fit(points: Vectors, weights: Vectors, up: Vectors) -> tuple[Vectors, float]:
    """Return normal and offset of the plane of least squares through points."""
    total = weights.sum()
    mean = weights @ points / total
    away = points - mean
    _, vectors = np.linalg.eigh((away * weights[:, np.newaxis]).T @ away)
    normal = vectors[:, 0] if vectors[:, 0] @ up > 0 else -vectors[:, 0]
    return normal, float(-(normal @ mean))
