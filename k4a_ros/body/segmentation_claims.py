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

from k4a_ros.body.segmentation import Part
from k4a_ros.body.segmentation import Segments
from k4a_ros.body.segmentation_planes import large_planes
from k4a_ros.body.segmentation_planes import on_planes
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Vectors = npt.NDArray[np.float64]

#: Limbs between two of the landmarks, and their radii, metres. The last but one is the trunk, the
#: last the head; both are between means of landmarks.
_LIMBS = (
    (11, 13, 0.06), (13, 15, 0.05), (15, 19, 0.05), (12, 14, 0.06), (14, 16, 0.05),
    (16, 20, 0.05), (23, 25, 0.09), (25, 27, 0.07), (27, 31, 0.06), (24, 26, 0.09),
    (26, 28, 0.07), (28, 32, 0.06), (11, 12, 0.09), (23, 24, 0.12))
_TRUNK_RADIUS = 0.16
_HEAD_RADIUS = 0.12

#: metres from the surface of limbs within which a pixel is near, may be the person's, and all of
#: a part that is nobody else's is
_NEAR = 0.10
_MINE = 0.16
_ALL = 0.40
#: metres in depth from the middle of somebody to a limb, and m² of one that is apart from the rest
_LIMB_AWAY, _LIMB_AREA = 0.6, 0.2
#: m² and metres of height of what may be a piece of somebody at most, and how far aside it may be
_PIECE_AREA, _PIECE_TALL, _PIECE_AWAY = 0.4, 1.1, 0.4
#: pixels of a part that are looked at to decide about all of it
_SAMPLE = 250


def claim(
    segments: Segments, people: Sequence[Vectors], background: int,
) -> npt.NDArray[np.uint8]:
    """
    Return whose each pixel is.

    A part that is near one person alone is that person's; one that people share, or that is
    somebody and furniture, is divided by the distance of its pixels from the limbs.

    :param people: (33, 3) each: the landmarks, metres, in the depth camera's frame.
    :param background: the value for nobody.
    :return: (height, width) uint8, as ``segments.labels``: index into ``people``.
    """
    owners = np.full(segments.labels.shape, background, np.uint8)
    limbs = [_limbs(person) for person in people]
    reach = [(np.minimum(a, b).min(axis=0) - 0.5, np.maximum(a, b).max(axis=0) + 0.5)
             for a, b, _ in limbs]
    for part in segments.parts:
        inside = segments.labels[part.box] == part.label
        surface = segments.points[part.box][inside]
        sample = surface[::max(1, len(surface) // _SAMPLE)]
        close = [k for k, (low, high) in enumerate(reach)
                 if bool(((sample > low) & (sample < high)).all(axis=1).any())]
        if not close:
            continue
        away = np.stack([_distances(sample, limbs[k]) for k in close])
        nearest = away.min(axis=0)
        near = nearest < _NEAR
        if float(near.mean()) < 0.02:
            continue
        winners = away.argmin(axis=0)
        shares = np.bincount(winners[near], minlength=len(close)) / max(1, int(near.sum()))
        best = int(shares.argmax())
        box = owners[part.box]
        # somebody beside a wall or at a table, or who seems to reach into it
        walls = large_planes(surface, segments.area[part.box][inside], segments.up)
        if (not len(walls) and shares[best] > 0.95 and float(near.mean()) > 0.5
                and float(np.percentile(away[best], 97)) < _ALL):
            box[inside] = close[best]
            continue
        values = np.full(len(surface), background, np.uint8)
        candidates = np.zeros(len(surface), bool)
        for k in close:
            low, high = reach[k]
            candidates |= ((surface > low) & (surface < high)).all(axis=1)
        candidates[candidates] = ~on_planes(surface[candidates], walls)
        if not candidates.any():
            continue
        chosen = surface[candidates]
        away = np.stack([_distances(chosen, limbs[k]) for k in close])
        winners = np.array(close, np.uint8)[away.argmin(axis=0)]
        values[candidates] = np.where(away.min(axis=0) < _MINE, winners, background)
        box[inside] = values
    return owners


def adopt(
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


def with_pieces(segments: Segments, part: Part) -> npt.NDArray[np.bool_]:
    """
    Return the pixels of a part, and of small ones above, below and before it.

    Of somebody the legs, or an arm, may be parts of their own, from the side above all.
    """
    mask: npt.NDArray[np.bool_] = segments.labels == part.label
    for piece in segments.parts:
        away = piece.centre - part.centre
        level = away - (away @ segments.up) * segments.up
        if (piece.area < _PIECE_AREA and piece.tall < _PIECE_TALL
                and float(np.linalg.norm(level)) < _PIECE_AWAY):
            mask[piece.box] |= segments.labels[piece.box] == piece.label
    return mask


def _limbs(person: Vectors) -> tuple[Floats, Floats, Floats]:
    """Return starts (N, 3), ends (N, 3) and radii (N,) of limbs."""
    first, second, radii = zip(*_LIMBS, strict=True)
    shoulders, hips = person[[11, 12]].mean(axis=0), person[[23, 24]].mean(axis=0)
    head = person[[7, 8]].mean(axis=0)
    starts = np.concatenate([person[list(first)], [shoulders], [head]])
    ends = np.concatenate([person[list(second)], [hips], [shoulders * 0.3 + head * 0.7]])
    return (starts.astype(np.float32), ends.astype(np.float32),
            np.array([*radii, _TRUNK_RADIUS, _HEAD_RADIUS], np.float32))


def _distances(points: Floats, limbs: tuple[Floats, Floats, Floats]) -> Floats:
    """Return how far points (N, 3) are from the surface of the nearest limb, (N,)."""
    starts, ends, radii = limbs
    along = ends - starts
    squares = np.maximum((along * along).sum(axis=1), np.float32(1e-9))
    # of each point and limb: from its start, along it, and the square of the distance
    forward = points @ along.T - (starts * along).sum(axis=1)
    share = np.clip(forward / squares, 0, 1)
    away = (points * points).sum(axis=1)[:, np.newaxis] - 2 * (points @ starts.T)
    away += (starts * starts).sum(axis=1) + share * (share * squares - 2 * forward)
    nearest: Floats = (np.sqrt(np.maximum(away, 0)) - radii).min(axis=1)
    return nearest
