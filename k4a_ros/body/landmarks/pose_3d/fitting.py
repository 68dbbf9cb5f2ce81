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
from typing import Any

from k4a_ros.body.landmarks.pose_2d.blazepose import LANDMARK_COUNT
from k4a_ros.body.landmarks.pose_2d.blazepose import TRUNK
from k4a_ros.body.landmarks.pose_2d.flip_test import left_right_swap
from k4a_ros.body.landmarks.pose_3d.depth_assignment import BONES
from k4a_ros.body.landmarks.pose_3d.fitting_kernels import LIMBS
from k4a_ros.body.landmarks.pose_3d.fitting_kernels import NODES
from k4a_ros.body.landmarks.pose_3d.fitting_kernels import solve
from k4a_ros.body.landmarks.pose_3d.lifting import Pose3d
from k4a_ros.body.landmarks.segmentation.silhouette import Silhouette
from k4a_ros.body.tracker import Confidence
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

#: which nodes are held where the landmarks are
_HELD = np.isin(NODES, TRUNK)
_BONE_OF = np.array([BONES.index(limb) if limb in BONES else -1 for limb in LIMBS])
_HEAD_RADIUS = 0.1
#: landmarks that go with that of a node
_CARRIED = ((15, (17, 21)), (16, (18, 22)), (27, (29,)), (28, (30,)))
_LEGS = left_right_swap(range(25, 33, 2))

#: meters beyond which a surface is forgotten, from the first step to the last
_REACHES = np.geomspace(0.15, 0.045, 6)
#: Standard deviations, meters: of a landmark across the line of sight, seen and guessed, and of
#: the trunk's; along it, measured and guessed, and of the trunk's.
_ACROSS, _ACROSS_GUESSED, _ACROSS_TRUNK = 0.035, 0.08, 0.02
_ALONG, _ALONG_GUESSED, _ALONG_TRUNK = 0.05, 0.15, 0.03
#: the same of the length of a bone that is known, of others at least, and their share of it
_LENGTH, _LENGTH_LEAST, _LENGTH_SHARE = 0.025, 0.06, 0.25
_VISIBLE = 0.5


def fit_limbs(
    lifted: Pose3d, cloud: Vectors, silhouette: Silhouette, lengths: Vectors,
    expected: Vectors | None,
) -> Pose3d:
    """
    Move somebody's limbs onto his surface.

    It is tried from where they are, with left and right of the legs exchanged, and from where they
    were expected; the best is returned.

    :param cloud: (K, 3) meters, points of the person's surface.
    :param lengths: (18,) meters of this person's ``BONES``, NaN where not known.
    :param expected: (33, 3) meters, where the landmarks are expected, None if unknown.
    """
    start = lifted.points
    tried = [(np.arange(LANDMARK_COUNT), start), (_LEGS, start[_LEGS])]
    if expected is not None:
        moved = (start[TRUNK] - expected[TRUNK]).mean(axis=0)
        before = expected + moved
        before[TRUNK] = start[TRUNK]
        tried.append((np.arange(LANDMARK_COUNT), before))
    surface = _surface(lifted, cloud, silhouette)
    bones = _bones(lifted.world, lengths)
    before_us = np.empty((0, 3)) if expected is None else expected[NODES]
    found = []
    for order, begin in tried:
        nodes = begin[NODES]
        cost = solve(nodes, _REACHES, (*_seen(lifted, order), *bones, before_us, *surface))
        found.append((cost, order, nodes))
    _, order, nodes = min(found, key=lambda one: one[0])
    points = start[order].copy()
    moved = dict(zip(NODES.tolist(), nodes - points[NODES], strict=True))
    points[NODES] = nodes
    for node, others in _CARRIED:
        points[list(others)] += moved[node]
    return replace(lifted, points=points, confidences=lifted.confidences[order])


def _seen(lifted: Pose3d, order: Indices) -> tuple[Any, ...]:
    """Return what the model and the depth image say of nodes, as ``solve`` takes it."""
    chosen = order[NODES]
    across = np.where(lifted.visibility[chosen] > _VISIBLE, _ACROSS, _ACROSS_GUESSED)
    along = np.where(
        lifted.confidences[chosen] == Confidence.MEDIUM, _ALONG, _ALONG_GUESSED)
    across[_HELD], along[_HELD] = _ACROSS_TRUNK, _ALONG_TRUNK
    return lifted.rays[chosen, :2].copy(), lifted.points[chosen, 2], across, along, _HELD


def _bones(world: Vectors, lengths: Vectors) -> tuple[Vectors, Vectors]:
    """Return how long limbs are, and their standard deviations, meters."""
    first, second = np.array(LIMBS).T
    usual = np.linalg.norm(world[second] - world[first], axis=1)
    known = np.where(_BONE_OF >= 0, lengths[_BONE_OF], np.nan)
    unknown = np.isnan(known)
    return np.where(unknown, usual, known), np.where(
        unknown, np.maximum(_LENGTH_LEAST, _LENGTH_SHARE * usual), _LENGTH)


def _surface(lifted: Pose3d, cloud: Vectors, silhouette: Silhouette) -> tuple[Any, ...]:
    """Return what is seen of somebody's surface, as ``solve`` takes it."""
    head = lifted.points[[7, 8]].mean(axis=0)
    from_head = np.abs(np.linalg.norm(cloud - head, axis=1) - _HEAD_RADIUS)
    return np.ascontiguousarray(cloud), from_head, silhouette.kernel_arguments
