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


"""The ground truth of a simulated scene at one time."""

from __future__ import annotations

from dataclasses import dataclass

from k4a_ros.calibration.rigid_transform import RigidTransform
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class PersonTruth:
    """
    True pose of one person, with the joints and conventions of k4abt (k4abttypes.h).

    ``body_id`` counts from 1 in the order of the scene. ``positions`` (32, 3) float64 are meters
    in the depth camera's frame, ``positions_world`` in the world frame; ``orientations`` (32, 4)
    float64 are unit quaternions w, x, y, z: the axes of the joints in the depth camera's frame.
    """

    body_id: int
    name: str
    positions: npt.NDArray[np.float64]
    positions_world: npt.NDArray[np.float64]
    orientations: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Truth:
    """
    True poses of cameras, objects and persons at one time; transforms to the world frame.

    ``imu`` is the pose of the accelerometer. ``objects`` has by name the poses of the movers,
    relative to their initial positions, and those of the boards.
    """

    device_us: int
    depth_camera: RigidTransform
    color_camera: RigidTransform
    imu: RigidTransform
    objects: dict[str, RigidTransform]
    persons: tuple[PersonTruth, ...]
