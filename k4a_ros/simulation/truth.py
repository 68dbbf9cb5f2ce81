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


"""What is true of a simulated world at one time."""

from __future__ import annotations

from dataclasses import dataclass

from k4a_ros.calibration.rigid_transform import RigidTransform
import numpy as np
import numpy.typing as npt

#: body_index of a pixel that shows nobody (k4abttypes.h, K4ABT_BODY_INDEX_MAP_BACKGROUND)
BACKGROUND = 255


@dataclass(frozen=True, eq=False)
class PersonTruth:
    """
    One person, in the joints and conventions of k4abt (k4abttypes.h).

    ``body_id`` counts from 1 in the order of the scene. ``positions`` (32, 3) float64, meters, in
    the depth camera's frame and ``positions_world`` in the world; ``orientations`` (32, 4)
    float64, unit quaternions w, x, y, z: the axes of the joints in the depth camera's frame.
    """

    body_id: int
    name: str
    positions: npt.NDArray[np.float64]
    positions_world: npt.NDArray[np.float64]
    orientations: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Truth:
    """
    Where everything is at one time: poses take points of a body's own frame to the world's.

    ``imu`` is the accelerometer. ``objects`` are the moving objects by their names in the scene.
    """

    device_us: int
    depth_camera: RigidTransform
    color_camera: RigidTransform
    imu: RigidTransform
    objects: dict[str, RigidTransform]
    persons: tuple[PersonTruth, ...]
