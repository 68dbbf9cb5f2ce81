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

"""Runs the depth filters that are on, one after the other, on the images of one camera."""

from __future__ import annotations

import math

from k4a_ros.images.arrays import check_contiguous
from k4a_ros.images.arrays import read_only_view
from k4a_ros.images.filters.kernels import filter_kernels
from k4a_ros.images.filters.options import DepthFilterOptions
import numpy as np
import numpy.typing as npt

#: smallest difference that is a step between two surfaces, and smallest one that is a motion,
#: millimeters: several times the noise of a near surface, 1 mm
MIN_STEP_MM, MIN_MOTION_MM = 10, 5
#: pause after which averages are outdated: the longest frame period is 0.2 s
_MAX_PAUSE_US = 500_000
#: fractions of depth are integers in kernels, so that all of them round in the same way
_FIXED_POINT = 1 << 16
#: spacing of rays of which there is no other: nothing is too steep beside them
_NO_RAY = 1e6

Depth = npt.NDArray[np.uint16]
#: smallest step, millimeters, and fraction of the depth in fixed-point numbers
Step = tuple[int, int]


class DepthFilters:
    """
    Filters the depth images of one lens.

    Images keep their size; a pixel keeps its depth, loses it, or gets one between those of its
    neighbors or of its own past. Not thread-safe: an instance has averages and scratch buffers.

    :param rays: x/z and y/z of every pixel, (height, width, 2) float32, NaN where the lens has
        none: ``Intrinsics.rays()``.
    :param compiled: whether to use numba; None for wherever it is installed.
    """

    def __init__(
        self, rays: npt.NDArray[np.float32], *, compiled: bool | None = None,
    ) -> None:
        self._shape = height, width = rays.shape[:2]
        self._kernels = filter_kernels(compiled)
        norm, self._spacing = ray_geometry(rays)
        self._norm = read_only_view(norm)
        self._angle = 0.0
        self._steep_x, self._steep_y = self._spacing
        self._buffers = np.zeros((2, height, width), np.uint16)
        self._mean = np.zeros(self._shape, np.float32)
        self._count, self._missing = np.zeros((2, height, width), np.uint8)
        self._last_us: int | None = None
        self._rows = np.zeros((3, width + 2), np.float32)
        self._links = np.zeros(width, np.uint8)
        self._counts = np.zeros(height, np.int32)
        # memory that is not used is not touched
        self._runs = np.empty((6, height * width), np.int32)

    def reset(self) -> None:
        """Forget all averages."""
        self._count.fill(0)
        self._last_us = None

    def apply(
        self, depth: npt.NDArray[np.uint16], device_us: int, options: DepthFilterOptions,
    ) -> npt.NDArray[np.uint16]:
        """
        Return the filtered image; the next call overwrites it, and ``depth`` is unchanged.

        Averages start anew after a pause, if the time goes back, and while they are off.

        :param depth: (height, width) uint16 millimeters, 0 for invalid. It is returned itself if
            no filter is on.
        :param device_us: time of the image, microseconds.
        :raises ValueError: the array has the wrong shape or dtype.
        """
        check_contiguous('depth', depth, self._shape, np.uint16)
        if self._last_us is not None and not (
                options.averages and 0 < device_us - self._last_us <= _MAX_PAUSE_US):
            self.reset()
        if not options.active:
            return depth
        step = (MIN_STEP_MM, round(options.surface_step * _FIXED_POINT))
        image = read_only_view(depth)
        if options.flying_angle:
            image = self._remove_flying(image, options.flying_angle)
        if options.speckle_size > 1:
            image = self._remove_speckles(image, step, options.speckle_size)
        if options.averages:
            self._last_us = device_us
            image = self._average(image, step, options)
        if options.hole_size:
            image = self._fill_holes(image, step, options.hole_size)
        return image

    def _free(self, image: Depth) -> Depth:
        """Return a buffer that is not that of an image."""
        free: Depth = self._buffers[1 if np.may_share_memory(image, self._buffers[0]) else 0]
        return free

    def _remove_flying(self, image: Depth, angle: float) -> Depth:
        if angle != self._angle:
            scale = np.float32(1 / math.tan(math.radians(angle)))
            self._steep_x, self._steep_y = (
                read_only_view(spacing * scale) for spacing in self._spacing)
            self._angle = angle
        out = self._free(image)
        self._kernels.remove_flying(
            image, self._norm, self._steep_x, self._steep_y, self._rows, out)
        return read_only_view(out)

    def _remove_speckles(self, image: Depth, step: Step, min_pixels: int) -> Depth:
        own = [buffer for buffer in self._buffers if np.may_share_memory(image, buffer)]
        out: Depth = own[0] if own else self._free(image)
        if not own:
            np.copyto(out, image)
        self._kernels.remove_speckles(
            out, *step, min_pixels, self._links, self._counts, self._runs)
        return read_only_view(out)

    def _average(self, image: Depth, step: Step, options: DepthFilterOptions) -> Depth:
        out = self._free(image)
        gate = (MIN_MOTION_MM, round(options.motion_step * _FIXED_POINT))
        self._kernels.average(
            image, self._mean, self._count, self._missing, options.temporal_frames,
            options.temporal_hold, *gate, *step, out)
        return read_only_view(out)

    def _fill_holes(self, image: Depth, step: Step, max_pixels: int) -> Depth:
        out = self._free(image)
        self._kernels.fill_holes(image, max_pixels, *step, self._runs, out)
        return read_only_view(out)


def ray_geometry(
    rays: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.float32], tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
    """
    Return distance relative to depth, 0 where there is no ray, and the spacing of the rays.

    The spacing is the tangent of the angle between neighbors in a row, and in a column; half of
    that between the two neighbors of a pixel, and `_NO_RAY` if one of these has no ray.

    :param rays: see `DepthFilters`.
    """
    directions = np.dstack((rays, np.ones(rays.shape[:2], np.float32))).astype(np.float64)
    norm = np.linalg.norm(directions, axis=2)
    spacing = []
    for axis in (1, 0):
        index = np.arange(rays.shape[axis])
        before, after = (directions.take(np.clip(index + step, 0, len(index) - 1), axis)
                         for step in (-1, 1))
        cross = np.linalg.norm(np.cross(before, after), axis=2)
        dot = (before * after).sum(axis=2)
        pixels = np.clip(index + 1, 0, len(index) - 1) - np.clip(index - 1, 0, len(index) - 1)
        pixels = np.maximum(pixels, 1).reshape((1, -1) if axis else (-1, 1))
        spacing.append(np.nan_to_num(cross / dot / pixels, nan=_NO_RAY).astype(np.float32))
    return np.nan_to_num(norm).astype(np.float32), (spacing[0], spacing[1])
