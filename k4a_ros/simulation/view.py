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
The depth buffer of one camera, in which only moving shapes are redrawn.

If the camera is still, static shapes are drawn once. Each group of moving shapes is then drawn
within its bounding rectangle, and what it covered is restored before the next frame.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from k4a_ros.body.tracker import BACKGROUND
from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.jit.kernels import use_numba
from k4a_ros.simulation.scene import Scene
from k4a_ros.simulation.shape_table import DIMENSIONS
from k4a_ros.simulation.shape_table import in_camera_frame
from k4a_ros.simulation.shape_table import KIND
from k4a_ros.simulation.shape_table import ROTATION
from k4a_ros.simulation.shape_table import shape_table
from k4a_ros.simulation.shape_table import TRANSLATION
from k4a_ros.simulation.shapes import Array
from k4a_ros.simulation.shapes import BOX
from k4a_ros.simulation.shapes import PLANE
import numpy as np
import numpy.typing as npt

#: rectangle of pixels: first row, end row, first column, end column
Area = tuple[int, int, int, int]
#: x/z and y/z of the rays of all pixels, (height, width) float32 each
Rays = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]

#: unit vector towards the light in the world
LIGHT = np.array([-0.4, -0.7, -0.8]) / np.linalg.norm([-0.4, -0.7, -0.8])
#: ambient fraction of the light
AMBIENT = 0.45


class Timeline:
    """The shapes of a scene over time, as rows of ``shape_table``; caches the last time."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        shapes, owners = scene.static
        self.static = shape_table(shapes)
        self.static_owners = np.array(owners, np.uint8)
        self._last: tuple[float, list[Array], npt.NDArray[np.uint8]] | None = None

    def moving(self, time: float) -> tuple[list[Array], npt.NDArray[np.uint8]]:
        """Return the rows of each group that moves, and the owners of all these rows."""
        last = self._last
        if last is None or last[0] != time:
            groups = self.scene.moving(time)
            owners = [np.full(len(shapes), owner, np.uint8) for shapes, owner in groups]
            last = (time, [shape_table(shapes) for shapes, _ in groups],
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

    State after the last ``update``: ``z`` (height, width) float64 depth, meters, inf for none;
    ``index`` (height, width) int16 row of ``shapes`` that is visible, -1 for none; ``shapes`` rows
    in the camera's frame; ``owners`` person index or BACKGROUND of each row.

    :param mount: transform from this camera's frame to the depth camera's.
    :param compiled: whether to use numba; default: if it is installed.
    :param rays: result of ``pixel_rays`` for the lens, if already known.
    """

    def __init__(
        self, timeline: Timeline, lens: Intrinsics, mount: RigidTransform,
        compiled: bool | None = None, rays: Rays | None = None,
    ) -> None:
        self._timeline = timeline
        self._mount = mount
        self._path = timeline.scene.camera
        self.kernels: Any = _kernels(compiled)
        self.rx, self.ry = rays or pixel_rays(lens)
        self.full_area: Area = (0, lens.height, 0, lens.width)
        self._limits = _ray_limits(self.rx, self.ry)
        self.z = np.full((lens.height, lens.width), np.inf)
        self.index = np.full((lens.height, lens.width), -1, np.int16)
        self.first_moving = 0
        self.pose = self._path.depth_camera(0.0) @ mount
        self.shapes = in_camera_frame(timeline.static, self.pose)
        self.owners = timeline.static_owners
        self.changed: list[Area] = []
        self.previously_changed: list[Area] = []
        if self._path.is_still:
            self.first_moving = len(self.shapes)
            self._trace(self.shapes, 0)
            self._static_z, self._static_index = self.z.copy(), self.index.copy()

    @property
    def light(self) -> Array:
        """Return the unit vector towards the light in the camera's frame."""
        direction: Array = LIGHT @ self.pose.rotation
        return direction

    def update(self, time: float) -> None:
        """
        Draw the scene at a time, seconds.

        ``changed`` becomes the areas in which shapes from row ``first_moving`` on may be visible,
        and ``previously_changed`` those of the last update: images derived from the buffer must be
        restored to static shapes in the latter, and redrawn in the former. If the camera moves,
        ``first_moving`` is 0 and the full area has changed.
        """
        groups, owners = self._timeline.moving(time)
        if self._path.is_still:
            self.previously_changed = self.changed
            for area in self.previously_changed:
                part = np.s_[area[0]:area[1], area[2]:area[3]]
                self.z[part] = self._static_z[part]
                self.index[part] = self._static_index[part]
            static = self.shapes[:self.first_moving]
        else:
            self.pose = self._path.depth_camera(time) @ self._mount
            self.z.fill(np.inf)
            self.index.fill(-1)
            static = in_camera_frame(self._timeline.static, self.pose)
            self._trace(static, 0)
        self.changed = []
        first = len(static)
        rows = [static]
        for group in groups:
            rows.append(in_camera_frame(group, self.pose))
            drawn = self._trace(rows[-1], first)
            if drawn is not None:
                self.changed.append(drawn)
            first += len(group)
        self.shapes = np.concatenate(rows)
        self.owners = np.concatenate((self._timeline.static_owners, owners))
        if not self._path.is_still:
            self.changed = [self.full_area]

    def body_index_map(self) -> npt.NDArray[np.uint8]:
        """Return the person index of each pixel, (height, width) uint8, BACKGROUND for none."""
        # index -1 selects the last element
        index_map: npt.NDArray[np.uint8] = np.append(self.owners, np.uint8(BACKGROUND))[self.index]
        return index_map

    def _trace(self, rows: Array, first: int) -> Area | None:
        """Draw shapes, and return the area in which they may be visible, if any."""
        areas = self._areas(rows)
        self.kernels.trace(rows, areas, first, self.rx, self.ry, self.z, self.index)
        nonempty = areas[(areas[:, 1] > areas[:, 0]) & (areas[:, 3] > areas[:, 2])]
        if not len(nonempty):
            return None
        return (int(nonempty[:, 0].min()), int(nonempty[:, 1].max()),
                int(nonempty[:, 2].min()), int(nonempty[:, 3].max()))

    def _areas(self, rows: Array) -> npt.NDArray[np.int64]:
        """Return the area in which each shape may be visible, (N, 4)."""
        areas = np.zeros((len(rows), 4), np.int64)
        x, y = _bounds(rows)
        for axis, (low, high), (least, greatest) in (
                (0, (self._limits[0], self._limits[1]), y),
                (2, (self._limits[2], self._limits[3]), x)):
            overlaps = (high >= least[:, np.newaxis]) & (low <= greatest[:, np.newaxis])
            overlaps_any = overlaps.any(axis=1)
            areas[:, axis] = np.where(overlaps_any, overlaps.argmax(axis=1), 0)
            areas[:, axis + 1] = np.where(
                overlaps_any, overlaps.shape[1] - overlaps[:, ::-1].argmax(axis=1), 0)
        return areas


def _ray_limits(
    rx: npt.NDArray[np.float32], ry: npt.NDArray[np.float32],
) -> tuple[Array, Array, Array, Array]:
    """Return the least and greatest y/z of the rays in each row, and x/z in each column."""
    def limits(values: npt.NDArray[np.float32], axis: int) -> tuple[Array, Array]:
        low, high = np.fmin.reduce(values, axis=axis), np.fmax.reduce(values, axis=axis)
        none = np.isnan(low)
        return (np.where(none, np.inf, low).astype(np.float64),
                np.where(none, -np.inf, high).astype(np.float64))

    return *limits(ry, 1), *limits(rx, 0)


def _bounds(rows: Array) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """
    Return the least and greatest x/z, and y/z, at which each shape can be visible.

    A capsule, tapered or not, is the convex hull of two spheres, and a sphere is bounded by the
    tangents of its circle in the plane of x (or y) and z; a cuboid is the hull of its corners. A
    shape that is not entirely in front of the camera is unbounded.
    """
    capsules = ~np.isin(rows[:, KIND], (PLANE, BOX))
    rotation = rows[:, ROTATION].reshape(-1, 3, 3)
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    corners = rows[:, np.newaxis, DIMENSIONS] * signs
    ends = np.array([0.0, 1.0])[np.arange(8) // 4]
    corners[capsules] = 0.0
    corners[capsules, :, 2] = rows[capsules, 2, np.newaxis] * ends
    # of the sphere around each corner
    radius = np.where(
        capsules[:, np.newaxis], rows[:, 1:2] - rows[:, 2:3] * rows[:, 3:4] * ends, 0.0)
    centers = corners @ rotation.transpose(0, 2, 1) + rows[:, np.newaxis, TRANSLATION]
    depth = centers[..., 2]
    unbounded = (rows[:, KIND] == PLANE) | (depth <= radius + 1e-3).any(axis=1)
    result = []
    for axis in (0, 1):
        distance = np.hypot(centers[..., axis], depth)
        angle = np.arctan2(centers[..., axis], depth)
        spread = np.arcsin(np.minimum(radius / np.maximum(distance, 1e-9), 1.0))
        low, high = angle - spread, angle + spread
        least = np.where(low > -np.pi / 2, np.tan(low), -np.inf).min(axis=1)
        greatest = np.where(high < np.pi / 2, np.tan(high), np.inf).max(axis=1)
        # a margin for rounding
        result.append((np.where(unbounded, -np.inf, least - 1e-5),
                       np.where(unbounded, np.inf, greatest + 1e-5)))
    return result[0], result[1]


def pixel_rays(lens: Intrinsics) -> Rays:
    """Return x/z and y/z of the ray of each pixel, (height, width) float32, NaN for none."""
    rays = lens.rays()
    return np.ascontiguousarray(rays[..., 0]), np.ascontiguousarray(rays[..., 1])
