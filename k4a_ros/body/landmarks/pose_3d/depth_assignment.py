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
Compiled with numba; all in one file, as numba's cache looks at no other.
"""

from __future__ import annotations

import math
from typing import Any

from k4a_ros.body.landmarks.pose_2d.blazepose import TRUNK
from k4a_ros.jit.numba_jit import compiled
import numpy as np

#: bones, the joints nearest to the trunk first: (parent, child)
BONES = ((11, 13), (12, 14), (13, 15), (14, 16), (23, 25), (24, 26), (25, 27), (26, 28),
         (15, 19), (16, 20), (15, 17), (16, 18), (15, 21), (16, 22), (27, 31), (28, 32),
         (27, 29), (28, 30))
#: each limb from the trunk outwards, and what ends there
_LIMBS = (((11, 13, 15), (19, 17, 21)), ((12, 14, 16), (20, 18, 22)),
          ((23, 25, 27), (31, 29)), ((24, 26, 28), (32, 30)))
_JOINTS = np.array([joints for joints, _ in _LIMBS])
_END_COUNTS = np.array([len(ends) for _, ends in _LIMBS])
_ENDS = np.array([(*ends, 0)[:3] for _, ends in _LIMBS])
#: the number of the bone to each landmark
_BONE_TO = np.zeros(33, np.int64)
_BONE_TO[[child for _, child in BONES]] = np.arange(len(BONES))
_TRUNK, _EARS, _HEAD = np.array(TRUNK), (7, 8), 11

#: what is known of a surface, see ``surfaces``
_DEPTH, _COST, _SHARE, _OWN = range(4)
#: meters in depth between two samples from which on they are on two surfaces
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
#: being before all that is seen there, where it would be seen; meters from which on it is before
_THROUGH, _CLEAR = 4.0, 0.06
#: the most that one deviation may cost
_MOST = 9.0
#: Standard deviations: of a bone's extent in depth, as a share of its length, meters at least, and
#: the share of both towards the camera, as what is too near is often something before the limb
_ALONG, _ALONG_LEAST, _NEARER = 0.3, 0.05, 0.5
#: the same of a bone's length, as a share of it: of this person, or of somebody of mean
#: proportions; and meters at least
_KNOWN, _USUAL, _LENGTH_LEAST = 0.12, 0.4, 0.02
#: meters, of differences in depth in the trunk: of left to right, shoulders to hips, and the head
_PAIR, _LEAN, _HEAD_OFF = 0.05, 0.10, 0.06
#: the same of the width across shoulders or hips, as a share of it
_WIDTH = 0.2
#: Meters before and behind where it is expected beyond which it is something else; and the share
#: by which a bone may be too long at most, or too long or short if it ends on what is nobody's.
_BEFORE, _BEHIND, _TOO_LONG, _STRETCH = -0.18, 0.35, 0.45, 0.25
#: ways to place the joints of a limb so far that are followed
_BEAM = 6
#: meters from its place at which a landmark of the face is seen
_FACE = 0.07


@compiled
def surfaces(
    own: Any, free: Any, weights: Any, insets: Any, found: Any, counts: Any,
) -> None:
    """
    Write what each landmark may be on, the likeliest first.

    :param own: (N, M) float64: depths of samples around it that are the person's, meters, 0 for
        none; ``free`` of those that are nobody's.
    :param weights: (M,) of the samples, their sum is 1.
    :param insets: (N,) meters from the surface to the joint.
    :param found: (N, M, 4) float64, written: the depth of the joint, meters; what choosing it
        costs; the share of the window that the surface fills; and whether it is the person's.
    :param counts: (N,) int64, written: how many there are.
    """
    for number in range(len(own)):
        here = found[number]
        mine = _layers(own[number], weights, here, 0)
        count = _layers(free[number], weights, here, mine)
        for layer in range(count):
            here[layer, _DEPTH] += insets[number]
            here[layer, _COST] = _PARTLY * (1 - here[layer, _SHARE])
            here[layer, _OWN] = layer < mine
            if layer >= mine:
                here[layer, _COST] += _FREE
            at = layer
            while at > 0 and here[at - 1, _COST] > here[at, _COST]:
                for item in range(4):
                    here[at - 1, item], here[at, item] = here[at, item], here[at - 1, item]
                at -= 1
        counts[number] = count


@compiled
def _layers(values: Any, weights: Any, found: Any, count: int) -> int:
    """Add depth and share of each group of samples at one depth; return how many there are."""
    order = np.empty(len(values), np.int64)
    there = 0
    for sample in range(len(values)):
        if values[sample] > 0:
            at = there
            while at > 0 and values[order[at - 1]] > values[sample]:
                order[at] = order[at - 1]
                at -= 1
            order[at] = sample
            there += 1
    start = 0
    for end in range(1, there + 1):
        if end == there or values[order[end]] - values[order[end - 1]] > _GAP:
            if end - start >= _LEAST:
                share = 0.0
                for at in range(start, end):
                    share += weights[order[at]]
                found[count, _DEPTH] = values[order[(start + end) // 2]]
                found[count, _SHARE] = share
                count += 1
            start = end
    return count


@compiled
def place(
    rays: Any, world: Any, visibility: Any, lengths: Any, found: Any, counts: Any, surface: Any,
    head: float, depths: Any, believed: Any,
) -> bool:
    """
    Write the depths of landmarks, and which of them are measured.

    :param rays: (33, 3) float64, z = 1.
    :param world: (33, 3) float64 meters along the camera's axes, as the model says.
    :param visibility: (33,) float32, 0 to 1.
    :param lengths: (18,) float64 meters of this person's ``BONES``, NaN where unknown.
    :param found: what each may be on, with ``counts``: see ``surfaces``.
    :param surface: (33,) float64, the person's depth there, NaN for none.
    :param head: the depth of the head's middle, NaN if unknown.
    :param depths: (33,) float64 meters, written; ``believed`` (33,) bool.
    :return: whether anything tells where the trunk is.
    """
    ears = (world[_EARS[0], 2] + world[_EARS[1], 2]) / 2
    if not _place_trunk(
            rays, world, visibility, found, counts, head, head - ears, depths, believed):
        return False
    if math.isnan(head):
        head = ears
        for joint in _TRUNK[:2]:
            head += (depths[joint] - world[joint, 2]) / 2
    # of the face, what is on the surface where the head's place says that it is
    for joint in range(_HEAD):
        depths[joint] = head + world[joint, 2] - ears
        believed[joint] = abs(surface[joint] - depths[joint]) < _FACE
    for limb in range(len(_JOINTS)):
        _place_limb(limb, rays, world, visibility, lengths, found, counts, depths, believed)
    return True


@compiled
def _place_trunk(
    rays: Any, world: Any, visibility: Any, found: Any, counts: Any, head: float, ahead: float,
    depths: Any, believed: Any,
) -> bool:
    """Write the depths of ``TRUNK``; ``ahead``: how much farther the head is than modeled."""
    options, costs = np.empty((4, _TRUNK_CHOICES + 1)), np.empty((4, _TRUNK_CHOICES + 1))
    sizes, front = np.zeros(4, np.int64), np.full(4, -np.inf)
    total = 1
    for side in range(4):
        joint = _TRUNK[side]
        for layer in range(counts[joint]):
            if found[joint, layer, _OWN]:
                depth = found[joint, layer, _DEPTH]
                front[side] = depth if math.isinf(front[side]) else min(front[side], depth)
                if sizes[side] < _TRUNK_CHOICES:
                    options[side, sizes[side]] = depth
                    costs[side, sizes[side]] = found[joint, layer, _COST]
                    sizes[side] += 1
        options[side, sizes[side]] = math.nan
        costs[side, sizes[side]] = _HIDDEN + _SEEN_HIDDEN * visibility[joint]
        sizes[side] += 1
        total *= sizes[side]
    least = math.inf
    tried, on = np.empty(4), np.empty(4, np.bool_)
    for number in range(total):
        cost, middle, count, rest = 0.0, 0.0, 0, number
        for side in range(3, -1, -1):
            choice = rest % sizes[side]
            rest //= sizes[side]
            tried[side] = options[side, choice]
            cost += costs[side, choice]
            on[side] = not math.isnan(tried[side])
            if on[side]:
                middle += tried[side] - world[_TRUNK[side], 2]
                count += 1
        if not math.isnan(head):
            middle += ahead
            count += 1
        if count == 0:
            continue
        # what is hidden is where the rest says that it is
        for side in range(4):
            if not on[side]:
                tried[side] = middle / count + world[_TRUNK[side], 2]
            # nothing of somebody is before what is seen of him there
            if tried[side] < front[side] - _PAIR:
                cost += _MOST
        cost += _trunk_costs(tried, rays, world, ahead)
        if cost < least:
            least = cost
            for side in range(4):
                depths[_TRUNK[side]], believed[_TRUNK[side]] = tried[side], on[side]
    return least < math.inf


@compiled
def _trunk_costs(tried: Any, rays: Any, world: Any, ahead: float) -> float:
    """Return what depths (4,) cost by how far a trunk with them is from the model's."""
    off = np.empty(4)
    for side in range(4):
        off[side] = tried[side] - world[_TRUNK[side], 2]
    high, low = (off[0] + off[1]) / 2, (off[2] + off[3]) / 2
    cost: float = min(((off[0] - off[1]) / _PAIR) ** 2, _MOST)
    cost += min(((off[2] - off[3]) / _PAIR) ** 2, _MOST)
    cost += min(((high - low) / _LEAN) ** 2, _MOST)
    if not math.isnan(ahead):
        cost += min(((high - ahead) / _HEAD_OFF) ** 2, _MOST)
    for left in (0, 2):
        # one side of a body is as far from the other as it is wide
        a, b = _TRUNK[left], _TRUNK[left + 1]
        width, apart = 0.0, 0.0
        for axis in range(3):
            width += (world[a, axis] - world[b, axis]) ** 2
            apart += (rays[a, axis] * tried[left] - rays[b, axis] * tried[left + 1]) ** 2
        width, apart = math.sqrt(width), math.sqrt(apart)
        cost += min(((apart - width) / (_WIDTH * width + _LENGTH_LEAST)) ** 2, _MOST)
    return cost


@compiled
def _place_limb(
    limb: int, rays: Any, world: Any, visibility: Any, lengths: Any, found: Any, counts: Any,
    depths: Any, believed: Any,
) -> None:
    """Write the depths of a limb's landmarks; that of its first is known."""
    joints, ends = _JOINTS[limb], _ENDS[limb, :_END_COUNTS[limb]]
    # ways so far, the best first: what one costs, the depths of the second and the third joint,
    # and whether these are surfaces
    ways, longer = np.zeros((_BEAM + 1, 5)), np.zeros((_BEAM + 1, 5))
    count = 1
    choices = np.empty((_CHOICES + 2, 3))
    for step in range(2):
        kept = 0
        for way in range(count):
            start = ways[way, 1] if step else depths[joints[0]]
            for choice in range(_next(
                    joints[step], joints[step + 1], _TOO_LONG, start, rays, world, visibility,
                    lengths, found, counts, choices)):
                at, cost = kept, ways[way, 0] + choices[choice, 0]
                while at > 0 and longer[at - 1, 0] > cost:
                    for item in range(5):
                        longer[at, item] = longer[at - 1, item]
                    at -= 1
                for item in range(5):
                    longer[at, item] = ways[way, item]
                longer[at, 0] = cost
                longer[at, 1 + step], longer[at, 3 + step] = choices[choice, 1], choices[choice, 2]
                kept = min(kept + 1, _BEAM)
        count = kept
        ways, longer = longer, ways
    least = math.inf
    tips = np.empty((3, 2))
    for way in range(count):
        cost = ways[way, 0]
        for end in range(len(ends)):
            size = _next(joints[2], ends[end], math.inf, ways[way, 2], rays, world, visibility,
                         lengths, found, counts, choices)
            best = 0
            for choice in range(1, size):
                if choices[choice, 0] < choices[best, 0]:
                    best = choice
            cost += choices[best, 0] / len(ends)
            tips[end, 0], tips[end, 1] = choices[best, 1], choices[best, 2]
        if cost < least:
            least = cost
            for step in range(2):
                depths[joints[step + 1]] = ways[way, 1 + step]
                believed[joints[step + 1]] = ways[way, 3 + step] > 0
            for end in range(len(ends)):
                depths[ends[end]], believed[ends[end]] = tips[end, 0], tips[end, 1] > 0


@compiled
def _next(
    parent: int, child: int, too_long: float, start: float, rays: Any, world: Any, visibility: Any,
    lengths: Any, found: Any, counts: Any, choices: Any,
) -> int:
    """
    Write what the far end of a bone may be on: costs, depths, and whether that is a surface.

    :param too_long: the share by which it may be too long.
    :param start: the depth of its other end.
    :return: how many choices there are, at least one.
    """
    usual = 0.0
    for axis in range(3):
        usual += (world[child, axis] - world[parent, axis]) ** 2
    usual = max(math.sqrt(usual), _LENGTH_LEAST)
    length, sigma = lengths[_BONE_TO[child]], _KNOWN
    if math.isnan(length):
        length, sigma = usual, _USUAL
    # a length that was taken wrongly must not keep the right one out
    longest = max(length, usual) * (1 + too_long)
    along = _ALONG * length + _ALONG_LEAST
    sigma = sigma * length + _LENGTH_LEAST
    u, v = rays[child, 0], rays[child, 1]
    x, y = rays[parent, 0] * start, rays[parent, 1] * start
    expected = start + world[child, 2] - world[parent, 2]
    size = 0
    for layer in range(min(counts[child], _CHOICES)):
        depth = found[child, layer, _DEPTH]
        away = depth - expected
        reach = _norm(u * depth - x, v * depth - y, depth - start)
        if found[child, layer, _OWN]:
            can_be = away > _BEFORE and reach < longest
        else:
            can_be = _BEFORE < away < _BEHIND and abs(reach - length) < _STRETCH * length
        if can_be:
            choices[size, 0] = found[child, layer, _COST] + _bone_cost(
                away / along, (reach - length) / sigma)
            choices[size, 1], choices[size, 2] = depth, 1
            size += 1
    hidden = _HIDDEN + _SEEN_HIDDEN * visibility[child]
    # where the line of sight is so far from where the bone begins, or else nearest to it
    square = u * u + v * v + 1
    closest = (u * x + v * y + start) / square
    root = closest * closest - (x * x + y * y + start * start - length * length) / square
    half = math.sqrt(max(root, 0.0))
    for side in range(2 if half > 0 else 1):
        depth = closest + (2 * side - 1) * half
        through = 0.0
        for layer in range(counts[child]):
            if found[child, layer, _DEPTH] > depth + _CLEAR:
                through += found[child, layer, _SHARE]
        reach = _norm(u * depth - x, v * depth - y, depth - start)
        choices[size, 0] = hidden + _THROUGH * through + _bone_cost(
            (depth - expected) / along, (reach - length) / sigma)
        choices[size, 1], choices[size, 2] = depth, 0
        size += 1
    return size


@compiled
def _bone_cost(away: float, longer: float) -> float:
    """Return what it costs that a bone is deviations away in depth, and deviations longer."""
    if away < 0:
        away /= _NEARER
    cost: float = min(away * away, _MOST) + min(longer * longer, _MOST)
    return cost


@compiled
def _norm(x: float, y: float, z: float) -> float:
    return math.sqrt(x * x + y * y + z * z)
