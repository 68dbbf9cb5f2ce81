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
Controls of the color camera: ranges, exposure times and validation.

Ranges, steps, defaults and both tables of exposure times are those of the Azure Kinect Sensor SDK
(tests/ColorTests and src/color/color_priv.h). Control names are the parameter names of the driver.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
import math
import threading

from k4a_ros.errors import ConfigError

#: powerline frequency, Hz -> exposure times that the sensor supports, microseconds, ascending
EXPOSURES = {
    50: (500, 1250, 2500, 10000, 20000, 30000, 40000, 50000, 60000, 80000, 100000, 120000,
         130000),
    60: (500, 1250, 2500, 8330, 16670, 33330, 41670, 50000, 66670, 83330, 100000, 116670,
         133330),
}


@dataclass(frozen=True)
class ControlRange:
    """
    Range of values of a control.

    ``auto`` names the control that switches the automatic mode on, empty if there is none.
    ``switch``: the control is boolean; 0 stands for False and 1 for True.
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
    Values of the controls of a color camera without hardware; thread-safe.

    As in the device, they persist while the camera is closed.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._values = {name: limits.default for name, limits in CONTROLS.items()}

    def limits(self, name: str) -> ControlRange:
        """
        Return the current range of a control.

        :raises ConfigError: there is no such control.
        """
        limits = CONTROLS.get(name)
        if limits is None:
            raise ConfigError(
                f'the color camera has no control {name}; it has {", ".join(CONTROLS)}')
        if name == 'exposure_time_us':
            exposures = EXPOSURES[self._values['powerline_frequency']]
            default = 33330 if exposures is EXPOSURES[60] else 30000
            return ControlRange(exposures[0], exposures[-1], limits.step, default, limits.auto)
        return limits

    def __getitem__(self, name: str) -> int | bool:
        """Return the value of a control; bool if it is a switch."""
        return bool(self._values[name]) if self.limits(name).switch else self._values[name]

    def change(self, name: str, value: float | bool) -> dict[str, int | bool]:
        """
        Set a control, with the side effects that the device has.

        Exposure times are rounded up to the next one that the sensor supports, and clipped to the
        longest; other values are rounded to the nearest step. Setting a value disables its
        automatic mode; setting the powerline frequency selects the table of exposure times.

        :return: the new values of all controls that changed, and of ``name`` in any case.
        :raises ConfigError: there is no such control, or it cannot have this value.
        """
        with self._lock:
            limits = self.limits(name)
            before = dict(self._values)
            if (name == 'exposure_time_us' and not isinstance(value, bool)
                    and 0 < value < math.inf):
                value = min(max(value, limits.minimum), limits.maximum)
            number = checked_control(name, limits, value)
            if name == 'exposure_time_us':
                number = exposure_at_least(number, before['powerline_frequency'])
            elif name == 'powerline_frequency':
                old, new = EXPOSURES[before[name]], EXPOSURES[number]
                self._values['exposure_time_us'] = new[old.index(before['exposure_time_us'])]
            self._values[name] = number
            if limits.auto:
                self._values[limits.auto] = 0
            return {other: self[other] for other, old_value in before.items()
                    if old_value != self._values[other] or other == name}

    def apply_automatic(self, name: str, value: int) -> None:
        """Set a control on behalf of its automatic mode; no-op if that mode is disabled."""
        with self._lock:
            if not self._values[CONTROLS[name].auto]:
                return
            if name == 'exposure_time_us':
                value = exposure_at_least(value, self._values['powerline_frequency'])
            self._values[name] = value


def checked_control(name: str, limits: ControlRange, value: float | bool) -> int:
    """
    Validate the value of a control, and round it as its range requires.

    :return: 0 or 1 for a switch; exposure times rounded up to whole microseconds, as the camera
        rounds them up to one of its table; other values rounded to the nearest step.
    :raises ConfigError: the value has the wrong type, or is out of range.
    """
    if limits.switch:
        if not isinstance(value, bool):
            raise ConfigError(f'{name} is {value!r}; it must be true or false')
        return int(value)
    if isinstance(value, bool) or not math.isfinite(value):
        raise ConfigError(f'{name} is {value!r}; it must be a number')
    if not limits.minimum <= value <= limits.maximum:
        raise ConfigError(
            f'{name} is {value:g}; it must be between {limits.minimum} and {limits.maximum}')
    if name == 'exposure_time_us':
        return math.ceil(value)
    return limits.minimum + round((value - limits.minimum) / limits.step) * limits.step


def exposure_at_least(minimum_us: float, powerline_hz: int) -> int:
    """Return the shortest exposure time that is at least this long, or else the longest one."""
    exposures = EXPOSURES[powerline_hz]
    return exposures[min(bisect_left(exposures, minimum_us), len(exposures) - 1)]


def exposure_nearest(target_us: float, powerline_hz: int, limit_us: float) -> int:
    """Return the exposure time up to a limit whose ratio to the target is closest to 1."""
    shortest = EXPOSURES[powerline_hz][0]
    exposures = [us for us in EXPOSURES[powerline_hz] if us <= limit_us] or [shortest]
    return min(exposures, key=lambda us: abs(math.log(us / target_us)))
