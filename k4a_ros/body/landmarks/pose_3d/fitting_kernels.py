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
The inner loops of fitting limbs to a surface, compiled with numba.

Least squares for the places of 16 nodes, the ends of capsules, in the depth camera's frame,
meters. Everything that tells where nodes are is a residual that depends on one of them or two.
What they all need is handed on as one tuple, ``body``: see ``solve``. They stay in one file, as
numba's cache looks at that of the function which is called first, and at no other.
"""

from __future__ import annotations

import math
from typing import Any

from k4a_ros.jit.numba_jit import compiled
import numpy as np

#: the landmarks of nodes
NODES = np.array([11, 12, 13, 14, 15, 16, 19, 20, 23, 24, 25, 26, 27, 28, 31, 32])
_AT = {int(node): number for number, node in enumerate(NODES)}
#: Capsules between two landmarks: limbs, which are moved, and the trunk, which is not, but takes
#: what is seen of it; and the radii there, meters.
LIMBS = ((11, 13), (12, 14), (13, 15), (14, 16), (15, 19), (16, 20),
         (23, 25), (24, 26), (25, 27), (26, 28), (27, 31), (28, 32))
_PARTS = (*LIMBS, (11, 23), (12, 24), (11, 12), (23, 24))
RADII = np.array([
    *np.repeat([(0.055, 0.040), (0.040, 0.028), (0.028, 0.022),
                (0.095, 0.066), (0.064, 0.048), (0.045, 0.030)], 2, axis=0),
    (0.1, 0.1), (0.1, 0.1), (0.07, 0.07), (0.1, 0.1)])
_ENDS = np.array([[_AT[joint] for joint in part] for part in _PARTS])
_LIMB_COUNT, _PART_COUNT, _COUNT = len(LIMBS), len(_PARTS), len(NODES)
_SIZE = 3 * _COUNT
_AXES, _NOTHING = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)), (0.0, 0.0, 0.0)
#: shoulders and hips; elbows, wrists and hands, left ones first
_SHOULDERS, _HIPS, _ARMS = (0, 1), (_AT[23], _AT[24]), (2, 3, 4, 5, 6, 7)

#: meters: standard deviation of the surface, and as many points as that count for one limb
_SURFACE, _POINTS = 0.015, 12.0
#: standard deviations from which on a landmark, and what was expected, count less; meters
_FAR, _FAR_EXPECTED, _EXPECTED = 3.0, 3.0, 0.10
#: the most that a bone's length costs
_LONGEST = 25.0
# What cannot be: meters, their standard deviation, and those from which on they count less.
#: knees and ankles: left ones are to the left of right ones by that, but legs may be crossed
_LEGS = ((_AT[25], _AT[26], 0.10), (_AT[27], _AT[28], 0.08))
_APART, _APART_FAR = 0.03, 0.15
#: knee, ankle and toe: toes are at least that much ahead, and at most that much up the shank
_FEET = ((_AT[25], _AT[27], _AT[31]), (_AT[26], _AT[28], _AT[32]))
_AHEAD, _UP, _FOOT, _FOOT_FAR = 0.10, 0.05, 0.01, 0.5
#: arms are outside of the trunk, which is wider than its hips by that, and so thick from its
#: middle to front and back; and, as a share of its length, reaches down to that
_FLESH, _THICK, _LOWEST = 0.08, 0.12, -0.5
_INSIDE, _INSIDE_FAR = 0.03, 0.3
#: meters, of being where one sees something behind; and the most that counts of it in one step
_OUTSIDE, _OUTSIDE_STEP = 0.03, 0.1
#: meters behind a place from which on what is seen there is behind it
_BEHIND = 0.06
#: in judging a result: the meters beyond which a surface is not explained, what all of it costs,
#: and the most that one place outside costs
_UNEXPLAINED, _ALL_UNEXPLAINED, _MOST_OUTSIDE = 0.08, 120.0, 8.0
#: meters that a node is moved at most in one step, and what holds a node that nothing holds
_STEP, _DAMPING = 0.15, 1e-3


@compiled
def solve(nodes: Any, reaches: Any, body: Any) -> float:
    """
    Move nodes to where they are best.

    :param nodes: (16, 3) float64: where it begins, and written, where it ends.
    :param reaches: (R,) meters, of one step each, beyond which a surface is forgotten.
    :param body: what there is for and against places. ``rays`` (16, 2) and ``depths`` (16,) of
        landmarks, their standard deviations ``across`` (16,) and ``along`` (16,) the lines of
        sight, and ``held`` (16,), which are never forgotten; ``lengths`` (12,) of ``LIMBS`` and
        their standard deviations (12,); where nodes are ``expected``, (16, 3), or (0, 3); the
        ``cloud`` (K, 3) of the surface, and ``from_head`` (K,), how far each point is from the
        surface of the head; and the `Silhouette`'s ``kernel_arguments``.
    :return: what the end costs.
    """
    matrix, right = np.empty((_SIZE, _SIZE)), np.empty(_SIZE)
    cost = 0.0
    # one place where the equations are made: each would be compiled for itself
    for step in range(len(reaches) + 1):
        judging = step == len(reaches)
        cost = _equations(nodes, _UNEXPLAINED if judging else reaches[step], body, matrix, right)
        if judging:
            break
        _cholesky(matrix, right)
        for node in range(_COUNT):
            x, y, z = right[3 * node], right[3 * node + 1], right[3 * node + 2]
            share = min(1.0, _STEP / max(math.sqrt(x * x + y * y + z * z), 1e-9))
            nodes[node, 0] += share * x
            nodes[node, 1] += share * y
            nodes[node, 2] += share * z
    return cost


@compiled
def _equations(nodes: Any, reach: float, body: Any, matrix: Any, right: Any) -> float:
    """Write the equations (48, 48) and their right side (48,), and return what it costs."""
    (rays, depths, across, along, held, lengths, sigmas, expected, cloud, from_head,
     silhouette) = body
    matrix[:] = 0
    right[:] = 0
    for i in range(_SIZE):
        matrix[i, i] = _DAMPING
    cost = _add_landmarks(nodes, rays, depths, across, along, held, matrix, right)
    if len(expected):
        cost += _add_motion(nodes, expected, matrix, right)
    cost += _add_lengths(nodes, lengths, sigmas, matrix, right)
    cost += _add_legs(nodes, matrix, right)
    cost += _add_feet(nodes, matrix, right)
    cost += _add_arms(nodes, matrix, right)
    cost += _add_outside(nodes, silhouette, matrix, right)
    cost += _add_surface(nodes, cloud, from_head, reach, matrix, right)
    return cost


@compiled
def _add(
    matrix: Any, right: Any, residual: float, weight: float, first: int, slope: Any, second: int,
    other: Any,
) -> None:
    """Add one residual, which changes with two nodes with the slopes (3,) and (3,)."""
    a, b = 3 * first, 3 * second
    for i in range(3):
        right[a + i] -= weight * residual * slope[i]
        right[b + i] -= weight * residual * other[i]
        for j in range(3):
            matrix[a + i, a + j] += weight * slope[i] * slope[j]
            matrix[b + i, b + j] += weight * other[i] * other[j]
            matrix[a + i, b + j] += weight * slope[i] * other[j]
            matrix[b + i, a + j] += weight * other[i] * slope[j]


@compiled
def _add_landmarks(
    nodes: Any, rays: Any, depths: Any, across: Any, along: Any, held: Any, matrix: Any,
    right: Any,
) -> float:
    """Add how far nodes are from the lines of sight of their landmarks, and from their depths."""
    total = 0.0
    for node in range(_COUNT):
        z = nodes[node, 2]
        x, y = nodes[node, 0] - rays[node, 0] * z, nodes[node, 1] - rays[node, 1] * z
        off = z - depths[node]
        square, square_along = (x * x + y * y) / across[node] ** 2, (off / along[node]) ** 2
        weight, weight_along = 1 / across[node] ** 2, 1 / along[node] ** 2
        if not held[node]:
            # Cauchy's: a landmark is never quite forgotten, as a hidden limb has nothing else
            worse = 1 + square / _FAR ** 2
            weight, square = weight / worse, _FAR ** 2 * math.log(worse)
            share, square_along = _forgetting(square_along, _FAR)
            weight_along *= share
        total += square + square_along
        _add(matrix, right, x, weight, node, (1.0, 0.0, -rays[node, 0]), node, _NOTHING)
        _add(matrix, right, y, weight, node, (0.0, 1.0, -rays[node, 1]), node, _NOTHING)
        _add(matrix, right, off, weight_along, node, _AXES[2], node, _NOTHING)
    return total


@compiled
def _add_motion(nodes: Any, expected: Any, matrix: Any, right: Any) -> float:
    """Add how far nodes are from where they are expected."""
    total = 0.0
    for node in range(_COUNT):
        off = nodes[node] - expected[node]
        weight, square = _forgetting((off * off).sum() / _EXPECTED ** 2, _FAR_EXPECTED)
        total += square
        for axis in range(3):
            _add(matrix, right, off[axis], weight / _EXPECTED ** 2, node, _AXES[axis], node,
                 _NOTHING)
    return total


@compiled
def _add_lengths(nodes: Any, lengths: Any, sigmas: Any, matrix: Any, right: Any) -> float:
    """Add how far bones are too long or too short."""
    total = 0.0
    for limb in range(_LIMB_COUNT):
        start, end = _ENDS[limb]
        x, y, z = nodes[end] - nodes[start]
        length = max(math.sqrt(x * x + y * y + z * z), 1e-6)
        off = length - lengths[limb]
        total += min((off / sigmas[limb]) ** 2, _LONGEST)
        x, y, z = x / length, y / length, z / length
        _add(matrix, right, off, 1 / sigmas[limb] ** 2, end, (x, y, z), start, (-x, -y, -z))
    return total


@compiled
def _add_limit(
    matrix: Any, right: Any, off: float, sigma: float, far: float, first: int, slope: Any,
    second: int,
) -> float:
    """Add how far beyond a limit a node is, seen from a second one; return what it costs."""
    if off >= 0:
        return 0.0
    weight, square = _forgetting((off / far) ** 2, 1.0)
    x, y, z = slope
    _add(matrix, right, off, weight / sigma ** 2, first, (x, y, z), second, (-x, -y, -z))
    cost: float = square * (far / sigma) ** 2
    return cost


@compiled
def _unit(vector: Any) -> Any:
    """Return a vector (3,) with length 1, 0 if it has none."""
    return vector / max(math.sqrt((vector * vector).sum()), 1e-6)


@compiled
def _add_legs(nodes: Any, matrix: Any, right: Any) -> float:
    """Add how far legs are through each other."""
    across = _unit(nodes[_HIPS[0]] - nodes[_HIPS[1]])
    total = 0.0
    for left, other, apart in _LEGS:
        off = ((nodes[left] - nodes[other]) * across).sum() - apart
        total += _add_limit(matrix, right, off, _APART, _APART_FAR, left, across, other)
    return total


@compiled
def _add_feet(nodes: Any, matrix: Any, right: Any) -> float:
    """Add how far toes are behind ankles, or up the shank; knees are hinges from hip to hip."""
    x, y, z = nodes[_HIPS[0]] - nodes[_HIPS[1]]
    total = 0.0
    for knee, ankle, toe in _FEET:
        u, v, w = shank = _unit(nodes[knee] - nodes[ankle])
        ahead = _unit(np.array((y * w - z * v, z * u - x * w, x * v - y * u)))
        foot = nodes[toe] - nodes[ankle]
        for off, slope in (((foot * ahead).sum() - _AHEAD, ahead),
                           (_UP - (foot * shank).sum(), -shank)):
            total += _add_limit(matrix, right, off, _FOOT, _FOOT_FAR, toe, slope, ankle)
    return total


@compiled
def _add_arms(nodes: Any, matrix: Any, right: Any) -> float:
    """Add how far arms are inside of the trunk, which is an ellipse: it is aside that they go."""
    hips = nodes[_HIPS[0]] - nodes[_HIPS[1]]
    shoulders = nodes[_SHOULDERS[0]] - nodes[_SHOULDERS[1]]
    low = (nodes[_HIPS[0]] + nodes[_HIPS[1]]) / 2
    trunk = (nodes[_SHOULDERS[0]] + nodes[_SHOULDERS[1]]) / 2 - low
    up, across = _unit(trunk), hips + shoulders
    across = _unit(across - (across * up).sum() * up)
    wide = (hips * across).sum() / 2 + _FLESH
    narrower = (shoulders * across).sum() / 2 - wide
    total = 0.0
    for node in _ARMS:
        at = nodes[node] - low
        height, aside = (at * up).sum(), (at * across).sum()
        thick = ((at * at).sum() - height ** 2 - aside ** 2) / _THICK ** 2
        share = height / max((trunk * up).sum(), 1e-6)
        if _LOWEST < share < 1 and thick < 1:
            side = 1 - 2 * (node % 2)
            off = side * aside - (wide + max(share, 0.0) * narrower) * math.sqrt(
                min(1 - thick, 1.0))
            total += _add_limit(matrix, right, off, _INSIDE, _INSIDE_FAR, node, side * across,
                                _HIPS[0])
    return total


@compiled
def _add_outside(nodes: Any, silhouette: Any, matrix: Any, right: Any) -> float:
    """Add how far each limb's middle and end are outside of the silhouette, or before it."""
    total = 0.0
    for limb in range(_LIMB_COUNT):
        start, end = _ENDS[limb]
        for share in (0.5, 1.0):
            rest = 1 - share
            x, y, z = pull(
                rest * nodes[start, 0] + share * nodes[end, 0],
                rest * nodes[start, 1] + share * nodes[end, 1],
                rest * nodes[start, 2] + share * nodes[end, 2], silhouette)
            away = math.sqrt(x * x + y * y + z * z)
            if away > 0:
                total += min(away / _OUTSIDE, _MOST_OUTSIDE)
                weight = 1 / (_OUTSIDE ** 2 * max(1.0, away / _OUTSIDE_STEP))
                _add(matrix, right, -x, weight, start, (rest, 0.0, 0.0), end, (share, 0.0, 0.0))
                _add(matrix, right, -y, weight, start, (0.0, rest, 0.0), end, (0.0, share, 0.0))
                _add(matrix, right, -z, weight, start, (0.0, 0.0, rest), end, (0.0, 0.0, share))
    return total


@compiled
def pull(x: float, y: float, z: float, silhouette: Any) -> Any:
    """
    Return how far a point inside of a limb is from where it can be, three meters.

    Before somebody's surface there is nothing of him, so that it is back to it; and where one
    sees something behind it it is not, so that it is across to his outline. 0 for the rest, and
    for what others hide.

    :param x: with ``y`` and ``z``: meters in the depth camera's frame.
    :param silhouette: ``kernel_arguments`` of `Silhouette`.
    """
    depth, mine, nearest, outline, step, lens = silhouette
    z = max(z, 0.1)
    u, v = _project(x / z, y / z, lens)
    height, width = depth.shape
    if not ((u / step >= -0.5) & (u / step < width - 0.5)
            & (v / step >= -0.5) & (v / step < height - 0.5)):
        return 0.0, 0.0, 0.0
    column, row = int(np.rint(u / step)), int(np.rint(v / step))
    surface = depth[row, column] * 1e-3
    if mine[row, column]:
        return 0.0, 0.0, max(surface - z, 0.0)
    if surface > z + _BEHIND:
        label = nearest[row, column]
        return ((outline[label, 0] - u / step) * z * step / lens[0],
                (outline[label, 1] - v / step) * z * step / lens[1], 0.0)
    return 0.0, 0.0, 0.0


@compiled
def _project(x: float, y: float, lens: Any) -> Any:
    """Return the pixel of a direction, NaN if there is none: `Intrinsics.project`."""
    fx, fy, cx, cy, k1, k2, k3, k4, k5, k6, p1, p2, codx, cody, limit, mixed = lens
    x, y = x - codx, y - cody
    xx, yy, xy = x * x, y * y, x * y
    r2 = xx + yy
    if not r2 <= limit:
        return np.nan, np.nan
    r4 = r2 * r2
    r6 = r4 * r2
    d = (1 + k1 * r2 + k2 * r4 + k3 * r6) / (1 + k4 * r2 + k5 * r4 + k6 * r6)
    return ((x * d + ((r2 + 2 * xx) * p2 + mixed * xy * p1) + codx) * fx + cx,
            (y * d + ((r2 + 2 * yy) * p1 + mixed * xy * p2) + cody) * fy + cy)


@compiled
def _add_surface(
    nodes: Any, cloud: Any, from_head: Any, reach: float, matrix: Any, right: Any,
) -> float:
    """Add how far the cloud is from the surface of the capsules that are nearest."""
    count = len(cloud)
    parts, weights = np.empty(count, np.int64), np.empty(count)
    found = np.empty((count, 3))  # how far off, where along the capsule, from its axis
    counts = np.zeros(_PART_COUNT)
    total = 0.0
    for i in range(count):
        px, py, pz = cloud[i]
        best = np.inf
        for part in range(_PART_COUNT):
            start, end = _ENDS[part]
            sx, sy, sz = nodes[start]
            ax, ay, az = nodes[end, 0] - sx, nodes[end, 1] - sy, nodes[end, 2] - sz
            sx, sy, sz = px - sx, py - sy, pz - sz
            square = max(ax * ax + ay * ay + az * az, 1e-9)
            share = min(max((sx * ax + sy * ay + sz * az) / square, 0.0), 1.0)
            sx, sy, sz = sx - share * ax, sy - share * ay, sz - share * az
            distance = math.sqrt(sx * sx + sy * sy + sz * sz)
            off = distance - (RADII[part, 0] + share * (RADII[part, 1] - RADII[part, 0]))
            if abs(off) < best:
                best = abs(off)
                parts[i] = part
                found[i, 0], found[i, 1], found[i, 2] = off, share, distance
        weights[i] = 0.0
        if parts[i] < _LIMB_COUNT and best < from_head[i]:
            weights[i], _ = _forgetting((best / reach) ** 2, 1.0)
        counts[parts[i]] += weights[i]
        total += _forgetting((min(best, from_head[i]) / _UNEXPLAINED) ** 2, 1.0)[1]
    for i in range(count):
        if weights[i] > 0:
            start, end = _ENDS[parts[i]]
            off, share, distance = found[i]
            distance, rest = max(distance, 1e-6), 1 - share
            x = (cloud[i, 0] - rest * nodes[start, 0] - share * nodes[end, 0]) / distance
            y = (cloud[i, 1] - rest * nodes[start, 1] - share * nodes[end, 1]) / distance
            z = (cloud[i, 2] - rest * nodes[start, 2] - share * nodes[end, 2]) / distance
            # neighbors tell the same: many points count as some
            weight = weights[i] * min(1.0, _POINTS / max(counts[parts[i]], 1e-6)) / _SURFACE ** 2
            _add(matrix, right, off, weight, start, (-rest * x, -rest * y, -rest * z), end,
                 (-share * x, -share * y, -share * z))
    return total / max(count, 1) * _ALL_UNEXPLAINED


@compiled
def _forgetting(square: float, far: float) -> Any:
    """
    Return the weight of a deviation and what it costs, after Geman and McClure.

    :param square: of the standard deviations that it is; from ``far`` of them on it counts less.
    """
    worse = 1 + square / (far * far)
    return 1 / (worse * worse), square / worse


@compiled
def _cholesky(matrix: Any, right: Any) -> None:
    """Solve equations (N, N), symmetric and positive: the solution is written to ``right``."""
    size = len(right)
    for j in range(size):
        for i in range(j, size):
            value = matrix[i, j]
            for k in range(j):
                value -= matrix[i, k] * matrix[j, k]
            matrix[i, j] = math.sqrt(value) if i == j else value / matrix[j, j]
    for i in range(size):
        for k in range(i):
            right[i] -= matrix[i, k] * right[k]
        right[i] /= matrix[i, i]
    for i in range(size - 1, -1, -1):
        for k in range(i + 1, size):
            right[i] -= matrix[k, i] * right[k]
        right[i] /= matrix[i, i]
