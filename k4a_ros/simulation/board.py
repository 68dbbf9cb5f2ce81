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

"""A calibration board in a scene: a white plate with the black parts of a ChArUco board on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from k4a_ros.calibration import tf_frames
from k4a_ros.calibration.charuco_board import CharucoBoard
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.simulation.motion import CameraPath
from k4a_ros.simulation.shapes import Array
from k4a_ros.simulation.shapes import Box
from k4a_ros.simulation.shapes import Material
import numpy as np

#: printed paper: reflectivity of what is white and what is black
_WHITE = Material((0.9, 0.9, 0.9))
_BLACK = Material((0.1, 0.1, 0.1))
#: white margin around the squares, as a fraction of a square
_MARGIN = 0.5
_PLATE_M = 0.005
#: height of what is black above the plate, so that it is in front: too little to be measured
_INK_M = 5e-5


@dataclass(frozen=True)
class BoardObject:
    """
    A board that is carried around.

    :param path: poses of the center of the board over time, as of a camera. Without rotation its
        axes are those of the world, so that its front is seen from the origin.
    """

    name: str
    board: CharucoBoard
    path: CameraPath

    @property
    def is_still(self) -> bool:
        """Return whether it never moves."""
        return self.path.is_still

    def pose(self, time: float) -> RigidTransform:
        """Return the pose of the frame of `CharucoBoard` in the world at a time, seconds."""
        rotation, center = self.path.housing([time])
        axes = rotation[0] @ tf_frames.BODY_FROM_OPTICAL
        width, height = self.board.size_m
        return RigidTransform(axes, center[0] - axes @ (width / 2, height / 2, 0.0))

    def at(self, time: float) -> tuple[Box, ...]:
        """Return the shapes at a time, seconds."""
        pose = self.pose(time)
        centers = pose.apply(self._boxes[:, :3])
        return tuple(
            Box((width, height, depth), RigidTransform(pose.rotation, center),
                _BLACK if i else _WHITE)
            for i, (center, (width, height, depth)) in enumerate(
                zip(centers, self._boxes[:, 3:].tolist(), strict=True)))

    @cached_property
    def _boxes(self) -> Array:
        """Return center and size of each box in the frame of the board, (N, 6); plate first."""
        black = self.board.black_rectangles()
        width, height = self.board.size_m
        margin = 2 * _MARGIN * self.board.square_m
        # the front of the ink is the plane of the board
        plate = (width / 2, height / 2, _INK_M + _PLATE_M / 2, width + margin, height + margin,
                 _PLATE_M)
        ink = np.column_stack((
            (black[:, :2] + black[:, 2:]) / 2, np.full(len(black), _INK_M),
            black[:, 2:] - black[:, :2], np.full(len(black), 2 * _INK_M)))
        return np.vstack((plate, ink))
