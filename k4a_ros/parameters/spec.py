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

"""What a parameter may be, and whether a value is that (pure)."""

from __future__ import annotations

from dataclasses import dataclass
import difflib
import enum
import math

from k4a_ros.errors import ConfigError

Value = bool | int | float | str

_WORDS = {bool: 'true or false', int: 'a whole number', float: 'a number', str: 'a text'}


class LiveTarget(enum.Enum):
    """What a live parameter's new value is given to (see `ParameterSpec.target`)."""

    CAMERA = 'the camera, as one of its controls'
    FAULTS = 'the simulated camera, as faults to inject'
    INFRARED_SCALE = 'the infrared topics, as their scaling factor'
    BODY_SMOOTHING = 'the body tracker, as its smoothing factor'


@dataclass(frozen=True)
class ParameterSpec:
    """
    What is known about one parameter beside its name, type and default.

    ``choices`` are written as people type them, also those of a number. ``minimum`` and
    ``maximum`` are inclusive. ``target``: what a new value is given to while the node runs;
    None for a parameter that is not live. ``digits``: a text
    that people type as a bare number (a serial number). ``cameras``: the kinds of camera that it
    has an effect on, all if empty. ``restarts``: it can be changed while the node runs, which
    restarts the streams (of a camera, not of a recording).
    """

    text: str
    group: str
    unit: str = ''
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    target: LiveTarget | None = None
    digits: bool = False
    cameras: tuple[str, ...] = ()
    restarts: bool = False

    @property
    def live(self) -> bool:
        """Whether a new value takes effect while the node runs, without restarting streams."""
        return self.target is not None


def checked(name: str, type_: type, rule: ParameterSpec, value: object) -> Value:
    """
    Return the value as the parameter's own type.

    :raises ConfigError: it has another type, is out of range or is none of the choices.
    """
    result = _as_type(type_, rule, value)
    if result is None:
        raise ConfigError(f'{name} is {value!r}; it must be {_WORDS[type_]}')
    if rule.choices and str(result) not in rule.choices:
        near = difflib.get_close_matches(str(result), rule.choices, n=1, cutoff=0.5)
        hint = f' (did you mean {near[0]}?)' if near else ''
        raise ConfigError(f'{name} is {result!r}; it must be one of '
                          f'{", ".join(rule.choices)}{hint}')
    if rule.minimum is not None and rule.maximum is not None and (
            isinstance(result, str) or not rule.minimum <= result <= rule.maximum):
        raise ConfigError(f'{name} is {result}; it must be between {rule.minimum:g} and '
                          f'{rule.maximum:g}{" " + rule.unit if rule.unit else ""}')
    return result


def _as_type(type_: type, rule: ParameterSpec, value: object) -> Value | None:
    if type_ is bool:
        return value if isinstance(value, bool) else None
    if isinstance(value, bool):
        return None
    if type_ is int:
        return value if isinstance(value, int) else None
    if type_ is float:
        return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
    if isinstance(value, str):
        return value
    if rule.digits and isinstance(value, int | float) and value >= 0 and value % 1 == 0:
        return str(int(value))
    return None
