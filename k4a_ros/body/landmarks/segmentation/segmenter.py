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

import cv2
from k4a_ros.body.landmarks.segmentation.floor import find_floor
from k4a_ros.body.landmarks.segmentation.floor import Floor
from k4a_ros.body.landmarks.segmentation.index_map import FLOOR_MARGIN_M
from k4a_ros.body.landmarks.segmentation.segments import measure_segments
from k4a_ros.body.landmarks.segmentation.segments import Segmentation
from k4a_ros.calibration.lens import Intrinsics
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]

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
        rays = lens.rays()[::self.step, ::self.step]
        self._valid = np.isfinite(rays[..., 0])
        self._x, self._y = np.moveaxis(np.nan_to_num(rays), 2, 0).copy()
        # the area of a pixel in the plane at 1 m
        self._unit_areas = np.abs(
            np.gradient(self._x, axis=1) * np.gradient(self._y, axis=0)
            - np.gradient(self._y, axis=1) * np.gradient(self._x, axis=0))
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
        z = depth[::self.step, ::self.step] * self._valid * np.float32(0.001)
        points = np.asarray(cv2.merge((self._x * z, self._y * z, z)), np.float32)
        areas = self._unit_areas * z * z
        self._floor = find_floor(points, areas, self.up, self._floor) or self._floor
        foreground = (z > 0) & (z <= _nearest_background(z))
        up = self.up
        if self._floor is not None:
            up = self._floor.up
            foreground &= self._floor.heights(points) > FLOOR_MARGIN_M
        labels: npt.NDArray[np.int32]
        _, labels = cv2.connectedComponents(foreground.view(np.uint8), connectivity=4)
        return Segmentation(
            self.step, points, labels, areas, self._floor, up,
            measure_segments(labels, points, areas, up))


def _nearest_background(z: Floats) -> Floats:
    """
    Return from which depth on a pixel is behind a discontinuity at one of its neighbors, meters.

    :param z: (height, width) meters, 0 for no depth.
    """
    behind = np.where(
        z > 0, z * np.float32(1 + _JUMP.per_meter_m) + np.float32(_JUMP.base_m), np.inf)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    return np.asarray(cv2.erode(behind, cross), np.float32)
