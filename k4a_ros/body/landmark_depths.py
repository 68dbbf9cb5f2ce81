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
Which of the surfaces around a landmark it is on: chosen for all of a limb together.

Around a landmark there may be several surfaces: the limb's own, what is behind it, what is before
it. Each is a choice, that the limb is hidden is another, and of all choices along a limb the one
is taken whose bones are as long, and point as far to or from the camera, as they should.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import itertools
import math

from k4a_ros.body.landmark_model import TRUNK
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: each limb from the trunk outwards, and what ends there
LIMBS = (((11, 13, 15), (19, 17, 21)), ((12, 14, 16), (20, 18, 22)),
         ((23, 25, 27), (31, 29)), ((24, 26, 28), (32, 30)))
#: bones, the joints nearest to the trunk first: (parent, child)
BONES = ((11, 13), (12, 14), (13, 15), (14, 16), (23, 25), (24, 26), (25, 27), (26, 28),
         (15, 19), (16, 20), (15, 17), (16, 18), (15, 21), (16, 22), (27, 31), (28, 32),
         (27, 29), (28, 30))
_ENDS = {end for _, ends in LIMBS for end in ends}
_BONE_OF = {child: number for number, (_, child) in enumerate(BONES)}

#: metres in depth between two samples from which on they are on two surfaces
_GAP = 0.05
#: so many samples are a surface at least
_LEAST = 3
#: so many of them are tried
_CHOICES, _TRUNK_CHOICES = 4, 3
# What choices cost, in squares of standard deviations. Fitted to people who are not those of the
# benchmark; half or twice as much of any of them changes little.
#: a surface that fills nothing of the window, and one that is nobody's
_PARTLY, _FREE = 1.5, 1.0
#: being hidden, and that of what the model calls visible
_HIDDEN, _SEEN_HIDDEN = 2.5, 3.0
#: being before all that is seen there, where it would be seen; metres from which on it is before
_THROUGH, _CLEAR = 4.0, 0.06
#: the most that one deviation may cost
_MOST = 9.0
#: Standard deviations: of a bone's extent in depth, as a share of its length, metres at least, and
#: the share of both towards the camera, as what is too near is often something before the limb
_ALONG, _ALONG_LEAST, _NEARER = 0.3, 0.05, 0.5
#: the same of a bone's length, as a share of it: of this person, or of somebody of mean
#: proportions; and metres at least
_KNOWN, _USUAL, _LENGTH_LEAST = 0.12, 0.4, 0.02
#: metres, of differences in depth in the trunk: of left to right, shoulders to hips, and the head
_PAIR, _LEAN, _HEAD = 0.05, 0.10, 0.06
#: the same of the width across shoulders or hips, as a share of it
_WIDTH = 0.2
#: Metres before and behind where it is expected beyond which it is something else; and the share
#: by which a bone may be too long at most, or too long or short if it ends on what is nobody's.
_BEFORE, _BEHIND, _TOO_LONG, _STRETCH = -0.18, 0.35, 0.45, 0.25
#: ways to place the joints of a limb so far that are followed
_BEAM = 6


@dataclass(frozen=True)
class Surface:
    """
    What a landmark may be on.

    ``depth`` of the joint there, metres; what choosing it costs; ``share`` of the window it fills;
    ``is_own``: it is the person's.
    """

    depth: float
    cost: float
    share: float
    is_own: bool


def surfaces(
    own: Vectors, free: Vectors, weights: Vectors, insets: Vectors,
) -> list[list[Surface]]:
    """
    Return what each landmark may be on, the likeliest first.

    :param own: (N, M) depths of samples around it that are the person's, metres, 0 for none;
        ``free`` of those that are nobody's.
    :param weights: (M,) of the samples, their sum is 1.
    :param insets: (N,) metres from the surface to the joint.
    """
    found = []
    for mine, others, inset in zip(own, free, insets.tolist(), strict=True):
        here = [Surface(depth + inset, extra + _PARTLY * (1 - share), share, values is mine)
                for extra, values in ((0.0, mine), (_FREE, others))
                for depth, share in _layers(values, weights)]
        found.append(sorted(here, key=lambda one: one.cost))
    return found


def _layers(values: Vectors, weights: Vectors) -> list[tuple[float, float]]:
    """Return the depth and the weight of each group of samples that are at one depth."""
    there = np.flatnonzero(values > 0)
    if there.size < _LEAST:
        return []
    order = there[np.argsort(values[there])]
    ranked = values[order]
    ends = [0, *(np.flatnonzero(np.diff(ranked) > _GAP) + 1).tolist(), len(ranked)]
    return [(float(ranked[(start + end) // 2]), float(weights[order[start:end]].sum()))
            for start, end in itertools.pairwise(ends) if end - start >= _LEAST]


class Skeleton:
    """
    How the landmarks of one person are expected to be.

    :param rays: (33, 3), z = 1.
    :param world: (33, 3) metres along the camera's axes, as the model says.
    :param visibility: (33,) 0 to 1.
    :param lengths: (18,) metres of this person's ``BONES``, NaN or None where unknown.
    """

    def __init__(
        self, rays: Vectors, world: Vectors, visibility: npt.NDArray[np.float32],
        lengths: Vectors | None,
    ) -> None:
        self._rays: list[list[float]] = rays.tolist()
        self._world: list[list[float]] = world.tolist()
        self._depths = world[:, 2]
        self._visibility: list[float] = visibility.tolist()
        self._lengths: list[float] = (
            [math.nan] * len(BONES) if lengths is None else lengths.tolist())

    def trunk(
        self, choices: Sequence[Sequence[Surface]], head: float,
    ) -> tuple[Vectors, Mask] | None:
        """
        Return the depths of ``TRUNK`` (4,), and which of them are on a surface.

        :param choices: of each landmark.
        :param head: the depth of the head's middle, NaN if unknown.
        :return: None if nothing tells.
        """
        options = [
            [*[(one.depth, one.cost) for one in choices[joint] if one.is_own][:_TRUNK_CHOICES],
             (math.nan, self._hidden(joint))] for joint in TRUNK]
        tried = np.array(list(itertools.product(*options)))
        depths, costs = tried[..., 0], tried[..., 1].sum(axis=1)
        model = self._depths[TRUNK]
        on = ~np.isnan(depths)
        offsets, count = np.where(on, depths - model, 0).sum(axis=1), on.sum(axis=1)
        ahead = head - float(self._depths[[7, 8]].mean())
        if not math.isnan(head):
            offsets, count = offsets + ahead, count + 1
        if not count.any():
            return None
        # what is hidden is where the rest says that it is
        middle = offsets / np.maximum(count, 1)
        depths = np.where(on, depths, middle[:, np.newaxis] + model)
        # nothing of somebody is before what is seen of him there
        front = np.array([min((one.depth for one in choices[joint] if one.is_own),
                              default=-math.inf) for joint in TRUNK])
        costs = costs + _MOST * (depths < front - _PAIR).sum(axis=1)
        off = depths - model
        high, low = off[:, :2].mean(axis=1), off[:, 2:].mean(axis=1)
        deviations = [(off[:, 0] - off[:, 1]) / _PAIR, (off[:, 2] - off[:, 3]) / _PAIR,
                      (high - low) / _LEAN]
        if not math.isnan(head):
            deviations.append((high - ahead) / _HEAD)
        for left in (0, 2):
            # one side of a body is as far from the other as it is wide
            sides = [np.array(self._rays[TRUNK[left + side]]) * depths[:, left + side, np.newaxis]
                     for side in (0, 1)]
            width = float(np.linalg.norm(
                np.subtract(self._world[TRUNK[left]], self._world[TRUNK[left + 1]])))
            apart = np.linalg.norm(sides[0] - sides[1], axis=1)
            deviations.append((apart - width) / (_WIDTH * width + _LENGTH_LEAST))
        costs = costs + np.minimum(np.square(deviations), _MOST).sum(axis=0)
        costs[count == 0] = np.inf
        best = int(np.argmin(costs))
        return depths[best], on[best]

    def limb(
        self, joints: Sequence[int], ends: Sequence[int], start: float,
        choices: Sequence[Sequence[Surface]],
    ) -> dict[int, tuple[float, bool]]:
        """
        Return the depths of a limb's landmarks, and which of them are on a surface.

        :param joints: the first of them is at the depth ``start``; ``ends`` are what is beyond the
            last one.
        :param choices: of each landmark.
        """
        paths: list[tuple[float, list[tuple[float, bool]]]] = [(0.0, [(start, True)])]
        for parent, child in itertools.pairwise(joints):
            longer = [(cost + more, [*path, place]) for cost, path in paths
                      for more, place in self._next(parent, child, path[-1][0], choices[child])]
            paths = sorted(longer, key=lambda one: one[0])[:_BEAM]
        least = math.inf
        best: dict[int, tuple[float, bool]] = {}
        for cost, path in paths:
            places = dict(zip(joints[1:], path[1:], strict=True))
            for end in ends:
                more, places[end] = min(
                    self._next(joints[-1], end, path[-1][0], choices[end]),
                    key=lambda one: one[0])
                cost += more / len(ends)
            if cost < least:
                least, best = cost, places
        return best

    def _next(
        self, parent: int, child: int, start: float, choices: Sequence[Surface],
    ) -> list[tuple[float, tuple[float, bool]]]:
        """Return what the far end of a bone may be on, with the costs."""
        bone = [b - a for a, b in zip(self._world[parent], self._world[child], strict=True)]
        known = self._lengths[_BONE_OF[child]]
        usual = max(math.hypot(*bone), _LENGTH_LEAST)
        length, sigma = (usual, _USUAL) if math.isnan(known) else (known, _KNOWN)
        # a length that was taken wrongly must not keep the right one out
        longest = max(length, usual) * (1 + _TOO_LONG)
        along = _ALONG * length + _ALONG_LEAST
        u, v, _ = self._rays[child]
        origin = [one * start for one in self._rays[parent]]
        expected = start + bone[2]

        def extent(depth: float) -> float:
            return math.hypot(u * depth - origin[0], v * depth - origin[1], depth - start)

        def can_be(one: Surface) -> bool:
            away, reach = one.depth - expected, extent(one.depth)
            if not one.is_own:
                return _BEFORE < away < _BEHIND and abs(reach - length) < _STRETCH * length
            return away > _BEFORE and (child in _ENDS or reach < longest)

        def cost(depth: float) -> float:
            away = (depth - expected) / along
            if away < 0:
                away /= _NEARER
            longer = (extent(depth) - length) / (sigma * length + _LENGTH_LEAST)
            return min(away * away, _MOST) + min(longer * longer, _MOST)

        found = [(one.cost + cost(one.depth), (one.depth, True)) for one in choices[:_CHOICES]
                 if can_be(one)]
        for hidden in at_length(self._rays[child], origin, length):
            through = sum(one.share for one in choices if one.depth > hidden + _CLEAR)
            found.append((
                self._hidden(child) + _THROUGH * through + cost(hidden), (hidden, False)))
        return found

    def _hidden(self, joint: int) -> float:
        return _HIDDEN + _SEEN_HIDDEN * self._visibility[joint]


def at_length(
    ray: Sequence[float], origin: Sequence[float], length: float,
) -> tuple[float, ...]:
    """Return the depths where a ray is so far from an origin, or the one where it is nearest."""
    a = sum(one * one for one in ray)
    closest = sum(one * other for one, other in zip(ray, origin, strict=True)) / a
    root = closest * closest - (sum(one * one for one in origin) - length * length) / a
    if root <= 0:
        return (closest,)
    half = math.sqrt(root)
    return closest - half, closest + half
