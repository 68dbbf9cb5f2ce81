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


"""Whose a part of the surface is, when it is known about where people are."""

from __future__ import annotations

from collections.abc import Sequence
import math
from typing import Any

from k4a_ros.body.landmarks.segmentation.planes import large_planes
from k4a_ros.body.landmarks.segmentation.planes import NEAR
from k4a_ros.body.landmarks.segmentation.planes import NEAR_PER_METER
from k4a_ros.body.landmarks.segmentation.segmenter import Part
from k4a_ros.body.landmarks.segmentation.segmenter import Segments
from k4a_ros.jit.numba_jit import compiled
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Vectors = npt.NDArray[np.float64]

#: Limbs between two of the landmarks, and their radii, meters. The last but one is the trunk, the
#: last the head; both are between means of landmarks.
_LIMBS = (
    (11, 13, 0.06), (13, 15, 0.05), (15, 19, 0.05), (12, 14, 0.06), (14, 16, 0.05),
    (16, 20, 0.05), (23, 25, 0.09), (25, 27, 0.07), (27, 31, 0.06), (24, 26, 0.09),
    (26, 28, 0.07), (28, 32, 0.06), (11, 12, 0.09), (23, 24, 0.12))
_STARTS, _ENDS = [first for first, _, _ in _LIMBS], [second for _, second, _ in _LIMBS]
_RADII = np.array([*(radius for _, _, radius in _LIMBS), 0.16, 0.12])

#: meters from the surface of limbs within which a pixel is near, may be the person's, and all of
#: a part that is nobody else's is
_NEAR, _MINE, _ALL = 0.10, 0.16, 0.40
#: the share of a part, and m² of it, of which one or the other is near at least
_FEW, _FEW_AREA = 0.02, 0.03
#: meters from the ends of limbs, along each axis, within which all that is looked at
_REACH = 0.5
#: meters in depth from the middle of somebody to a limb, and m² of one that is apart from the rest
_LIMB_AWAY, _LIMB_AREA = 0.6, 0.2
#: m² and meters of height of what may be a piece of somebody at most, and how far aside it may be
_PIECE_AREA, _PIECE_TALL, _PIECE_AWAY = 0.4, 1.1, 0.4


def assign_segments(
    segments: Segments, people: Sequence[Vectors], background: int,
) -> npt.NDArray[np.uint8]:
    """
    Return whose each pixel is.

    A part that is near one person alone is that person's; one that people share, or that is
    somebody and furniture, is divided by the distance of its pixels from the limbs.

    :param people: (33, 3) each: the landmarks, meters, in the depth camera's frame.
    :param background: the value for nobody.
    :return: (height, width) uint8, as ``segments.labels``: index into ``people``.
    """
    owners = np.full(segments.labels.shape, background, np.uint8)
    limbs = np.array([_limbs(person) for person in people]).reshape(-1, len(_RADII), 8)
    ends = np.concatenate((limbs[..., :3], limbs[..., :3] + limbs[..., 3:6]), axis=1)
    low, high = ends.min(axis=1) - _REACH, ends.max(axis=1) + _REACH
    for part in segments.parts:
        close = np.array([number for number in range(len(people)) if bool(
            ((part.samples > low[number]) & (part.samples < high[number])).all(axis=1).any())])
        if not close.size:
            continue
        away = np.empty((len(close), len(part.samples)))
        _distances(part.samples, limbs[close], away)
        near = away.min(axis=0) < _NEAR
        if float(near.mean()) < _FEW and float(part.shown[near].sum()) < _FEW_AREA:
            continue
        winners = away.argmin(axis=0)
        shares = np.bincount(winners[near], minlength=len(close)) / int(near.sum())
        best = int(shares.argmax())
        # somebody beside a wall or at a table, or who seems to reach into it
        walls = large_planes(part.samples, part.shown, segments.up)
        if (not len(walls) and shares[best] > 0.95 and float(near.mean()) > 0.5
                and float(np.percentile(away[best], 97)) < _ALL):
            owners[part.box][segments.labels[part.box] == part.label] = close[best]
        else:
            _divide(segments.labels[part.box], part.label, segments.points[part.box], close,
                    limbs, low, high, walls, NEAR, NEAR_PER_METER, owners[part.box])
    return owners


@compiled
def _distances(points: Any, limbs: Any, away: Any) -> None:
    """Write how far points (N, 3) are from the surface of people's (M, 16, 8) limbs, (M, N)."""
    for person in range(len(limbs)):
        for point in range(len(points)):
            x, y, z = points[point]
            away[person, point] = _distance(x, y, z, limbs[person])


@compiled
def _distance(x: float, y: float, z: float, limbs: Any) -> float:
    """Return how far a point is from the surface of the nearest of limbs, see ``_limbs``."""
    least = math.inf
    for limb in range(len(limbs)):
        ax, ay, az, dx, dy, dz, square, radius = limbs[limb]
        ax, ay, az = x - ax, y - ay, z - az
        share = min(max((ax * dx + ay * dy + az * dz) / square, 0.0), 1.0)
        ax, ay, az = ax - share * dx, ay - share * dy, az - share * dz
        least = min(least, math.sqrt(ax * ax + ay * ay + az * az) - radius)
    return least


@compiled
def _divide(
    labels: Any, label: int, points: Any, close: Any, limbs: Any, low: Any, high: Any, walls: Any,
    near: float, slope: float, owners: Any,
) -> None:
    """
    Give each pixel of a part that is on no wall to whose limbs are nearest, if they are near.

    :param labels: (height, width) int32; ``points`` (height, width, 3) float32 meters.
    :param close: (M,) int64, the people who may have a share; ``limbs`` (N, 16, 8) of all, and
        ``low`` and ``high`` (N, 3), where they can reach.
    :param walls: (K, 4) of ``large_planes``; what is ``near`` meters from one, and ``slope`` more
        for each meter from the camera, is on it.
    :param owners: (height, width) uint8, written.
    """
    for row in range(labels.shape[0]):
        for column in range(labels.shape[1]):
            if labels[row, column] != label:
                continue
            x, y, z = points[row, column]
            least, nearest = _MINE, -1
            for number in close:
                if (low[number, 0] < x < high[number, 0] and low[number, 1] < y < high[number, 1]
                        and low[number, 2] < z < high[number, 2]):
                    away = _distance(x, y, z, limbs[number])
                    if away < least:
                        least, nearest = away, number
            if nearest < 0:
                continue
            for wall in range(len(walls)):
                a, b, c, d = walls[wall]
                if abs(x * a + y * b + z * c + d) < near + slope * z:
                    nearest = -1
            if nearest >= 0:
                owners[row, column] = nearest


def attach_limbs(
    segments: Segments, mask: npt.NDArray[np.bool_], taken: npt.NDArray[np.bool_],
    pixels: Vectors,
) -> npt.NDArray[np.bool_]:
    """
    Return the pixels of a person with small parts that are behind or before the rest: limbs.

    :param mask: (height, width) as ``segments.labels``: what is known to be the person's.
    :param taken: as well, of others.
    :param pixels: (N, 2) columns and rows in ``segments`` where limbs are seen.
    """
    height, width = mask.shape
    columns, rows = np.rint(pixels).astype(np.int64).T
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    columns, rows = columns[inside], rows[inside]
    labels = segments.labels[rows, columns]
    depths = segments.points[rows, columns, 2]
    own = segments.points[..., 2][mask]
    if not own.size:
        return mask
    new = (labels > 0) & ~mask[rows, columns] & ~taken[rows, columns]
    new &= np.abs(depths - np.median(own)) < _LIMB_AWAY
    small = {part.label: part for part in segments.parts if part.area < _LIMB_AREA}
    result = mask
    for label in set(labels[new].tolist()) & set(small):
        box = small[label].box
        result = result.copy() if result is mask else result
        result[box] |= (segments.labels[box] == label) & ~taken[box]
    return result


def with_detached_pieces(segments: Segments, part: Part) -> npt.NDArray[np.bool_]:
    """
    Return the pixels of a part, and of small ones above, below and before it.

    Of somebody the legs, or an arm, may be parts of their own, from the side above all.
    """
    mask: npt.NDArray[np.bool_] = segments.labels == part.label
    for piece in segments.parts:
        away = piece.center - part.center
        level = away - (away @ segments.up) * segments.up
        if (piece.area < _PIECE_AREA and piece.tall < _PIECE_TALL
                and float(np.linalg.norm(level)) < _PIECE_AWAY):
            mask[piece.box] |= segments.labels[piece.box] == piece.label
    return mask


def _limbs(person: Vectors) -> Vectors:
    """Return limbs (16, 8): starts, what is added for ends, the square of that, and radii."""
    shoulders, hips = person[[11, 12]].mean(axis=0), person[[23, 24]].mean(axis=0)
    head = person[[7, 8]].mean(axis=0)
    starts = np.concatenate((person[_STARTS], shoulders[np.newaxis], head[np.newaxis]))
    along = np.concatenate((
        person[_ENDS] - person[_STARTS], [hips - shoulders], [0.3 * (shoulders - head)]))
    squares = np.maximum(np.square(along).sum(axis=1), 1e-9)
    return np.concatenate((starts, along, np.stack((squares, _RADII), axis=1)), axis=1)
