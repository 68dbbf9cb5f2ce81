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

"""The true surfaces of a simulated scene, and the distances of points from them."""

from __future__ import annotations

from collections.abc import Iterator

from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.images.rectification import rectified_rays
from k4a_ros.simulation.scene import Scene
from k4a_ros.simulation.view import Timeline
from k4a_ros.simulation.view import View
import numpy as np

#: a point is "flying" if it is farther than this from all surfaces within a pixel around it: from
#: their planes, and from their depths
FLYING_MM = 10
#: distance of the rays from which the plane at a pixel is computed: a few hundredths of a pixel
RAY_STEP = np.float32(1e-4)


def pinhole_rays(rectified: Intrinsics) -> np.ndarray:
    """Return x/z and y/z of all pixels of a rectified camera, (height, width, 2)."""
    return np.stack(np.meshgrid(*rectified_rays(rectified)), axis=-1)


class Surfaces:
    """
    What the pixels of a depth camera see: ``z``, mm; ``index`` of a row of ``shapes``, or -1.

    :param rays: x/z and y/z of all pixels, (height, width, 2).
    :param lens: any of this size.
    :param time: seconds.
    """

    def __init__(self, scene: Scene, rays: np.ndarray, lens: Intrinsics, time: float) -> None:
        def trace(x: np.ndarray, y: np.ndarray) -> View:
            view = View(Timeline(scene), lens, RigidTransform.identity(), rays=(x, y))
            view.update(time)
            return view

        x, y = (np.ascontiguousarray(rays[..., axis], np.float32) for axis in (0, 1))
        here = trace(x, y)
        self.index, self.shapes, self.z = here.index, here.shapes, 1000 * here.z
        # 1/z of a plane is linear in x/z and y/z; its coefficients are the normal
        with np.errstate(invalid='ignore', divide='ignore'):  # where there is no surface
            a, b = (
                (1 / other.z - 1 / here.z) / 1000 / (moved - from_.astype(float))
                for other, moved, from_ in (
                    (trace(x + RAY_STEP, y), x + RAY_STEP, x),
                    (trace(x, y + RAY_STEP), y + RAY_STEP, y)))
            self._normals = np.stack((a, b, 1 / self.z - a * x - b * y), axis=-1)
            self._rays = np.stack((x, y, np.ones_like(x)), axis=-1).astype(float)

    def distances(self, depth: np.ndarray) -> np.ndarray:
        """
        Return the distances of the valid points to the planes that their rays hit, mm.

        :param depth: mm, 0 for invalid.
        """
        valid = depth > 0
        return self._from_planes(depth, self._normals, self._rays)[valid]

    def from_nearest(self, depth: np.ndarray) -> np.ndarray:
        """
        Return the distances of points to the nearest plane or depth around their pixels, mm.

        :param depth: mm; what is not valid has a distance without a meaning, or NaN.
        """
        nearest = np.full(depth.shape, np.inf)
        for part in around(np.dstack((self._normals, self.z))):
            for distance in (self._from_planes(depth, part[..., :3], self._rays),
                             np.abs(part[..., 3] - depth)):
                np.fmin(nearest, distance, out=nearest)
        return nearest

    def flying(self, depth: np.ndarray) -> int:
        """Return how many points have neither a depth nor are on a plane around their pixels."""
        return int(((self.from_nearest(depth) > FLYING_MM) & (depth > 0)).sum())

    @staticmethod
    def _from_planes(depth: np.ndarray, normals: np.ndarray, rays: np.ndarray) -> np.ndarray:
        with np.errstate(invalid='ignore'):
            return np.abs(depth * (normals * rays).sum(axis=-1) - 1) / np.linalg.norm(
                normals, axis=-1)


def around(image: np.ndarray) -> Iterator[np.ndarray]:
    """Yield an image nine times, so that each pixel is replaced by one of those around it."""
    height, width = image.shape[:2]
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode='edge')
    for row in range(3):
        for column in range(3):
            yield padded[row:row + height, column:column + width]
