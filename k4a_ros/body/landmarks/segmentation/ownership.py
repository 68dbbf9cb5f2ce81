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

"""Assign the pixels of segments to people whose landmarks are approximately known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math
from typing import Any

from k4a_ros.body.landmarks.segmentation.planes import is_level
from k4a_ros.body.landmarks.segmentation.planes import LARGE_PLANE
from k4a_ros.body.landmarks.segmentation.planes import large_planes
from k4a_ros.body.landmarks.segmentation.segments import Segment
from k4a_ros.body.landmarks.segmentation.segments import Segmentation
from k4a_ros.body.landmarks.vectors import perpendicular_part
from k4a_ros.body.tracker import BACKGROUND
from k4a_ros.jit.numba_jit import compiled
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Vectors = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Owners = npt.NDArray[np.uint8]

#: capsules between two landmarks each, and their radii, meters
_LIMBS = (
    (11, 13, 0.06), (13, 15, 0.05), (15, 19, 0.05), (12, 14, 0.06), (14, 16, 0.05),
    (16, 20, 0.05), (23, 25, 0.09), (25, 27, 0.07), (27, 31, 0.06), (24, 26, 0.09),
    (26, 28, 0.07), (28, 32, 0.06), (11, 12, 0.09), (23, 24, 0.12))
_STARTS, _ENDS = [first for first, _, _ in _LIMBS], [second for _, second, _ in _LIMBS]
_TRUNK_RADIUS_M, _HEAD_RADIUS_M = 0.16, 0.12
_RADII_M = np.array([*(radius for _, _, radius in _LIMBS), _TRUNK_RADIUS_M, _HEAD_RADIUS_M])
#: length of the head's capsule, from between the ears down, as a share of the way to the shoulders
_HEAD_SHARE = 0.3
#: maximum distance of a person's pixel from the surface of the capsules
_MAX_DISTANCE_M = 0.16
#: people are beside a segment, not part of it, if less than this area and share of it is near
_MIN_AREA_M2, _MIN_SHARE = 0.03, 0.2
#: the share of `PlaneThresholds.inlier_distances_m` within which a pixel is on a plane: hands that
#: lie on a table are thin
_PLANE_SHARE = 0.6
#: a segment of less than this area may be a piece of a plane of another one
_MAX_PIECE_M2 = 0.15


@dataclass(frozen=True)
class _NearbyPiece:
    """Which segments may be pieces of a person whose pose is not known yet."""

    max_area_m2: float = 0.4
    max_height_m: float = 1.1
    max_level_distance_m: float = 0.4


_NEARBY_PIECE = _NearbyPiece()


def assign_segments(segmentation: Segmentation, people: Sequence[Vectors]) -> Owners:
    """
    Return which person each pixel belongs to: the one whose limbs are nearest, if they are near.

    Pixels on a level plane, as of a table, belong to nobody, nor do those on another large plane
    of their segment, as of a wall, or of any segment if their own is small, such as a piece of
    the wall between two legs, nor those of a segment that people are beside.

    :param people: (33, 3) meters each: the landmarks in the depth camera's frame.
    :return: (height, width) uint8, as ``segmentation.labels``: index into ``people``, or
        `BACKGROUND`.
    """
    labels, points = segmentation.labels, segmentation.points
    owners = np.full(labels.shape, BACKGROUND, np.uint8)
    nearest = np.full(labels.shape, _MAX_DISTANCE_M)
    reach = _MAX_DISTANCE_M + _RADII_M.max()
    for index, person in enumerate(people):
        _claim(labels, points, _capsules(person), person.min(axis=0) - reach,
               person.max(axis=0) + reach, index, nearest, owners)
    pixels = np.flatnonzero(owners != BACKGROUND)
    owned_labels = labels.reshape(-1)[pixels]
    owned = set(np.unique(owned_labels).tolist())
    segments = [segment for segment in segmentation.segments if segment.label in owned]
    segment_areas = {segment.label: segment.area for segment in segments}
    planes = {segment.label: large_planes(segment.samples, segment.sample_areas, segmentation.up)
              for segment in segments}
    all_planes = np.concatenate([np.empty((0, 4)), *planes.values()])
    tables = all_planes[is_level(all_planes, segmentation.up) == 1]
    for label in owned:
        # 0 if the segment is too small to be measured
        segment_area = segment_areas.get(label, 0.0)
        tried = (all_planes if segment_area < _MAX_PIECE_M2
                 else np.concatenate((planes[label], tables)))
        mine = pixels[owned_labels == label]
        here = points.reshape(-1, 3)[mine].astype(np.float64)
        distances = np.abs(here @ tried[:, :3].T + tried[:, 3]).min(axis=1, initial=np.inf)
        off_plane = distances > _PLANE_SHARE * LARGE_PLANE.inlier_distances_m(here)
        area = float(segmentation.areas.reshape(-1)[mine[off_plane]].sum())
        is_part = area > min(_MIN_AREA_M2, _MIN_SHARE * segment_area)
        owners.reshape(-1)[mine[~off_plane | (not is_part)]] = BACKGROUND
    return owners


@compiled
def _claim(
    labels: Any, points: Any, capsules: Any, low: Any, high: Any, index: int, nearest: Any,
    owners: Any,
) -> None:
    """
    Assign the pixels of segments to a person that are nearer to this one than to others.

    :param labels: (height, width) int32, and ``points`` (height, width, 3), of `Segmentation`.
    :param capsules: (16, 8) of the person, and ``low`` and ``high`` (3,), a box around them.
    :param nearest: (height, width) meters from the person who is the nearest so far, and
        ``owners`` (height, width) uint8, the index of that person, both written.
    """
    for row in range(labels.shape[0]):
        for column in range(labels.shape[1]):
            x, y, z = points[row, column]
            if labels[row, column] and low[0] < x < high[0] and low[1] < y < high[1] and (
                    low[2] < z < high[2]):
                for capsule in range(len(capsules)):
                    ax, ay, az, dx, dy, dz, square, radius = capsules[capsule]
                    ax, ay, az = x - ax, y - ay, z - az
                    share = min(max((ax * dx + ay * dy + az * dz) / square, 0.0), 1.0)
                    ax, ay, az = ax - share * dx, ay - share * dy, az - share * dz
                    distance = math.sqrt(ax * ax + ay * ay + az * az) - radius
                    if distance < nearest[row, column]:
                        nearest[row, column], owners[row, column] = distance, index


def mask_with_nearby_pieces(segmentation: Segmentation, segment: Segment) -> Mask:
    """
    Return the mask of a segment and of the small ones above, below and in front of it.

    The legs or an arm of a person may be separate segments, especially seen from the side.
    """
    labels = [segment.label]
    for piece in segmentation.segments:
        offset = perpendicular_part(piece.center - segment.center, segmentation.up)
        if (piece.area < _NEARBY_PIECE.max_area_m2 and piece.height < _NEARBY_PIECE.max_height_m
                and float(np.linalg.norm(offset)) < _NEARBY_PIECE.max_level_distance_m):
            labels.append(piece.label)
    return np.isin(segmentation.labels, labels)


def _capsules(person: Vectors) -> Vectors:
    """
    Return the capsules of a person: those of `_LIMBS`, the trunk and the head.

    :param person: (33, 3) meters, the landmarks.
    :return: (16, 8): start (3), end - start (3), the square of that length, radius.
    """
    shoulders, hips = person[[11, 12]].mean(axis=0), person[[23, 24]].mean(axis=0)
    head = person[[7, 8]].mean(axis=0)
    starts = np.concatenate((person[_STARTS], shoulders[np.newaxis], head[np.newaxis]))
    along = np.concatenate((
        person[_ENDS] - person[_STARTS], [hips - shoulders], [_HEAD_SHARE * (shoulders - head)]))
    squares = np.maximum(np.square(along).sum(axis=1), 1e-9)
    return np.concatenate((starts, along, np.stack((squares, _RADII_M), axis=1)), axis=1)
