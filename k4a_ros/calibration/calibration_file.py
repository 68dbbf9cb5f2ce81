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

"""Files with the factory calibration of a camera."""

from __future__ import annotations

import os

from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.errors import CalibrationError
from k4a_ros.errors import FileError
from k4a_ros.process.files import read_regular

#: the calibration of an Azure Kinect has about 10 kB
_MAX_BYTES = 1 << 20


def read_calibration(path: str) -> FactoryCalibration:
    """
    Return the calibration in a file: JSON, as cameras and recordings store it.

    :param path: ``~`` is expanded.
    :raises CalibrationError: the file cannot be read or used; the message names it.
    """
    try:
        return FactoryCalibration.from_raw(read_regular(os.path.expanduser(path), _MAX_BYTES))
    except (FileError, CalibrationError) as error:
        raise CalibrationError(f'cannot read calibration {path}: {error}') from error


def check_serial(calibration: FactoryCalibration, path: str, serial: str) -> None:
    """
    Check that a calibration is that of a camera, before it replaces that of the factory.

    The lenses of two cameras differ by 2 % in focal length and by 16 pixels in the center, which
    looks plausible in every image. A calibration without serial number is accepted.

    :param path: file of the calibration.
    :param serial: of the camera; empty if it is unknown, which no calibration contradicts.
    :raises CalibrationError: the calibration is that of another camera.
    """
    theirs = calibration.serial.lstrip('0')
    if theirs and serial and theirs != serial.lstrip('0'):
        raise CalibrationError(
            f'cannot use calibration {path}: it is that of camera {calibration.serial}, but this '
            f'is camera {serial}; give the file of this camera, or remove SerialId from the file '
            'if it is')
