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


"""Where the body of a person is expected of whom only the head is known."""

from __future__ import annotations

from k4a_ros.body.landmarks.pose_2d.blazepose import LANDMARK_COUNT
from k4a_ros.body.landmarks.pose_2d.blazepose import TRUNK
from k4a_ros.body.landmarks.pose_2d.crop import Region
from k4a_ros.body.landmarks.vectors import perpendicular_part
from k4a_ros.body.landmarks.vectors import unit
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]

#: radius of the region of a person who is not tracked yet, and its center below the head, meters:
#: people who stand or sit
REGION_RADIUS_M, _CENTER_M = 1.0, 0.55
#: length of the trunk, at least, per distance between the shoulders: people have 1.3 to 1.5
_MIN_TRUNK = 1.2
#: Left landmarks of a person between standing and sitting, and how far they are sideways from the
#: head, below it, and in front of it, toward the camera, meters. The right ones are opposite.
_LEFT = {
    11: (0.18, 0.25, 0.0), 13: (0.22, 0.5, 0.0), 15: (0.15, 0.65, 0.15), 17: (0.15, 0.65, 0.2),
    19: (0.15, 0.65, 0.2), 21: (0.15, 0.65, 0.2), 23: (0.1, 0.75, 0.0), 25: (0.12, 0.95, 0.2),
    27: (0.12, 1.35, 0.15), 29: (0.12, 1.4, 0.15), 31: (0.12, 1.4, 0.25)}


def region_below_head(
    head: Vectors, up: Vectors, center_m: float = _CENTER_M, radius_m: float = REGION_RADIUS_M,
) -> Region:
    """
    Return the region around a person, from the position of the head (3,), meters.

    :param center_m: how far its center is below the head: by default, and with the default radius,
        the whole person is in it.
    """
    return Region(head - center_m * up, radius_m)


def has_short_trunk(points: Vectors) -> bool:
    """Return whether the trunk of landmarks (33, 3) is shorter than that of any person."""
    shoulders, hips = points[TRUNK[:2]], points[TRUNK[2:]]
    trunk = np.linalg.norm(shoulders.mean(axis=0) - hips.mean(axis=0))
    return bool(trunk < _MIN_TRUNK * np.linalg.norm(shoulders[0] - shoulders[1]))


def upright_person(head: Vectors, up: Vectors) -> Vectors:
    """
    Return landmarks (33, 3) of a person who faces the camera, meters.

    :param head: (3,) of the middle of the head, in the depth camera's frame.
    :param up: (3,) unit vector.
    """
    toward = unit(perpendicular_part(-head, up))
    sideways = np.cross(up, toward)
    points = np.tile(head, (LANDMARK_COUNT, 1))
    for landmark, (across, below, before) in _LEFT.items():
        middle = head - below * up + before * toward
        points[landmark], points[landmark + 1] = (
            middle + across * sideways, middle - across * sideways)
    return points
