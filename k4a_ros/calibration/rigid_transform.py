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

"""Rigid transforms, and rotation matrices as quaternions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class RigidTransform:
    """
    A rotation and a translation: point p maps to ``rotation @ p + translation``.

    ``rotation`` (3, 3) and ``translation`` (3,), meters, are read-only float64 copies of the
    arguments.
    """

    rotation: npt.NDArray[np.float64]
    translation: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        """Copy both arrays and make them read-only."""
        for name, shape in (('rotation', (3, 3)), ('translation', (3,))):
            array = np.array(getattr(self, name), dtype=np.float64)
            if array.shape != shape:
                raise ValueError(f'{name} has shape {array.shape}, expected {shape}')
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @classmethod
    def identity(cls) -> RigidTransform:
        """Return the identity transform."""
        return cls(np.eye(3), np.zeros(3))

    @classmethod
    def of_pose(
        cls, quaternion: Sequence[float], translation: Sequence[float],
    ) -> RigidTransform:
        """
        Return the transform of a pose.

        :param quaternion: x, y, z, w; of any length but 0.
        :param translation: x, y, z, meters.
        """
        x, y, z, w = np.asarray(quaternion, np.float64) / np.linalg.norm(quaternion)
        rotation = np.array([
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]])
        return cls(rotation, np.array(translation))

    def inverse(self) -> RigidTransform:
        """Return the inverse; as in libk4a, the rotation is transposed."""
        return RigidTransform(self.rotation.T, -self.rotation.T @ self.translation)

    def __matmul__(self, other: RigidTransform) -> RigidTransform:
        """Return the composition: ``other`` is applied first, then this transform."""
        return RigidTransform(
            self.rotation @ other.rotation,
            self.rotation @ other.translation + self.translation)

    def apply(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Transform points, (..., 3), meters."""
        moved: npt.NDArray[np.float64] = (
            np.asarray(points, np.float64) @ self.rotation.T + self.translation)
        return moved

    def normalized(self) -> RigidTransform:
        """
        Return this transform with the nearest proper rotation, by singular value decomposition.

        Nearest in the Frobenius norm: Higham, "Matrix nearness problems and applications", 1989.
        """
        u, _, vt = np.linalg.svd(self.rotation)
        sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
        return RigidTransform(u * sign @ vt, self.translation)

    def quaternion(self) -> tuple[float, float, float, float]:
        """Return the rotation as a unit quaternion x, y, z, w with w >= 0."""
        w, x, y, z = quaternions(self.rotation[np.newaxis])[0].tolist()
        return x, y, z, w


def quaternions(rotations: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """
    Convert rotation matrices (N, 3, 3) to unit quaternions w, x, y, z with w >= 0, (N, 4).

    Shepperd, "Quaternion from rotation matrix", 1978: divide by the largest component.
    """
    m = np.asarray(rotations, np.float64)
    products = np.empty((len(m), 4, 4))  # 4 q qᵀ of each quaternion q
    a, b, c = m[:, 0, 0], m[:, 1, 1], m[:, 2, 2]
    products[:, 0, 0] = 1 + a + b + c
    products[:, 1, 1] = 1 + a - b - c
    products[:, 2, 2] = 1 - a + b - c
    products[:, 3, 3] = 1 - a - b + c
    for k, i, j in ((1, 2, 1), (2, 0, 2), (3, 1, 0)):
        products[:, 0, k] = products[:, k, 0] = m[:, i, j] - m[:, j, i]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        products[:, i + 1, j + 1] = products[:, j + 1, i + 1] = m[:, i, j] + m[:, j, i]
    largest = products.diagonal(axis1=1, axis2=2).argmax(axis=1)
    found: npt.NDArray[np.float64] = products[np.arange(len(m)), largest]
    found /= np.sqrt((found * found).sum(axis=1, keepdims=True))
    found[found[:, 0] < 0] *= -1.0
    return found


def rotation_x(angle: float) -> npt.NDArray[np.float64]:
    """Return the rotation (3, 3) about x by an angle, radians; it turns y towards z."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


def rotation_y(angle: float) -> npt.NDArray[np.float64]:
    """Return the rotation (3, 3) about y by an angle, radians; it turns z towards x."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def rotation_z(angle: float) -> npt.NDArray[np.float64]:
    """Return the rotation (3, 3) about z by an angle, radians; it turns x towards y."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
