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

"""Surfaces of triangles that move with the bones of a body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math
from typing import Any

from k4a_ros.jit.numba_jit import compiled
import numpy as np


@dataclass(frozen=True, eq=False)
class Mesh:
    """
    A surface in the rest pose of a body.

    ``vertices`` (V, 3): meters; ``weight_bones`` (V, 4): the bones that a vertex moves with, the
    one of greatest weight first; ``weights`` (V, 4); ``triangles`` (T, 3): indices of vertices.
    """

    vertices: np.ndarray
    weight_bones: np.ndarray
    weights: np.ndarray
    triangles: np.ndarray


def joined(meshes: Sequence[Mesh]) -> Mesh:
    """Return one or more surfaces as one."""
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes[:-1])])
    return Mesh(
        *(np.concatenate([getattr(mesh, name) for mesh in meshes])
          for name in ('vertices', 'weight_bones', 'weights')),
        np.concatenate([mesh.triangles + start
                        for mesh, start in zip(meshes, starts, strict=True)]))


def smoothed(values: np.ndarray, triangles: np.ndarray, times: int = 2) -> np.ndarray:
    """Return values (V, N) at vertices, each repeatedly averaged with those of its neighbors."""
    ends = triangles[:, [0, 1, 2, 1, 2, 0]].ravel(), triangles[:, [1, 2, 0, 0, 1, 2]].ravel()
    counts = np.bincount(ends[0], minlength=len(values))[:, np.newaxis]
    for _ in range(times):
        sums = np.zeros_like(values)
        np.add.at(sums, ends[0], values[ends[1]])
        values = (values + sums / counts) / 2
    return values


@compiled
def vertex_normals(vertices: Any, triangles: Any, normals: Any) -> None:
    """Write the unit normal of each vertex: the mean of its triangles', weighted by area."""
    for n in range(triangles.shape[0]):
        i, j, k = triangles[n, 0], triangles[n, 1], triangles[n, 2]
        x, y, z = vertices[i, 0], vertices[i, 1], vertices[i, 2]
        ax, ay, az = vertices[j, 0] - x, vertices[j, 1] - y, vertices[j, 2] - z
        bx, by, bz = vertices[k, 0] - x, vertices[k, 1] - y, vertices[k, 2] - z
        for corner in (i, j, k):
            normals[corner, 0] += ay * bz - az * by
            normals[corner, 1] += az * bx - ax * bz
            normals[corner, 2] += ax * by - ay * bx
    for n in range(normals.shape[0]):
        x, y, z = normals[n, 0], normals[n, 1], normals[n, 2]
        size = math.sqrt(x * x + y * y + z * z)
        if size > 0:
            normals[n, 0], normals[n, 1], normals[n, 2] = x / size, y / size, z / size
