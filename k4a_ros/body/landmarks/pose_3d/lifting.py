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

"""Lift the landmarks of one person from a crop into space, by the depth image."""

from __future__ import annotations

from dataclasses import dataclass
import math

from k4a_ros.body.landmarks.pose_2d.blazepose import EARS
from k4a_ros.body.landmarks.pose_2d.blazepose import Landmarks
from k4a_ros.body.landmarks.pose_2d.blazepose import MIN_VISIBILITY
from k4a_ros.body.landmarks.pose_2d.blazepose import TRUNK
from k4a_ros.body.landmarks.pose_2d.crop import CropView
from k4a_ros.body.landmarks.pose_3d.depth_assignment import assign_depths
from k4a_ros.body.landmarks.pose_3d.depth_assignment import BONES
from k4a_ros.body.landmarks.pose_3d.depth_assignment import LandmarkEvidence
from k4a_ros.body.landmarks.pose_3d.depth_sampling import DepthSampler
from k4a_ros.body.landmarks.pose_3d.depth_sampling import row_medians
from k4a_ros.body.landmarks.pose_3d.depth_sampling import row_quantiles
from k4a_ros.body.landmarks.pose_3d.depth_sampling import SURFACE_INSETS_M
from k4a_ros.body.landmarks.pose_3d.depth_sampling import WEIGHTS
from k4a_ros.body.landmarks.pose_3d.depth_sampling import WINDOWS_M
from k4a_ros.body.landmarks.pose_3d.surface_candidates import find_surfaces
from k4a_ros.body.landmarks.segmentation.person_depth import PersonDepth
from k4a_ros.body.tracker import Confidence
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]

_HIPS = TRUNK[2:]


@dataclass(frozen=True)
class _Head:
    """How deep the middle of the head is behind its visible surface, and where that is sampled."""

    inset_m: float = 0.085
    window_m: float = 0.05


@dataclass(frozen=True)
class _Lean:
    """Where the surface of the trunk is sampled, to know how far the hips are behind or ahead."""

    #: shares of the way from the shoulders to the hips
    shares: tuple[float, ...] = (0.4, 0.5, 0.6, 0.7, 0.8)
    window_m: float = 0.05
    #: of the samples at one of them this share is not behind the trunk: arms are in front of it
    quantile: float = 0.9
    #: of them, as many must show the person
    min_samples: int = 12
    #: sine of the angle by which the shoulders may be turned: arms hide the side of the trunk
    max_turn: float = 0.75
    #: from the surface to the middle between the hips, and its distance in depth from the
    #: shoulders from which on it is something else
    inset_m: float = 0.12
    max_offset_m: float = 0.35


@dataclass(frozen=True)
class _Scale:
    """How the size of the person is estimated, relative to that of the model's output."""

    #: shoulders, elbows, hips, knees and ankles, whose positions give the size
    landmarks: tuple[int, ...] = (11, 12, 13, 14, 23, 24, 25, 26, 27, 28)
    #: of these, as many must be measured
    min_landmarks: int = 4
    #: sum of the squared distances from their mean, in the model's output, that is needed
    min_spread_m2: float = 0.01
    min_scale: float = 0.5
    max_scale: float = 1.4


_HEAD, _LEAN, _SCALE = _Head(), _Lean(), _Scale()


@dataclass(frozen=True, eq=False)
class Pose3d:
    """
    The landmarks of one person in space.

    ``points`` (33, 3): meters in the depth camera's frame; ``confidences`` (33,) uint8, of
    `Confidence`; ``lengths`` (18,): meters of the ``BONES``, NaN where not measured; ``scale``:
    size of the person relative to the model's output; ``support``: of the landmarks with high
    visibility and with depth around them, the share that is on the person's surface. The evidence
    that fitting uses again: ``rays`` (33, 3) with z = 1, ``world`` (33, 3) meters along the
    camera's axes, as the model estimates them, and ``visibility`` (33,). ``fit_cost``: of
    `fit_limbs`, infinite before it.
    """

    points: Vectors
    confidences: npt.NDArray[np.uint8]
    lengths: Vectors
    scale: float
    support: float
    rays: Vectors
    world: Vectors
    visibility: npt.NDArray[np.float32]
    fit_cost: float = math.inf


def head_of(points: Vectors) -> Vectors:
    """Return the middle of the head (3,) of landmarks (33, 3)."""
    head: Vectors = points[EARS].mean(axis=0)
    return head


def lift(
    seen: Landmarks, view: CropView, person: PersonDepth, lengths: Vectors | None = None,
) -> Pose3d | None:
    """
    Return the landmarks in space, None if no landmark of the trunk is on the person's surface.

    :param view: the view of the crop that the landmarks were estimated in.
    :param person: the depth image and the person's pixels.
    :param lengths: (18,) meters of this person's ``BONES``, NaN where unknown.
    """
    sampler = DepthSampler(view.rays(seen.pixels), person)
    samples = sampler.sample(sampler.pixels, sampler.inside, WINDOWS_M)
    world = seen.world.astype(np.float64) @ view.rotation.T
    insets = SURFACE_INSETS_M / np.linalg.norm(sampler.rays, axis=1)
    own_depth = row_medians(samples.own)
    measured = sampler.rays * (own_depth + insets)[:, np.newaxis]
    scale = _scale(measured, world, seen, view)
    world *= scale
    trunk, hips_follow_trunk = _trunk_depths(sampler, world, measured)
    evidence = LandmarkEvidence(
        rays=sampler.rays, world=world, trunk=trunk, hips_follow_trunk=hips_follow_trunk,
        visibility=seen.visibility,
        lengths=np.full(len(BONES), np.nan) if lengths is None else lengths,
        surfaces=find_surfaces(samples.own, samples.unassigned, WEIGHTS, insets),
        own_depth=own_depth, head_depth=_head_depth(sampler))
    assigned = assign_depths(evidence)
    if assigned is None:
        return None
    depths, on_surface = assigned
    points = sampler.rays * depths[:, np.newaxis]
    confidences = np.where(
        on_surface & (seen.visibility > MIN_VISIBILITY),
        Confidence.MEDIUM, Confidence.LOW).astype(np.uint8)
    confidences[~sampler.inside | ~samples.any_depth] = Confidence.NONE
    visible = (seen.visibility > MIN_VISIBILITY) & sampler.inside & samples.any_depth
    support = float((~np.isnan(own_depth) & visible).sum() / max(1, int(visible.sum())))
    return Pose3d(
        points, confidences, _bone_lengths(points, confidences), scale, support,
        evidence.rays, evidence.world, seen.visibility)


def _head_depth(sampler: DepthSampler) -> float:
    """Return the depth of the middle of the head, NaN without samples between the ears."""
    # the surface of a head is around its middle from all sides, whether the face is seen or not
    ray = head_of(sampler.rays)
    samples = sampler.sample(*sampler.project(ray[np.newaxis]), np.array([_HEAD.window_m]))
    return float(row_medians(samples.own)[0]) + _HEAD.inset_m


def _trunk_depths(
    sampler: DepthSampler, world: Vectors, measured: Vectors,
) -> tuple[Vectors, bool]:
    """
    Return the depths of ``TRUNK`` in ``world`` (4,), those of the hips as the surface is inclined.

    What the model guesses of hips that a table hides often is 20 cm closer than they are, and the
    lap of who sits is 30 cm closer.

    :return: the depths, and whether the inclination is known; if not, hips are as in ``world``.
    """
    trunk: Vectors = world[TRUNK, 2]
    shoulders = measured[TRUNK[:2], 2].mean()
    shares = np.array(_LEAN.shares)
    top, bottom = sampler.rays[TRUNK[:2]].mean(axis=0), sampler.rays[_HIPS].mean(axis=0)
    samples = sampler.sample(
        *sampler.project(top + np.outer(shares, bottom - top)),
        np.full(len(shares), _LEAN.window_m))
    surface = row_quantiles(samples.own, _LEAN.quantile, _LEAN.min_samples)
    offsets = surface + _LEAN.inset_m - shoulders
    known = np.abs(offsets) < _LEAN.max_offset_m
    across = world[TRUNK[0]] - world[TRUNK[1]]
    is_known = bool(known.any() and abs(across[2]) < _LEAN.max_turn * np.linalg.norm(across))
    if is_known:
        lean = np.median(offsets[known] / shares[known])
        trunk[2:] += lean + trunk[:2].mean() - trunk[2:].mean()
    return trunk, is_known


def _bone_lengths(points: Vectors, confidences: npt.NDArray[np.uint8]) -> Vectors:
    """Return the lengths of bones (18,), meters, NaN where an end is not measured."""
    parents, children = np.array(BONES).T
    known = np.minimum(confidences[parents], confidences[children]) == Confidence.MEDIUM
    return np.where(known, np.linalg.norm(points[children] - points[parents], axis=1), np.nan)


def _scale(measured: Vectors, world: Vectors, seen: Landmarks, view: CropView) -> float:
    """
    Return the size of the person relative to the model's output, 1 if too little is measured.

    Only distances across the line of sight are compared, because the model estimates those better
    than depth.

    :param measured: (33, 3) meters, from the depth image alone, NaN for none.
    """
    used = [i for i in _SCALE.landmarks
            if seen.visibility[i] > MIN_VISIBILITY and not np.isnan(measured[i, 2])]
    if len(used) < _SCALE.min_landmarks:
        return 1.0
    actual = (measured @ view.rotation)[used, :2]
    modeled = (world @ view.rotation)[used, :2]
    actual = actual - actual.mean(axis=0)
    modeled = modeled - modeled.mean(axis=0)
    spread = float((modeled * modeled).sum())
    ratio = (np.sqrt(float((actual * actual).sum()) / spread)
             if spread > _SCALE.min_spread_m2 else 1.0)
    return float(np.clip(ratio, _SCALE.min_scale, _SCALE.max_scale))
