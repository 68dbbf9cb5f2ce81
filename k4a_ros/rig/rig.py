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
What a rig file says about each camera, and what follows for its driver.

`k4a_ros.rig.rig_file` reads such files; config/multi_camera.yaml describes every key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import enum
import math

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.parameters.settings import Settings
from k4a_ros.parameters.spec import Value

#: name of the node of each camera, in the namespace of the camera
DRIVER_NAME = 'k4a_driver'
#: topic with the clock of the sync cable, in the namespace of the master
CLOCK_TOPIC = 'sync_clock'


class Role(enum.Enum):
    """Role of a camera on the sync cable."""

    MASTER = 'master'
    SUBORDINATE = 'subordinate'
    STANDALONE = 'standalone'
    #: what its sync jacks say, when the camera has been opened
    AUTO = 'auto'

    @property
    def mode(self) -> WiredSyncMode:
        """Return the wired sync mode; raise KeyError for AUTO."""
        return WiredSyncMode[self.name]


class Kind(enum.Enum):
    """What a camera of the rig is."""

    DEVICE = 'device'
    SIMULATED = 'simulated'
    RECORDING = 'recording'


@dataclass(frozen=True)
class Pose:
    """
    Pose of the frame NAME_camera_base.

    :param parent: TF frame.
    :param xyz: position in the parent, meters.
    :param quaternion: orientation, x, y, z, w.
    """

    parent: str
    xyz: tuple[float, float, float]
    quaternion: tuple[float, float, float, float]

    @property
    def rpy(self) -> tuple[float, float, float]:
        """Return roll, pitch and yaw about fixed axes, radians (REP 103)."""
        x, y, z, w = self.quaternion
        return (math.atan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y)),
                math.asin(min(max(2 * (w * y - z * x), -1.0), 1.0)),
                math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z)))


@dataclass(frozen=True)
class RigCamera:
    """
    One camera of a rig.

    :param name: namespace of its topics and, with _ behind, prefix of its frames.
    :param source: serial number, or the file of a recording; '' for any simulated camera.
    :param delay_us: delay after the pulse of the master; with role AUTO that which it has if it
        turns out to be a subordinate.
    :param settings: parameters of the driver, without those that depend on role and rig.
    :param pose: None if unknown.
    """

    name: str
    kind: Kind
    source: str
    role: Role
    delay_us: int
    settings: Settings
    pose: Pose | None = None

    @property
    def config(self) -> CameraConfig:
        """Return the modes."""
        return self.settings.camera_config


@dataclass(frozen=True)
class Rig:
    """
    All cameras of a rig file.

    :param file: its path.
    :param namespace: that of all cameras, '' or NAME.
    :param external_trigger: whether a device that is no camera gives the pulses.
    """

    file: str
    namespace: str
    cameras: tuple[RigCamera, ...]
    external_trigger: bool = False

    @property
    def plays(self) -> bool:
        """Return whether the cameras are recordings."""
        return self.cameras[0].kind is Kind.RECORDING

    def camera_namespace(self, camera: RigCamera) -> str:
        """Return the namespace of a camera, absolute."""
        return '/'.join(['', *([self.namespace] if self.namespace else []), camera.name])

    def synchronized(self) -> list[RigCamera]:
        """Return the cameras on the sync cable."""
        return [camera for camera in self.cameras if camera.role is not Role.STANDALONE]


def sync_parameters(rig: Rig, camera: RigCamera, role: Role, master: str) -> Mapping[str, Value]:
    """
    Return the parameters that depend on the role of a live camera.

    :param role: not AUTO.
    :param master: name of the master, '' if there is none.
    """
    subordinate = role is Role.SUBORDINATE
    clock = next((f'{rig.camera_namespace(other)}/{CLOCK_TOPIC}' for other in rig.cameras
                  if other.name == master and subordinate), '')
    return {
        'wired_sync_mode': int(role.mode),
        'subordinate_delay_off_master_usec': camera.delay_us if subordinate else 0,
        'sync_clock_topic': clock}
