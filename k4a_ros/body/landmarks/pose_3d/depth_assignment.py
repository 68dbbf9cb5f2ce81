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
combinations, the one is taken whose bones best match the expected lengths and extents in depth.
"""

from __future__ import annotations

from dataclasses import dataclass
import itertools
import math
from typing import NamedTuple

from k4a_ros.body.landmarks.pose_2d.blazepose import EARS
from k4a_ros.body.landmarks.pose_2d.blazepose import TRUNK
from k4a_ros.body.landmarks.pose_3d.surface_candidates import SurfaceCandidates
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]

#: bones as landmarks (parent, child), ordered from the trunk outward
BONES = ((11, 13), (12, 14), (13, 15), (14, 16), (23, 25), (24, 26), (25, 27), (26, 28),
         (15, 19), (16, 20), (15, 17), (16, 18), (15, 21), (16, 22), (27, 31), (28, 32),
         (27, 29), (28, 30))
#: the joints of both arms and both legs, from the trunk outward
_JOINTS = np.array([(11, 12, 23, 24), (13, 14, 25, 26), (15, 16, 27, 28)])
#: the tips that follow the last joint of each, three times, and their shares in the cost
_TIPS = np.array([19, 20, 31, 32, 17, 18, 29, 30, 21, 22, 31, 32])
_TIP_SHARES = np.array([*(1 / 3, 1 / 3, 1 / 2, 1 / 2) * 2, 1 / 3, 1 / 3, 0, 0])
#: the index in ``BONES`` of the bone that ends at each landmark
_BONE_TO = np.zeros(33, np.int64)
_BONE_TO[[child for _, child in BONES]] = np.arange(len(BONES))
_FACE = slice(0, 11)


@dataclass(frozen=True)
class _Limits:
    """Which candidates are possible, and how many of them are tried."""

    #: candidate surfaces that are tried for a landmark of a limb, and of the trunk
    limb_candidates: int = 4
    trunk_candidates: int = 3
    #: Depth relative to the expected depth beyond which a surface is not the limb's; in front of
    #: it this holds for all surfaces, behind it for unassigned ones.
    min_depth_offset_m: float = -0.18
    max_depth_offset_m: float = 0.35
    #: the share by which a bone may be too long
    max_excess_length: float = 0.45
    #: The share by which a bone that ends on an unassigned surface may be too long or too short,
    #: and the length, without which a hand on a table would not be found there.
    max_unassigned_stretch: float = 0.25
    max_unassigned_stretch_m: float = 0.02
    #: distance in front of a surface from which on a limb would occlude it
    clearance_m: float = 0.06
    #: distance from its surface within which a landmark of the face counts as measured
    face_m: float = 0.07


@dataclass(frozen=True)
class _Costs:
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
    #: the same if the trunk leans more or less than expected: hips that are occluded cost less
    max_lean: float = 25.0


@dataclass(frozen=True)
class _Sigmas:
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
    as the model estimates them; ``trunk`` (4,) float64, meters: the depths of ``TRUNK`` in
    ``world``, those of the hips as the surface of the trunk is inclined; ``hips_follow_trunk``:
    whether it is known, so that it tells where the hips are; ``visibility`` (33,) float32, 0 to 1;
    ``lengths`` (18,) float64, meters of this person's ``BONES``, NaN where unknown; ``surfaces``:
    those that each of them may be on; ``own_depth`` (33,) float64, meters: the person's surface
    there, NaN for none; ``head_depth``: meters to the middle of the head, NaN if unknown.
    """

    rays: Vectors
    world: Vectors
    trunk: Vectors
    hips_follow_trunk: bool
    visibility: npt.NDArray[np.float32]
    lengths: Vectors
    surfaces: SurfaceCandidates
    own_depth: Vectors
    head_depth: float

    def occlusion_costs(self) -> Vectors:
        """Return what it costs that a landmark is occluded, (33,)."""
        costs: Vectors = _COSTS.occluded + _COSTS.occluded_but_visible * self.visibility.astype(
            np.float64)
        return costs


class _Choices(NamedTuple):
    """
    Where the far ends of B bones may be, for K places of their near ends.

    ``depths`` (B, K, C) meters; ``costs`` (B, K, C), infinite for what is impossible; ``measured``
    (C,): whether the choice is a surface, or that the joint is occluded.
    """

    depths: Vectors
    costs: Vectors
    measured: Mask


def assign_depths(evidence: LandmarkEvidence) -> tuple[Vectors, Mask] | None:
    """
    Return the depth of each landmark (33,), meters, and whether it is measured there (33,).

    Those that are not measured are inferred from other landmarks.

    :return: None if there is no evidence of where the trunk is.
    """
    z, head = evidence.world[:, 2], evidence.head_depth
    ears = z[EARS].mean()
    trunk = _assign_trunk(evidence, head - ears)
    if trunk is None:
        return None
    depths, measured = np.zeros(len(z)), np.zeros(len(z), bool)
    depths[TRUNK], measured[TRUNK] = trunk
    if math.isnan(head):
        head = ears + (depths[TRUNK[:2]] - z[TRUNK[:2]]).mean()
    # a landmark of the face is measured if the surface is where the head says that it is
    depths[_FACE] = head + z[_FACE] - ears
    measured[_FACE] = np.abs(evidence.own_depth[_FACE] - depths[_FACE]) < _LIMITS.face_m
    _assign_limbs(evidence, depths, measured)
    return depths, measured


def _assign_trunk(
    evidence: LandmarkEvidence, head_offset: float,
) -> tuple[Vectors, Mask] | None:
    """
    Return depths and whether they are measured, (4,), of ``TRUNK``, by trying all combinations.

    :param head_offset: meters by which the head is farther away than in ``world``, NaN if unknown.
    :return: None if neither the head nor any of them has a depth.
    """
    surfaces, z = evidence.surfaces, evidence.trunk
    occluded, options = evidence.occlusion_costs(), []
    for joint in TRUNK:
        own = np.flatnonzero(surfaces.own[joint])[:_LIMITS.trunk_candidates]
        options.append(np.array([[*surfaces.depths[joint, own], math.nan],
                                 [*surfaces.costs[joint, own], occluded[joint]]]).T)
    choices = np.array([*itertools.product(*options)])
    if math.isnan(head_offset):
        # the last choice is that all are occluded
        choices = choices[:-1]
        if not len(choices):
            return None
    on_surface, costs = ~np.isnan(choices[..., 0]), choices[..., 1].sum(axis=1)
    offsets = np.column_stack((choices[..., 0] - z, np.full(len(choices), head_offset)))
    # an occluded joint is where the others say that it is
    offsets = np.where(on_surface, offsets[:, :4], np.nanmean(offsets, axis=1, keepdims=True))
    # no part of the person is in front of the person's surface
    front = np.where(surfaces.own[TRUNK], surfaces.depths[TRUNK], np.inf).min(axis=1)
    costs += _COSTS.max_deviation * (
        (offsets + z < front - _SIGMAS.left_right_m) & np.isfinite(front)).sum(axis=1)
    costs += _trunk_shape_cost(offsets, evidence, head_offset)
    best = costs.argmin()
    offsets = offsets[best]
    if evidence.hips_follow_trunk:
        # what is in front of hips may be thighs, a table or clothes
        offsets[2:] += offsets[:2].mean() - offsets[2:].mean()
    return offsets + z, on_surface[best]


def _trunk_shape_cost(
    offsets: Vectors, evidence: LandmarkEvidence, head_offset: float,
) -> Vectors:
    """
    Return the costs (K,) of depths of ``TRUNK`` by their deviation from the model's shape.

    :param offsets: (K, 4) meters by which they are farther away than in ``world``.
    """
    world = evidence.world[TRUNK]
    points = evidence.rays[TRUNK] * (offsets + evidence.trunk)[..., np.newaxis]
    # left and right are apart by the width of the trunk
    apart = np.linalg.norm(points[:, ::2] - points[:, 1::2], axis=2)
    width = np.linalg.norm(world[::2] - world[1::2], axis=1)
    shoulders, hips = offsets[:, :2].mean(axis=1), offsets[:, 2:].mean(axis=1)
    deviations = np.column_stack((
        (offsets[:, ::2] - offsets[:, 1::2]) / _SIGMAS.left_right_m,
        (shoulders - head_offset) / _SIGMAS.head_m,
        (apart - width) / (_SIGMAS.width_share * width + _SIGMAS.length_m)))
    costs: Vectors = np.nansum(_limited_squares(deviations), axis=1)
    costs += np.minimum(((shoulders - hips) / _SIGMAS.shoulders_hips_m) ** 2, _COSTS.max_lean)
    return costs


def _assign_limbs(evidence: LandmarkEvidence, depths: Vectors, measured: Mask) -> None:
    """Write the depths of the landmarks of all limbs; those of the first ones are known."""
    first, second, third = _JOINTS
    limbs = np.arange(len(first))
    near = _choices_for_bones(
        first, second, _LIMITS.max_excess_length, depths[first, np.newaxis], evidence)
    far = _choices_for_bones(
        second, third, _LIMITS.max_excess_length, near.depths[:, 0], evidence)
    ends = far.depths.reshape(len(limbs), -1)
    count = len(_TIPS) // len(limbs)
    tips = _choices_for_bones(
        np.tile(third, count), _TIPS, math.inf, np.tile(ends, (count, 1)), evidence)
    tip_costs = _TIP_SHARES[:, np.newaxis] * tips.costs.min(axis=2)
    costs = (near.costs[:, 0, :, np.newaxis] + far.costs).reshape(ends.shape)
    best = (costs + tip_costs.reshape(count, *ends.shape).sum(axis=0)).argmin(axis=1)
    choice = np.divmod(best, far.depths.shape[2])
    depths[second], measured[second] = near.depths[limbs, 0, choice[0]], near.measured[choice[0]]
    depths[third], measured[third] = ends[limbs, best], far.measured[choice[1]]
    rows, bests = np.arange(len(_TIPS)), np.tile(best, count)
    last = tips.costs[rows, bests].argmin(axis=1)
    depths[_TIPS], measured[_TIPS] = tips.depths[rows, bests, last], tips.measured[last]


def _choices_for_bones(
    parents: Indices, children: Indices, max_excess: float, starts: Vectors,
    evidence: LandmarkEvidence,
) -> _Choices:
    """
    Return where the far ends of B bones may be.

    :param parents: (B,) landmarks of the near ends, and ``children`` (B,) of the far ends.
    :param max_excess: the share by which a bone may be too long.
    :param starts: (B, K) possible depths of the near ends.
    """
    surfaces, rays = evidence.surfaces, evidence.rays[children, np.newaxis]
    near = evidence.rays[parents, np.newaxis] * starts[..., np.newaxis]
    bones = (evidence.world[children] - evidence.world[parents])[:, np.newaxis]
    typical = np.maximum(np.linalg.norm(bones, axis=2), _SIGMAS.length_m)
    known = evidence.lengths[_BONE_TO[children], np.newaxis]
    lengths = np.where(np.isnan(known), typical, known)
    # where the line of sight intersects the sphere of the bone's length, or else comes closest;
    # elbows and knees around which nothing is measured also as deep as the model estimates
    square = (rays * rays).sum(axis=2)
    closest = (near * rays).sum(axis=2) / square
    half = np.sqrt(np.maximum(
        closest * closest - ((near * near).sum(axis=2) - lengths * lengths) / square, 0))
    layers = surfaces.depths[children, np.newaxis, :_LIMITS.limb_candidates]
    count = layers.shape[2]
    inferred = np.stack((closest - half, closest + half, starts + bones[..., 2]), axis=2)
    depths = np.concatenate((
        np.broadcast_to(layers, (*starts.shape, count)), inferred), axis=2)
    offsets = depths - starts[..., np.newaxis] - bones[..., 2:]
    reaches = np.linalg.norm(
        rays[:, np.newaxis] * depths[..., np.newaxis] - near[:, :, np.newaxis], axis=3)
    lengths = lengths[..., np.newaxis]
    deviations = offsets / (_SIGMAS.bone_depth_share * lengths + _SIGMAS.bone_depth_m)
    deviations[offsets < 0] /= _SIGMAS.toward_camera_factor
    length_shares = np.where(
        np.isnan(known), _SIGMAS.typical_length_share, _SIGMAS.known_length_share)
    costs = _limited_squares(deviations) + _limited_squares(
        (reaches - lengths) / (length_shares[..., np.newaxis] * lengths + _SIGMAS.length_m))
    costs[..., :count] += surfaces.costs[children, np.newaxis, :count]
    seen_through = (
        (surfaces.depths[children, np.newaxis, np.newaxis]
         > depths[..., count:, np.newaxis] + _LIMITS.clearance_m)
        * surfaces.fills[children, np.newaxis, np.newaxis]).sum(axis=3)
    costs[..., count:] += evidence.occlusion_costs()[children, np.newaxis, np.newaxis]
    costs[..., count:] += _COSTS.in_front_of_window * seen_through
    unmeasured = ~surfaces.fills[children].any(axis=1) & np.isin(children, _JOINTS[1])
    costs[~unmeasured, :, -1] = np.inf
    offsets, reaches = offsets[..., :count], reaches[..., :count]
    # a length that was measured too short must not exclude the true one
    longest = np.maximum(lengths, typical[..., np.newaxis]) * (1 + max_excess)
    possible = (offsets > _LIMITS.min_depth_offset_m) & np.where(
        surfaces.own[children, np.newaxis, :count], reaches < longest,
        (offsets < _LIMITS.max_depth_offset_m)
        & (np.abs(reaches - lengths) < (_LIMITS.max_unassigned_stretch * lengths
                                        + _LIMITS.max_unassigned_stretch_m)))
    costs[..., :count][~possible] = np.inf
    return _Choices(depths, costs, np.arange(depths.shape[2]) < count)


def _limited_squares(deviations: Vectors) -> Vectors:
    """Return the costs of deviations, standard deviations."""
    costs: Vectors = np.minimum(deviations * deviations, _COSTS.max_deviation)
    return costs
