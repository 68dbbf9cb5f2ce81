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

"""Controls of a physical color camera, with the ranges that it reports, by parameter name."""

from __future__ import annotations

from collections.abc import Mapping

from k4a_ros.cameras.controls import checked_control
from k4a_ros.cameras.controls import ControlRange
from k4a_ros.cameras.controls import CONTROLS
from k4a_ros.cameras.device.handle import Capability
from k4a_ros.cameras.device.handle import DeviceHandle
from k4a_ros.errors import CameraError
from k4a_ros.errors import ConfigError

#: parameter -> k4a_color_control_command_t
_COMMANDS = {
    'exposure_time_us': 0, 'brightness': 2, 'contrast': 3, 'saturation': 4, 'sharpness': 5,
    'whitebalance': 6, 'backlight_compensation': 7, 'gain': 8, 'powerline_frequency': 9,
}
#: parameter of an automatic mode -> parameter that this mode controls
_VALUE_OF_MODE = {limits.auto: name for name, limits in CONTROLS.items() if limits.auto}
#: value of the powerline control in the SDK -> Hz
_POWERLINE_HZ = {1: 50, 2: 60}


class DeviceControls:
    """
    Controls that a camera reports; controls that it does not have are omitted.

    Values are always read from the camera, only the ranges are cached. Not thread-safe.
    """

    def __init__(self, handle: DeviceHandle) -> None:
        self._handle = handle
        self._ranges: dict[str, ControlRange] = {}
        for name in CONTROLS:
            if name in _COMMANDS:
                self._query_range(name)

    def _query_range(self, name: str) -> None:
        capability = self._handle.capability(_COMMANDS[name])
        auto = CONTROLS[name].auto
        if capability is None:
            return
        if auto and capability.supports_auto:
            self._ranges[auto] = ControlRange(
                0, 1, 1, int(capability.default_auto), switch=True)
        else:
            auto = ''
        self._ranges[name] = _range(name, capability, auto)

    def ranges(self) -> Mapping[str, ControlRange]:
        """Return the ranges by name, in the order of CONTROLS."""
        return {name: self._ranges[name] for name in CONTROLS if name in self._ranges}

    def get(self, name: str) -> int | bool:
        """
        Return the value of a control.

        :raises ConfigError: the camera has no such control, or it cannot be read.
        """
        limits = self._limits(name)
        try:
            value, auto = self._handle.control(_COMMANDS[_VALUE_OF_MODE.get(name, name)])
        except CameraError as error:
            raise ConfigError(f'cannot read {name} from the camera: {error}') from error
        if name in _VALUE_OF_MODE:
            return auto
        if name == 'powerline_frequency':
            return _POWERLINE_HZ.get(value, value)
        return bool(value) if limits.switch else value

    def change(self, name: str, value: float | bool) -> dict[str, int | bool]:
        """
        Set a control; setting a value disables its automatic mode.

        :return: the resulting values of this control and of those that it affects.
        :raises ConfigError: the camera has no such control, the value is invalid, or the camera
            rejects it.
        """
        limits = self._limits(name)
        number = checked_control(name, limits, value)
        command = _COMMANDS[_VALUE_OF_MODE.get(name, name)]
        try:
            if name in _VALUE_OF_MODE:
                # a disabled automatic mode leaves the value that it has chosen
                current, _ = self._handle.control(command)
                self._handle.set_control(command, current, auto=bool(number))
            elif name == 'powerline_frequency':
                self._handle.set_control(command, 1 if number == 50 else 2, auto=False)
                self._query_range('exposure_time_us')
            else:
                self._handle.set_control(command, number, auto=False)
        except CameraError as error:
            raise ConfigError(
                f'{name} is {value!r}, which the camera rejects: {error}') from error
        affected = (name, limits.auto, _VALUE_OF_MODE.get(name, ''),
                    'exposure_time_us' if name == 'powerline_frequency' else '')
        return {other: self.get(other) for other in affected if other in self._ranges}

    def _limits(self, name: str) -> ControlRange:
        if name not in self._ranges:
            raise ConfigError(
                f'this camera has no control {name}; it has {", ".join(self.ranges())}')
        return self._ranges[name]


def _range(name: str, capability: Capability, auto: str) -> ControlRange:
    if name == 'powerline_frequency':
        return ControlRange(50, 60, 10, _POWERLINE_HZ.get(capability.default, 60))
    return ControlRange(
        capability.minimum, capability.maximum, capability.step, capability.default, auto,
        switch=CONTROLS[name].switch)
