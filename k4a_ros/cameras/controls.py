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
The controls of the color camera, as the hardware has them.

Ranges, steps and defaults, and the two exposure tables, are those of the Azure Kinect Sensor SDK
(tests/ColorTests and src/color/color_priv.h). The names are those of the driver's parameters.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
import math
import threading

from k4a_ros.errors import ConfigError

#: lengths of exposure that the sensor has, microseconds, by the frequency of the mains
EXPOSURES = {
    50: (500, 1250, 2500, 10000, 20000, 30000, 40000, 50000, 60000, 80000, 100000, 120000,
         130000),
    60: (500, 1250, 2500, 8330, 16670, 33330, 41670, 50000, 66670, 83330, 100000, 116670,
         133330),
}


@dataclass(frozen=True)
class ControlRange:
    """
    What a control can be set to; of a switch, 0 and 1 stand for False and True.

    ``auto`` names the switch that makes the camera choose the value itself, '' if there is none.
    """

    minimum: int
    maximum: int
    step: int
    default: int
    auto: str = ''
    switch: bool = False


def _switch(default: int) -> ControlRange:
    return ControlRange(0, 1, 1, default, switch=True)


#: the controls of the Azure Kinect with color firmware 1.6.107 or later
CONTROLS: Mapping[str, ControlRange] = {
    'exposure_auto': _switch(1),
    'exposure_time_us': ControlRange(500, 133330, 100, 33330, auto='exposure_auto'),
    'whitebalance_auto': _switch(1),
    'whitebalance': ControlRange(2500, 12500, 10, 4500, auto='whitebalance_auto'),
    'brightness': ControlRange(0, 255, 1, 128),
    'contrast': ControlRange(0, 10, 1, 5),
    'saturation': ControlRange(0, 63, 1, 32),
    'sharpness': ControlRange(0, 4, 1, 2),
    'gain': ControlRange(0, 255, 1, 128),
    'backlight_compensation': _switch(0),
    'powerline_frequency': ControlRange(50, 60, 10, 60),
}


class ColorControls:
    """
    The controls' values; a camera keeps them while it is plugged in, whoever opens it.

    May be used by several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._values = {name: rule.default for name, rule in CONTROLS.items()}

    def limits(self, name: str) -> ControlRange:
        """
        Return what a control can be set to now.

        :raises ConfigError: there is no such control.
        """
        rule = CONTROLS.get(name)
        if rule is None:
            raise ConfigError(
                f'{name} is no control of the color camera; there are {", ".join(CONTROLS)}')
        if name == 'exposure_time_us':
            table = EXPOSURES[self._values['powerline_frequency']]
            default = 33330 if table is EXPOSURES[60] else 30000
            return ControlRange(table[0], table[-1], rule.step, default, rule.auto)
        return rule

    def __getitem__(self, name: str) -> int | bool:
        """Return the value of a control: bool for a switch."""
        rule = self.limits(name)
        return bool(self._values[name]) if rule.switch else self._values[name]

    def change(self, name: str, value: float | bool) -> dict[str, int | bool]:
        """
        Set a control as the device does.

        A length of exposure is rounded up to the next one that the sensor has, the longest being
        the limit; other values are rounded to the nearest step. Setting a value ends its
        automatic mode; changing the mains frequency changes the table of exposures.

        :return: every control that has another value now, and ``name`` in any case.
        :raises ConfigError: there is no such control, or it cannot have this value.
        """
        with self._lock:
            rule = self.limits(name)
            before = dict(self._values)
            number = _number(name, rule, value)
            if name == 'exposure_time_us':
                number = exposure_at_least(number, before['powerline_frequency'])
            elif name == 'powerline_frequency':
                old, new = EXPOSURES[before[name]], EXPOSURES[number]
                self._values['exposure_time_us'] = new[old.index(before['exposure_time_us'])]
            self._values[name] = number
            if rule.auto:
                self._values[rule.auto] = 0
            return {key: self[key] for key, was in before.items()
                    if was != self._values[key] or key == name}

    def choose(self, name: str, value: int) -> None:
        """Take a value that the automatic mode of a control has chosen, if it still is on."""
        with self._lock:
            if not self._values[CONTROLS[name].auto]:
                return
            if name == 'exposure_time_us':
                value = exposure_at_least(value, self._values['powerline_frequency'])
            self._values[name] = value


def exposure_at_least(wanted_us: float, mains: int) -> int:
    """Return the shortest exposure of at least this length, or the longest there is."""
    table = EXPOSURES[mains]
    return table[min(bisect_left(table, wanted_us), len(table) - 1)]


def exposure_nearest(wanted_us: float, mains: int, limit_us: float) -> int:
    """Return the exposure of the nearest ratio among those up to a limit (or the shortest)."""
    table = [us for us in EXPOSURES[mains] if us <= limit_us] or [EXPOSURES[mains][0]]
    return min(table, key=lambda us: abs(math.log(us / wanted_us)))


def _number(name: str, rule: ControlRange, value: float | bool) -> int:
    """Return a value in the range and on a step; of lengths of exposure, any above 0."""
    if rule.switch:
        if not isinstance(value, bool):
            raise ConfigError(f'{name} is {value!r}; it must be true or false')
        return int(value)
    if isinstance(value, bool) or not math.isfinite(value):
        raise ConfigError(f'{name} is {value!r}; it must be a number')
    if name == 'exposure_time_us' and value > 0:
        return math.ceil(value)
    if not rule.minimum <= value <= rule.maximum:
        raise ConfigError(
            f'{name} is {value:g}; it must be between {rule.minimum} and {rule.maximum}')
    return rule.minimum + round((value - rule.minimum) / rule.step) * rule.step
