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


"""The controls of a real color camera: what it says it has, by the names of the parameters."""

from __future__ import annotations

from collections.abc import Mapping
import math

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
_AUTO_OF = {rule.auto: name for name, rule in CONTROLS.items() if rule.auto}
_MAINS = {1: 50, 2: 60}
#: controls whose range or value another one changes
_DEPENDS_ON_MAINS = 'exposure_time_us'


class DeviceControls:
    """
    The controls that a camera has, with the ranges that it reports; others are left out.

    Values are always the camera's: nothing is remembered except the ranges. Not for several
    threads at a time.
    """

    def __init__(self, handle: DeviceHandle) -> None:
        self._handle = handle
        self._ranges: dict[str, ControlRange] = {}
        for name in CONTROLS:
            if name in _COMMANDS:
                self._query(name)

    def _query(self, name: str) -> None:
        found = self._handle.capability(_COMMANDS[name])
        auto = CONTROLS[name].auto
        if found is None:
            return
        if auto and found.supports_auto:
            self._ranges[auto] = ControlRange(0, 1, 1, int(found.default_auto), switch=True)
        else:
            auto = ''
        self._ranges[name] = _range(name, found, auto)

    def ranges(self) -> Mapping[str, ControlRange]:
        """Return the controls by name, in the order of CONTROLS."""
        return {name: self._ranges[name] for name in CONTROLS if name in self._ranges}

    def get(self, name: str) -> int | bool:
        """
        Return the value of a control.

        :raises ConfigError: there is none of this name, or it cannot be read.
        """
        rule = self._rule(name)
        try:
            value, auto = self._handle.control(_COMMANDS[_AUTO_OF.get(name, name)])
        except CameraError as error:
            raise ConfigError(f'{name} cannot be read from the camera: {error}') from error
        if name in _AUTO_OF:
            return auto
        if name == 'powerline_frequency':
            return _MAINS.get(value, value)
        return bool(value) if rule.switch else value

    def change(self, name: str, value: float | bool) -> dict[str, int | bool]:
        """
        Set a control; a value that has an automatic mode ends it.

        :return: the values that the camera now has of this control and of those that change
            with it.
        :raises ConfigError: there is none of this name, it cannot have this value, or the camera
            refuses it.
        """
        rule = self._rule(name)
        number = _number(name, rule, value)
        command = _COMMANDS[_AUTO_OF.get(name, name)]
        try:
            if name in _AUTO_OF:
                # to go on by hand with what the camera has chosen
                current, _ = self._handle.control(command)
                self._handle.set_control(command, current, auto=bool(number))
            elif name == 'powerline_frequency':
                self._handle.set_control(command, 1 if number == 50 else 2, auto=False)
                self._query(_DEPENDS_ON_MAINS)
            else:
                self._handle.set_control(command, number, auto=False)
        except CameraError as error:
            raise ConfigError(
                f'{name} is {value!r}, which the camera refuses: {error}') from error
        related = (name, rule.auto, _AUTO_OF.get(name, ''),
                   _DEPENDS_ON_MAINS if name == 'powerline_frequency' else '')
        return {other: self.get(other) for other in related if other in self._ranges}

    def _rule(self, name: str) -> ControlRange:
        if name not in self._ranges:
            raise ConfigError(
                f'{name} is no control of this camera; it has {", ".join(self.ranges())}')
        return self._ranges[name]


def _range(name: str, found: Capability, auto: str) -> ControlRange:
    if name == 'powerline_frequency':
        return ControlRange(50, 60, 10, _MAINS.get(found.default, 60))
    return ControlRange(found.minimum, found.maximum, found.step, found.default, auto,
                        switch=CONTROLS[name].switch)


def _number(name: str, rule: ControlRange, value: float | bool) -> int:
    """Return a value in the range and on a step, or raise ConfigError."""
    if rule.switch:
        if not isinstance(value, bool):
            raise ConfigError(f'{name} is {value!r}; it must be true or false')
        return int(value)
    if isinstance(value, bool) or not math.isfinite(value):
        raise ConfigError(f'{name} is {value!r}; it must be a number')
    if not rule.minimum <= value <= rule.maximum:
        raise ConfigError(
            f'{name} is {value:g}; it must be between {rule.minimum} and {rule.maximum}')
    if name == _DEPENDS_ON_MAINS:
        return math.ceil(value)  # the camera rounds it up to an exposure that it has
    return rule.minimum + round((value - rule.minimum) / rule.step) * rule.step
