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

"""Observations of a standing person, for tests of tracks."""

from __future__ import annotations

from k4a_ros.body.landmarks.pose_2d.crop import Region
from k4a_ros.body.landmarks.pose_3d.depth_assignment import BONES
import numpy as np

UNKNOWN_LENGTHS = np.full(len(BONES), np.nan)
SECOND_US = 1_000_000


def make_person(x: float, z: float = 2.0) -> tuple[np.ndarray, Region]:
    """Return distinct landmarks (33, 3) whose trunk is centered at (x, 0, z), and a region."""
    points = np.zeros((33, 3))
    points[:, 0] = np.where(np.arange(33) % 2, 0.15, -0.15)
    points[:, 1] = np.linspace(-0.8, 0.9, 33)
    points -= points[[11, 12, 23, 24]].mean(axis=0)
    return points + [x, 0.0, z], Region(np.array([x, 0.0, z]), 1.0)
