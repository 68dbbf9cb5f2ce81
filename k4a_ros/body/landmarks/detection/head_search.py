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
Search the image for heads, a part of it in each frame.

Depth alone does not tell a person from the chair, the wall or the neighbor that the person
touches; detectors of heads do.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
import itertools

import cv2
from k4a_ros.body.landmarks.detection.frame_context import FrameContext
from k4a_ros.body.landmarks.detection.head_region import region_below_head
from k4a_ros.body.landmarks.pose_2d.crop import CropView
from k4a_ros.body.landmarks.pose_2d.crop import Region
from k4a_ros.body.landmarks.pose_2d.crop import sample
from k4a_ros.body.landmarks.pose_2d.head_models import FACE_DETECTOR
from k4a_ros.body.landmarks.pose_2d.head_models import Head
from k4a_ros.body.landmarks.pose_2d.head_models import HeadModel
from k4a_ros.body.landmarks.pose_2d.head_models import POSE_DETECTOR
from k4a_ros.calibration.lens import Intrinsics
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Scan:
    """How the image is searched."""

    #: minimum score of a head in a tile
    min_score: float = 0.4
    #: minimum score of the head of a person who is confirmed
    min_confirmed_score: float = 0.52
    #: minimum score of a face whose person cannot be turned away: backs of heads have less
    min_face_score: float = 0.7
    #: maximum distance of these heads from where the landmarks have them
    max_head_distance_m: float = 0.15
    #: heads of one crop that are closer than this are the same
    same_head_m: float = 0.25
    #: tiles that are searched in each frame while nobody is tracked
    idle_tiles: int = 2
    #: time between two tiles while somebody is
    busy_period_s: float = 0.1
    #: centers of the tiles, as shares of the width and of the height
    tile_centers: tuple[float, ...] = (0.25, 0.5, 0.75)
    #: side of a tile, as a share of the longer side of the image: the smaller a tile, the larger
    #: are the heads in it; the image as a whole is searched at the edges, too
    tile_side: float = 0.4
    #: center below the head, and radius, of the upper body, and of head and shoulders
    upper_body_m: tuple[float, float] = (0.3, 0.7)
    head_and_shoulders_m: tuple[float, float] = (0.15, 0.5)


_SCAN = _Scan()
#: share of a head's box, around its center, in which its depth is measured
_DEPTH_SHARE = 0.33
#: distance at which tiles are placed; it only sets their scale
_TILE_DISTANCE_M = 2.0


@dataclass(frozen=True, eq=False)
class HeadCandidate:
    """
    A head that a detector sees.

    ``position`` (3,): of its visible surface, meters in the depth camera's frame; ``score``: 0 to
    1; ``seen_us``: microseconds of the device clock.
    """

    position: Vectors
    score: float
    seen_us: int


class HeadSearch:
    """
    Searches images of one lens for heads, with a detector of people and one of faces.

    It looks at one tile of the image after the other, and at the whole of it.
    """

    def __init__(self, lens: Intrinsics) -> None:
        self._models = HeadModel(POSE_DETECTOR), HeadModel(FACE_DETECTOR)
        self._tiles = itertools.cycle(_tiles(lens))
        self._searched_us: int | None = None

    def clear(self) -> None:
        """Forget when the last tile was searched."""
        self._searched_us = None

    def look(self, frame: FrameContext, *, busy: bool) -> list[HeadCandidate]:
        """
        Search the next part of the image, the best candidates first.

        :param busy: whether people are tracked, to whom most of the time belongs.
        """
        tiles = _SCAN.idle_tiles
        if busy:
            since = _SCAN.busy_period_s * 1e6
            tiles = int(self._searched_us is None
                        or not 0 <= frame.now_us - self._searched_us < since)
        if not tiles:
            return []
        self._searched_us = frame.now_us
        candidates: list[HeadCandidate] = []
        for region in itertools.islice(self._tiles, tiles):
            view = CropView(region, frame.segmentation.up)
            crop, depth = _reflectivity(frame, view)
            heads = [head for model in self._models for head in model(crop, _SCAN.min_score)]
            candidates += _candidates(heads, depth, view, frame.now_us)
        return sorted(candidates, key=lambda candidate: -candidate.score)

    def confirms(self, frame: FrameContext, region: Region, head: Vectors) -> bool:
        """
        Return whether a detector sees the head of a person.

        :param region: of the whole person; crops of the upper body, and of head and shoulders, are
            looked at as well, as more of these may be visible, and heads are larger there.
        :param head: (3,) meters, where the landmarks have it.
        """
        up = frame.segmentation.up
        return any(
            _is_seen(self._models, frame, each, head, _SCAN.min_confirmed_score)
            for each in (Region(region.center, region.radius),
                         region_below_head(head, up, *_SCAN.upper_body_m),
                         region_below_head(head, up, *_SCAN.head_and_shoulders_m)))

    def sees_face(self, frame: FrameContext, head: Vectors) -> bool:
        """Return whether the head at (3,), meters, certainly shows its face to the camera."""
        region = region_below_head(head, frame.segmentation.up, *_SCAN.upper_body_m)
        return _is_seen(self._models[1:], frame, region, head, _SCAN.min_face_score)


def _is_seen(
    models: Sequence[HeadModel], frame: FrameContext, region: Region, head: Vectors,
    min_score: float,
) -> bool:
    """Return whether one of the detectors sees a head (3,), meters, in the crop of a region."""
    view = CropView(region, frame.segmentation.up)
    expected = view.project(head[np.newaxis])[0]
    reach = _SCAN.max_head_distance_m * view.pixels_per_meter
    crop, _ = _reflectivity(frame, view)
    return any(float(np.linalg.norm(found.center - expected)) < reach
               for model in models for found in model(crop, min_score))


def _tiles(lens: Intrinsics) -> Iterator[Region]:
    """Yield the regions of a whole search: the image, and each tile in the view of the lens."""
    side = max(lens.width, lens.height)
    places = [(lens.width / 2, lens.height / 2, side / 2)]
    places += [(x * lens.width, y * lens.height, side * _SCAN.tile_side / 2)
               for y in _SCAN.tile_centers for x in _SCAN.tile_centers]
    pixels = np.array([(x, y) for x, y, _ in places])
    rays, valid = lens.unproject(pixels)
    for index in np.flatnonzero(valid).tolist():
        center, half = np.array([*rays[index], 1.0]), places[index][2]
        center *= _TILE_DISTANCE_M / float(np.linalg.norm(center))
        yield Region(center, half / lens.fx * _TILE_DISTANCE_M)


def _reflectivity(frame: FrameContext, view: CropView) -> tuple[Floats, Floats]:
    """
    Return a crop of the infrared image as if all surfaces were equally far away, and their depth.

    Heads at any distance then are as bright as people in photographs.

    :return: (256, 256) each: 0 black to 1 white, and meters, 0 for no depth.
    """
    maps = view.sampling_maps(frame.lens)
    depth = cv2.remap(frame.images.depth, *maps, cv2.INTER_NEAREST)
    meters = depth.astype(np.float32) * np.float32(0.001)
    crop = sample(frame.images.infrared, maps) * meters * meters
    return np.sqrt(np.minimum(crop / max(frame.white_level, 1e-6), 1)), np.asarray(meters)


def _candidates(
    heads: list[Head], depth: Floats, view: CropView, now_us: int,
) -> Iterator[HeadCandidate]:
    """Yield the heads in a crop that have depth, each of them once."""
    taken: list[Vectors] = []
    for head in heads:
        reach = max(head.size * _DEPTH_SHARE / 2, 1.0)
        low = np.maximum(np.floor(head.center - reach), 0).astype(int)
        high = np.ceil(head.center + reach).astype(int) + 1
        window = depth[low[1]:max(high[1], 0), low[0]:max(high[0], 0)]
        if not (window > 0).any():
            continue
        ray = view.rays(head.center)
        position = ray / ray[2] * float(np.median(window[window > 0]))
        if any(float(np.linalg.norm(position - other)) < _SCAN.same_head_m
               for other in taken):
            continue
        taken.append(position)
        yield HeadCandidate(position, head.score, now_us)
