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

"""Compile the kernels of the simulated cameras, or load them from numba's cache."""

from __future__ import annotations

from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.jit.announce import warms_up
from k4a_ros.simulation.scene_file import default_scene
from k4a_ros.simulation.sensor import Sensor


@warms_up('the simulated camera')
def warm_up_simulation() -> None:
    """Render an image with each camera, so that later ones do not wait for compilation."""
    config = CameraConfig.of_modes(
        DepthMode.NFOV_2X2BINNED, ColorResolution.R720P, ColorFormat.BGRA32)
    sensor = Sensor(
        default_scene(), FactoryCalibration.from_raw(nominal_calibration()), config)
    sensor.depth_and_ir(0)
    sensor.color(0)
