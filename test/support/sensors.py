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


"""A sensor for simulated cameras without rendering time, whose images encode their time."""

from __future__ import annotations

from k4a_ros.camera_config import CameraConfig
from k4a_ros.capture import ImuSamples
import numpy as np

GRAY = 115


class PlainSensor:
    """
    Returns uniform images: depth and infrared are the time in milliseconds, color is gray.

    :param picture: color image to return instead of gray.
    """

    def __init__(self, config: CameraConfig, picture: np.ndarray | None = None) -> None:
        self._config = config
        self.picture = picture
        self.calls: list[str] = []

    def depth_and_ir(self, device_us: int) -> tuple[np.ndarray | None, np.ndarray | None]:
        self.calls.append('depth')
        width, height = self._config.depth_mode.size
        image = np.full((height, width), device_us // 1000 % 65536, np.uint16)
        return (image if self._config.depth_mode.has_depth else None), image

    def color(self, device_us: int, exposure_us: float = 0.0) -> np.ndarray:
        self.calls.append('color')
        width, height = self._config.color_resolution.size
        if self.picture is not None:
            return self.picture
        return np.full((height, width, 3), GRAY, np.uint8)

    def imu(self, from_us: int, to_us: int) -> ImuSamples:
        first, last = -(-from_us * 100 // 60024), -(-to_us * 100 // 60024)
        times = np.arange(first, last, dtype=np.int64) * 60024 // 100
        values = np.repeat(times[:, None], 3, axis=1).astype(np.float32)
        return ImuSamples(values, times, values, times, np.full(len(times), 30, np.float32))
