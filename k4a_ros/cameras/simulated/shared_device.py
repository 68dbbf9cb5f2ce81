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


"""The simulated camera of this process, which the driver's parameters open and disturb."""

from __future__ import annotations

from pathlib import Path

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
from k4a_ros.errors import CalibrationError
from k4a_ros.errors import ConfigError
from k4a_ros.errors import DeviceNotFoundError
from k4a_ros.simulation.scene_file import default_scene
from k4a_ros.simulation.scene_file import load_scene
from k4a_ros.simulation.sensor import Sensor

#: the device that the driver's parameter camera:=simulated opens
_device = SimulatedDevice()


def open_simulated(
    config: CameraConfig, *, scene: str = '', calibration: str = '', serial: str = '',
    seed: int = 0, noise: bool = True, on_control: ControlListener | None = None,
) -> SimulatedCamera:
    """
    Open the simulated camera of this process; its controls and faults stay when it is closed.

    :param scene: file of a scene, '' for the default one.
    :param calibration: file of a factory calibration, '' for a nominal one.
    :param serial: serial number that it must have, '' for any.
    :param on_control: called with name and value of a control that another one has changed.
    :raises ConfigError: no camera can stream this.
    :raises CalibrationError: the calibration cannot be read or used.
    :raises K4aRosError: the scene cannot be used.
    :raises DeviceNotFoundError: it is unplugged, or has another serial number.
    """
    found = validate(config)
    if found:
        raise ConfigError(*found)
    factory = read_calibration(calibration)
    if serial and not is_serial(serial, factory.serial):
        raise DeviceNotFoundError(
            f'the simulated camera is {factory.serial or "(unknown)"}, not {serial}; give the '
            'serial number of its calibration, or none')
    world = load_scene(Path(scene).expanduser()) if scene else default_scene()
    return SimulatedCamera(
        config, factory, Sensor(world, factory, config, seed=seed, noise=noise), _device,
        source=f'in {scene or "the default scene"}', seed=seed, on_control=on_control)


def read_calibration(path: str) -> FactoryCalibration:
    """
    Return the calibration in a file, or the nominal one if the path is empty.

    :raises CalibrationError: the file cannot be read or used; names it.
    """
    if not path:
        return FactoryCalibration.from_raw(nominal_calibration())
    try:
        return FactoryCalibration.from_raw(Path(path).expanduser().read_bytes())
    except (OSError, CalibrationError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise CalibrationError(f'cannot read calibration {path}: {reason}') from error


def inject_faults(text: str, role: WiredSyncMode) -> None:
    """
    Let the simulated camera of this process have faults, be it open, lost or closed.

    :param text: as `k4a_ros.cameras.simulated.faults` tells.
    :param role: of the camera.
    :raises ConfigError: a fault is not understood, or has no effect; then none is had.
    """
    for fault in parse_faults(text, role):
        _device.inject(fault)
