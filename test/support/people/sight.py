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

"""Measure how far the joints of people are from the lines of sight of the model's landmarks."""

from __future__ import annotations

from typing import Any

from k4a_ros.body.joints import Joint
from k4a_ros.body.landmarks.detection.frame_context import FrameContext
from k4a_ros.body.landmarks.detection.observation import Observation
from k4a_ros.body.landmarks.estimator import LandmarkEstimator
from k4a_ros.body.landmarks.pose_3d.k4abt_joints import LANDMARK_OF_JOINT
from k4a_ros.body.landmarks.pose_3d.lifting import Pose3d
from k4a_ros.body.landmarks.segmentation.person_depth import PersonDepth
from k4a_ros.body.landmarks.tracking.track import Track
from k4a_ros.body.tracker import Body
from k4a_ros.body.tracker import BodyFrame
import numpy as np
from support.people.score import match_bodies
from support.people.score import MIN_VISIBLE_PIXELS
from support.people.shots import Shot

#: joint -> the landmarks that it may be at
_LANDMARKS = {joint: [landmark] for joint, landmark in LANDMARK_OF_JOINT.items()} | {
    Joint.HAND_LEFT: [15, 17, 19], Joint.HAND_RIGHT: [16, 18, 20],
    Joint.HANDTIP_LEFT: [17, 19], Joint.HANDTIP_RIGHT: [18, 20]}


class SightedEstimator(LandmarkEstimator):
    """
    An estimator that notes lines of sight.

    ``rays``: by body id, the lines of sight of the landmarks in the last image, (33, 3) of length
    1 in the depth camera's frame.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.rays: dict[int, np.ndarray] = {}

    def _update_track(
        self, frame: FrameContext, track: Track, observation: Observation, pose: Pose3d,
        person: PersonDepth,
    ) -> Body:
        body = super()._update_track(frame, track, observation, pose, person)
        self.rays[body.body_id] = pose.rays / np.linalg.norm(pose.rays, axis=1, keepdims=True)
        return body


class SightErrors:
    """
    Distances of visible joints from the nearest line of sight of their landmarks, meters.

    That is their error if the depth of every landmark were known, and no limb were moved.
    ``errors`` has 0 for joints of the trunk without a landmark.
    """

    def __init__(self) -> None:
        self.errors: list[float] = []

    def add(self, frame: BodyFrame, shot: Shot, rays_of: dict[int, np.ndarray]) -> None:
        """
        Add the errors in one shot, of the people that count for `Score`.

        :param rays_of: see `SightedEstimator`.
        """
        matches = match_bodies(frame, [joints for joints, _ in shot.people])
        for number, (joints, visible) in enumerate(shot.people):
            index = matches[number]
            if index is None or (shot.owners == number).sum() < MIN_VISIBLE_PIXELS:
                continue
            rays = rays_of[frame.bodies[index].body_id]
            for joint in np.flatnonzero(visible).tolist():
                candidates = rays[_LANDMARKS.get(Joint(joint), [])]
                across = joints[joint] - (candidates @ joints[joint])[:, np.newaxis] * candidates
                self.errors.append(float(np.linalg.norm(across, axis=1).min(initial=np.inf))
                                   if len(candidates) else 0.0)
