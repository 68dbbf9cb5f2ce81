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


"""From landmarks in a picture, with the depth image, to the joints of a body in space."""

from __future__ import annotations

from dataclasses import dataclass

from k4a_ros.body.base import Confidence
from k4a_ros.body.landmark_depths import BONES
from k4a_ros.body.landmark_depths import LIMBS
from k4a_ros.body.landmark_depths import Skeleton
from k4a_ros.body.landmark_depths import Surface
from k4a_ros.body.landmark_depths import surfaces
from k4a_ros.body.landmark_mirror import exchanged
from k4a_ros.body.landmark_model import LANDMARKS
from k4a_ros.body.landmark_model import Landmarks
from k4a_ros.body.landmark_model import TRUNK
from k4a_ros.body.landmark_view import View
from k4a_ros.lens import Intrinsics
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

LEFT_SHOULDER, LEFT_HIP = TRUNK[0], TRUNK[2]
_HEAD = slice(0, 11)
#: the main joints, whose places tell how large the person is
_MAIN = [11, 12, 13, 14, 23, 24, 25, 26, 27, 28]

#: metres from the surface to the joint, along the ray, and how far around the landmark the depth
#: is looked at
_INSET = np.full(LANDMARKS, 0.02)
_WINDOW = np.full(LANDMARKS, 0.035)
for _pair, _inset, _window in (
        ((11, 12), 0.055, 0.05), ((13, 14), 0.035, 0.04), ((15, 16), 0.025, 0.035),
        ((23, 24), 0.105, 0.05), ((25, 26), 0.068, 0.05), ((27, 28), 0.058, 0.04),
        ((29, 30), 0.03, 0.04), ((31, 32), 0.03, 0.04)):
    _INSET[list(_pair)] = _inset
    _WINDOW[list(_pair)] = _window
#: from the visible side of a head to its middle
_HEAD_INSET = 0.085
_HEAD_WINDOW = 0.05

#: samples on each side of the square in which the depth is looked at
_SAMPLES = 7
_STEPS = np.linspace(-1.0, 1.0, _SAMPLES)
_GRID = np.stack(np.meshgrid(_STEPS, _STEPS), axis=-1).reshape(1, -1, 2)
#: those in the middle tell more
_WEIGHTS = np.exp(-np.square(_GRID[0]).sum(axis=1))
_WEIGHTS /= _WEIGHTS.sum()
#: of which so many have to be the person's
_LEAST = 3
#: metres, the most that a depth counts as off
_MOST_OFF = 0.2
#: visibility below which a landmark is a guess
_VISIBLE = 0.5
#: metres from its place at which a landmark of the face is seen
_FACE = 0.07
#: the left one of the pair of joints that tells left from right, the left ones of what may be
#: crossed, and of what limb; metres on the wrong side from which on it is crossed
_CROSSABLE = ((LEFT_HIP, (25, 27), range(25, 33, 2)), (LEFT_SHOULDER, (13,), range(13, 23, 2)))
_CROSSED = 0.06


@dataclass(frozen=True, eq=False)
class Lifted:
    """
    The landmarks of one person in space.

    ``points`` (33, 3) metres in the depth camera's frame; ``confidences`` (33,) uint8 of
    `Confidence`; ``lengths`` (18,) metres of the ``BONES``, NaN where one was not measured;
    ``scale``: how large the person is compared to the model's; ``support``: the share of the
    landmarks the model calls visible that are on the person's surface.
    """

    points: Vectors
    confidences: npt.NDArray[np.uint8]
    lengths: Vectors
    scale: float
    support: float


def lift(
    seen: Landmarks, view: View, depth: npt.NDArray[np.uint16], mine: npt.NDArray[np.bool_],
    free: npt.NDArray[np.bool_], lens: Intrinsics, lengths: Vectors | None = None,
) -> Lifted | None:
    """
    Bring landmarks into space.

    :param view: in which they were seen.
    :param depth: (height, width) uint16 millimetres.
    :param mine: (height, width), which pixels show the person, and ``free``, which show nobody
        known: a limb that is apart from the rest may be among them.
    :param lengths: (18,) metres of this person's ``BONES``, NaN where not known.
    :return: None if none of the trunk is on the person's surface.
    """
    geometry = _Geometry(view.rays(seen.pixels), depth, mine, free, lens)
    own, others, nearest = geometry.samples(geometry.pixels, geometry.inside, _WINDOW)
    rays = geometry.rays
    insets = _INSET / np.linalg.norm(rays, axis=1)
    surface = _median(own)
    measured = rays * (surface + insets)[:, np.newaxis]
    world = seen.world.astype(np.float64) @ view.rotation.T
    scale = _scale(measured, world, seen, view)
    world *= scale
    # what is seen of a head is its surface all around, face or not: its middle is behind that
    middle = (rays[7] + rays[8]) / 2
    over, _, _ = geometry.samples(*geometry.seen(middle[np.newaxis]), np.array([_HEAD_WINDOW]))
    head = float(_median(over)[0]) + _HEAD_INSET
    layers = surfaces(own, others, _WEIGHTS, insets)

    def placed(order: npt.NDArray[np.intp]) -> tuple[Vectors, Mask] | None:
        skeleton = Skeleton(rays[order], world[order], seen.visibility[order], lengths)
        return _place(skeleton, [layers[number] for number in order], rays[order], world[order],
                      surface[order], head)

    order = np.arange(LANDMARKS)
    place = placed(order)
    if place is None:
        return None
    if (uncrossed := _uncrossed(place[0], measured)) is not None:
        # taken together: where the depth says that left is right, the picture was misread
        order, place = uncrossed, placed(uncrossed) or place
    points, believed = place
    confidences = np.where(
        believed & (seen.visibility[order] > _VISIBLE), Confidence.MEDIUM, Confidence.LOW,
    ).astype(np.uint8)
    confidences[~geometry.inside[order] | ~nearest[order]] = Confidence.NONE
    first, second = np.array(BONES).T
    known = np.minimum(confidences[first], confidences[second]) == Confidence.MEDIUM
    found = np.where(known, np.linalg.norm(points[second] - points[first], axis=1), np.nan)
    called = (seen.visibility > _VISIBLE) & geometry.inside
    support = float((~np.isnan(surface) & called).sum() / max(1, int(called.sum())))
    return Lifted(points, confidences, found, scale, support)


def reversal(
    seen: Landmarks, view: View, depth: npt.NDArray[np.uint16], mine: npt.NDArray[np.bool_],
    free: npt.NDArray[np.bool_], lens: Intrinsics,
) -> float:
    """
    Return how much better the depth goes with the model's if that had front and back reversed.

    A picture of a body is almost that of its reverse, with left for right and near for far; the
    depth image tells which it is. Parameters are those of `lift`.

    :return: metres, the mean deviation of depths as the model says less that of the reverse.
    """
    geometry = _Geometry(view.rays(seen.pixels), depth, mine, free, lens)
    own, _, _ = geometry.samples(geometry.pixels, geometry.inside, _WINDOW)
    surface = _median(own)
    use = np.flatnonzero((seen.visibility > _VISIBLE) & ~np.isnan(surface))
    use = use[(use >= _HEAD.stop) | np.isin(use, (0, 7, 8))]
    if len(use) < _LEAST:
        return 0.0
    depths = (seen.world[use] @ view.rotation.T)[:, 2]

    def deviation(expected: Vectors) -> float:
        off = surface[use] - expected
        return float(np.minimum(np.abs(off - np.median(off)), _MOST_OFF).mean())

    return deviation(depths) - deviation(-depths)


def _place(
    skeleton: Skeleton, layers: list[list[Surface]], rays: Vectors, world: Vectors,
    surface: Vectors, head: float,
) -> tuple[Vectors, Mask] | None:
    """
    Return the landmarks (33, 3), and which of them are measured (33,); None if nothing tells.

    :param layers: what each landmark may be on; ``rays`` (33, 3) with z = 1; ``world`` (33, 3) as
        the model says, along the axes of the camera; ``surface`` (33,) depths of the person.
    :param head: the depth of the head's middle, NaN if unknown.
    """
    trunk = skeleton.trunk(layers, head)
    if trunk is None:
        return None
    depths, believed = np.zeros(LANDMARKS), np.zeros(LANDMARKS, bool)
    depths[TRUNK], believed[TRUNK] = trunk
    ears = float(world[[7, 8], 2].mean())
    if np.isnan(head):
        head = float((depths - world[:, 2])[TRUNK[:2]].mean()) + ears
    # of the face, what is on the surface where the head's place says that it is
    depths[_HEAD] = head + world[_HEAD, 2] - ears
    believed[_HEAD] = np.abs(surface[_HEAD] - depths[_HEAD]) < _FACE
    for inner, ends in LIMBS:
        for joint, found in skeleton.limb(inner, ends, float(depths[inner[0]]), layers).items():
            depths[joint], believed[joint] = found
    return rays * depths[:, np.newaxis], believed


class _Geometry:
    """What the depth image has along rays (N, 3), of which none has its z at 0."""

    def __init__(
        self, rays: Vectors, depth: npt.NDArray[np.uint16], mine: npt.NDArray[np.bool_],
        free: npt.NDArray[np.bool_], lens: Intrinsics,
    ) -> None:
        self._depth, self._mine, self._free, self._lens = depth, mine, free, lens
        own = depth[::4, ::4][mine[::4, ::4]]
        distance = float(np.median(own[own > 0])) * 1e-3 if (own > 0).any() else 2.0
        #: how many pixels a metre is, at the person
        self._pixels_per_metre = lens.fx / max(distance, 0.2)
        self.rays: Vectors = rays / np.maximum(rays[:, 2:], 0.05)
        self.pixels, self.inside = self.seen(self.rays)
        self.inside &= rays[:, 2] > 0.05

    def seen(self, rays: Vectors) -> tuple[Vectors, npt.NDArray[np.bool_]]:
        """Return the pixels of rays, and which of them are in the image."""
        pixels, valid = self._lens.project(rays)
        pixels[~valid] = -1e6
        limit = self._lens.width - 0.5, self._lens.height - 0.5
        return pixels, ((pixels > -0.5) & (pixels < limit)).all(axis=1)

    def samples(
        self, pixels: Vectors, inside: Mask, windows: Vectors,
    ) -> tuple[Vectors, Vectors, Mask]:
        """
        Return depths near pixels.

        :param windows: (N,) metres to each side that are near.
        :return: (N, 49) metres, those of the person, 0 for none; the same of nobody; and where
            there is any depth at all (N,).
        """
        reach = np.maximum(windows * self._pixels_per_metre, 1.5)
        places = pixels[:, np.newaxis] + _GRID * reach[:, np.newaxis, np.newaxis]
        at = np.rint(places).astype(np.int64)
        height, width = self._depth.shape
        within = (at >= 0).all(axis=2) & (at[..., 0] < width) & (at[..., 1] < height)
        within &= inside[:, np.newaxis]
        columns, rows = np.clip(at[..., 0], 0, width - 1), np.clip(at[..., 1], 0, height - 1)
        values = self._depth[rows, columns] * within * 1e-3
        return (values * self._mine[rows, columns], values * self._free[rows, columns],
                (values > 0).any(axis=1))


def _median(values: Vectors) -> Vectors:
    """Return of each row the median of those > 0, NaN for too few."""
    counts = (values > 0).sum(axis=1)
    ranked = np.sort(np.where(values > 0, values, np.inf), axis=1)
    return np.where(counts >= _LEAST, ranked[np.arange(len(ranked)), counts // 2], np.nan)


def _scale(lifted: Vectors, world: Vectors, seen: Landmarks, view: View) -> float:
    """
    Return how large the person is compared to the model's.

    From the main joints that are measured: across the line of sight only, where the picture tells
    it, and not the depth.
    """
    use = [i for i in _MAIN if seen.visibility[i] > _VISIBLE and not np.isnan(lifted[i, 2])]
    if len(use) < 4:
        return 1.0
    real = (lifted @ view.rotation)[use, :2]
    modelled = (world @ view.rotation)[use, :2]
    real = real - real.mean(axis=0)
    modelled = modelled - modelled.mean(axis=0)
    size = float((modelled * modelled).sum())
    ratio = np.sqrt(float((real * real).sum()) / size) if size > 0.01 else 1.0
    return float(np.clip(ratio, 0.5, 1.4))


def _uncrossed(points: Vectors, measured: Vectors) -> npt.NDArray[np.intp] | None:
    """
    Return the order in which left and right limbs are on their sides, None if they are.

    Knees and ankles of both legs are hardly ever both on the wrong side, nor are the elbows. What
    one limb hides of the other is measured at the same place, and tells nothing.

    :param measured: (33, 3), where ``points`` are by the depth image alone, NaN for none.
    """
    order = np.arange(LANDMARKS)
    for base, joints, limb in _CROSSABLE:
        across = points[base] - points[base + 1]
        across = across / max(float(np.linalg.norm(across)), 1e-6)
        pairs = np.array(joints)
        if ((measured[pairs] - measured[pairs + 1]) @ across < -_CROSSED).all():
            order = order[exchanged(limb)]
    return order if (order != np.arange(LANDMARKS)).any() else None
