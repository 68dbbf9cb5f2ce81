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
Fitting a body of capsules to the surface of one person in the depth image.

The landmarks begin it; then limbs are moved onto the surface that is seen of them, by iterated
least squares with weights that forget what is far off (Besl and McKay, "A method for registration
of 3-D shapes", 1992, articulated; weights after Geman and McClure, 1987, which let go of their
hold one by one, as surfaces are looked for ever closer). What the model sees of a limb that is
hidden, and what was expected of it, count too, but not against what can be seen.
"""

from __future__ import annotations

from dataclasses import replace

from k4a_ros.body.base import Confidence
from k4a_ros.body.landmark_depths import BONES
from k4a_ros.body.landmark_mirror import exchanged
from k4a_ros.body.landmark_model import LANDMARKS
from k4a_ros.body.landmark_model import TRUNK
from k4a_ros.body.lifting import Lifted
from k4a_ros.body.silhouette import Silhouette
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

#: what is moved: the ends of limbs
NODES = np.array([11, 12, 13, 14, 15, 16, 19, 20, 23, 24, 25, 26, 27, 28, 31, 32])
_COUNT, _SIZE = len(NODES), 3 * len(NODES)
_ALL, _AXES, _AXIS = np.arange(_COUNT), np.arange(3), np.eye(3)
_AT = {int(node): number for number, node in enumerate(NODES)}
_TRUNK = np.array([_AT[joint] for joint in TRUNK])
#: Capsules between two landmarks: limbs, which are moved, and the trunk, which is not, but takes
#: what is seen of it; and the radii there, metres.
LIMBS = ((11, 13), (12, 14), (13, 15), (14, 16), (15, 19), (16, 20),
         (23, 25), (24, 26), (25, 27), (26, 28), (27, 31), (28, 32))
_PARTS = (*LIMBS, (11, 23), (12, 24), (11, 12), (23, 24))
RADII = np.array([
    *np.repeat([(0.055, 0.040), (0.040, 0.028), (0.028, 0.022),
                (0.095, 0.066), (0.064, 0.048), (0.045, 0.030)], 2, axis=0),
    (0.1, 0.1), (0.1, 0.1), (0.07, 0.07), (0.1, 0.1)])
_STARTS, _ENDS = (np.array([_AT[part[end]] for part in _PARTS]) for end in (0, 1))
_LIMB_STARTS, _LIMB_ENDS = _STARTS[:len(LIMBS)], _ENDS[:len(LIMBS)]
_BONE_OF = np.array([BONES.index(limb) if limb in BONES else -1 for limb in LIMBS])
#: places on limbs where it is seen whether they are outside: each limb's middle and its end
_PLACES = np.repeat(np.arange(len(LIMBS)), 2)
_PLACE_STARTS, _PLACE_ENDS = _LIMB_STARTS[_PLACES], _LIMB_ENDS[_PLACES]
_SHARES: Vectors = np.tile(np.array([0.5, 1.0]), len(LIMBS))[:, np.newaxis]
#: for each axis of each of these places: the nodes at both ends, and how it moves with them
_PULLED_STARTS, _PULLED_ENDS = np.repeat(_PLACE_STARTS, 3), np.repeat(_PLACE_ENDS, 3)
_END_SLOPES = np.repeat(_SHARES, 3, axis=0) * np.tile(_AXIS, (len(_PLACES), 1))
_START_SLOPES = np.tile(_AXIS, (len(_PLACES), 1)) - _END_SLOPES
#: for each axis of each node: the node, and its axis
_EACH, _EACH_AXIS = np.repeat(_ALL, 3), np.tile(_AXIS, (_COUNT, 1))
_HEAD_RADIUS = 0.1
#: landmarks that go with a node
_CARRIED = ((15, (17, 21)), (16, (18, 22)), (27, (29,)), (28, (30,)))
_LEGS = exchanged(range(25, 33, 2))

#: iterations, and the metres beyond which a surface is forgotten, from the first to the last
_ROUNDS = 6
_REACHES = np.geomspace(0.15, 0.045, _ROUNDS)
#: metres: standard deviation of the surface, and as many points as that count for one limb
_SURFACE, _POINTS = 0.015, 12.0
#: Standard deviations, metres: of a landmark across the line of sight, seen and guessed, and of
#: the trunk's; along it, measured and guessed, and of the trunk's; and of what was expected. From
#: so many of them on they count less.
_ACROSS, _ACROSS_GUESSED, _ACROSS_TRUNK = 0.035, 0.08, 0.02
_ALONG, _ALONG_GUESSED, _ALONG_TRUNK = 0.05, 0.15, 0.03
_EXPECTED = 0.10
_FAR, _FAR_EXPECTED = 3.0, 2.0
#: the same of the length of a bone that is known, of others at least, and their share of it
_LENGTH, _LENGTH_LEAST, _LENGTH_SHARE = 0.025, 0.06, 0.25
_LONGEST = 25.0
#: knees and ankles, metres that left ones are to the left of right ones at least, standard
#: deviation, and metres from which on it counts less: legs may be crossed
_LEFT, _RIGHT = np.array([_AT[25], _AT[27]]), np.array([_AT[26], _AT[28]])
_APART, _APART_SIGMA, _APART_FAR = np.array([0.10, 0.08]), 0.03, 0.15
#: metres, of being where one sees something behind; and the most that counts of it in one step
_OUTSIDE, _OUTSIDE_STEP = 0.03, 0.1
#: in judging a result: the metres beyond which a surface is not explained, what all of it costs,
#: and the most that one place outside costs
_UNEXPLAINED, _ALL_UNEXPLAINED, _MOST_OUTSIDE = 0.08, 120.0, 8.0
#: metres that a node is moved at most in one step, and what holds a node that nothing holds
_STEP, _DAMPING = 0.15, 1e-3
_VISIBLE = 0.5


class _Equations:
    """
    Equations of least squares for the places of nodes, and what the residuals cost.

    Each residual depends on one node or two, so that they are collected cell by cell.
    """

    def __init__(self) -> None:
        self.cost = 0.0
        #: of residuals: how large (M,) and how heavy (M,) they are, the nodes (M, 2) that they
        #: depend on, and how they change with each (M, 2, 3)
        self._rows: list[tuple[Vectors, Vectors, Indices, Vectors]] = []

    def add(
        self, residuals: Vectors, weights: Vectors, cost: float, nodes: Indices, slopes: Vectors,
        others: Indices | None = None, other_slopes: Vectors | None = None,
    ) -> None:
        """
        Add residuals (M,) with weights (M,).

        :param nodes: (M,), one node of each residual.
        :param slopes: (M, 3), how it changes with that.
        :param others: (M,) and ``other_slopes`` (M, 3): the same of a second node, if there is.
        """
        self.cost += cost
        if others is None or other_slopes is None:
            others, other_slopes = nodes, np.zeros_like(slopes)
        self._rows.append((residuals, weights, np.stack((nodes, others), axis=1),
                           np.stack((slopes, other_slopes), axis=1)))

    def step(self) -> Vectors:
        """Return how far each node should be moved, (N, 3)."""
        residuals, weights, nodes, slopes = (
            np.concatenate(parts) for parts in zip(*self._rows, strict=True))
        places = (3 * nodes[:, :, np.newaxis] + _AXES).reshape(-1, 6)
        slopes = slopes.reshape(-1, 6)
        weighted = weights[:, np.newaxis] * slopes
        right = np.bincount(
            places.ravel(), (weighted * residuals[:, np.newaxis]).ravel(), _SIZE)
        cells = _SIZE * places[:, :, np.newaxis] + places[:, np.newaxis]
        products = weighted[:, :, np.newaxis] * slopes[:, np.newaxis]
        matrix = np.bincount(cells.ravel(), products.ravel(), _SIZE * _SIZE)
        step = np.linalg.solve(
            matrix.reshape(_SIZE, _SIZE) + _DAMPING * np.eye(_SIZE), -right).reshape(-1, 3)
        lengths = np.linalg.norm(step, axis=1, keepdims=True)
        result: Vectors = step * np.minimum(1, _STEP / np.maximum(lengths, 1e-9))
        return result


def fit(
    lifted: Lifted, cloud: Vectors, silhouette: Silhouette, lengths: Vectors,
    expected: Vectors | None,
) -> Lifted:
    """
    Move somebody's limbs onto his surface.

    It is tried from where they are, with left and right of the legs exchanged, and from where they
    were expected; the best is returned.

    :param cloud: (K, 3) metres, points of the person's surface.
    :param lengths: (18,) metres of this person's ``BONES``, NaN where not known.
    :param expected: (33, 3) metres, where the landmarks are expected, None if unknown.
    """
    start = lifted.points
    tried = [(np.arange(LANDMARKS), start), (_LEGS, start[_LEGS])]
    if expected is not None:
        moved = (start[TRUNK] - expected[TRUNK]).mean(axis=0)
        before = expected + moved
        before[TRUNK] = start[TRUNK]
        tried.append((np.arange(LANDMARKS), before))
    found = []
    for order, begin in tried:
        body = _Body(lifted, order, cloud, silhouette, lengths, expected)
        nodes, cost = body.solve(begin[NODES])
        found.append((cost, order, nodes))
    _, order, nodes = min(found, key=lambda one: one[0])
    points = start[order].copy()
    moved = nodes - points[NODES]
    points[NODES] = nodes
    for node, others in _CARRIED:
        points[list(others)] += moved[_AT[node]]
    return replace(lifted, points=points, confidences=lifted.confidences[order])


class _Body:
    """One way to see somebody: what there is for and against where his limbs are."""

    def __init__(
        self, lifted: Lifted, order: Indices, cloud: Vectors, silhouette: Silhouette,
        lengths: Vectors, expected: Vectors | None,
    ) -> None:
        chosen = order[NODES]
        self._cloud, self._silhouette = cloud, silhouette
        self._square = np.square(cloud).sum(axis=1)
        self._expected = None if expected is None else expected[NODES]
        self._rays = lifted.rays[chosen, :2]
        slopes = np.zeros((_COUNT, 2, 3))
        slopes[:, :, :2], slopes[:, :, 2] = np.eye(2), -self._rays
        self._sight_slopes = slopes.reshape(-1, 3)
        self._depths = lifted.points[chosen, 2]
        self._across = np.where(
            lifted.visibility[chosen] > _VISIBLE, _ACROSS, _ACROSS_GUESSED)
        self._along = np.where(
            lifted.confidences[chosen] == Confidence.MEDIUM, _ALONG, _ALONG_GUESSED)
        self._across[_TRUNK], self._along[_TRUNK] = _ACROSS_TRUNK, _ALONG_TRUNK
        self._far = np.full(_COUNT, _FAR)
        self._far[_TRUNK] = np.inf
        self._lengths, self._length_sigmas = _bones(lifted.world, lengths)
        head = lifted.points[[7, 8]].mean(axis=0)
        self._from_head = np.abs(np.linalg.norm(cloud - head, axis=1) - _HEAD_RADIUS)

    def solve(self, nodes: Vectors) -> tuple[Vectors, float]:
        """Return where nodes (N, 3) are best, from where they are, and what that costs."""
        for reach in _REACHES.tolist():
            nodes = nodes + self._equations(nodes, reach).step()
        return nodes, self._equations(nodes, _UNEXPLAINED).cost

    def _equations(self, nodes: Vectors, reach: float) -> _Equations:
        """Return all that there is for nodes where they are, and surfaces within reach."""
        equations = _Equations()
        self._add_sight(equations, nodes)
        self._add_depth(equations, nodes)
        if self._expected is not None:
            _add_motion(equations, nodes - self._expected)
        self._add_lengths(equations, nodes)
        _add_legs(equations, nodes)
        self._add_outside(equations, nodes)
        self._add_surface(equations, nodes, reach)
        return equations

    def _add_sight(self, equations: _Equations, nodes: Vectors) -> None:
        """Add how far nodes are from the lines of sight of their landmarks."""
        off = nodes[:, :2] - self._rays * nodes[:, 2:]
        square = np.square(off).sum(axis=1) / np.square(self._across)
        worse = 1 + square / np.square(self._far)
        # Cauchy's: a landmark is never quite forgotten, as a hidden limb has nothing else
        costs = np.where(np.isfinite(self._far), np.square(_FAR) * np.log(worse), square)
        weights = 1 / (worse * np.square(self._across))
        equations.add(off.ravel(), np.repeat(weights, 2), float(costs.sum()),
                      np.repeat(_ALL, 2), self._sight_slopes)

    def _add_depth(self, equations: _Equations, nodes: Vectors) -> None:
        """Add how far nodes are from the depths that were measured for them."""
        off = nodes[:, 2] - self._depths
        weights, costs = _forgetting(off / self._along, self._far)
        equations.add(off, weights / np.square(self._along), float(costs.sum()),
                      _ALL, _EACH_AXIS[2::3])

    def _add_lengths(self, equations: _Equations, nodes: Vectors) -> None:
        """Add how far bones are too long or too short."""
        bones = nodes[_LIMB_ENDS] - nodes[_LIMB_STARTS]
        lengths = np.maximum(np.linalg.norm(bones, axis=1), 1e-6)
        along = bones / lengths[:, np.newaxis]
        off = lengths - self._lengths
        costs = np.minimum(np.square(off / self._length_sigmas), _LONGEST)
        equations.add(off, 1 / np.square(self._length_sigmas), float(costs.sum()),
                      _LIMB_ENDS, along, _LIMB_STARTS, -along)

    def _add_outside(self, equations: _Equations, nodes: Vectors) -> None:
        """Add how far limbs are outside of the silhouette, or before the surface."""
        pull = self._silhouette.pull(
            nodes[_PLACE_STARTS] * (1 - _SHARES) + nodes[_PLACE_ENDS] * _SHARES)
        away = np.linalg.norm(pull, axis=1)
        weights = (away > 0) / (_OUTSIDE ** 2 * np.maximum(1, away / _OUTSIDE_STEP))
        cost = float(np.minimum(away / _OUTSIDE, _MOST_OUTSIDE).sum())
        equations.add(-pull.ravel(), np.repeat(weights, 3), cost,
                      _PULLED_STARTS, _START_SLOPES, _PULLED_ENDS, _END_SLOPES)

    def _add_surface(self, equations: _Equations, nodes: Vectors, reach: float) -> None:
        """Add how far the cloud is from the surface of the capsules that are nearest."""
        starts, along = nodes[_STARTS], nodes[_ENDS] - nodes[_STARTS]
        squares = np.maximum(np.square(along).sum(axis=1), 1e-9)
        # |p - s - t a|^2, multiplied out, for every point p and capsule from s to s + a
        on_axis = self._cloud @ along.T - (starts * along).sum(axis=1)
        shares = np.clip(on_axis / squares, 0, 1)
        square = (self._square[:, np.newaxis] - 2 * (self._cloud @ starts.T)
                  + np.square(starts).sum(axis=1) + shares * (shares * squares - 2 * on_axis))
        distances = np.sqrt(np.maximum(square, 0))
        off = distances - (RADII[:, 0] + shares * (RADII[:, 1] - RADII[:, 0]))
        each = np.arange(len(off))
        part = np.abs(off).argmin(axis=1)
        off, share = off[each, part], shares[each, part, np.newaxis]
        out = self._cloud - starts[part] - share * along[part]
        normals = out / np.maximum(distances[each, part, np.newaxis], 1e-6)
        weights, _ = _forgetting(off / reach, 1.0)
        weights = weights * ((part < len(LIMBS)) & (np.abs(off) < self._from_head))
        # neighbours tell the same: many points count as some
        counts = np.bincount(part, weights, len(_STARTS))[part]
        weights = weights * np.minimum(1, _POINTS / np.maximum(counts, 1e-6)) / _SURFACE ** 2
        _, costs = _forgetting(np.minimum(np.abs(off), self._from_head) / _UNEXPLAINED, 1.0)
        equations.add(off, weights, float(costs.mean()) * _ALL_UNEXPLAINED,
                      _STARTS[part], (share - 1) * normals, _ENDS[part], -share * normals)


def _bones(world: Vectors, lengths: Vectors) -> tuple[Vectors, Vectors]:
    """Return how long limbs are, and their standard deviations, metres."""
    first, second = np.array(LIMBS).T
    usual = np.linalg.norm(world[second] - world[first], axis=1)
    known = np.where(_BONE_OF >= 0, lengths[_BONE_OF], np.nan)
    unknown = np.isnan(known)
    return np.where(unknown, usual, known), np.where(
        unknown, np.maximum(_LENGTH_LEAST, _LENGTH_SHARE * usual), _LENGTH)


def _add_motion(equations: _Equations, off: Vectors) -> None:
    """Add how far nodes are from where they are expected."""
    weights, costs = _forgetting(np.linalg.norm(off, axis=1) / _EXPECTED, _FAR_EXPECTED)
    equations.add(off.ravel(), np.repeat(weights / _EXPECTED ** 2, 3), float(costs.sum()),
                  _EACH, _EACH_AXIS)


def _add_legs(equations: _Equations, nodes: Vectors) -> None:
    """Add how far legs are through each other."""
    across = nodes[_AT[23]] - nodes[_AT[24]]
    across = across / max(float(np.linalg.norm(across)), 1e-6)
    off = np.minimum((nodes[_LEFT] - nodes[_RIGHT]) @ across - _APART, 0)
    weights, costs = _forgetting(off / _APART_FAR, 1.0)
    slopes = np.tile(across, (len(_APART), 1))
    equations.add(off, (off < 0) * weights / _APART_SIGMA ** 2,
                  float(costs.sum()) * (_APART_FAR / _APART_SIGMA) ** 2,
                  _LEFT, slopes, _RIGHT, -slopes)


def _forgetting(deviations: Vectors, far: float | Vectors) -> tuple[Vectors, Vectors]:
    """
    Return the weights of deviations and what they cost, after Geman and McClure.

    :param deviations: in standard deviations; from ``far`` of them on they count less.
    """
    share = np.square(deviations / far)
    square = np.square(deviations)
    return 1 / np.square(1 + share), square / (1 + share)
