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

import cv2
from k4a_ros.body.landmarks.segmentation.segments import Segmentation
from k4a_ros.body.tracker import BACKGROUND
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


def index_map(
    segmentation: Segmentation, masks: Sequence[Mask], depth: npt.NDArray[np.uint16],
    rays: Floats,
) -> Pixels:
    """
    Return which person each pixel of the depth image shows.

    The masks are enlarged, and grow onto neighbors at the same depth: along the outline, and
    from the ankles down to the floor. Where they overlap, the last one wins.

    :param masks: (height / step, width / step) each, of one person.
    :param depth: (height, width) uint16 millimeters.
    :param rays: of `Intrinsics.rays`.
    :return: (height, width) uint8: index into ``masks``, or `BACKGROUND`.
    """
    indices = np.full(depth.shape, BACKGROUND, np.uint8)
    for index, mask in enumerate(masks):
        if (box := _growth_box(mask)) is not None:
            _grow(segmentation, mask, box, index, depth, rays, indices)
    return indices


def _grow(
    segmentation: Segmentation, mask: Mask, box: Box, index: int,
    depth: npt.NDArray[np.uint16], rays: Floats, indices: Pixels,
) -> None:
    """Write the index of a person into the index map, within a box around the mask."""
    step, floor, z = segmentation.step, segmentation.floor, segmentation.points[..., 2][box]
    grown = mask[box].astype(np.uint8)
    if floor is not None:
        grown = _grow_feet(grown, z, floor.heights(segmentation.points[box]))
    window = (_GROWTH.neighborhood_pixels, _GROWTH.neighborhood_pixels)
    mean_depth = cv2.blur(z * grown, window) / np.maximum(
        cv2.blur(grown.astype(np.float32), window), 1e-6)
    grown = cv2.dilate(grown, np.ones((3, 3), np.uint8)).astype(np.uint8)
    # the sides of depth images are multiples of the step
    target = (slice(box[0].start * step, box[0].stop * step),
              slice(box[1].start * step, box[1].stop * step))
    here, rays = depth[target] * np.float32(0.001), rays[target]
    candidate, expected = (
        cv2.resize(one, here.shape[::-1], interpolation=cv2.INTER_NEAREST)
        for one in (grown, mean_depth))
    inside = (candidate > 0) & (here > 0) & np.isfinite(rays[..., 0]) & (
        np.abs(here - expected) < _GROWTH.max_depth_difference_m)
    if floor is not None:
        up = floor.up.astype(np.float32)
        inside &= here * (rays @ up[:2] + up[2]) > _GROWTH.min_foot_height_m - floor.height
    indices[target][inside] = index


def _growth_box(mask: Mask) -> Box | None:
    """Return the box around a mask with its margins, None for an empty mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return None
    return (slice(max(rows[0] - _GROWTH.top_pixels, 0), rows[-1] + _GROWTH.bottom_pixels + 1),
            slice(max(columns[0] - _GROWTH.side_pixels, 0), columns[-1] + _GROWTH.side_pixels + 1))


def _grow_feet(mask: Pixels, z: Floats, heights: Floats) -> Pixels:
    """
    Grow a mask from the ankles onto the feet, which segmentation takes for the floor.

    :param mask: (height, width) uint8, 0 or 1; ``z`` and ``heights`` above the floor, meters.
    """
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
