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
Fit the limbs of one person to the person's surface in the depth image.

The limbs are capsules, which start at the landmarks and are moved onto the visible surface by
iterated least squares (articulated ICP: Besl and McKay, "A method for registration of 3-D shapes",
1992) with robust weights (Geman and McClure, 1987), whose scale is reduced from step to step
(graduated non-convexity). Landmarks of occluded limbs, and positions expected from earlier images,
count too, but do not override what is visible.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace
from typing import NamedTuple

from k4a_ros.body.landmarks.pose_2d.blazepose import MIN_VISIBILITY
from k4a_ros.body.landmarks.pose_2d.blazepose import TRUNK
from k4a_ros.body.landmarks.pose_3d.depth_assignment import BONES
from k4a_ros.body.landmarks.pose_3d.fitting_kernels import IS_TRUNK
from k4a_ros.body.landmarks.pose_3d.fitting_kernels import LIMBS
from k4a_ros.body.landmarks.pose_3d.fitting_kernels import NODES
from k4a_ros.body.landmarks.pose_3d.fitting_kernels import solve
from k4a_ros.body.landmarks.pose_3d.lifting import head_of
from k4a_ros.body.landmarks.pose_3d.lifting import Pose3d
from k4a_ros.body.tracker import Confidence
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]

#: the index in ``BONES`` of each limb, -1 for none
_BONE_OF_LIMB = np.array([BONES.index(limb) if limb in BONES else -1 for limb in LIMBS])
_HEAD_RADIUS_M = 0.1
#: landmarks without a node, and the landmark that they move with
_MOVED_WITH = ((15, (17, 21)), (16, (18, 22)), (27, (29,)), (28, (30,)))
#: distance beyond which points of the surface count as outliers, from the first step to the last
_SURFACE_REACHES_M = np.geomspace(0.15, 0.045, 6)


@dataclass(frozen=True)
class _LandmarkSigmas:
    """Standard deviations of a landmark, across the line of sight and in depth."""

    visible_m: float = 0.035
    guessed_m: float = 0.08
    trunk_m: float = 0.02
    measured_depth_m: float = 0.05
    inferred_depth_m: float = 0.15
    #: where nothing is measured that could correct it
    unmeasured_depth_m: float = 0.08
    trunk_depth_m: float = 0.03


@dataclass(frozen=True)
class _LengthSigmas:
    """Standard deviations of the length of a bone."""

    #: if the person's is known
    known_m: float = 0.025
    #: otherwise this share of the length that the model estimates, and at least this much
    share: float = 0.25
    min_m: float = 0.06


@dataclass(frozen=True)
class _Clear:
    """
    A landmark that the model sees clearly, on the person's surface: the fit must not move it far.

    Chosen on crowds of seed 601: where the fit moves such a limb farther, furniture in the mask
    attracts it. Less visible ones, as of the far leg, often are on the wrong limb.
    """

    min_visibility: float = 0.97
    max_move_m: float = 0.08


_LANDMARK_SIGMAS, _LENGTH_SIGMAS, _CLEAR = _LandmarkSigmas(), _LengthSigmas(), _Clear()


class Evidence(NamedTuple):
    """
    What the positions of the nodes are fitted to.

    Landmarks: ``rays`` (16, 2): x and y at z = 1; ``depths`` (16,) meters; ``across_sigmas`` and
    ``depth_sigmas`` (16,) meters: standard deviations across and along the line of sight.
    ``lengths`` of ``LIMBS`` (12,) and ``length_sigmas`` (12,), meters. ``expected`` (16, 3)
    meters: positions expected from earlier images, or (0, 3) for none. ``cloud`` (K, 3) meters:
    points of the visible surface; ``head_distances`` (K,) meters from that of the head.
    """

    rays: Vectors
    depths: Vectors
    across_sigmas: Vectors
    depth_sigmas: Vectors
    lengths: Vectors
    length_sigmas: Vectors
    expected: Vectors
    cloud: Vectors
    head_distances: Vectors


def fit_limbs(
    pose: Pose3d, cloud: Vectors, lengths: Vectors, expected: Vectors | None,
) -> Pose3d:
    """
    Return the pose with its limbs moved onto the person's surface.

    Fits start from the pose and from the expected positions; the one of least cost is returned.

    :param cloud: (K, 3) meters, points of the person's surface.
    :param lengths: (18,) meters of this person's ``BONES``, NaN where unknown.
    :param expected: (33, 3) meters, positions of the landmarks expected from earlier images, None
        if there are none.
    """
    starts = [pose.points]
    if expected is not None:
        aligned = expected + (pose.points[TRUNK] - expected[TRUNK]).mean(axis=0)
        aligned[TRUNK] = pose.points[TRUNK]
        starts.append(aligned)
    evidence, fits = _evidence(pose, cloud, lengths, expected), []
    for start in starts:
        nodes = start[NODES]
        fits.append((solve(nodes, _SURFACE_REACHES_M, evidence), nodes))
    cost, nodes = min(fits, key=lambda fit: fit[0])
    points = pose.points.copy()
    clear = (pose.confidences == Confidence.MEDIUM) & (pose.visibility > _CLEAR.min_visibility)
    astray = clear[NODES] & (
        np.linalg.norm(nodes - points[NODES], axis=1) > _CLEAR.max_move_m)
    nodes[astray] = points[NODES][astray]
    moved = dict(zip(NODES.tolist(), nodes - points[NODES], strict=True))
    points[NODES] = nodes
    for landmark, followers in _MOVED_WITH:
        points[list(followers)] += moved[landmark]
    return replace(pose, points=points, fit_cost=float(cost))


def _evidence(
    pose: Pose3d, cloud: Vectors, lengths: Vectors, expected: Vectors | None,
) -> Evidence:
    """Return what nodes are fitted to; bones whose length is not known have that of the model."""
    across = np.where(pose.visibility[NODES] > MIN_VISIBILITY,
                      _LANDMARK_SIGMAS.visible_m, _LANDMARK_SIGMAS.guessed_m)
    along = np.where(pose.confidences[NODES] == Confidence.MEDIUM,
                     _LANDMARK_SIGMAS.measured_depth_m, _LANDMARK_SIGMAS.inferred_depth_m)
    along[pose.confidences[NODES] == Confidence.NONE] = _LANDMARK_SIGMAS.unmeasured_depth_m
    across[IS_TRUNK], along[IS_TRUNK] = (
        _LANDMARK_SIGMAS.trunk_m, _LANDMARK_SIGMAS.trunk_depth_m)
    starts, ends = np.array(LIMBS).T
    modeled = np.linalg.norm(pose.world[ends] - pose.world[starts], axis=1)
    known = np.where(_BONE_OF_LIMB >= 0, lengths[_BONE_OF_LIMB], np.nan)
    unknown = np.isnan(known)
    return Evidence(
        rays=pose.rays[NODES, :2].copy(), depths=pose.points[NODES, 2], across_sigmas=across,
        depth_sigmas=along, lengths=np.where(unknown, modeled, known),
        length_sigmas=np.where(
            unknown, np.maximum(_LENGTH_SIGMAS.min_m, _LENGTH_SIGMAS.share * modeled),
            _LENGTH_SIGMAS.known_m),
        expected=np.empty((0, 3)) if expected is None else expected[NODES],
        cloud=np.ascontiguousarray(cloud), head_distances=np.abs(
            np.linalg.norm(cloud - head_of(pose.points), axis=1) - _HEAD_RADIUS_M))
