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
Nominal calibration, for simulated cameras, tests and demonstrations.

It has the layout of a factory calibration and libk4a accepts it, but it is not a measurement of
any device. Its rounded values give what Microsoft's hardware specification states for every
device: fields of view of 75°x65° (NFOV), 120°x120° (WFOV), 90°x59° and 90°x74° (color, 16:9 and
4:3), 32 mm and 6° of tilt between the two cameras. The lenses distort about as much as real ones,
so that code which ignores distortion fails visibly.
"""

from __future__ import annotations

import json
import math
from typing import Any

_TILT_RAD = math.radians(6.0)

#: cx, cy, fx, fy (fractions of the sensor's size), k1 to k6, codx, cody, p2, p1
_DEPTH_LENS = (
    0.505, 0.51, 0.4925, 0.4925, 0.5, 0.01, -0.001, 0.93, 0.06, -0.002, 0.0, 0.0, -6e-5, 9e-5)
_COLOR_LENS = (
    0.4975, 0.504, 0.485, 0.6465, 0.12, -0.1, 0.03, 0.05, -0.04, 0.01, 0.0, 0.0, -2e-4, 3e-4)

#: standard deviation of one sample
_GYRO_SIGMA_RAD_S = 0.001
_ACCEL_SIGMA_M_S2 = 0.01


def nominal_calibration(serial: str = '000000000000') -> bytes:
    """
    Return the calibration as a camera stores it: JSON, terminated by NUL.

    :param serial: serial number of the camera.
    """
    c, s = math.cos(_TILT_RAD), math.sin(_TILT_RAD)
    identity = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    # relative to the color camera and the IMU, the depth camera is pitched down by the tilt; the
    # IMU's axes point backward, left and down
    to_color = (1.0, 0.0, 0.0, 0.0, c, s, 0.0, -s, c)
    to_imu = (0.0, s, -c, -1.0, 0.0, 0.0, 0.0, c, s)
    return json.dumps({'CalibrationInformation': {
        'Cameras': [
            _camera('D0', 'Depth', (1024, 1024), _DEPTH_LENS, 1.75,
                    _pose(identity, (0.0, 0.0, 0.0))),
            _camera('PV0', 'PhotoVideo', (4096, 3072), _COLOR_LENS, 1.6,
                    _pose(to_color, (-0.032, -0.002, 0.004))),
        ],
        'InertialSensors': [
            _inertial_sensor('Gyro', _GYRO_SIGMA_RAD_S, _pose(to_imu, (0.0, 0.0, 0.0))),
            _inertial_sensor('Accelerometer', _ACCEL_SIGMA_M_S2,
                             _pose(to_imu, (-0.05, 0.003, 0.002))),
        ],
        'Metadata': {
            'SerialId': serial,
            'FactoryCalDate': '1/1/2020 12:00:00 PM GMT',
            'Version': {'Major': 1, 'Minor': 2},
            'DeviceName': 'k4a_ros nominal',
            'Notes': 'Not a device: nominal values',
        },
    }}).encode() + b'\0'


def _pose(rotation: tuple[float, ...], translation: tuple[float, ...]) -> dict[str, Any]:
    """Return the entry of a transform from the depth camera's frame to a sensor's, meters."""
    return {'Rotation': rotation, 'Translation': translation}


def _camera(
    location: str, purpose: str, size: tuple[int, int], lens: tuple[float, ...],
    metric_radius: float, pose: dict[str, Any],
) -> dict[str, Any]:
    """Return the entry of one camera."""
    return {
        'Intrinsics': {
            'ModelParameterCount': len(lens),
            'ModelParameters': lens,
            'ModelType': 'CALIBRATION_LensDistortionModelBrownConrady',
        },
        'Location': f'CALIBRATION_CameraLocation{location}',
        'Purpose': f'CALIBRATION_CameraPurpose{purpose}',
        'MetricRadius': metric_radius,
        'Rt': pose,
        'SensorHeight': size[1],
        'SensorWidth': size[0],
        'Shutter': 'CALIBRATION_ShutterTypeUndefined',
        'ThermalAdjustmentParams': {'Params': [0.0] * 12},
    }


def _inertial_sensor(kind: str, noise: float, pose: dict[str, Any]) -> dict[str, Any]:
    """Return the entry of one inertial sensor, with zero bias and unit scale."""
    # each element of the identity matrix is a cubic polynomial of the temperature
    mixing = [[1.0, 0.0, 0.0, 0.0] if i % 4 == 0 else [0.0] * 4 for i in range(9)]
    return {
        'BiasTemperatureModel': [0.0] * 12,
        'BiasUncertainty': [noise / 10] * 3,
        'Id': 'CALIBRATION_InertialSensorId_LSM6DSM',
        'MixingMatrixTemperatureModel': [value for row in mixing for value in row],
        'ModelTypeMask': 16,
        'Noise': [noise] * 3 + [0.0] * 3,
        'Rt': pose,
        'SecondOrderScaling': [0.0] * 9,
        'SensorType': f'CALIBRATION_InertialSensorType_{kind}',
        'TemperatureBounds': [5, 60],
        'TemperatureC': 0,
    }
