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

"""Grow the masks of people at reduced resolution into the index map of the whole depth image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
from k4a_ros.body.landmarks.segmentation.floor import Floor
from k4a_ros.body.landmarks.segmentation.segments import Segmentation
from k4a_ros.body.tracker import BACKGROUND
from k4a_ros.calibration.lens import Intrinsics
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Pixels = npt.NDArray[np.uint8]
Box = tuple[slice, slice]

#: surfaces higher above the floor than this are not part of it: more than the noise of its depth
FLOOR_MARGIN_M = 0.06


@dataclass(frozen=True)
class _Growth:
    """How far masks grow; pixels are those of the reduced resolution."""

    #: maximum depth difference between a new pixel and the mask nearby
    max_depth_difference_m: float = 0.12
    #: side of the square over which the mask's depth is averaged for that
    neighborhood_pixels: int = 5
    #: minimum height above the floor of a pixel of a foot
    min_foot_height_m: float = 0.015
    #: how far above FLOOR_MARGIN_M the pixels of a foot may be
    foot_overlap_m: float = 0.02
    #: the part of a mask below this height is an ankle, and grows onto a foot
    max_ankle_height_m: float = 2 * FLOOR_MARGIN_M
    #: the length of a foot
    foot_pixels: int = 10
    #: margins around a mask
    top_pixels: int = 2
    bottom_pixels: int = 15
    side_pixels: int = 6


_GROWTH = _Growth()


class IndexMapper:
    """Turns masks of people into the index map of the depth image, for one lens."""

    def __init__(self, lens: Intrinsics) -> None:
        rays = lens.rays()
        self._rays = np.nan_to_num(rays)
        self._valid = np.ascontiguousarray(~np.isnan(rays[..., 0]))

    def index_map(
        self, segmentation: Segmentation, masks: Sequence[Mask], depth: npt.NDArray[np.uint16],
    ) -> Pixels:
        """
        Return which person each pixel of the depth image shows.

        The masks are enlarged, and grow onto neighbors at the same depth: along the outline, and
        from the ankles down to the floor. Where they overlap, the last one wins.

        :param masks: (height / step, width / step) each, of one person.
        :param depth: (height, width) uint16 millimeters.
        :return: (height, width) uint8: index into ``masks``, or `BACKGROUND`.
        """
        index_map = np.full(depth.shape, BACKGROUND, np.uint8)
        for index, mask in enumerate(masks):
            if (box := _growth_box(mask)) is not None:
                self._grow(segmentation, mask, box, index, depth, index_map)
        return index_map

    def _grow(
        self, segmentation: Segmentation, mask: Mask, box: Box, index: int,
        depth: npt.NDArray[np.uint16], index_map: Pixels,
    ) -> None:
        """Write the index of a person into the index map, within a box around the mask."""
        step, z = segmentation.step, segmentation.points[..., 2][box]
        heights = None if segmentation.heights is None else segmentation.heights[box]
        grown = _grow_feet(mask[box].astype(np.uint8), z, heights)
        window = (_GROWTH.neighborhood_pixels, _GROWTH.neighborhood_pixels)
        mean_depth = cv2.blur(z * grown, window) / np.maximum(
            cv2.blur(grown.astype(np.float32), window), 1e-6)
        grown = cv2.dilate(grown, np.ones((3, 3), np.uint8)).astype(np.uint8)
        top, left = box[0].start * step, box[1].start * step
        target = (slice(top, top + grown.shape[0] * step),
                  slice(left, left + grown.shape[1] * step))
        here = depth[target] * np.float32(0.001)
        candidate = _enlarge(grown, step, here.shape) > 0
        expected = _enlarge(mean_depth, step, here.shape)
        inside = candidate & (here > 0) & (
            np.abs(here - expected) < _GROWTH.max_depth_difference_m)
        inside &= self._valid[target]
        if segmentation.floor is not None:
            inside &= self._above_floor(segmentation.floor, here, target)
        index_map[target][inside] = index

    def _above_floor(self, floor: Floor, depth_m: Floats, box: Box) -> Mask:
        """Return which pixels of a box of the depth image are above the floor."""
        rays = self._rays[box]
        nx, ny, nz = floor.up.astype(np.float32)
        height = depth_m * (rays[..., 0] * nx + rays[..., 1] * ny + nz)
        above: Mask = height > _GROWTH.min_foot_height_m - floor.height
        return above


def _growth_box(mask: Mask) -> Box | None:
    """Return the box around a mask with its margins, None for an empty mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return None
    return (slice(max(rows[0] - _GROWTH.top_pixels, 0), rows[-1] + _GROWTH.bottom_pixels + 1),
            slice(max(columns[0] - _GROWTH.side_pixels, 0), columns[-1] + _GROWTH.side_pixels + 1))


def _enlarge(
    image: npt.NDArray[Any], step: int, shape: tuple[int, ...],
) -> npt.NDArray[Any]:
    """Return an image with each pixel repeated, cut to a shape."""
    enlarged = cv2.resize(image, (0, 0), fx=step, fy=step, interpolation=cv2.INTER_NEAREST)
    cut: npt.NDArray[Any] = enlarged[:shape[0], :shape[1]]
    return cut


def _grow_feet(mask: Pixels, z: Floats, heights: Floats | None) -> Pixels:
    """
    Grow a mask from the ankles onto the feet, which segmentation takes for the floor.

    :param mask: (height, width) uint8, 0 or 1; ``z`` and ``heights`` above the floor, meters.
    """
    if heights is None:
        return mask
    feet = ((z > 0) & (heights > _GROWTH.min_foot_height_m)
            & (heights <= FLOOR_MARGIN_M + _GROWTH.foot_overlap_m))
    ankles = mask * (heights < _GROWTH.max_ankle_height_m)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    allowed = (feet | (ankles > 0)).view(np.uint8)
    reached = ankles
    for _ in range(_GROWTH.foot_pixels):
        reached = cv2.dilate(reached, cross).astype(np.uint8) & allowed
    grown: Pixels = mask | reached
    return grown
