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
The parameters of the driver: the one table.

Every field of `Settings` is a parameter. From this table come the declarations of the node with
their descriptions and ranges, config/driver.yaml and docs/parameters.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import fields
import difflib
import math
import typing
from typing import Any

from k4a_ros.errors import ConfigError

Value = bool | int | float | str

_KEY = 'k4a_ros'


@dataclass(frozen=True)
class Spec:
    """
    What is known about one parameter beside its name, type and default.

    ``minimum`` and ``maximum`` are inclusive. ``live``: it can be changed while the node runs.
    ``digits``: a text that people type as a bare number (a serial number).
    """

    text: str
    group: str
    unit: str = ''
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    live: bool = False
    digits: bool = False


def _parameter(default: Any, text: str, group: str, **details: Any) -> Any:
    return field(default=default, metadata={_KEY: Spec(text, group, **details)})


_CAMERA = 'Which camera'
_PLAYBACK = 'Playing a recording'
_STREAMS = 'What is published'


@dataclass(frozen=True)
class Settings:
    """Values of all parameters; see the text of each field's `Spec`."""

    recording_file: str = _parameter(
        '', 'Azure Kinect recording (.mkv) to play instead of a live camera; relative to the '
        'directory in which the node was started, ~ is the home directory.', _CAMERA)
    sensor_sn: str = _parameter(
        '', 'Serial number of the camera to open; empty accepts any. A recording of another '
        'camera is refused.', _CAMERA, digits=True)
    tf_prefix: str = _parameter(
        '', 'Put in front of every frame name, as it is: left_ gives left_depth_camera_link. Two '
        'cameras need two prefixes.', _CAMERA)

    recording_loop_enabled: bool = _parameter(
        False, 'Start again at the end of the recording; stamps go on, they never go back.',
        _PLAYBACK)
    recording_at_end: str = _parameter(
        'exit', 'What happens at the end of a recording that is not looped: exit ends the node '
        'with code 0; pause keeps it alive, and playback_paused:=false plays it again.',
        _PLAYBACK, choices=('exit', 'pause'))
    playback_rate: float = _parameter(
        1.0, 'Speed of playback: 1 is real time, 2 twice as fast. 0 is as fast as possible '
        'without loss: each capture is acknowledged by every reliable subscriber before the next '
        'is published.', _PLAYBACK, minimum=0.0, maximum=100.0, live=True)
    playback_paused: bool = _parameter(
        False, 'Hold playback. Start with true, and set false when everything is ready.',
        _PLAYBACK, live=True)
    playback_start_delay: float = _parameter(
        4.0, 'Longest time to wait for a first subscriber before playback begins; when there is '
        'one, it begins as soon as no other has come for a second. 0 begins at once.',
        _PLAYBACK, unit='s', minimum=0.0, maximum=60.0)

    depth_enabled: bool = _parameter(
        True, 'Publish depth and infrared images.', _STREAMS)
    color_enabled: bool = _parameter(True, 'Publish colour images.', _STREAMS)
    imu_enabled: bool = _parameter(True, 'Publish inertial samples.', _STREAMS)
    point_cloud: bool = _parameter(
        True, 'Offer points2, the depth image as an organised cloud; needs depth_enabled.',
        _STREAMS)
    depth_unit: str = _parameter(
        '16UC1', 'Encoding of depth/image_raw: 16UC1 is millimetres with 0 for invalid, 32FC1 is '
        'metres with NaN for invalid (REP 118).', _STREAMS, choices=('16UC1', '32FC1'))
    rescale_ir_to_mono8: bool = _parameter(
        False, 'Publish ir/image_raw as mono8, scaled by ir_mono8_scaling_factor, instead of '
        'mono16.', _STREAMS)
    ir_mono8_scaling_factor: float = _parameter(
        1.0, 'Factor from the 16-bit infrared value to the mono8 value, which saturates at 255. '
        '0.5 to 1 suits the active modes, 10 PASSIVE_IR.', _STREAMS,
        minimum=0.001, maximum=1000.0, live=True)
    rgb_encoding: str = _parameter(
        'bgra8', 'Encoding of rgb/image_raw; native publishes NV12 and YUY2 images unconverted '
        '(nv12, yuv422_yuy2), and others as bgra8.', _STREAMS,
        choices=('bgra8', 'bgr8', 'rgb8', 'native'))
    imu_rate_target: int = _parameter(
        0, 'Highest rate of imu: consecutive samples are averaged down to it; 0 publishes every '
        'sample.', _STREAMS, unit='Hz', minimum=0, maximum=1666)

    @classmethod
    def of(cls, values: Mapping[str, object]) -> Settings:
        """
        Return the settings with these values, and defaults for the others.

        :param values: by parameter name; an integer stands for a float, a number for a text of
            digits.
        :raises ConfigError: every unusable value at once.
        """
        good: dict[str, Value] = {}
        problems: list[str] = []
        for name, value in values.items():
            try:
                good[name] = check(name, value)
            except ConfigError as error:
                problems.extend(error.problems)
        settings = cls(**good)  # type: ignore[arg-type]
        problems.extend(settings._conflicts())
        if problems:
            raise ConfigError(*problems)
        return settings

    def _conflicts(self) -> list[str]:
        found = []
        if not (self.depth_enabled or self.color_enabled or self.imu_enabled):
            found.append('depth_enabled, color_enabled and imu_enabled are all false: nothing '
                         'would be published; enable one of them')
        return found


_TYPES: dict[str, type] = typing.get_type_hints(Settings)
_SPECS: dict[str, Spec] = {f.name: f.metadata[_KEY] for f in fields(Settings)}
_DEFAULTS: dict[str, Value] = {f.name: f.default for f in fields(Settings)}  # type: ignore[misc]

_WORDS = {bool: 'true or false', int: 'a whole number', float: 'a number', str: 'a text'}


def names() -> tuple[str, ...]:
    """Return the names of all parameters, in the order of the table."""
    return tuple(_SPECS)


def spec(name: str) -> Spec:
    """Return what the table says about one parameter."""
    return _SPECS[name]


def kind(name: str) -> type:
    """Return the type of one parameter: bool, int, float or str."""
    return _TYPES[name]


def default(name: str) -> Value:
    """Return the default of one parameter."""
    return _DEFAULTS[name]


def check(name: str, value: object) -> Value:
    """
    Return the value as the parameter's own type.

    :raises ConfigError: it has another type, is out of range or is none of the choices.
    """
    rule, type_ = spec(name), kind(name)
    result = _as_type(type_, rule, value)
    if result is None:
        raise ConfigError(f'{name} is {value!r}; it must be {_WORDS[type_]}')
    if rule.choices and result not in rule.choices:
        near = difflib.get_close_matches(str(result), rule.choices, n=1, cutoff=0.5)
        hint = f' (did you mean {near[0]}?)' if near else ''
        raise ConfigError(f'{name} is {result!r}; it must be one of '
                          f'{", ".join(rule.choices)}{hint}')
    if rule.minimum is not None and rule.maximum is not None and (
            isinstance(result, str) or not rule.minimum <= result <= rule.maximum):
        raise ConfigError(f'{name} is {result}; it must be between {rule.minimum:g} and '
                          f'{rule.maximum:g}{" " + rule.unit if rule.unit else ""}')
    return result


def _as_type(type_: type, rule: Spec, value: object) -> Value | None:
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


def nearest(name: str) -> str | None:
    """Return the parameter that somebody who typed ``name`` may have meant."""
    found = difflib.get_close_matches(name, _SPECS, n=1, cutoff=0.6)
    return found[0] if found else None
