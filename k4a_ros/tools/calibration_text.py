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

"""The factory calibration of a camera as JSON-compatible values and as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.lens import Intrinsics


def describe_calibration(
    calibration: FactoryCalibration, lenses: Mapping[str, Intrinsics],
) -> dict[str, Any]:
    """
    Return positions and intrinsics as JSON-compatible values.

    :param lenses: those to describe, by name.
    """
    return {
        'made': calibration.factory_date,
        'color_in_depth_m': calibration.depth_to_color.inverse().translation.tolist(),
        'imu_in_depth_m': calibration.depth_to_accel.inverse().translation.tolist(),
        'lenses': {name: {'size': [lens.width, lens.height], 'fx': lens.fx, 'fy': lens.fy,
                          'cx': lens.cx, 'cy': lens.cy} for name, lens in lenses.items()}}


def calibration_lines(calibration: Mapping[str, Any]) -> list[str]:
    """Return the result of `describe_calibration` as human-readable lines."""
    lines = [
        f'  calibration  date: {calibration["made"] or "unknown"}; in the frame of the depth '
        'camera (x right, y down, z forward), the color camera is at '
        f'({_millimeters(calibration["color_in_depth_m"])}) mm and the IMU at '
        f'({_millimeters(calibration["imu_in_depth_m"])}) mm']
    for name, lens in calibration['lenses'].items():
        width, height = lens['size']
        lines.append(f'    {name:22} {width:4} x {height:4}  f {lens["fx"]:7.2f} {lens["fy"]:7.2f}'
                     f'  c {lens["cx"]:7.2f} {lens["cy"]:7.2f}')
    return lines


def _millimeters(position_m: list[float]) -> str:
    return ', '.join(f'{1000 * value:.1f}' for value in position_m)
