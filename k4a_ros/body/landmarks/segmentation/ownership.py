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


@dataclass(frozen=True)
class _Assignment:
    """When a segment or a pixel belongs to a person; distances are from the capsules' surface."""

    #: maximum distance of a sample that is near a person
    near_m: float = 0.10
    #: a segment is skipped if a smaller share of its samples, and a smaller area, is near anyone
    min_near_share: float = 0.02
    min_near_area_m2: float = 0.03
    # A segment is assigned to one person as a whole if
    #: that person is the nearest to this share of the near samples,
    whole_min_winner_share: float = 0.95
    #: this share of all samples is near,
    whole_min_near_share: float = 0.5
    #: and this percentile of their distances
    whole_percentile: float = 97
    #: is below this distance.
    whole_max_distance_m: float = 0.25
    #: a segment too small for a large plane, with this share of its samples on that of another
    #: one, is a piece of that, such as of the wall between two legs
    plane_piece_share: float = 0.9
    #: maximum distance of a pixel of a segment that is divided
    pixel_max_distance_m: float = 0.16
    #: margin of the box around a person's capsules outside of which nothing is compared
    reach_m: float = 0.5


@dataclass(frozen=True)
class _NearbyPiece:
    """Which segments may be pieces of a person whose pose is not known yet."""

    max_area_m2: float = 0.4
    max_height_m: float = 1.1
    max_level_distance_m: float = 0.4


_ASSIGNMENT, _NEARBY_PIECE = _Assignment(), _NearbyPiece()


def assign_segments(segmentation: Segmentation, people: Sequence[Vectors]) -> Owners:
    """
    Return which person each pixel belongs to.

    A segment that is near one person only is assigned as a whole. One that is near several people,
    or contains furniture or a wall, is divided by the distance of its pixels from the limbs.

    :param people: (33, 3) meters each: the landmarks in the depth camera's frame.
    :return: (height, width) uint8, as ``segmentation.labels``: index into ``people``, or
        `BACKGROUND`.
    """
    owners = np.full(segmentation.labels.shape, BACKGROUND, np.uint8)
    capsules = np.array([_capsules(person) for person in people]).reshape(-1, len(_RADII_M), 8)
    ends = np.concatenate((capsules[..., :3], capsules[..., :3] + capsules[..., 3:6]), axis=1)
    low = ends.min(axis=1) - _ASSIGNMENT.reach_m
    high = ends.max(axis=1) + _ASSIGNMENT.reach_m
    nearby = []
    for segment in segmentation.segments:
        close = np.array([index for index in range(len(people)) if bool(
            ((segment.samples > low[index]) & (segment.samples < high[index]))
            .all(axis=1).any())])
        if close.size:
            # a wall or a table that the person is close to may be part of the segment
            nearby.append((segment, close, large_planes(
                segment.samples, segment.sample_areas, segmentation.up)))
    all_planes = np.concatenate([np.empty((0, 4)), *(planes for _, _, planes in nearby)])
    for segment, close, planes in nearby:
        if _is_piece(segment, all_planes):
            continue
        distances = np.empty((len(close), len(segment.samples)))
        _distances(segment.samples, capsules[close], distances)
        near = distances.min(axis=0) < _ASSIGNMENT.near_m
        if (float(near.mean()) < _ASSIGNMENT.min_near_share
                and float(segment.sample_areas[near].sum()) < _ASSIGNMENT.min_near_area_m2):
            continue
        winners = distances.argmin(axis=0)
        shares = np.bincount(winners[near], minlength=len(close)) / int(near.sum())
        best = int(shares.argmax())
        box = segment.box
        if (not len(planes) and shares[best] > _ASSIGNMENT.whole_min_winner_share
                and float(near.mean()) > _ASSIGNMENT.whole_min_near_share
                and float(np.percentile(distances[best], _ASSIGNMENT.whole_percentile))
                < _ASSIGNMENT.whole_max_distance_m):
            owners[box][segmentation.labels[box] == segment.label] = close[best]
        else:
            _divide(segmentation.labels[box], segment.label, segmentation.points[box], close,
                    capsules, low, high, _ASSIGNMENT.pixel_max_distance_m, planes,
                    LARGE_PLANE.inlier_m, LARGE_PLANE.inlier_m_per_m, owners[box])
    return owners


def _is_piece(segment: Segment, planes: Vectors) -> bool:
    """Return whether a small segment, which has no plane, is a piece of one of planes (M, 4)."""
    if segment.area >= LARGE_PLANE.min_level_area_m2:
        return False
    samples = segment.samples.astype(np.float64)
    limits = LARGE_PLANE.inlier_distances_m(samples)
    inside = np.abs(samples @ planes[:, :3].T + planes[:, 3]) < limits[:, np.newaxis]
    return bool((inside.mean(axis=0) > _ASSIGNMENT.plane_piece_share).any())


@compiled
def _distances(points: Any, capsules: Any, distances: Any) -> None:
    """Write the distances (M, N) of points (N, 3) from the surface of people (M, 16, 8)."""
    for person in range(len(capsules)):
        for point in range(len(points)):
            x, y, z = points[point]
            distances[person, point] = _distance(x, y, z, capsules[person])


@compiled
def _distance(x: float, y: float, z: float, capsules: Any) -> float:
    """Return the distance of a point from the nearest capsule's surface, negative inside."""
    smallest = math.inf
    for capsule in range(len(capsules)):
        ax, ay, az, dx, dy, dz, square, radius = capsules[capsule]
        ax, ay, az = x - ax, y - ay, z - az
        share = min(max((ax * dx + ay * dy + az * dz) / square, 0.0), 1.0)
        ax, ay, az = ax - share * dx, ay - share * dy, az - share * dz
        smallest = min(smallest, math.sqrt(ax * ax + ay * ay + az * az) - radius)
    return smallest


@compiled
def _divide(
    labels: Any, label: int, points: Any, close: Any, capsules: Any, low: Any, high: Any,
    max_distance: float, planes: Any, plane_distance: float, plane_slope: float, owners: Any,
) -> None:
    """
    Assign each pixel of a segment to the nearest person, unless it is on a large plane.

    :param labels: (height, width) int32.
    :param points: (height, width, 3) float32 meters.
    :param close: (M,) int64, indices of the people who are compared.
    :param capsules: (N, 16, 8) of all people, and ``low`` and ``high`` (N, 3), the box around each
        of them, meters.
    :param max_distance: from the nearest person, meters.
    :param planes: (K, 4) of ``large_planes``. A point within ``plane_distance`` meters, and
        ``plane_slope`` more for each meter from the camera, is on the plane.
    :param owners: (height, width) uint8, written.
    """
    for row in range(labels.shape[0]):
        for column in range(labels.shape[1]):
            if labels[row, column] != label:
                continue
            x, y, z = points[row, column]
            smallest, nearest = max_distance, -1
            for person in close:
                if (low[person, 0] < x < high[person, 0] and low[person, 1] < y < high[person, 1]
                        and low[person, 2] < z < high[person, 2]):
                    distance = _distance(x, y, z, capsules[person])
                    if distance < smallest:
                        smallest, nearest = distance, person
            if nearest < 0:
                continue
            for plane in range(len(planes)):
                a, b, c, d = planes[plane]
                if abs(x * a + y * b + z * c + d) < plane_distance + plane_slope * z:
                    nearest = -1
            if nearest >= 0:
                owners[row, column] = nearest


def mask_with_nearby_pieces(segmentation: Segmentation, segment: Segment) -> Mask:
    """
    Return the mask of a segment and of the small ones above, below and in front of it.

    The legs or an arm of a person may be separate segments, especially seen from the side.
    """
    mask: Mask = segmentation.labels == segment.label
    for piece in segmentation.segments:
        offset = perpendicular_part(piece.center - segment.center, segmentation.up)
        if (piece.area < _NEARBY_PIECE.max_area_m2 and piece.height < _NEARBY_PIECE.max_height_m
                and float(np.linalg.norm(offset)) < _NEARBY_PIECE.max_level_distance_m):
            mask[piece.box] |= segmentation.labels[piece.box] == piece.label
    return mask


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
