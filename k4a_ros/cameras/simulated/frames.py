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

"""Render the captures of a simulated camera by their number, without regard to real time."""

from __future__ import annotations

import math
from typing import Protocol

from k4a_ros.camera_config import CameraConfig
from k4a_ros.cameras.controls import ColorControls
from k4a_ros.cameras.simulated.color_signal import ColorSignal
from k4a_ros.cameras.simulated.color_signal import encode
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.capture import ImuSamples
import numpy as np
import numpy.typing as npt

#: inertial samples arrive in bursts of this length, microseconds
IMU_BURST_US = 8_000

#: the device clock ticks at 90 kHz; timestamps are whole ticks, truncated to microseconds
_TICKS_PER_SECOND = 90_000
#: frame periods from the start of the clock to the first frame
_FIRST_FRAME = 2
#: temperature at the start and when warm, degrees Celsius, and time constant of the warm-up
_COLD_C, _WARM_C, _WARM_UP_S = 31.0, 41.0, 400.0


class SensorLike(Protocol):
    """The part of `k4a_ros.simulation.sensor.Sensor` that a simulated camera uses."""

    def depth_and_ir(
        self, device_us: int,
    ) -> tuple[npt.NDArray[np.uint16] | None, npt.NDArray[np.uint16] | None]:
        """Return the depth and infrared images at a time."""

    def color(self, device_us: int, exposure_us: float = 0.0) -> npt.NDArray[np.uint8]:
        """Return the color image at a time."""

    def imu(self, from_us: int, to_us: int) -> ImuSamples:
        """Return the inertial samples with from_us <= t < to_us."""


class FrameRenderer:
    """
    Renders captures by number, and computes when they are taken.

    Times are microseconds since the start of the device clock. Depth and infrared depend on the
    number only; color also depends on the controls, and on earlier frames while an automatic mode
    has not settled. Not thread-safe.

    :param sensor: renders the scene.
    :param controls: controls of the color camera.
    """

    def __init__(
        self, config: CameraConfig, sensor: SensorLike, controls: ColorControls,
    ) -> None:
        self._config = config
        self._sensor = sensor
        self._signal = ColorSignal(controls, config.period_us)
        self._ticks_per_frame = _TICKS_PER_SECOND // config.fps
        self._depth_delay_us = config.depth_delay_off_color_usec

    def color_us(self, number: int) -> int:
        """Return the center of exposure of the color image."""
        return self.pulse_us(number) + self._config.subordinate_delay_off_master_usec

    def pulse_us(self, number: int) -> int:
        """Return the sync pulse of a capture: the center of the master's color exposure."""
        return (number + _FIRST_FRAME) * self._ticks_per_frame * 100 // 9

    def pulse_after(self, elapsed_us: float) -> int:
        """Return the number of the first capture whose pulse is not before a time."""
        period = 1e6 * self._ticks_per_frame / _TICKS_PER_SECOND
        return math.ceil(elapsed_us / period) - _FIRST_FRAME

    def depth_us(self, number: int) -> int:
        """Return the center of exposure of the depth and infrared images."""
        return self.color_us(number) + self._depth_delay_us

    def complete_us(self, number: int) -> int:
        """Return the time of the last image of a capture."""
        return self.color_us(number) + max(0, self._depth_delay_us)

    def number_at(self, elapsed_us: float) -> int:
        """Return the number of the last capture complete at a time; -1 before the first."""
        offset = self._config.subordinate_delay_off_master_usec + max(0, self._depth_delay_us)
        period = 1e6 * self._ticks_per_frame / _TICKS_PER_SECOND
        return max(-1, math.floor((elapsed_us - offset) / period) - _FIRST_FRAME)

    def capture(self, number: int) -> Capture:
        """Return a capture; ``device_us`` of its images is the time since the clock's start."""
        depth = ir = color = None
        if self._config.ir:
            when = self.depth_us(number)
            depth_data, ir_data = self._sensor.depth_and_ir(when)
            depth = Image(depth_data, when) if depth_data is not None else None
            ir = Image(ir_data, when) if ir_data is not None else None
        if self._config.color:
            color = self._color(self.color_us(number))
        return Capture(depth, ir, color, temperature=temperature(self.color_us(number)))

    def _color(self, when: int) -> Image:
        signal = self._signal
        exposure, kelvin, iso = signal.exposure_us(), signal.white_balance(), signal.iso_speed()
        picture = signal.process(self._sensor.color(when, exposure), when)
        return Image(encode(picture, self._config.color_format), when, exposure_us=exposure,
                     white_balance=kelvin, iso_speed=iso)

    def imu(self, burst: int) -> ImuSamples:
        """Return a burst of inertial samples by its number, counted from 0."""
        return self._sensor.imu(burst * IMU_BURST_US, (burst + 1) * IMU_BURST_US)


def temperature(elapsed_us: int) -> float:
    """Return the temperature, degrees Celsius, of a camera that started this long ago."""
    return _WARM_C - (_WARM_C - _COLD_C) * math.exp(-elapsed_us * 1e-6 / _WARM_UP_S)
