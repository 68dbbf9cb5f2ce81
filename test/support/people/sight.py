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

"""An estimator of bodies that notes the lines of sight of the model's landmarks."""

from __future__ import annotations

from typing import Any

from k4a_ros.body.landmarks.detection.frame_context import FrameContext
from k4a_ros.body.landmarks.detection.observation import Observation
from k4a_ros.body.landmarks.estimator import LandmarkEstimator
from k4a_ros.body.landmarks.pose_3d.lifting import Pose3d
from k4a_ros.body.landmarks.segmentation.person_depth import PersonDepth
from k4a_ros.body.landmarks.tracking.track import Track
from k4a_ros.body.tracker import Body
import numpy as np


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
