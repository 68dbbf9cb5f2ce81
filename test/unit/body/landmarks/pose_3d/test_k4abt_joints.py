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

"""Joints of k4abt from landmarks of BlazePose."""

from __future__ import annotations

from k4a_ros.body.joints import Joint
from k4a_ros.body.landmarks.pose_3d.k4abt_joints import joints_from_landmarks
from k4a_ros.body.tracker import Confidence
import numpy as np
import pytest
from support.simulated_person import SimulatedPerson


def test_joints_of_ideal_landmarks_are_the_true_ones() -> None:
    person = SimulatedPerson(0)
    confidences = np.full(33, Confidence.MEDIUM, np.uint8)
    positions, joint_confidences = joints_from_landmarks(person.points, confidences)
    assert (joint_confidences == Confidence.MEDIUM).all()
    # without the face, whose ideal landmarks are all at the nose
    errors = np.linalg.norm(positions - person.joints, axis=1)
    assert errors[:Joint.HEAD].max() < 0.06
    hips = person.joints[[Joint.HIP_LEFT, Joint.HIP_RIGHT]]
    assert np.allclose(positions[Joint.PELVIS], hips.mean(axis=0))


def test_surface_behind_a_thumb_does_not_give_its_depth() -> None:
    person = SimulatedPerson(0)
    points = person.points.copy()
    points[[21, 22]] *= 1.2
    confidences = np.full(33, Confidence.MEDIUM, np.uint8)
    positions, _ = joints_from_landmarks(points, confidences)
    thumbs = [Joint.THUMB_LEFT, Joint.THUMB_RIGHT]
    errors = np.linalg.norm(positions - person.joints, axis=1)
    assert np.linalg.norm(points[[21, 22]] - person.points[[21, 22]], axis=1).min() > 0.3
    assert errors[thumbs].max() < 0.06


@pytest.mark.parametrize(('left', 'right', 'pelvis'), [
    (Confidence.LOW, Confidence.MEDIUM, Confidence.MEDIUM),
    (Confidence.NONE, Confidence.MEDIUM, Confidence.LOW),
    (Confidence.NONE, Confidence.NONE, Confidence.NONE)])
def test_pelvis_is_as_certain_as_the_better_hip_in_the_image(
        left: Confidence, right: Confidence, pelvis: Confidence) -> None:
    confidences = np.full(33, Confidence.MEDIUM, np.uint8)
    confidences[23], confidences[24] = left, right
    points = SimulatedPerson(0).points
    assert joints_from_landmarks(points, confidences)[1][Joint.PELVIS] == pelvis


def test_chest_is_as_uncertain_as_hips_and_neck_as_shoulders() -> None:
    confidences = np.full(33, Confidence.MEDIUM, np.uint8)
    confidences[23:25] = Confidence.LOW
    points = np.random.default_rng(1).random((33, 3))
    found = joints_from_landmarks(points, confidences)[1]
    assert found[Joint.SPINE_CHEST] == found[Joint.SPINE_NAVEL] == Confidence.LOW
    assert found[Joint.NECK] == found[Joint.CLAVICLE_LEFT] == Confidence.MEDIUM
