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


"""What stands free in a depth image: its connected parts above the floor, with their sizes."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import Any

import cv2
from k4a_ros.body.landmarks.segmentation import kernels as segmentation_kernels
from k4a_ros.body.landmarks.segmentation.floor import find_floor
from k4a_ros.body.landmarks.segmentation.floor import Floor
from k4a_ros.calibration.lens import Intrinsics
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Vectors = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: about as many rows are looked at, whatever the mode has
_ROWS = 288
#: Two neighbors are of different things from this difference of depth on: meters, and share of
#: the depth, as slanted surfaces have fewer pixels far away.
_JUMP = 0.045
_JUMP_PER_METER = 0.015
#: meters above the floor below which everything is floor, and its noise
_FLOOR = 0.06
_SOLE = 0.015
#: pixels of the smallest part worth looking at
_LEAST_PIXELS = 60
#: shares of its points before where a part begins, its middle and its end
_EXTENT = (0.02, 0.5, 0.98)
#: Metric gates: what of somebody can be in the picture, or of two people who touch. Area as seen
#: frontally (somebody of 1.75 m shows about 0.5 m²).
_AREA = (0.07, 2.4)
_TALL = (0.35, 2.4)
_WIDE = 2.4
_DEEP = 1.8
#: how far, in the mean, people are off a plane at least: walls and printed figures are less
_FLAT = 0.022


@dataclass(frozen=True, eq=False)
class Part:
    """
    A connected part of the surface.

    ``label`` in ``Segments.labels``; ``box``: its rows and columns; ``area`` m²; ``center`` (3,)
    the middle of its points; ``tall``, ``wide`` and ``deep``: its extents upwards, to the side and
    away from the camera, meters, without the outermost 2 %; ``curved``: how far its points are
    off the plane that fits them best, meters, root mean square. ``samples`` (N, 3) float32: some
    hundred of its points, evenly spread, and ``shown`` (N,) float32, m² that each stands for.
    """

    label: int
    box: tuple[slice, slice]
    area: float
    center: Vectors
    tall: float
    wide: float
    deep: float
    curved: float
    samples: Floats
    shown: Floats

    @property
    def may_be_person(self) -> bool:
        """Return whether a person may be of this size."""
        return (_AREA[0] <= self.area <= _AREA[1] and _TALL[0] <= self.tall <= _TALL[1]
                and self.wide <= _WIDE and self.deep <= _DEEP and self.curved >= _FLAT)


@dataclass(frozen=True, eq=False)
class Segments:
    """
    A depth image in parts, every ``step``-th pixel of it.

    ``points`` (height, width, 3) float32 meters, 0 for none; ``labels`` (height, width) int32, 0
    for what is of no part; ``area`` (height, width) float32, m² a pixel shows; ``heights``
    (height, width) float32, meters above the floor, or None where none is known; ``up`` (3,).
    """

    step: int
    points: Floats
    labels: npt.NDArray[np.int32]
    area: Floats
    heights: Floats | None
    up: Vectors
    parts: tuple[Part, ...]


class Segmenter:
    """
    Cuts depth images of one lens into parts.

    An object serves one thread; it keeps the floor of the image before.

    :param up: the direction of up in the depth camera's frame, unit length; where the floor is
        seen, 25° off are not too far.
    """

    def __init__(self, lens: Intrinsics, up: Vectors) -> None:
        self.up = up
        self.step = max(1, round(lens.height / _ROWS))
        rays = lens.rays()
        self._full_rays = np.nan_to_num(rays)
        self._valid = np.ascontiguousarray(~np.isnan(rays[..., 0]))
        here = self._rays = np.ascontiguousarray(self._full_rays[::self.step, ::self.step])
        # the area of a pixel in the plane at 1 m
        du = np.gradient(here, axis=1)
        dv = np.gradient(here, axis=0)
        size = np.abs(du[..., 0] * dv[..., 1] - du[..., 1] * dv[..., 0])
        self._sizes = np.where(self._valid[::self.step, ::self.step], size, 0).astype(np.float32)
        self._floor: Floor | None = None

    @property
    def floor(self) -> Floor | None:
        """Return the floor that was seen last."""
        return self._floor

    def set_up(self, up: Vectors) -> None:
        """Change the direction of up; if it is another, so is the floor."""
        if self._floor is not None and up @ self.up < 0.9998:
            self._floor = None
        self.up = up

    def segment(self, depth: npt.NDArray[np.uint16]) -> Segments:
        """
        Cut a depth image into parts.

        :param depth: (height, width) uint16 millimeters, 0 for none.
        """
        shape = self._sizes.shape
        points, area = np.empty((*shape, 3), np.float32), np.empty(shape, np.float32)
        segmentation_kernels.surface(
            depth[::self.step, ::self.step].copy(), self._rays, self._sizes, points, area)
        self._floor = find_floor(points, area, self.up, self._floor) or self._floor
        up, least = self.up, -math.inf
        plane, heights = np.zeros(4, np.float32), np.empty(shape, np.float32)
        if self._floor is not None:
            up, least = self._floor.up, _FLOOR
            plane[:] = *up, self._floor.height
        keep = np.empty(shape, np.uint8)
        segmentation_kernels.separate(
            points, plane, least, _JUMP, _JUMP_PER_METER, heights, keep)
        labels: npt.NDArray[np.int32]
        found: tuple[Any, ...] = cv2.connectedComponentsWithStats(
            keep, connectivity=4, ltype=cv2.CV_32S)
        _, labels, stats, _ = found
        return Segments(
            self.step, points, labels, area, None if self._floor is None else heights, up,
            _parts(labels, stats, points, area, up))

    def cloud(
        self, mask: Mask, depth: npt.NDArray[np.uint16], count: int,
    ) -> Vectors:
        """
        Return about so many points of a mask (height, width), evenly spread, (N, 3) meters.

        :param depth: (height, width) uint16 millimeters.
        """
        step = max(1, round(math.sqrt(float(mask.sum()) / count)))
        chosen = mask[::step, ::step]
        z = depth[::step, ::step][chosen].astype(np.float64)[:, np.newaxis] * 1e-3
        points = np.concatenate((self._full_rays[::step, ::step][chosen] * z, z), axis=1)
        there: Vectors = points[z[:, 0] > 0]
        return there

    def full(
        self, segments: Segments, masks: list[Mask], depth: npt.NDArray[np.uint16],
        background: int,
    ) -> npt.NDArray[np.uint8]:
        """
        Return whose each pixel of the depth image is.

        The masks are brought to its resolution, and grow onto pixels beside them at the same
        depth: along the outline, and from the ankles down to the floor.

        :param masks: (height / step, width / step) each, of one person.
        :param background: the value for nobody.
        :return: (height, width) uint8: index into ``masks``.
        """
        index_map = np.full(depth.shape, background, np.uint8)
        z = segments.points[..., 2]
        for number, mask in enumerate(masks):
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            if not rows.size:
                continue
            # room for the feet below
            box = (slice(max(rows[0] - 2, 0), rows[-1] + 16),
                   slice(max(columns[0] - 6, 0), columns[-1] + 7))
            heights = None if segments.heights is None else segments.heights[box]
            grown = _with_feet(mask[box].astype(np.uint8), z[box], heights)
            reference = cv2.blur(z[box] * grown, (5, 5)) / np.maximum(
                cv2.blur(grown.astype(np.float32), (5, 5)), 1e-6)
            grown = cv2.dilate(grown, np.ones((3, 3), np.uint8)).astype(np.uint8)
            top, left = box[0].start * self.step, box[1].start * self.step
            target = (slice(top, top + grown.shape[0] * self.step),
                      slice(left, left + grown.shape[1] * self.step))
            here = depth[target] * np.float32(0.001)
            shape = here.shape[1], here.shape[0]
            large = cv2.resize(grown, (0, 0), fx=self.step, fy=self.step,
                               interpolation=cv2.INTER_NEAREST)[:shape[1], :shape[0]]
            expected = cv2.resize(reference, (0, 0), fx=self.step, fy=self.step,
                                  interpolation=cv2.INTER_NEAREST)[:shape[1], :shape[0]]
            inside = (large > 0) & (here > 0) & (np.abs(here - expected) < 0.12)
            inside &= self._valid[target]
            if self._floor is not None:
                rays = self._full_rays[target]
                nx, ny, nz = self._floor.up.astype(np.float32)
                height = here * (rays[..., 0] * nx + rays[..., 1] * ny + nz)
                inside &= height > _SOLE - self._floor.height
            index_map[target][inside] = number
        return index_map


def _level_axes(up: Vectors) -> tuple[Vectors, Vectors]:
    """Return unit vectors across and away from the camera, level."""
    away = np.array([0.0, 0.0, 1.0]) - up[2] * up
    if np.linalg.norm(away) < 0.2:
        away = np.array([0.0, 1.0, 0.0]) - up[1] * up
    away = away / np.linalg.norm(away)
    return np.cross(away, up), away


def _parts(
    labels: npt.NDArray[np.int32], stats: npt.NDArray[np.int32], points: Floats, area: Floats,
    up: Vectors,
) -> tuple[Part, ...]:
    """Measure the parts that are large enough; ``stats`` of `cv2.connectedComponentsWithStats`."""
    counts = stats[:, cv2.CC_STAT_AREA].astype(np.int64)
    large = np.flatnonzero(counts[1:] >= _LEAST_PIXELS) + 1
    numbers = np.full(len(counts), -1)
    numbers[large] = np.arange(len(large))
    samples = np.zeros((len(large), segmentation_kernels.SAMPLES, 3), np.float32)
    shown = np.zeros(samples.shape[:2], np.float32)
    sizes = np.empty(len(large))
    spreads = np.empty((len(large), 3, 3))
    segmentation_kernels.measure(
        labels, numbers, counts, points, area, sizes, samples, shown, spreads)
    curved = np.sqrt(np.maximum(np.linalg.eigvalsh(spreads)[:, 0], 0))
    axes = np.stack((up, *_level_axes(up)), axis=1)
    places = samples @ axes.astype(np.float32)
    parts = []
    for number, label in enumerate(large.tolist()):
        x, y, width, height, _ = stats[label].tolist()
        # each stands for some surface; what follows them is room for more
        some = slice(int(np.count_nonzero(shown[number])))
        along = places[number, some]
        ranks = [int(share * (len(along) - 1)) for share in _EXTENT]
        low, middle, high = np.partition(along, ranks, axis=0)[ranks]
        tall, wide, deep = (high - low).tolist()
        parts.append(Part(
            label, (slice(y, y + height), slice(x, x + width)), float(sizes[number]),
            axes @ middle, tall, wide, deep, float(curved[number]), samples[number, some],
            shown[number, some]))
    return tuple(parts)


def _with_feet(
    mask: npt.NDArray[np.uint8], z: Floats, heights: Floats | None,
) -> npt.NDArray[np.uint8]:
    """Let a mask grow from what is close above the floor onto what is just above the floor."""
    if heights is None:
        return mask
    low = (z > 0) & (heights > _SOLE) & (heights <= _FLOOR + 0.02)
    ankles = mask * (heights < 2 * _FLOOR)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    allowed = (low | (ankles > 0)).view(np.uint8)
    reached = ankles
    # as far as a foot is long
    for _ in range(10):
        reached = cv2.dilate(reached, cross).astype(np.uint8) & allowed
    grown: npt.NDArray[np.uint8] = mask | reached
    return grown
