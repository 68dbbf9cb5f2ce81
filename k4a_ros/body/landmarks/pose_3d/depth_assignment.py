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
Decide which surface each landmark is on, jointly for the trunk and for each limb.

There may be several surfaces around a landmark: that of the limb itself, the background, an
occluder. Each of them is a candidate, and that the landmark is occluded is another. Among all
combinations along a limb, a beam search finds the one whose bones best match the expected lengths
and extents in depth. Compiled with numba; all in one file, because numba's cache only checks the
file of the function that is called.
"""

from __future__ import annotations

import math
from typing import Any
from typing import NamedTuple

from k4a_ros.body.landmarks.pose_2d.blazepose import TRUNK
from k4a_ros.body.landmarks.pose_3d.surface_candidates import SurfaceCandidates
from k4a_ros.jit.numba_jit import compiled
import numpy as np
import numpy.typing as npt

#: bones as landmarks (parent, child), ordered from the trunk outward
BONES = ((11, 13), (12, 14), (13, 15), (14, 16), (23, 25), (24, 26), (25, 27), (26, 28),
         (15, 19), (16, 20), (15, 17), (16, 18), (15, 21), (16, 22), (27, 31), (28, 32),
         (27, 29), (28, 30))
#: landmarks of each limb from the trunk outward, and of its tips, which all follow the last one
_LIMBS = (((11, 13, 15), (19, 17, 21)), ((12, 14, 16), (20, 18, 22)),
          ((23, 25, 27), (31, 29)), ((24, 26, 28), (32, 30)))
_LIMB_JOINTS = np.array([joints for joints, _ in _LIMBS])
_TIP_COUNTS = np.array([len(tips) for _, tips in _LIMBS])
_LIMB_TIPS = np.array([(*tips, 0)[:3] for _, tips in _LIMBS])
#: the index in ``BONES`` of the bone that ends at each landmark
_BONE_TO = np.zeros(33, np.int64)
_BONE_TO[[child for _, child in BONES]] = np.arange(len(BONES))
_TRUNK, _EARS = np.array(TRUNK), (7, 8)
#: landmarks of the face: 0 to 10
_FACE_COUNT = 11


class _Limits(NamedTuple):
    """Which candidates are possible, and how many of them are tried."""

    #: candidate surfaces that are tried for a landmark of a limb, and of the trunk
    limb_candidates: int = 4
    trunk_candidates: int = 3
    #: partial limbs that the beam search keeps
    beam_width: int = 6
    #: Depth relative to the expected depth beyond which a surface is not the limb's; in front of
    #: it this holds for all surfaces, behind it for unassigned ones.
    min_depth_offset_m: float = -0.18
    max_depth_offset_m: float = 0.35
    #: the share by which a bone may be too long
    max_excess_length: float = 0.45
    #: the share by which a bone that ends on an unassigned surface may be too long or too short
    max_unassigned_stretch: float = 0.25
    #: distance in front of a surface from which on a limb would occlude it
    clearance_m: float = 0.06
    #: distance from its surface within which a landmark of the face counts as measured
    face_m: float = 0.07


class _Costs(NamedTuple):
    """
    What candidates cost, in squared standard deviations; surfaces have their own costs.

    Fitted to people who are not those of the benchmark; half or twice any of them changes little.
    """

    #: that the landmark is occluded, and what visibility 1 adds to it
    occluded: float = 2.5
    occluded_but_visible: float = 3.0
    #: an occluded landmark in front of everything in its window, where it would be seen
    in_front_of_window: float = 4.0
    #: the most that one deviation costs
    max_deviation: float = 9.0


class _Sigmas(NamedTuple):
    """Standard deviations; shares are of the length of the bone, or of the width of the trunk."""

    #: extent of a bone in depth: this share, plus this length
    bone_depth_share: float = 0.3
    bone_depth_m: float = 0.05
    #: factor on both for a bone that ends closer to the camera than expected, where it may be on
    #: an occluder
    toward_camera_factor: float = 0.5
    #: length of a bone: the share if the person's is known or if it is typical, plus the length
    known_length_share: float = 0.12
    typical_length_share: float = 0.4
    length_m: float = 0.02
    #: depth differences in the trunk: left to right, shoulders to hips, head to shoulders
    left_right_m: float = 0.05
    shoulders_hips_m: float = 0.10
    head_m: float = 0.06
    #: width across the shoulders or hips: this share, plus ``length_m``
    width_share: float = 0.2


_LIMITS, _COSTS, _SIGMAS = _Limits(), _Costs(), _Sigmas()


class LandmarkEvidence(NamedTuple):
    """
    The measurements and estimates that determine the depths of one person's landmarks.

    ``rays`` (33, 3) float64 with z = 1; ``world`` (33, 3) float64, meters along the camera's axes
    as the model estimates them; ``visibility`` (33,) float32, 0 to 1; ``lengths`` (18,) float64,
    meters of this person's ``BONES``, NaN where unknown; ``surfaces``: those that each of them may
    be on; ``own_depth`` (33,) float64, meters: the person's surface there, NaN for none;
    ``head_depth``: meters to the middle of the head, NaN if unknown.
    """

    rays: npt.NDArray[np.float64]
    world: npt.NDArray[np.float64]
    visibility: npt.NDArray[np.float32]
    lengths: npt.NDArray[np.float64]
    surfaces: SurfaceCandidates
    own_depth: npt.NDArray[np.float64]
    head_depth: float


@compiled
def assign_depths(evidence: Any, depths: Any, measured: Any) -> bool:
    """
    Write the depth of each landmark, and whether it is measured, or inferred from other landmarks.

    :param evidence: `LandmarkEvidence`.
    :param depths: (33,) float64, written: meters.
    :param measured: (33,) bool, written.
    :return: false if there is no evidence of where the trunk is.
    """
    world, head = evidence.world, evidence.head_depth
    ears = (world[_EARS[0], 2] + world[_EARS[1], 2]) / 2
    if not _assign_trunk(evidence, head - ears, depths, measured):
        return False
    if math.isnan(head):
        head = ears
        for joint in _TRUNK[:2]:
            head += (depths[joint] - world[joint, 2]) / 2
    # a landmark of the face is measured if the surface is where the head says that it is
    for joint in range(_FACE_COUNT):
        depths[joint] = head + world[joint, 2] - ears
        measured[joint] = abs(evidence.own_depth[joint] - depths[joint]) < _LIMITS.face_m
    for limb in range(len(_LIMB_JOINTS)):
        _assign_limb(limb, evidence, depths, measured)
    return True


@compiled
def _assign_trunk(evidence: Any, head_offset: float, depths: Any, measured: Any) -> bool:
    """
    Write the depths of ``TRUNK``, by trying all combinations; return false if there are none.

    :param head_offset: meters by which the head is farther away than in ``world``, NaN if unknown.
    """
    world, surfaces = evidence.world, evidence.surfaces
    options = np.empty((4, _LIMITS.trunk_candidates + 1))
    option_costs = np.empty((4, _LIMITS.trunk_candidates + 1))
    sizes, front = np.zeros(4, np.int64), np.full(4, -np.inf)
    total = 1
    for side in range(4):
        joint = _TRUNK[side]
        for layer in range(surfaces.counts[joint]):
            if surfaces.own[joint, layer]:
                depth = surfaces.depths[joint, layer]
                front[side] = depth if math.isinf(front[side]) else min(front[side], depth)
                if sizes[side] < _LIMITS.trunk_candidates:
                    options[side, sizes[side]] = depth
                    option_costs[side, sizes[side]] = surfaces.costs[joint, layer]
                    sizes[side] += 1
        options[side, sizes[side]] = math.nan
        option_costs[side, sizes[side]] = (
            _COSTS.occluded + _COSTS.occluded_but_visible * evidence.visibility[joint])
        sizes[side] += 1
        total *= sizes[side]
    least = math.inf
    tried, on_surface = np.empty(4), np.empty(4, np.bool_)
    for number in range(total):
        cost, offsets, count, rest = 0.0, 0.0, 0, number
        for side in range(3, -1, -1):
            choice = rest % sizes[side]
            rest //= sizes[side]
            tried[side] = options[side, choice]
            cost += option_costs[side, choice]
            on_surface[side] = not math.isnan(tried[side])
            if on_surface[side]:
                offsets += tried[side] - world[_TRUNK[side], 2]
                count += 1
        if not math.isnan(evidence.head_depth):
            offsets += head_offset
            count += 1
        if count == 0:
            continue
        for side in range(4):
            # an occluded joint is where the others say that it is
            if not on_surface[side]:
                tried[side] = offsets / count + world[_TRUNK[side], 2]
            # no part of the person is in front of the person's surface
            if tried[side] < front[side] - _SIGMAS.left_right_m:
                cost += _COSTS.max_deviation
        cost += _trunk_shape_cost(tried, evidence, head_offset)
        if cost < least:
            least = cost
            for side in range(4):
                depths[_TRUNK[side]], measured[_TRUNK[side]] = tried[side], on_surface[side]
    return least < math.inf


@compiled
def _trunk_shape_cost(tried: Any, evidence: Any, head_offset: float) -> float:
    """Return the cost of depths (4,) of ``TRUNK`` by their deviation from the model's shape."""
    rays, world = evidence.rays, evidence.world
    offset = np.empty(4)
    for side in range(4):
        offset[side] = tried[side] - world[_TRUNK[side], 2]
    shoulders, hips = (offset[0] + offset[1]) / 2, (offset[2] + offset[3]) / 2
    cost: float = min(
        ((offset[0] - offset[1]) / _SIGMAS.left_right_m) ** 2, _COSTS.max_deviation)
    cost += min(((offset[2] - offset[3]) / _SIGMAS.left_right_m) ** 2, _COSTS.max_deviation)
    cost += min(((shoulders - hips) / _SIGMAS.shoulders_hips_m) ** 2, _COSTS.max_deviation)
    if not math.isnan(head_offset):
        cost += min(((shoulders - head_offset) / _SIGMAS.head_m) ** 2, _COSTS.max_deviation)
    for left in (0, 2):
        # left and right are apart by the width of the trunk
        a, b = _TRUNK[left], _TRUNK[left + 1]
        width, apart = 0.0, 0.0
        for axis in range(3):
            width += (world[a, axis] - world[b, axis]) ** 2
            apart += (rays[a, axis] * tried[left] - rays[b, axis] * tried[left + 1]) ** 2
        width, apart = math.sqrt(width), math.sqrt(apart)
        cost += min(
            ((apart - width) / (_SIGMAS.width_share * width + _SIGMAS.length_m)) ** 2,
            _COSTS.max_deviation)
    return cost


@compiled
def _assign_limb(limb: int, evidence: Any, depths: Any, measured: Any) -> None:
    """Write the depths of a limb's landmarks by beam search; that of the first one is known."""
    joints, tips = _LIMB_JOINTS[limb], _LIMB_TIPS[limb, :_TIP_COUNTS[limb]]
    # rows of the beam, by increasing cost: the cost, the depths of the second and the third joint,
    # and whether each of them is on a surface
    beam, longer = np.zeros((_LIMITS.beam_width + 1, 5)), np.zeros((_LIMITS.beam_width + 1, 5))
    count = 1
    # rows of choices: cost, depth, whether on a surface; two of them are for an occluded joint
    choices = np.empty((_LIMITS.limb_candidates + 2, 3))
    for step in range(2):
        kept = 0
        for row in range(count):
            start = beam[row, 1] if step else depths[joints[0]]
            for choice in range(_choices_for_bone(
                    joints[step], joints[step + 1], _LIMITS.max_excess_length, start, evidence,
                    choices)):
                at, cost = kept, beam[row, 0] + choices[choice, 0]
                while at > 0 and longer[at - 1, 0] > cost:
                    for column in range(5):
                        longer[at, column] = longer[at - 1, column]
                    at -= 1
                for column in range(5):
                    longer[at, column] = beam[row, column]
                longer[at, 0] = cost
                longer[at, 1 + step], longer[at, 3 + step] = choices[choice, 1], choices[choice, 2]
                kept = min(kept + 1, _LIMITS.beam_width)
        count = kept
        beam, longer = longer, beam
    least = math.inf
    found_tips = np.empty((3, 2))
    for row in range(count):
        cost = beam[row, 0]
        for tip in range(len(tips)):
            size = _choices_for_bone(
                joints[2], tips[tip], math.inf, beam[row, 2], evidence, choices)
            best = 0
            for choice in range(1, size):
                if choices[choice, 0] < choices[best, 0]:
                    best = choice
            cost += choices[best, 0] / len(tips)
            found_tips[tip, 0], found_tips[tip, 1] = choices[best, 1], choices[best, 2]
        if cost < least:
            least = cost
            for step in range(2):
                depths[joints[step + 1]] = beam[row, 1 + step]
                measured[joints[step + 1]] = beam[row, 3 + step] > 0
            for tip in range(len(tips)):
                depths[tips[tip]], measured[tips[tip]] = found_tips[tip, 0], found_tips[tip, 1] > 0


@compiled
def _choices_for_bone(
    parent: int, child: int, max_excess: float, start: float, evidence: Any, choices: Any,
) -> int:
    """
    Write what the far end of a bone may be: its cost, its depth, and 1 if it is on a surface.

    :param max_excess: the share by which the bone may be too long.
    :param start: the depth of its near end.
    :return: the number of choices, at least one.
    """
    rays, world, surfaces = evidence.rays, evidence.world, evidence.surfaces
    typical = 0.0
    for axis in range(3):
        typical += (world[child, axis] - world[parent, axis]) ** 2
    typical = max(math.sqrt(typical), _SIGMAS.length_m)
    length, length_share = evidence.lengths[_BONE_TO[child]], _SIGMAS.known_length_share
    if math.isnan(length):
        length, length_share = typical, _SIGMAS.typical_length_share
    # a length that was measured too short must not exclude the true one
    longest = max(length, typical) * (1 + max_excess)
    depth_sigma = _SIGMAS.bone_depth_share * length + _SIGMAS.bone_depth_m
    length_sigma = length_share * length + _SIGMAS.length_m
    u, v = rays[child, 0], rays[child, 1]
    x, y = rays[parent, 0] * start, rays[parent, 1] * start
    expected = start + world[child, 2] - world[parent, 2]
    size = 0
    for layer in range(min(surfaces.counts[child], _LIMITS.limb_candidates)):
        depth = surfaces.depths[child, layer]
        offset = depth - expected
        reach = _norm(u * depth - x, v * depth - y, depth - start)
        if surfaces.own[child, layer]:
            possible = offset > _LIMITS.min_depth_offset_m and reach < longest
        else:
            possible = (_LIMITS.min_depth_offset_m < offset < _LIMITS.max_depth_offset_m
                        and abs(reach - length) < _LIMITS.max_unassigned_stretch * length)
        if possible:
            choices[size, 0] = surfaces.costs[child, layer] + _bone_cost(
                offset / depth_sigma, (reach - length) / length_sigma)
            choices[size, 1], choices[size, 2] = depth, 1
            size += 1
    occluded = (
        _COSTS.occluded + _COSTS.occluded_but_visible * evidence.visibility[child])
    # where the line of sight intersects the sphere of the bone's length, or else comes closest
    square = u * u + v * v + 1
    closest = (u * x + v * y + start) / square
    root = closest * closest - (x * x + y * y + start * start - length * length) / square
    half = math.sqrt(max(root, 0.0))
    for side in range(2 if half > 0 else 1):
        depth = closest + (2 * side - 1) * half
        seen_through = 0.0
        for layer in range(surfaces.counts[child]):
            if surfaces.depths[child, layer] > depth + _LIMITS.clearance_m:
                seen_through += surfaces.fills[child, layer]
        reach = _norm(u * depth - x, v * depth - y, depth - start)
        choices[size, 0] = occluded + _COSTS.in_front_of_window * seen_through + _bone_cost(
            (depth - expected) / depth_sigma, (reach - length) / length_sigma)
        choices[size, 1], choices[size, 2] = depth, 0
        size += 1
    return size


@compiled
def _bone_cost(depth_deviation: float, length_deviation: float) -> float:
    """Return the cost of a bone by its deviations in depth and length, standard deviations."""
    if depth_deviation < 0:
        depth_deviation /= _SIGMAS.toward_camera_factor
    cost: float = min(depth_deviation * depth_deviation, _COSTS.max_deviation) + min(
        length_deviation * length_deviation, _COSTS.max_deviation)
    return cost


@compiled
def _norm(x: float, y: float, z: float) -> float:
    return math.sqrt(x * x + y * y + z * z)
