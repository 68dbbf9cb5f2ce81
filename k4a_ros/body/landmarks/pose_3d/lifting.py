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

from k4a_ros.body.landmarks.pose_2d.blazepose import LANDMARK_COUNT
from k4a_ros.body.landmarks.pose_2d.blazepose import Landmarks
from k4a_ros.body.landmarks.pose_2d.blazepose import TRUNK
from k4a_ros.body.landmarks.pose_2d.crop import CropView
from k4a_ros.body.landmarks.pose_2d.flip_test import left_right_swap
from k4a_ros.body.landmarks.pose_3d.depth_assignment import BONES
from k4a_ros.body.landmarks.pose_3d.depth_assignment import place
from k4a_ros.body.landmarks.pose_3d.depth_assignment import surfaces
from k4a_ros.body.landmarks.pose_3d.depth_sampling import DepthSampler
from k4a_ros.body.landmarks.pose_3d.depth_sampling import row_medians
from k4a_ros.body.landmarks.pose_3d.depth_sampling import SURFACE_INSETS_M
from k4a_ros.body.landmarks.pose_3d.depth_sampling import WEIGHTS
from k4a_ros.body.landmarks.pose_3d.depth_sampling import WINDOWS_M
from k4a_ros.body.landmarks.segmentation.person_depth import PersonDepth
from k4a_ros.body.tracker import Confidence
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

LEFT_SHOULDER, LEFT_HIP = TRUNK[0], TRUNK[2]
_HEAD = slice(0, 11)
#: the main joints, whose places tell how large the person is
_MAIN = [11, 12, 13, 14, 23, 24, 25, 26, 27, 28]

#: from the visible side of a head to its middle
_HEAD_INSET = 0.085
_HEAD_WINDOW = 0.05

#: visibility below which a landmark is a guess
_VISIBLE = 0.5
#: meters from its place at which a landmark of the face is seen
_FACE = 0.07
#: the left one of the pair of joints that tells left from right, the left ones of what may be
#: crossed, and of what limb; meters on the wrong side from which on it is crossed
_CROSSABLE = ((LEFT_HIP, (25, 27), range(25, 33, 2)), (LEFT_SHOULDER, (13,), range(13, 23, 2)))
_CROSSED = 0.06


@dataclass(frozen=True, eq=False)
class Pose3d:
    """
    The landmarks of one person in space.

    ``points`` (33, 3) meters in the depth camera's frame; ``confidences`` (33,) uint8 of
    `Confidence`; ``lengths`` (18,) meters of the ``BONES``, NaN where one was not measured;
    ``scale``: how large the person is compared to the model's; ``support``: the share of the
    landmarks the model calls visible that are on the person's surface. What they were made of:
    ``rays`` (33, 3) with z = 1, ``world`` (33, 3) meters along the camera's axes, as the model
    says, and ``visibility`` (33,).
    """

    points: Vectors
    confidences: npt.NDArray[np.uint8]
    lengths: Vectors
    scale: float
    support: float
    rays: Vectors
    world: Vectors
    visibility: npt.NDArray[np.float32]


def lift(
    seen: Landmarks, view: CropView, person: PersonDepth, lengths: Vectors | None = None,
) -> Pose3d | None:
    """
    Bring landmarks into space.

    :param view: in which they were seen.
    :param person: the depth image and the person's pixels.
    :param lengths: (18,) meters of this person's ``BONES``, NaN where not known.
    :return: None if none of the trunk is on the person's surface.
    """
    geometry = DepthSampler(view.rays(seen.pixels), person)
    own, others, nearest = geometry.sample(geometry.pixels, geometry.inside, WINDOWS_M)
    rays = geometry.rays
    insets = SURFACE_INSETS_M / np.linalg.norm(rays, axis=1)
    surface = row_medians(own)
    measured = rays * (surface + insets)[:, np.newaxis]
    world = seen.world.astype(np.float64) @ view.rotation.T
    scale = _scale(measured, world, seen, view)
    world *= scale
    # what is seen of a head is its surface all around, face or not: its middle is behind that
    middle = (rays[7] + rays[8]) / 2
    over, _, _ = geometry.sample(*geometry.seen(middle[np.newaxis]), np.array([_HEAD_WINDOW]))
    head = float(row_medians(over)[0]) + _HEAD_INSET
    found, counts = np.empty((*own.shape, 4)), np.empty(LANDMARK_COUNT, np.int64)
    surfaces(own, others, WEIGHTS, insets, found, counts)
    bones = np.full(len(BONES), np.nan) if lengths is None else lengths

    def placed(order: npt.NDArray[np.intp]) -> tuple[Vectors, Mask] | None:
        depths, believed = np.zeros(LANDMARK_COUNT), np.zeros(LANDMARK_COUNT, bool)
        there = place(
            rays[order], world[order], seen.visibility[order], bones, found[order], counts[order],
            surface[order], head, depths, believed)
        return (rays[order] * depths[:, np.newaxis], believed) if there else None

    order = np.arange(LANDMARK_COUNT)
    if (result := placed(order)) is None:
        return None
    if (uncrossed := _uncrossed(result[0], measured)) is not None:
        # taken together: where the depth says that left is right, the picture was misread
        order, result = uncrossed, placed(uncrossed) or result
    points, believed = result
    confidences = np.where(
        believed & (seen.visibility[order] > _VISIBLE), Confidence.MEDIUM, Confidence.LOW,
    ).astype(np.uint8)
    confidences[~geometry.inside[order] | ~nearest[order]] = Confidence.NONE
    first, second = np.array(BONES).T
    known = np.minimum(confidences[first], confidences[second]) == Confidence.MEDIUM
    spans = np.where(known, np.linalg.norm(points[second] - points[first], axis=1), np.nan)
    called = (seen.visibility > _VISIBLE) & geometry.inside
    support = float((~np.isnan(surface) & called).sum() / max(1, int(called.sum())))
    return Pose3d(points, confidences, spans, scale, support, rays[order], world[order],
                  seen.visibility[order])


def _scale(lifted: Vectors, world: Vectors, seen: Landmarks, view: CropView) -> float:
    """
    Return how large the person is compared to the model's.

    From the main joints that are measured: across the line of sight only, where the picture tells
    it, and not the depth.
    """
    use = [i for i in _MAIN if seen.visibility[i] > _VISIBLE and not np.isnan(lifted[i, 2])]
    if len(use) < 4:
        return 1.0
    real = (lifted @ view.rotation)[use, :2]
    modeled = (world @ view.rotation)[use, :2]
    real = real - real.mean(axis=0)
    modeled = modeled - modeled.mean(axis=0)
    size = float((modeled * modeled).sum())
    ratio = np.sqrt(float((real * real).sum()) / size) if size > 0.01 else 1.0
    return float(np.clip(ratio, 0.5, 1.4))


def _uncrossed(points: Vectors, measured: Vectors) -> npt.NDArray[np.intp] | None:
    """
    Return the order in which left and right limbs are on their sides, None if they are.

    Knees and ankles of both legs are hardly ever both on the wrong side, nor are the elbows. What
    one limb hides of the other is measured at the same place, and tells nothing.

    :param measured: (33, 3), where ``points`` are by the depth image alone, NaN for none.
    """
    order = np.arange(LANDMARK_COUNT)
    for base, joints, limb in _CROSSABLE:
        across = points[base] - points[base + 1]
        across = across / max(float(np.linalg.norm(across)), 1e-6)
        pairs = np.array(joints)
        if ((measured[pairs] - measured[pairs + 1]) @ across < -_CROSSED).all():
            order = order[left_right_swap(limb)]
    return order if (order != np.arange(LANDMARK_COUNT)).any() else None
