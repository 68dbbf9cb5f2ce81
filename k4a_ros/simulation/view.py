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


"""
What one camera sees: a depth buffer in which only what moves is drawn anew.

With a camera that stands still the shapes that never move are drawn once. Each moving shape is
then drawn in the rectangle of pixels that it can be in, and what it hid is put back afterwards.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.jit.kernels import use_numba
from k4a_ros.simulation.scene import NOBODY
from k4a_ros.simulation.scene import Scene
from k4a_ros.simulation.shapes import Array
from k4a_ros.simulation.shapes import BOX
from k4a_ros.simulation.shapes import PLANE
from k4a_ros.simulation.shapes import seen_from
from k4a_ros.simulation.shapes import table
import numpy as np
import numpy.typing as npt

#: rows from, to and columns from, to
Area = tuple[int, int, int, int]
#: x/z and y/z of the pixels' rays, (height, width) float32 each
Rays = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]

#: direction to the light in the world, and the share of light that comes from all around
LIGHT = np.array([-0.4, -0.7, -0.8]) / np.linalg.norm([-0.4, -0.7, -0.8])
AMBIENT = 0.45


class Timeline:
    """The shapes of a scene at a time, as rows of ``shapes.table``; keeps the last time's."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        shapes, owners = scene.still
        self.still = table(shapes)
        self.still_owners = np.array(owners, np.uint8)
        self._last: tuple[float, list[Array], npt.NDArray[np.uint8]] | None = None

    def moving(self, time: float) -> tuple[list[Array], npt.NDArray[np.uint8]]:
        """Return rows for each group that moves together, and the owner of every row."""
        last = self._last
        if last is None or last[0] != time:
            groups = self.scene.moving(time)
            owners = [np.full(len(shapes), owner, np.uint8) for shapes, owner in groups]
            last = (time, [table(shapes) for shapes, _ in groups],
                    np.concatenate([np.zeros(0, np.uint8), *owners]))
            self._last = last
        return last[1], last[2]


def _kernels(compiled: bool | None) -> ModuleType:
    if use_numba(compiled):
        from k4a_ros.simulation import kernels
        return kernels
    from k4a_ros.simulation import fallback
    return fallback


class View:
    """
    The depth buffer of one camera.

    ``z`` (height, width) float64: depth, meters, inf for nothing; ``index`` (height, width)
    int16: the row of ``shapes`` that is seen, -1 for none; ``shapes`` in the camera's frame;
    ``owners``: for each of them the index of the person, or 255; all of the last ``update``.

    :param mount: from this camera's frame to the depth camera's.
    :param compiled: whether to use numba; by default where it is installed.
    :param rays: what ``rays_of`` returns for the lens, if it is known already.
    """

    def __init__(
        self, timeline: Timeline, lens: Intrinsics, mount: RigidTransform,
        compiled: bool | None = None, rays: Rays | None = None,
    ) -> None:
        self._timeline = timeline
        self._mount = mount
        self._path = timeline.scene.camera
        self.draw: Any = _kernels(compiled)
        self.rx, self.ry = rays or rays_of(lens)
        self.whole: Area = (0, lens.height, 0, lens.width)
        self._limits = _limits(self.rx, self.ry)
        self.z = np.full((lens.height, lens.width), np.inf)
        self.index = np.full((lens.height, lens.width), -1, np.int16)
        self.first = 0
        self.pose = self._path.depth_camera(0.0) @ mount
        self.shapes = seen_from(self.pose, timeline.still)
        self.owners = timeline.still_owners
        self.changed: list[Area] = []
        self.before: list[Area] = []
        if self._path.is_still:
            self.first = len(self.shapes)
            self._trace(self.shapes, 0)
            self._still_z, self._still_index = self.z.copy(), self.index.copy()

    @property
    def light(self) -> Array:
        """Return the direction to the light in the camera's frame."""
        direction: Array = LIGHT @ self.pose.rotation
        return direction

    def update(self, time: float) -> None:
        """
        Show the scene at a time, seconds.

        ``changed`` becomes the areas in which shapes from ``first`` on may be, and ``before``
        what it was: both are to be put back to what is seen without them. With a camera that
        moves ``first`` is 0 and all is changed.
        """
        groups, owners = self._timeline.moving(time)
        if self._path.is_still:
            self.before = self.changed
            for area in self.before:
                part = np.s_[area[0]:area[1], area[2]:area[3]]
                self.z[part] = self._still_z[part]
                self.index[part] = self._still_index[part]
            still = self.shapes[:self.first]
        else:
            self.pose = self._path.depth_camera(time) @ self._mount
            self.z.fill(np.inf)
            self.index.fill(-1)
            still = seen_from(self.pose, self._timeline.still)
            self._trace(still, 0)
        self.changed = []
        first = len(still)
        rows = [still]
        for group in groups:
            rows.append(seen_from(self.pose, group))
            seen = self._trace(rows[-1], first)
            if seen is not None:
                self.changed.append(seen)
            first += len(group)
        self.shapes = np.concatenate(rows)
        self.owners = np.concatenate((self._timeline.still_owners, owners))
        if not self._path.is_still:
            self.changed = [self.whole]

    def owner_map(self) -> npt.NDArray[np.uint8]:
        """Return which person every pixel shows, (height, width) uint8, 255 for nobody."""
        # index -1 takes the last element
        people: npt.NDArray[np.uint8] = np.append(self.owners, np.uint8(NOBODY))[self.index]
        return people

    def _trace(self, shapes: Array, first: int) -> Area | None:
        """Draw shapes and return the area that they may be in, if any."""
        areas = self._areas(shapes)
        self.draw.trace(shapes, areas, first, self.rx, self.ry, self.z, self.index)
        seen = areas[(areas[:, 1] > areas[:, 0]) & (areas[:, 3] > areas[:, 2])]
        if not len(seen):
            return None
        return (int(seen[:, 0].min()), int(seen[:, 1].max()),
                int(seen[:, 2].min()), int(seen[:, 3].max()))

    def _areas(self, shapes: Array) -> npt.NDArray[np.int64]:
        """Return the area that each shape may be in, (N, 4)."""
        areas = np.zeros((len(shapes), 4), np.int64)
        x, y = _bounds(shapes)
        for axis, (low, high), (least, most) in (
                (0, (self._limits[0], self._limits[1]), y),
                (2, (self._limits[2], self._limits[3]), x)):
            may = (high >= least[:, np.newaxis]) & (low <= most[:, np.newaxis])
            any_ = may.any(axis=1)
            areas[:, axis] = np.where(any_, may.argmax(axis=1), 0)
            areas[:, axis + 1] = np.where(
                any_, may.shape[1] - may[:, ::-1].argmax(axis=1), 0)
        return areas


def _limits(
    rx: npt.NDArray[np.float32], ry: npt.NDArray[np.float32],
) -> tuple[Array, Array, Array, Array]:
    """Return the least and greatest y of the rays in each row, and x in each column."""
    def limits(values: npt.NDArray[np.float32], axis: int) -> tuple[Array, Array]:
        low, high = np.fmin.reduce(values, axis=axis), np.fmax.reduce(values, axis=axis)
        none = np.isnan(low)
        return (np.where(none, np.inf, low).astype(np.float64),
                np.where(none, -np.inf, high).astype(np.float64))

    return *limits(ry, 1), *limits(rx, 0)


def _bounds(shapes: Array) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """
    Return between which x / z, and y / z, shapes can be seen.

    A capsule is the hull of two spheres, and what is seen of a sphere is bounded by the tangents
    of its circle in the plane of x and z; a cuboid is the hull of its corners. What is not all in
    front of the camera may be anywhere.
    """
    capsules = ~np.isin(shapes[:, 0], (PLANE, BOX))
    radius = np.where(capsules, shapes[:, 1], 0.0)[:, np.newaxis]
    rotation = shapes[:, 4:13].reshape(-1, 3, 3)
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    corners = shapes[:, np.newaxis, 1:4] * signs
    ends = np.array([0.0, 1.0])[np.arange(8) // 4]
    corners[capsules] = 0.0
    corners[capsules, :, 2] = shapes[capsules, 2, np.newaxis] * ends
    centers = corners @ rotation.transpose(0, 2, 1) + shapes[:, np.newaxis, 13:16]
    depth = centers[..., 2]
    everywhere = (shapes[:, 0] == PLANE) | (depth <= radius + 1e-3).any(axis=1)
    result = []
    for axis in (0, 1):
        away = np.hypot(centers[..., axis], depth)
        angle = np.arctan2(centers[..., axis], depth)
        spread = np.arcsin(np.minimum(radius / np.maximum(away, 1e-9), 1.0))
        low, high = angle - spread, angle + spread
        least = np.where(low > -np.pi / 2, np.tan(low), -np.inf).min(axis=1)
        most = np.where(high < np.pi / 2, np.tan(high), np.inf).max(axis=1)
        # a little more, for the rounding
        result.append((np.where(everywhere, -np.inf, least - 1e-5),
                       np.where(everywhere, np.inf, most + 1e-5)))
    return result[0], result[1]


def rays_of(lens: Intrinsics) -> Rays:
    """Return x/z and y/z of every pixel, (height, width) float32 each, NaN where there is none."""
    both = lens.rays()
    return np.ascontiguousarray(both[..., 0]), np.ascontiguousarray(both[..., 1])


class Pool:
    """
    Arrays of one shape that are used again as soon as nobody refers to them any more.

    Memory that is new to a process costs several times what writing to it costs.
    """

    def __init__(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        self._shape = shape
        self._dtype = dtype
        self._arrays: list[npt.NDArray[Any]] = []

    def take(self) -> npt.NDArray[Any]:
        """Return an array of any content that nobody else has."""
        for array in self._arrays:
            # referred to by the list, by this variable and by the argument of getrefcount
            if sys.getrefcount(array) <= 3:
                return array
        new: npt.NDArray[Any] = np.empty(self._shape, self._dtype)
        self._arrays = [*self._arrays[-7:], new]
        return new
