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
import re
import reprlib

from k4a_ros.errors import ConfigError

Value = bool | int | float | str

_TYPE_NAMES = {
    bool: 'true or false', int: 'an integer', float: 'a number',
    str: 'a string; put a number in two kinds of quotes, as "\'5\'"'}
#: longest string, bytes of UTF-8, and longest path that Linux accepts
_MAX_STRING, _MAX_PATH = 1000, 4095
_short_repr = reprlib.Repr()
#: longest representation of a value in an error message, characters
_short_repr.maxstring = _short_repr.maxother = 100


class LiveTarget(enum.Enum):
    """The subsystem that receives a new value of a live parameter."""

    CAMERA = 'camera control'
    FAULTS = 'fault injection of the simulated camera'
    INFRARED_SCALE = 'scaling factor of the infrared topics'
    POINTS = 'selection of points for points2'
    DEPTH_FILTERS = 'filters of depth images'
    BODY_SMOOTHING = 'smoothing factor of the body tracker'
    RECORDER = 'options of the next recording'


class Change(enum.Enum):
    """
    What happens when a parameter is set while the node is configured.

    ``STARTUP`` parameters are fixed while it is not, too.
    """

    LIVE = 'live'
    RESTART = 'restarts the streams'
    FIXED = 'fixed'
    STARTUP = 'fixed at startup'


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
    :param path: whether this names a file that the driver loads or writes. It is fixed at startup:
        otherwise anyone in the ROS domain could make the driver load any file, even one with code,
        or fill any disk.
    :param pattern: regular expression that a string must match; '' for any string.
    :param pattern_name: description of the pattern, after "must be".
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
    path: bool = False
    pattern: str = ''
    pattern_name: str = ''
    cameras: tuple[str, ...] = ()

    @property
    def change(self) -> Change:
        """Return what happens when the parameter is set while the node is configured."""
        if self.path:
            return Change.STARTUP
        if self.target is not None:
            return Change.LIVE
        return Change.RESTART if self.group.restarts else Change.FIXED

    @property
    def allowed(self) -> str:
        """Return the allowed values, such as ``png, rvl`` or ``0 to 20 m``; empty for any."""
        if self.choices:
            return ', '.join(self.choices)
        return self._range('to') if self.minimum is not None else self.pattern_name

    def check(self, value: object) -> Value:
        """
        Return the value, converted to the type of the parameter.

        :raises ConfigError: the value has a wrong type, is out of range or not among the choices.
        """
        result = self._converted(value)
        if self.choices and str(result) not in self.choices:
            near = difflib.get_close_matches(str(value)[:50], self.choices, n=1, cutoff=0.5)
            hint = f' (did you mean {near[0]}?)' if near else ''
            raise ConfigError(f'{self.name} is {_short_repr.repr(value)}; it must be one of '
                              f'{", ".join(self.choices)}{hint}')
        if result is None:
            raise ConfigError(
                f'{self.name} is {_short_repr.repr(value)}; it must be {_TYPE_NAMES[self.kind]}')
        if isinstance(result, str):
            self._check_string(result)
        elif self.minimum is not None and self.maximum is not None and (
                not self.minimum <= result <= self.maximum):
            raise ConfigError(
                f'{self.name} is {result}; it must be between {self._range("and")}')
        return result

    def _check_string(self, value: str) -> None:
        """
        Check length and characters of a string.

        :raises ConfigError: it is too long, or has characters that it must not have.
        """
        try:
            size = len(value.encode())
        except UnicodeEncodeError:
            size = -1
        if size < 0 or '\0' in value:
            raise ConfigError(
                f'{self.name} is {_short_repr.repr(value)}; it must be text in UTF-8, without NUL')
        if size > (limit := _MAX_PATH if self.path else _MAX_STRING):
            raise ConfigError(f'{self.name} has {size} bytes; it must have at most {limit}')
        if self.pattern and not re.fullmatch(self.pattern, value):
            raise ConfigError(
                f'{self.name} is {_short_repr.repr(value)}; it must be {self.pattern_name}')

    def _range(self, conjunction: str) -> str:
        """Return the range as text: minimum, conjunction, maximum, unit."""
        limits = f'{self.minimum:.10g} {conjunction} {self.maximum:.10g}'
        return f'{limits} {self.unit}' if self.unit else limits

    def _converted(self, value: object) -> Value | None:
        """Return the value in the type of the parameter, None if it cannot be converted."""
        if self.kind is bool:
            return value if isinstance(value, bool) else None
        if isinstance(value, bool):
            # YAML reads OFF as false
            return 'OFF' if not value and 'OFF' in self.choices else None
        if self.kind is int:
            if isinstance(value, str) and value in self.choices:
                return int(value)
            return value if isinstance(value, int) else None
        if self.kind is float:
            finite = isinstance(value, int | float) and math.isfinite(value)
            return float(value) if finite else None  # type: ignore[arg-type]
        if isinstance(value, str):
            return value
        if self.digits and isinstance(value, int | float) and value >= 0 and value % 1 == 0:
            return str(int(value))
        return None
