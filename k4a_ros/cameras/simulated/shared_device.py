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
The simulated device of this process, which outlives the cameras that are opened on it.

Like a USB device outlives a handle: its controls and faults persist while no camera is open, so
that the node can inject faults while the camera is closed or lost.
"""

from __future__ import annotations

from dataclasses import replace
import math
import os

from k4a_ros.calibration.calibration_file import read_calibration
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import validate
from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.cameras.base import ControlListener
from k4a_ros.cameras.base import is_serial
from k4a_ros.cameras.simulated.camera import SimulatedCamera
from k4a_ros.cameras.simulated.faults import parse_faults
from k4a_ros.cameras.simulated.hardware import SimulatedDevice
from k4a_ros.errors import ConfigError
from k4a_ros.errors import DeviceNotFoundError
from k4a_ros.simulation.motion import CameraPath
from k4a_ros.simulation.motion import Waypoint
from k4a_ros.simulation.scene_file import default_scene
from k4a_ros.simulation.scene_file import load_scene
from k4a_ros.simulation.scene_node import MAX_DISTANCE_M
from k4a_ros.simulation.sensor import Sensor

_device = SimulatedDevice()


def open_simulated(
    config: CameraConfig, *, scene: str = '', calibration: str = '', serial: str = '',
    seed: int = 0, noise: bool = True, pose: str = '', sync_group: str = '',
    sync_cables: str = 'auto', on_control: ControlListener | None = None,
) -> SimulatedCamera:
    """
    Open a camera on the simulated device of this process.

    :param scene: scene file, '' for the default scene.
    :param calibration: factory calibration file, '' for a nominal calibration.
    :param serial: required serial number, '' for any.
    :param seed: seed of noise and delays.
    :param noise: whether depth, infrared and inertial values have errors.
    :param pose: pose in the scene, 'X Y Z ROLL PITCH YAW'; '' for that of the scene file.
    :param sync_group: name of the sync cable, '' for one that nobody else is on.
    :param sync_cables: cables in the jacks, see `k4a_ros.cameras.simulated.sync_cable.jacks_of`.
    :param on_control: called with name and value of a control that changed as a side effect.
    :raises ConfigError: the configuration is invalid.
    :raises CalibrationError: the calibration file cannot be read or used.
    :raises K4aRosError: the scene file cannot be used.
    :raises DeviceNotFoundError: the device is unplugged, or has another serial number.
    """
    problems = validate(config)
    if problems:
        raise ConfigError(*problems)
    factory = simulated_calibration(calibration)
    if serial and not is_serial(serial, factory.serial):
        raise DeviceNotFoundError(
            f'cannot open simulated camera {serial}: its calibration has the serial number '
            f'{factory.serial or "(unknown)"}; set sensor_sn to that, or leave it empty')
    world = load_scene(os.path.expanduser(scene)) if scene else default_scene()
    if pose:
        world = replace(world, camera=parse_pose(pose))
    return SimulatedCamera(
        config, factory, Sensor(world, factory, config, seed=seed, noise=noise), _device,
        source=f'in {scene or "the default scene"}', seed=seed, sync_group=sync_group,
        sync_cables=sync_cables, on_control=on_control)


def parse_pose(text: str) -> CameraPath:
    """
    Return a camera that stays where a text says.

    :param text: 'X Y Z ROLL PITCH YAW' of camera_base, meters and radians, in a world with the
        axes of REP 103.
    :raises ConfigError: it does not have six numbers within limits.
    """
    try:
        x, y, z, roll, pitch, yaw = (float(word) for word in text.split())
        valid = max(abs(x), abs(y), abs(z)) <= MAX_DISTANCE_M and max(
            abs(roll), abs(pitch), abs(yaw)) <= 2 * math.pi
    except ValueError:
        valid = False
    if not valid:
        raise ConfigError(
            f"simulation_pose is {text[:100]!r}; it must be six numbers, 'X Y Z ROLL PITCH YAW', "
            f'in meters, up to {MAX_DISTANCE_M:g}, and radians')
    return CameraPath((Waypoint(0.0, (-y, -z, x), yaw, pitch, roll),))


def simulated_calibration(path: str) -> FactoryCalibration:
    """
    Return the calibration in a file, or a nominal one if the path is empty.

    :raises CalibrationError: the file cannot be read or used; the message names it.
    """
    return read_calibration(path) if path else FactoryCalibration.from_raw(nominal_calibration())


def inject_faults(text: str, role: WiredSyncMode) -> None:
    """
    Inject faults into the simulated device of this process, whether or not a camera is open.

    :param text: see `k4a_ros.cameras.simulated.faults`.
    :param role: wired sync mode of the camera.
    :raises ConfigError: a fault is invalid or has no effect; then none is applied.
    """
    for fault in parse_faults(text, role):
        _device.inject(fault)
