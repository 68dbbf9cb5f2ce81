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

"""Factory calibrations with another lens, for programs that read the JSON of the camera."""

from __future__ import annotations

import json

from k4a_ros.calibration.lens import Intrinsics


def with_lens(
    raw: bytes, location: str, sensor: tuple[int, int], stored: tuple[int, int],
    crop: tuple[int, int], lens: Intrinsics,
) -> bytes:
    """
    Return a factory calibration with the lens of one camera replaced.

    The stored lens gives ``lens`` in its mode, to the rounding of single precision; what it gives
    in other modes follows from their positions on the sensor.

    :param raw: JSON, as `FactoryCalibration.raw`.
    :param location: of the camera: D0 or PV0.
    :param sensor: width and height of the full sensor, pixels of the mode.
    :param stored: the same as the calibration has it.
    :param crop: x and y of the image's top left pixel on the sensor.
    :param lens: with the model 'brown_conrady'.
    """
    root = json.loads(raw)
    camera = next(camera for camera in root['CalibrationInformation']['Cameras']
                  if camera['Location'] == f'CALIBRATION_CameraLocation{location}')
    # (0, 0) is the corner of the top left pixel for the factory, and its center for the SDK
    cx, cy = ((center + origin + 0.5) / length for center, origin, length in zip(
        (lens.cx, lens.cy), crop, sensor, strict=True))
    camera['Intrinsics'] |= {
        'ModelType': 'CALIBRATION_LensDistortionModelBrownConrady',
        'ModelParameterCount': 14,
        'ModelParameters': [
            cx, cy, lens.fx / sensor[0], lens.fy / sensor[1], lens.k1, lens.k2, lens.k3, lens.k4,
            lens.k5, lens.k6, lens.codx, lens.cody, lens.p2, lens.p1]}
    camera['MetricRadius'] = lens.metric_radius
    camera['SensorWidth'], camera['SensorHeight'] = stored
    return json.dumps(root).encode()
