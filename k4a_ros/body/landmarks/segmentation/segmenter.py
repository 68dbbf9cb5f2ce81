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

"""Cut depth images into connected segments above the floor."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import Any

import cv2
from k4a_ros.body.landmarks.segmentation import kernels as segmentation_kernels
from k4a_ros.body.landmarks.segmentation.floor import find_floor
from k4a_ros.body.landmarks.segmentation.floor import Floor
from k4a_ros.body.landmarks.segmentation.index_map import FLOOR_MARGIN_M
from k4a_ros.body.landmarks.segmentation.segments import measure_segments
from k4a_ros.body.landmarks.segmentation.segments import Segmentation
from k4a_ros.calibration.lens import Intrinsics
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]

#: the number of rows, approximately, of a segmentation in any depth mode
_TARGET_ROWS = 288
#: cosine of the angle by which up may change before the known floor is discarded
_MIN_SAME_UP_COSINE = 0.9998


@dataclass(frozen=True)
class _DepthJump:
    """
    Minimum depth difference between neighbors on different surfaces.

    It grows with the distance, as a slanted surface has fewer pixels far away.
    """

    base_m: float = 0.045
    per_meter_m: float = 0.015


_JUMP = _DepthJump()


class Segmenter:
    """
    Cuts depth images of one lens into segments.

    Not thread-safe. It remembers the floor, which may be hidden in some images.

    :param up: the direction of up in the depth camera's frame, unit length; where the floor is
        visible, it may be wrong by 25°.
    """

    def __init__(self, lens: Intrinsics, up: Vectors) -> None:
        self.up = up
        self.step = max(1, round(lens.height / _TARGET_ROWS))
        full_rays = lens.rays()
        self._rays = np.ascontiguousarray(
            np.nan_to_num(full_rays)[::self.step, ::self.step])
        # the area of a pixel in the plane at 1 m
        du = np.gradient(self._rays, axis=1)
        dv = np.gradient(self._rays, axis=0)
        unit_areas = np.abs(du[..., 0] * dv[..., 1] - du[..., 1] * dv[..., 0])
        valid = ~np.isnan(full_rays[::self.step, ::self.step, 0])
        self._unit_areas = np.where(valid, unit_areas, 0).astype(np.float32)
        self._floor: Floor | None = None

    def set_up(self, up: Vectors) -> None:
        """Set the direction of up, a unit vector; a different one discards the known floor."""
        if self._floor is not None and up @ self.up < _MIN_SAME_UP_COSINE:
            self._floor = None
        self.up = up

    def segment(self, depth: npt.NDArray[np.uint16]) -> Segmentation:
        """
        Cut a depth image into segments.

        :param depth: (height, width) uint16 millimeters, 0 for no depth.
        """
        shape = self._unit_areas.shape
        points, areas = np.empty((*shape, 3), np.float32), np.empty(shape, np.float32)
        segmentation_kernels.unproject(
            depth[::self.step, ::self.step].copy(), self._rays, self._unit_areas, points, areas)
        self._floor = find_floor(points, areas, self.up, self._floor) or self._floor
        up, min_height = self.up, -math.inf
        plane, heights = np.zeros(4, np.float32), np.empty(shape, np.float32)
        if self._floor is not None:
            up, min_height = self._floor.up, FLOOR_MARGIN_M
            plane[:] = *up, self._floor.height
        foreground = np.empty(shape, np.uint8)
        segmentation_kernels.cut_foreground(
            points, plane, min_height, _JUMP.base_m, _JUMP.per_meter_m, heights, foreground)
        labels: npt.NDArray[np.int32]
        components: tuple[Any, ...] = cv2.connectedComponentsWithStats(
            foreground, connectivity=4, ltype=cv2.CV_32S)
        _, labels, stats, _ = components
        return Segmentation(
            self.step, points, labels, areas, self._floor,
            None if self._floor is None else heights, up,
            measure_segments(labels, stats, points, areas, up))
