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

"""A simulated person, and what limbs are fitted to."""

from __future__ import annotations

from k4a_ros.body.landmarks.pose_3d.depth_assignment import BONES
from k4a_ros.body.landmarks.pose_3d.lifting import Pose3d
from k4a_ros.body.tracker import Confidence
import numpy as np
from support.simulated_person import SimulatedPerson


class FittedPerson(SimulatedPerson):
    """One simulated person, by default one who walks across, with ``cloud`` (K, 3)."""

    def __init__(
        self, path: tuple[tuple[float, float], ...] = ((-1.0, 2.4), (1.0, 2.4)),
    ) -> None:
        super().__init__(400_000, seed=3, path=path)
        self.cloud = self.person_depth.sample_points(self.lens.rays(), 300)

    def pose(self, points: np.ndarray, visibility: float = 0.9) -> Pose3d:
        """Return a pose with landmarks at points (33, 3), meters."""
        return Pose3d(
            points, np.full(33, Confidence.MEDIUM, np.uint8), np.full(len(BONES), np.nan), 1.0,
            1.0, points / points[:, 2:], self.points, np.full(33, visibility, np.float32))
