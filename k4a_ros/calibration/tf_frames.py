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

"""
Names of the frames, and the static transforms between them.

::

    camera_base                the housing: x forward, y left, z up (REP 103)
    └── depth_camera_link      optical: x right, y down, z forward, tilted 6 degrees down
        ├── rgb_camera_link    optical: x right, y down, z forward
        └── imu_link           x backward, y left, z down

                 z (camera_base)
                 |   x (camera_base)
                 |  /         The depth camera's z is 6 degrees below the base's x; the color
        y -------+'           camera's, 32 mm to the depth camera's right, is about parallel
                              to it.

Names and tree are those of Microsoft's driver, so that what was set up for it keeps working: the
names end in _link although the cameras' frames are optical frames.
"""

from __future__ import annotations

from dataclasses import dataclass
import math

from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.factory import RigidTransform
import numpy as np

CAMERA_BASE = 'camera_base'
DEPTH_CAMERA = 'depth_camera_link'
RGB_CAMERA = 'rgb_camera_link'
IMU = 'imu_link'

#: The depth camera looks this far down: hardware specification, and Microsoft's driver
#: (k4a_calibration_transform_data.cpp), where also its height in camera_base, meters, is from.
DEPTH_TILT = math.radians(6.0)
DEPTH_HEIGHT = 0.0018

#: axes of a camera's optical frame (x right, y down, z forward) in a body frame (x forward,
#: y left, z up): REP 103, "suffix frames"
BODY_FROM_OPTICAL = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
BODY_FROM_OPTICAL.setflags(write=False)


@dataclass(frozen=True)
class FrameTransform:
    """Where ``child`` is in ``parent``: ``transform`` takes points from child to parent."""

    parent: str
    child: str
    transform: RigidTransform


def base_from_depth() -> RigidTransform:
    """
    Return where the depth camera is in camera_base: the same for every camera.

    Its z axis looks DEPTH_TILT below the base's x. Microsoft's driver gives this rotation as
    setEuler(-π/2, π, π/2) * setEuler(0, -6°, 0), which is the same.
    """
    c, s = math.cos(DEPTH_TILT), math.sin(DEPTH_TILT)
    tilt = np.array([[1.0, 0.0, 0.0], [0.0, c, s], [0.0, -s, c]])
    return RigidTransform(BODY_FROM_OPTICAL @ tilt, np.array([0.0, 0.0, DEPTH_HEIGHT]))


def static_transforms(
    calibration: FactoryCalibration, prefix: str = '',
) -> tuple[FrameTransform, ...]:
    """
    Return the static transforms of one camera, rotations normalized.

    :param prefix: put in front of every frame's name as it is.
    """
    def frame(parent: str, child: str, transform: RigidTransform) -> FrameTransform:
        return FrameTransform(prefix + parent, prefix + child, transform)

    return (
        frame(CAMERA_BASE, DEPTH_CAMERA, base_from_depth()),
        frame(DEPTH_CAMERA, RGB_CAMERA, calibration.depth_to_color.normalized().inverse()),
        frame(DEPTH_CAMERA, IMU, calibration.depth_to_accel.normalized().inverse()),
    )
