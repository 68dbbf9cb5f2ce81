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
Fit limbs, compiled with numba: iterated least squares for the ends of capsules.

The unknowns are the positions of 16 nodes, the ends of the capsules, in the depth camera's frame,
meters. Each term of the cost is a sum of squared residuals, each of which depends on one node or
two.
"""

from __future__ import annotations

import math
from typing import Any
from typing import NamedTuple

from k4a_ros.body.landmarks.pose_2d.blazepose import TRUNK
from k4a_ros.body.landmarks.pose_3d.least_squares_kernels import add
from k4a_ros.body.landmarks.pose_3d.least_squares_kernels import add_limit
from k4a_ros.body.landmarks.pose_3d.least_squares_kernels import geman_mcclure
from k4a_ros.jit.numba_jit import compiled
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]

#: the landmark of each node
NODES = np.array([11, 12, 13, 14, 15, 16, 19, 20, 23, 24, 25, 26, 27, 28, 31, 32])
_NODE_OF = {int(landmark): node for node, landmark in enumerate(NODES)}
#: whether each node is of the trunk, and held where its landmark is, which is no outlier
IS_TRUNK = np.isin(NODES, TRUNK)
#: capsules between two landmarks that are fitted
LIMBS = ((11, 13), (12, 14), (13, 15), (14, 16), (15, 19), (16, 20),
         (23, 25), (24, 26), (25, 27), (26, 28), (27, 31), (28, 32))
_THIGHS = (LIMBS.index((23, 25)), LIMBS.index((24, 26)))
#: capsules of the trunk, which stay in place, and keep its surface from being taken for a limb's
_TRUNK_CAPSULES = ((11, 23), (12, 24), (11, 12), (23, 24))
_CAPSULES = (*LIMBS, *_TRUNK_CAPSULES)
#: the radii of each capsule at both ends
CAPSULE_RADII_M = np.array([
    *np.repeat([(0.055, 0.040), (0.040, 0.028), (0.028, 0.022),
                (0.095, 0.066), (0.064, 0.048), (0.045, 0.030)], 2, axis=0),
    (0.1, 0.1), (0.1, 0.1), (0.07, 0.07), (0.1, 0.1)])
_CAPSULE_NODES = np.array([[_NODE_OF[landmark] for landmark in ends] for ends in _CAPSULES])
_LIMB_COUNT, _CAPSULE_COUNT, _NODE_COUNT = len(LIMBS), len(_CAPSULES), len(NODES)
_UNKNOWNS = 3 * _NODE_COUNT
_AXES, _ZERO = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)), (0.0, 0.0, 0.0)
#: nodes, left ones first: shoulders, hips, and elbows, wrists and hands
_SHOULDERS, _HIPS, _ARMS = (0, 1), (_NODE_OF[23], _NODE_OF[24]), (2, 3, 4, 5, 6, 7)
#: knee, ankle and toes of each foot
_FEET = ((_NODE_OF[25], _NODE_OF[27], _NODE_OF[31]), (_NODE_OF[26], _NODE_OF[28], _NODE_OF[32]))


class _Solver(NamedTuple):
    """How far a node moves in one step, and what holds a node without any evidence."""

    max_step_m: float = 0.15
    damping: float = 1e-3


class _Landmark(NamedTuple):
    """How a node is held by its landmark, and by the position expected from earlier images."""

    #: deviation from which on a landmark counts less, in standard deviations
    outlier: float = 3.0
    #: the same for the expected position, and its standard deviation
    expected_outlier: float = 3.0
    expected_sigma_m: float = 0.10


class _Surface(NamedTuple):
    """How points of the person's surface pull the capsules."""

    sigma_m: float = 0.015
    #: all points at one limb count as this many, because neighbors are not independent
    effective_points: float = 12.0
    #: Points at a thigh whose mean place is closer to the hip than this share of its length count
    #: less: clothes at the hips would turn a thigh of which nothing else is measured.
    min_thigh_share: float = 0.3
    #: In the cost of a result: the distance beyond which a point counts as unexplained, and the
    #: cost if all of them are.
    unexplained_m: float = 0.08
    max_cost: float = 120.0


class _Legs(NamedTuple):
    """Left knees and ankles are left of the right ones, unless the legs are crossed."""

    #: distance to the left that is not penalized
    min_knee_distance_m: float = 0.10
    min_ankle_distance_m: float = 0.08
    sigma_m: float = 0.03
    #: violation from which on it counts less
    outlier_m: float = 0.15


class _Foot(NamedTuple):
    """Toes are ahead of the ankle, and not up the shank."""

    min_ahead_m: float = 0.10
    max_up_m: float = 0.05
    sigma_m: float = 0.01
    outlier_m: float = 0.5


class _Trunk(NamedTuple):
    """Arms are outside of the trunk, an elliptic cylinder along hips and shoulders."""

    #: how far the trunk extends sideways beyond the hip joints
    beyond_hips_m: float = 0.08
    #: from the middle of the trunk to front and back
    half_thickness_m: float = 0.12
    #: lower end of the cylinder below the hips, as a share of its length
    lower_end: float = -0.5
    sigma_m: float = 0.03
    outlier_m: float = 0.3


#: the most that the length of one bone costs, squared standard deviations
_MAX_LENGTH_COST = 25.0
_SOLVER, _LANDMARK, _SURFACE = _Solver(), _Landmark(), _Surface()
_LEGS, _FOOT, _TRUNK = _Legs(), _Foot(), _Trunk()
#: left node, right node, and the distance to the left that is not penalized
_LEG_PAIRS = ((_NODE_OF[25], _NODE_OF[26], _LEGS.min_knee_distance_m),
              (_NODE_OF[27], _NODE_OF[28], _LEGS.min_ankle_distance_m))


def solve(nodes: Vectors, surface_reaches: Vectors, evidence: Any) -> float:
    """
    Move nodes to the positions of least cost.

    :param nodes: (16, 3) float64, meters: initial positions, overwritten with the final ones.
    :param surface_reaches: (R,) meters, one per step: the distance beyond which points of the
        surface are treated as outliers.
    :param evidence: `fitting.Evidence`.
    :return: the cost of the final positions, for comparison with other initial positions.
    """
    matrix, right = np.empty((_UNKNOWNS, _UNKNOWNS)), np.empty(_UNKNOWNS)
    for reach in surface_reaches:
        _equations(nodes, reach, evidence, matrix, right)
        steps = np.linalg.solve(matrix, right).reshape(nodes.shape)
        lengths = np.linalg.norm(steps, axis=1, keepdims=True)
        nodes += steps * np.minimum(1.0, _SOLVER.max_step_m / np.maximum(lengths, 1e-9))
    return _equations(nodes, _SURFACE.unexplained_m, evidence, matrix, right)


@compiled
def _equations(nodes: Any, reach: float, evidence: Any, matrix: Any, right: Any) -> float:
    """Write the normal equations (48, 48) and their right side (48,), and return the cost."""
    matrix[:] = 0
    right[:] = 0
    for i in range(_UNKNOWNS):
        matrix[i, i] = _SOLVER.damping
    cost = _add_landmarks(nodes, evidence, matrix, right)
    if len(evidence.expected):
        cost += _add_expected(nodes, evidence.expected, matrix, right)
    cost += _add_lengths(nodes, evidence, matrix, right)
    cost += _add_legs(nodes, matrix, right)
    cost += _add_feet(nodes, matrix, right)
    cost += _add_arms(nodes, matrix, right)
    cost += _add_surface(nodes, evidence, reach, matrix, right)
    return cost


@compiled
def _add_landmarks(nodes: Any, evidence: Any, matrix: Any, right: Any) -> float:
    """Add the distances of nodes from their landmarks, across and along the lines of sight."""
    rays = evidence.rays
    total = 0.0
    for node in range(_NODE_COUNT):
        z = nodes[node, 2]
        x, y = nodes[node, 0] - rays[node, 0] * z, nodes[node, 1] - rays[node, 1] * z
        off = z - evidence.depths[node]
        across, along = evidence.across_sigmas[node], evidence.depth_sigmas[node]
        square, square_along = (x * x + y * y) / across ** 2, (off / along) ** 2
        weight, weight_along = 1 / across ** 2, 1 / along ** 2
        if not IS_TRUNK[node]:
            # Cauchy's weights: an occluded limb has no other evidence, so that a landmark is never
            # discarded altogether
            worse = 1 + square / _LANDMARK.outlier ** 2
            weight, square = weight / worse, _LANDMARK.outlier ** 2 * math.log(worse)
            share, square_along = geman_mcclure(square_along, _LANDMARK.outlier)
            weight_along *= share
        total += square + square_along
        add(matrix, right, x, weight, node, (1.0, 0.0, -rays[node, 0]), node, _ZERO)
        add(matrix, right, y, weight, node, (0.0, 1.0, -rays[node, 1]), node, _ZERO)
        add(matrix, right, off, weight_along, node, _AXES[2], node, _ZERO)
    return total


@compiled
def _add_expected(nodes: Any, expected: Any, matrix: Any, right: Any) -> float:
    """Add the distances of nodes from their expected positions."""
    sigma = _LANDMARK.expected_sigma_m
    total = 0.0
    for node in range(_NODE_COUNT):
        off = nodes[node] - expected[node]
        weight, square = geman_mcclure(
            (off * off).sum() / sigma ** 2, _LANDMARK.expected_outlier)
        total += square
        for axis in range(3):
            add(matrix, right, off[axis], weight / sigma ** 2, node, _AXES[axis], node, _ZERO)
    return total


@compiled
def _add_lengths(nodes: Any, evidence: Any, matrix: Any, right: Any) -> float:
    """Add the deviations of the lengths of bones."""
    total = 0.0
    for limb in range(_LIMB_COUNT):
        start, end = _CAPSULE_NODES[limb]
        x, y, z = nodes[end] - nodes[start]
        length = max(math.sqrt(x * x + y * y + z * z), 1e-6)
        off, sigma = length - evidence.lengths[limb], evidence.length_sigmas[limb]
        total += min((off / sigma) ** 2, _MAX_LENGTH_COST)
        x, y, z = x / length, y / length, z / length
        add(matrix, right, off, 1 / sigma ** 2, end, (x, y, z), start, (-x, -y, -z))
    return total


@compiled
def _unit(vector: Any) -> Any:
    """Return a vector (3,) scaled to length 1; the zero vector stays as it is."""
    return vector / max(math.sqrt((vector * vector).sum()), 1e-6)


@compiled
def _add_legs(nodes: Any, matrix: Any, right: Any) -> float:
    """Add how far left knees and ankles are on the right of the right ones."""
    leftward = _unit(nodes[_HIPS[0]] - nodes[_HIPS[1]])
    total = 0.0
    for left, other, min_distance in _LEG_PAIRS:
        margin = ((nodes[left] - nodes[other]) * leftward).sum() - min_distance
        total += add_limit(
            matrix, right, margin, _LEGS.sigma_m, _LEGS.outlier_m, left, leftward, other)
    return total


@compiled
def _add_feet(nodes: Any, matrix: Any, right: Any) -> float:
    """Add how far toes are behind ankles, or up the shank; the hip line is the axis of a knee."""
    x, y, z = nodes[_HIPS[0]] - nodes[_HIPS[1]]
    total = 0.0
    for knee, ankle, toes in _FEET:
        u, v, w = shank = _unit(nodes[knee] - nodes[ankle])
        ahead = _unit(np.array((y * w - z * v, z * u - x * w, x * v - y * u)))
        foot = nodes[toes] - nodes[ankle]
        for margin, slope in (((foot * ahead).sum() - _FOOT.min_ahead_m, ahead),
                              (_FOOT.max_up_m - (foot * shank).sum(), -shank)):
            total += add_limit(
                matrix, right, margin, _FOOT.sigma_m, _FOOT.outlier_m, toes, slope, ankle)
    return total


@compiled
def _add_arms(nodes: Any, matrix: Any, right: Any) -> float:
    """Add how far arms are inside of the trunk; they are moved out of it to their own side."""
    hips = nodes[_HIPS[0]] - nodes[_HIPS[1]]
    shoulders = nodes[_SHOULDERS[0]] - nodes[_SHOULDERS[1]]
    mid_hip = (nodes[_HIPS[0]] + nodes[_HIPS[1]]) / 2
    trunk = (nodes[_SHOULDERS[0]] + nodes[_SHOULDERS[1]]) / 2 - mid_hip
    up, leftward = _unit(trunk), hips + shoulders
    leftward = _unit(leftward - (leftward * up).sum() * up)
    half_width = (hips * leftward).sum() / 2 + _TRUNK.beyond_hips_m
    widening = (shoulders * leftward).sum() / 2 - half_width
    total = 0.0
    for node in _ARMS:
        at = nodes[node] - mid_hip
        height, left = (at * up).sum(), (at * leftward).sum()
        # square of the distance to the front or back, relative to half the thickness
        thick = ((at * at).sum() - height ** 2 - left ** 2) / _TRUNK.half_thickness_m ** 2
        share = height / max((trunk * up).sum(), 1e-6)
        if _TRUNK.lower_end < share < 1 and thick < 1:
            side = 1 - 2 * (node % 2)
            margin = side * left - (half_width + max(share, 0.0) * widening) * math.sqrt(
                min(1 - thick, 1.0))
            total += add_limit(
                matrix, right, margin, _TRUNK.sigma_m, _TRUNK.outlier_m, node, side * leftward,
                _HIPS[0])
    return total


@compiled
def _add_surface(nodes: Any, evidence: Any, reach: float, matrix: Any, right: Any) -> float:
    """Add the distances of points of the cloud from the surface of the nearest capsule."""
    cloud, head_distances = evidence.cloud, evidence.head_distances
    count = len(cloud)
    capsules, weights = np.empty(count, np.int64), np.empty(count)
    # distance from the surface, position along the axis (0 to 1), distance from the axis
    nearest = np.empty((count, 3))
    capsule_weights, capsule_shares = np.zeros(_CAPSULE_COUNT), np.zeros(_CAPSULE_COUNT)
    total = 0.0
    for i in range(count):
        px, py, pz = cloud[i]
        best = np.inf
        for capsule in range(_CAPSULE_COUNT):
            start, end = _CAPSULE_NODES[capsule]
            sx, sy, sz = nodes[start]
            ax, ay, az = nodes[end, 0] - sx, nodes[end, 1] - sy, nodes[end, 2] - sz
            sx, sy, sz = px - sx, py - sy, pz - sz
            square = max(ax * ax + ay * ay + az * az, 1e-9)
            share = min(max((sx * ax + sy * ay + sz * az) / square, 0.0), 1.0)
            sx, sy, sz = sx - share * ax, sy - share * ay, sz - share * az
            distance = math.sqrt(sx * sx + sy * sy + sz * sz)
            off = distance - (CAPSULE_RADII_M[capsule, 0] + share * (
                CAPSULE_RADII_M[capsule, 1] - CAPSULE_RADII_M[capsule, 0]))
            if abs(off) < best:
                best = abs(off)
                capsules[i] = capsule
                nearest[i, 0], nearest[i, 1], nearest[i, 2] = off, share, distance
        weights[i] = 0.0
        if capsules[i] < _LIMB_COUNT and best < head_distances[i]:
            weights[i], _ = geman_mcclure((best / reach) ** 2, 1.0)
        capsule_weights[capsules[i]] += weights[i]
        capsule_shares[capsules[i]] += weights[i] * nearest[i, 1]
        total += geman_mcclure(
            (min(best, head_distances[i]) / _SURFACE.unexplained_m) ** 2, 1.0)[1]
    factors = _weight_factors(capsule_weights, capsule_shares)
    for i in range(count):
        if weights[i] > 0:
            start, end = _CAPSULE_NODES[capsules[i]]
            off, share, distance = nearest[i]
            distance, rest = max(distance, 1e-6), 1 - share
            x = (cloud[i, 0] - rest * nodes[start, 0] - share * nodes[end, 0]) / distance
            y = (cloud[i, 1] - rest * nodes[start, 1] - share * nodes[end, 1]) / distance
            z = (cloud[i, 2] - rest * nodes[start, 2] - share * nodes[end, 2]) / distance
            weight = weights[i] * factors[capsules[i]]
            add(matrix, right, off, weight, start, (-rest * x, -rest * y, -rest * z), end,
                (-share * x, -share * y, -share * z))
    return total / max(count, 1) * _SURFACE.max_cost


@compiled
def _weight_factors(weights: Any, shares: Any) -> Any:
    """
    Return the factors (C,) of the weights of points at each capsule, 1/m^2.

    :param weights: (C,) their sums.
    :param shares: (C,) the sums of weights times positions along the axis, 0 to 1.
    """
    factors = np.empty(_CAPSULE_COUNT)
    for capsule in range(_CAPSULE_COUNT):
        factors[capsule] = min(
            1.0, _SURFACE.effective_points / max(weights[capsule], 1e-6)) / _SURFACE.sigma_m ** 2
    for thigh in _THIGHS:
        mean_share = shares[thigh] / max(weights[thigh], 1e-6)
        factors[thigh] *= min(1.0, mean_share / _SURFACE.min_thigh_share) ** 2
    return factors
