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

"""Parameter constraints and their validation (no ROS)."""

from __future__ import annotations

from dataclasses import dataclass
import difflib
import enum
import math

from k4a_ros.errors import ConfigError

Value = bool | int | float | str

_TYPE_NAMES = {bool: 'true or false', int: 'an integer', float: 'a number', str: 'a string'}


class LiveTarget(enum.Enum):
    """The subsystem that receives a new value of a live parameter."""

    CAMERA = 'camera control'
    FAULTS = 'fault injection of the simulated camera'
    INFRARED_SCALE = 'scaling factor of the infrared topics'
    BODY_SMOOTHING = 'smoothing factor of the body tracker'


class Change(enum.Enum):
    """What happens when a parameter is set while the node is configured."""

    LIVE = 'live'
    RESTART = 'restarts the streams'
    FIXED = 'fixed'


@dataclass(frozen=True)
class ParameterGroup:
    """
    A section of the parameter table and of its documents.

    :param note: one or more sentences that apply to the whole group; may be empty.
    :param restarts: whether setting its parameters restarts the streams, unless they are live.
    """

    title: str
    note: str = ''
    restarts: bool = False


@dataclass(frozen=True)
class ParameterSpec:
    """
    Type, default, constraints and description of one parameter.

    :param choices: allowed values as users type them, also those of a number; empty for any.
    :param minimum: smallest allowed value, inclusive, as is ``maximum``.
    :param target: subsystem that receives new values at runtime; None if the parameter is not
        live.
    :param digits: whether this is a string that users may type as a bare number (a serial number).
    :param cameras: kinds of camera that the parameter has an effect on; empty for all.
    """

    name: str
    kind: type
    default: Value
    description: str
    group: ParameterGroup
    unit: str = ''
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    target: LiveTarget | None = None
    digits: bool = False
    cameras: tuple[str, ...] = ()

    @property
    def change(self) -> Change:
        """Return what happens when the parameter is set while the node is configured."""
        if self.target is not None:
            return Change.LIVE
        return Change.RESTART if self.group.restarts else Change.FIXED

    @property
    def allowed(self) -> str:
        """Return the allowed values, such as ``png, rvl`` or ``0 to 20 m``; empty for any."""
        if self.choices:
            return ', '.join(self.choices)
        return self._range('to') if self.minimum is not None else ''

    def check(self, value: object) -> Value:
        """
        Return the value, converted to the type of the parameter.

        :raises ConfigError: the value has a wrong type, is out of range or not among the choices.
        """
        result = self._converted(value)
        if result is None:
            raise ConfigError(f'{self.name} is {value!r}; it must be {_TYPE_NAMES[self.kind]}')
        if self.choices and str(result) not in self.choices:
            near = difflib.get_close_matches(str(result), self.choices, n=1, cutoff=0.5)
            hint = f' (did you mean {near[0]}?)' if near else ''
            raise ConfigError(f'{self.name} is {result!r}; it must be one of '
                              f'{", ".join(self.choices)}{hint}')
        if self.minimum is not None and self.maximum is not None and (
                isinstance(result, str) or not self.minimum <= result <= self.maximum):
            raise ConfigError(
                f'{self.name} is {result}; it must be between {self._range("and")}')
        return result

    def _range(self, conjunction: str) -> str:
        """Return the range as text: minimum, conjunction, maximum, unit."""
        limits = f'{self.minimum:.10g} {conjunction} {self.maximum:.10g}'
        return f'{limits} {self.unit}' if self.unit else limits

    def _converted(self, value: object) -> Value | None:
        """Return the value in the type of the parameter, None if it cannot be converted."""
        if self.kind is bool:
            return value if isinstance(value, bool) else None
        if isinstance(value, bool):
            return None
        if self.kind is int:
            return value if isinstance(value, int) else None
        if self.kind is float:
            finite = isinstance(value, int | float) and math.isfinite(value)
            return float(value) if finite else None  # type: ignore[arg-type]
        if isinstance(value, str):
            return value
        if self.digits and isinstance(value, int | float) and value >= 0 and value % 1 == 0:
            return str(int(value))
        return None
