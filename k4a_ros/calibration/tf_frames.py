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
Names of the TF frames, and the static transforms between them.

::

    camera_base                the housing: x forward, y left, z up (REP 103)
    ├── microphones_link       the microphone in the center; axes of camera_base
    └── depth_camera_link      optical: x right, y down, z forward, tilted 6 degrees down
        ├── rgb_camera_link    optical: x right, y down, z forward
        └── imu_link           x backward, y left, z down

                 z (camera_base)
                 |   x (camera_base)
                 |  /         The depth camera's z is 6 degrees below the base's x; the color
        y -------+'           camera's, 32 mm to the depth camera's right, is about parallel
                              to it.

In a calibration for images that are turned (`k4a_ros.calibration.rotation`), both optical frames
are turned with them, about their z axes; the others stay where they are.

Names and tree are those of Microsoft's driver, for compatibility: hence the suffix _link, although
the frames of the cameras are optical frames.
"""

from __future__ import annotations

from dataclasses import dataclass
import math

from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.calibration.rotation import upright_axes
import numpy as np

CAMERA_BASE = 'camera_base'
DEPTH_CAMERA = 'depth_camera_link'
RGB_CAMERA = 'rgb_camera_link'
IMU = 'imu_link'
MICROPHONES = 'microphones_link'
#: the frames of the cameras and the IMU, without prefix
FRAMES = (CAMERA_BASE, DEPTH_CAMERA, RGB_CAMERA, IMU)

#: pitch of the depth camera below camera_base's x (hardware specification, and
#: k4a_calibration_transform_data.cpp of Microsoft's driver), and its height there (the latter)
DEPTH_TILT_RAD = math.radians(6.0)
DEPTH_HEIGHT_M = 0.0018

#: Origin of microphones_link in camera_base, meters: the middle of the round top, estimated from
#: the size of the housing (103 mm wide, 39 mm high, 126 mm deep); exact to about 10 mm.
MICROPHONES_IN_BASE_M = (-0.050, 0.0, 0.022)

#: rotation from an optical frame (x right, y down, z forward) to a body frame (x forward, y left,
#: z up): REP 103, "suffix frames"
BODY_FROM_OPTICAL = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
BODY_FROM_OPTICAL.setflags(write=False)


@dataclass(frozen=True)
class FrameTransform:
    """Pose of ``child`` in ``parent``: ``transform`` maps points from child to parent."""

    parent: str
    child: str
    transform: RigidTransform


def base_from_depth(rotation: int = 0) -> RigidTransform:
    """
    Return the pose of the depth camera in camera_base, a constant.

    Its z axis points DEPTH_TILT_RAD below the base's x axis. Microsoft's driver writes the same
    rotation as setEuler(-π/2, π, π/2) * setEuler(0, -6°, 0).

    :param rotation: by which its images and its frame are turned, degrees.
    """
    c, s = math.cos(DEPTH_TILT_RAD), math.sin(DEPTH_TILT_RAD)
    tilt = np.array([[1.0, 0.0, 0.0], [0.0, c, s], [0.0, -s, c]])
    return RigidTransform(BODY_FROM_OPTICAL @ tilt @ upright_axes(rotation).T,
                          np.array([0.0, 0.0, DEPTH_HEIGHT_M]))


def own_frame(name: str, prefix: str) -> str | None:
    """Return a frame of the camera without its prefix, None if the name is that of another."""
    if name in FRAMES:
        return name
    bare = name.removeprefix(prefix)
    return bare if bare in FRAMES else None


def microphone_transform(prefix: str = '') -> FrameTransform:
    """
    Return the pose of the microphone array, about in the middle of the top of the housing.

    :param prefix: prepended verbatim to both frame names.
    """
    return FrameTransform(prefix + CAMERA_BASE, prefix + MICROPHONES, RigidTransform(
        np.eye(3), np.array(MICROPHONES_IN_BASE_M)))


def transform_between(
    calibration: FactoryCalibration, source: str, target: str,
) -> RigidTransform:
    """
    Return the transform of points from one frame of a camera to another.

    :param source: name without prefix, as ``target``.
    :raises KeyError: there is no such frame.
    """
    poses = {CAMERA_BASE: RigidTransform.identity()}
    for link in static_transforms(calibration):
        poses[link.child] = poses[link.parent] @ link.transform
    return poses[target].inverse() @ poses[source]


def static_transforms(
    calibration: FactoryCalibration, prefix: str = '',
) -> tuple[FrameTransform, ...]:
    """
    Return the static transforms of one camera, with normalized rotations.

    :param prefix: prepended verbatim to every frame name.
    """
    def frame(parent: str, child: str, transform: RigidTransform) -> FrameTransform:
        return FrameTransform(prefix + parent, prefix + child, transform)

    return (
        frame(CAMERA_BASE, DEPTH_CAMERA, base_from_depth(calibration.rotation)),
        frame(DEPTH_CAMERA, RGB_CAMERA, calibration.depth_to_color.normalized().inverse()),
        frame(DEPTH_CAMERA, IMU, calibration.depth_to_accel.normalized().inverse()),
    )
