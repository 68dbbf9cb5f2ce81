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
from dataclasses import replace

from k4a_ros.body.base import Confidence
from k4a_ros.body.landmark_model import LANDMARKS
from k4a_ros.body.landmark_model import Landmarks
from k4a_ros.body.landmark_model import TRUNK
from k4a_ros.body.landmark_view import View
from k4a_ros.lens import Intrinsics
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]

LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP = TRUNK
_HEAD = slice(0, 11)
#: knuckles and thumbs, and how far in depth they may be from the wrist, metres
_HAND, _REACH = range(17, 23), 0.1
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

#: bones, the joints nearest to the trunk first: (parent, child)
BONES = ((11, 13), (12, 14), (13, 15), (14, 16), (23, 25), (24, 26), (25, 27), (26, 28),
         (15, 19), (16, 20), (15, 17), (16, 18), (15, 21), (16, 22), (27, 31), (28, 32),
         (27, 29), (28, 30))

#: samples on each side of the square in which the depth is looked at
_SAMPLES = 7
#: of which so many have to be the person's
_LEAST = 3
#: visibility below which a landmark is a guess
_VISIBLE = 0.5
#: How much nearer or farther, metres, a landmark may be measured than expected: nearer, it is
#: something before it that is seen; farther, something behind it.
_BEFORE, _BEHIND = 0.12, 0.30
#: the same if the bone that it ends is then as long as it is known to be, give or take this share
_FAR_BEFORE, _FAR_BEHIND, _STRETCH = 0.18, 0.35, 0.2
#: metres from its place at which a landmark of the face is seen
_FACE = 0.07
#: the left one of the pair of joints that tells left from right, the left ones of what may be
#: crossed, and of what limb; metres on the wrong side from which on it is crossed
_CROSSABLE = ((LEFT_HIP, (25, 27), range(25, 33)), (LEFT_SHOULDER, (13,), range(13, 23)))
_CROSSED = 0.06
#: two sides of the trunk that differ less in depth, metres, are both seen
_SAME = 0.06


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
    surface, beside, nearest = geometry.surface(geometry.pixels, geometry.inside, _WINDOW)
    rays = geometry.rays
    inset = _INSET / np.linalg.norm(rays, axis=1)
    measured = surface + inset
    world = seen.world.astype(np.float64) @ view.rotation.T
    scale = _scale(rays * measured[:, np.newaxis], world, seen, view)
    world *= scale
    # what is seen of a head is its surface all around, face or not: its middle is behind that
    middle = (rays[7] + rays[8]) / 2
    over, _, _ = geometry.surface(*geometry.seen(middle[np.newaxis]), np.array([_HEAD_WINDOW]))
    head = float(over[0]) + _HEAD_INSET
    anchor = _anchor(world[:, 2], measured, head)
    if np.isnan(anchor):
        return None
    if np.isnan(head):
        head = anchor + float(world[[7, 8], 2].mean())
    place = _Place(rays, world, measured, surface, beside + inset)
    points, believed = place.choose(anchor, head, lengths)
    order = _uncrossed(points, rays * measured[:, np.newaxis])
    if order is not None:
        # taken together: where the depth says that left is right, the picture was misread
        points, believed = place.of(order).choose(anchor, head, lengths)
        seen = replace(seen, visibility=seen.visibility[order])
        geometry.inside, nearest = geometry.inside[order], nearest[order]
    confidences = np.where(
        believed & (seen.visibility > _VISIBLE), Confidence.MEDIUM, Confidence.LOW,
    ).astype(np.uint8)
    confidences[~geometry.inside | ~nearest] = Confidence.NONE
    first, second = np.array(BONES).T
    known = np.minimum(confidences[first], confidences[second]) == Confidence.MEDIUM
    found = np.where(known, np.linalg.norm(points[second] - points[first], axis=1), np.nan)
    called = (seen.visibility > _VISIBLE) & geometry.inside
    support = float((~np.isnan(surface) & called).sum() / max(1, int(called.sum())))
    return Lifted(points, confidences, found, scale, support)


class _Geometry:
    """What the depth image has along rays (N, 3), of which none has its z at 0."""

    def __init__(
        self, rays: Vectors, depth: npt.NDArray[np.uint16], mine: npt.NDArray[np.bool_],
        free: npt.NDArray[np.bool_], lens: Intrinsics,
    ) -> None:
        self._depth, self._mine, self._free, self._lens = depth, mine, free, lens
        own = depth[mine]
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

    def surface(
        self, pixels: Vectors, inside: npt.NDArray[np.bool_], windows: Vectors,
    ) -> tuple[Vectors, Vectors, npt.NDArray[np.bool_]]:
        """
        Return the depth of the person's surface near pixels.

        :param windows: (N,) metres to each side that are near.
        :return: (N,) metres, the median, NaN where too few pixels of the person are near; the
            same of the nearer half of what is nobody's; and where there is any depth at all.
        """
        reach = np.maximum(windows * self._pixels_per_metre, 1.5)
        steps = np.linspace(-1.0, 1.0, _SAMPLES)
        offsets = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(1, -1, 2)
        places = pixels[:, np.newaxis] + offsets * reach[:, np.newaxis, np.newaxis]
        at = np.rint(places).astype(np.int64)
        height, width = self._depth.shape
        within = (at >= 0).all(axis=2) & (at[..., 0] < width) & (at[..., 1] < height)
        within &= inside[:, np.newaxis]
        columns, rows = np.clip(at[..., 0], 0, width - 1), np.clip(at[..., 1], 0, height - 1)
        values = self._depth[rows, columns] * within * 1e-3
        return (_ranked(values * self._mine[rows, columns], 0.5),
                _ranked(values * self._free[rows, columns], 0.25), (values > 0).any(axis=1))


def _ranked(values: Vectors, share: float) -> Vectors:
    """Return of each row the value that this share of those > 0 is below, NaN for too few."""
    counts = (values > 0).sum(axis=1)
    ranked = np.sort(np.where(values > 0, values, np.inf), axis=1)
    chosen = ranked[np.arange(len(ranked)), (counts * share).astype(np.intp)]
    return np.where(counts >= _LEAST, chosen, np.nan)


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


def _anchor(world: Vectors, measured: Vectors, head: float) -> float:
    """
    Return the depth of the world's origin, NaN if nothing tells.

    :param world: (33,) depths from there; ``measured`` (33,), ``head``: depths, NaN for none.
    """
    found = []
    for left, right in ((LEFT_SHOULDER, RIGHT_SHOULDER), (LEFT_HIP, RIGHT_HIP)):
        near, far = (left, right) if world[left] < world[right] else (right, left)
        # the far one may be hidden by the near one
        pair = [near, far] if world[far] - world[near] < _SAME else [near]
        depths = measured[pair] - world[pair]
        if not np.isnan(depths).all():
            found.append(float(np.nanmean(depths)))
    if not np.isnan(head):
        found.append(head - float(world[[7, 8]].mean()))
    return float(np.median(found)) if found else float('nan')


@dataclass(frozen=True, eq=False)
class _Place:
    """
    What is known of where the landmarks are.

    ``rays`` (33, 3) with z = 1; ``world`` (33, 3) as the model says, metres, along the axes of
    the camera; ``measured`` (33,) depths, metres, NaN for none, those of the ``surface``, and
    those that would be ``beside`` it, on what is nobody's.
    """

    rays: Vectors
    world: Vectors
    measured: Vectors
    surface: Vectors
    beside: Vectors

    def of(self, order: npt.NDArray[np.intp]) -> _Place:
        """Return the same for landmarks in another order."""
        return _Place(self.rays[order], self.world[order], self.measured[order],
                      self.surface[order], self.beside[order])

    def choose(
        self, anchor: float, head: float, lengths: Vectors | None,
    ) -> tuple[Vectors, npt.NDArray[np.bool_]]:
        """
        Return the landmarks (33, 3), and which of them are measured and can be so (33,).

        A landmark is hidden, or not on what it belongs to, if it is measured far from where the
        model expects it; then it is where its ray passes at the length of its bone.
        """
        depths = anchor + self.world[:, 2]
        believed = np.zeros(LANDMARKS, bool)
        # of the face, what is on the surface where the head's place says that it is
        depths[_HEAD] = head + self.world[_HEAD, 2] - self.world[[7, 8], 2].mean()
        believed[_HEAD] = np.abs(self.surface[_HEAD] - depths[_HEAD]) < _FACE
        for joint in TRUNK:
            believed[joint] = -_BEFORE < self.measured[joint] - depths[joint] < _BEHIND
            if believed[joint]:
                depths[joint] = self.measured[joint]
        for bone, (parent, child) in enumerate(BONES):
            known = float('nan') if lengths is None else float(lengths[bone])
            depths[child], on = self._limb(parent, child, depths[parent], known)
            believed[child] = on and (child not in _HAND or believed[parent])
        return self.rays * depths[:, np.newaxis], believed

    def _limb(
        self, parent: int, child: int, start: float, length: float,
    ) -> tuple[float, bool]:
        """Return the depth of the far end of a bone that starts at a depth, and if measured."""
        ahead = self.world[child] - self.world[parent]
        expected = start + float(ahead[2])
        if child in _HAND:
            # too small to be hidden by itself
            here = float(self.measured[child])
            near = abs(here - start) < _REACH
            return (here, True) if near else ((start + expected) / 2, False)
        if np.isnan(length):
            length = float(np.linalg.norm(ahead))
        origin = self.rays[parent] * start
        for here, before, behind in (
                (float(self.measured[child]), _BEFORE, _BEHIND),
                (float(self.beside[child]), 0.0, 0.0)):
            away = here - expected
            stretch = float(np.linalg.norm(self.rays[child] * here - origin)) / length - 1
            if -before < away < behind or (
                    -_FAR_BEFORE < away < _FAR_BEHIND and abs(stretch) < _STRETCH):
                return here, True
        return _at_length(self.rays[child], origin, length, expected), False


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
            left = np.arange(limb.start, limb.stop, 2)
            order[left], order[left + 1] = left + 1, left
    return order if (order != np.arange(LANDMARKS)).any() else None


def _at_length(ray: Vectors, origin: Vectors, length: float, expected: float) -> float:
    """
    Return the depth where a ray is so far from an origin, or as nearly so as can be.

    Of two such places it is the one nearer to the expected.
    """
    a, b = float(ray @ ray), float(ray @ origin)
    closest = b / a
    root = closest * closest - (float(origin @ origin) - length * length) / a
    half = float(np.sqrt(max(root, 0.0)))
    return closest - half if expected < closest else closest + half
