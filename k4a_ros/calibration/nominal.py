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
A calibration of our own making, for a camera that does not exist.

For simulated cameras, tests and demonstrations. The layout is that of a factory calibration, and
libk4a accepts it; the numbers are not any device's. They were chosen, and rounded, to give what
Microsoft's hardware specification promises of every device: fields of view of 75°x65° (NFOV),
120°x120° (WFOV), 90°x59° and 90°x74° (color, 16:9 and 4:3), a distance of 32 mm between the two
cameras and a tilt of 6° between them. The lenses distort about as much as real ones do, so that
code which forgets about distortion is found out.
"""

from __future__ import annotations

import json
import math
from typing import Any

_TILT = math.radians(6.0)

#: fractions of the sensor's width and height, distortion k1..k6, its center, then p2 before p1
_DEPTH_LENS = (
    0.505, 0.51, 0.4925, 0.4925, 0.5, 0.01, -0.001, 0.93, 0.06, -0.002, 0.0, 0.0, -6e-5, 9e-5)
_COLOR_LENS = (
    0.4975, 0.504, 0.485, 0.6465, 0.12, -0.1, 0.03, 0.05, -0.04, 0.01, 0.0, 0.0, -2e-4, 3e-4)

#: σ of the inertial sensors, rad/s and m/s²
_GYRO_NOISE = 0.001
_ACCEL_NOISE = 0.01


def nominal_calibration(serial: str = '000000000000') -> bytes:
    """
    Return the calibration as a camera would: JSON with a NUL at its end.

    :param serial: what it says the camera's serial number is.
    """
    c, s = math.cos(_TILT), math.sin(_TILT)
    identity = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    # the depth camera looks down by the tilt, as seen from the color camera and from the IMU,
    # whose axes point backward, left and down
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
            _inertial_sensor('Gyro', _GYRO_NOISE, _pose(to_imu, (0.0, 0.0, 0.0))),
            _inertial_sensor('Accelerometer', _ACCEL_NOISE,
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
    """Return a transform from the depth camera's frame, meters."""
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
    """Return the entry of one inertial sensor, which needs no correction."""
    # a cubic polynomial of the temperature for each element of a unit matrix
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
