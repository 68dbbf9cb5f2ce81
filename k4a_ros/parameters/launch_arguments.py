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
The launch arguments of launch/driver.launch.py and their values (without launch).

Every parameter of the table is a launch argument. An argument that is not given, or is empty,
leaves the parameter to the parameter file and to the driver's default.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
import difflib
import json
from pathlib import Path
import re

from k4a_ros.errors import ConfigError
from k4a_ros.parameters.spec import ParameterSpec
from k4a_ros.parameters.spec import Value
from k4a_ros.parameters.table import SPECS

PACKAGE = 'k4a_ros'

#: launch configurations that launch itself reads
_CONFIGURATIONS_OF_LAUNCH = frozenset({
    'emulate_tty', 'launch-prefix', 'launch-prefix-filter', 'ros_namespace', 'sigkill_timeout',
    'sigterm_timeout'})

#: arguments of Microsoft's launch file and of others, and what to do instead
_HINTS = {
    'overwrite_robot_description': 'remove it; view.launch.py starts robot_state_publisher',
    'required': 'remove it; the launch ends with the driver',
    'use_sim_time': 'set it in params_file',
}

# YAML 1.1, which launch files of other drivers pass values through
_BOOLEANS = {'true': True, 'yes': True, 'on': True, 'false': False, 'no': False, 'off': False}


@dataclass(frozen=True)
class LaunchArgument:
    """
    One argument, as ``ros2 launch --show-args`` describes it.

    :param default: value if the argument is not given.
    :param shown_default: shown instead of ``default``; None for the same.
    """

    name: str
    description: str
    default: str = ''
    shown_default: str | None = None


#: what driver.launch.py does, besides setting parameters
DRIVER_ARGUMENTS = (
    LaunchArgument('namespace', '[Launch] Namespace of the node and its topics.'),
    LaunchArgument('name', '[Launch] Name of the node.', 'k4a_driver'),
    LaunchArgument(
        'params_file', '[Launch] Parameter file, such as an edited copy of config/driver.yaml; '
        'arguments override it.'),
    LaunchArgument('log_level', '[Launch] One of debug, info, warn, error, fatal.', 'info'),
    LaunchArgument(
        'fastdds_profile', '[Launch] Configure Fast DDS for large messages '
        '(config/fastdds.xml). With its default settings (false), most images are late or lost. '
        'One of true, false.', 'true'),
)


def parameter_arguments() -> list[LaunchArgument]:
    """Return an argument for each parameter, in the order of the table."""
    return [_argument(spec) for spec in SPECS.values()]


def given_parameters(configurations: Mapping[str, str]) -> dict[str, Value]:
    """
    Return the parameters that launch arguments set, by name and in the types of the table.

    :param configurations: launch configurations; others than parameters are ignored.
    :raises ConfigError: lists every value that its parameter cannot have.
    """
    values: dict[str, Value] = {}
    problems: list[str] = []
    for name, spec in SPECS.items():
        text = configurations.get(name, '')
        if not text:
            continue
        try:
            values[name] = spec.check(_from_text(text, spec))
        except ConfigError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigError(*problems)
    return values


def check_names(
    file: Path, arguments: Iterable[LaunchArgument], given: Sequence[str],
    command_line: Sequence[str],
) -> None:
    """
    Check the names of the arguments on the command line of ``ros2 launch``.

    launch accepts any name, because all launch files of a launch share their configurations. So
    only the file that the command line names can know that a name is wrong.

    :param file: the launch file that checks.
    :param arguments: its arguments.
    :param given: words NAME:=VALUE, from the launch context.
    :param command_line: of the process.
    :raises ConfigError: names each unknown argument and the one that is most similar.
    """
    if not _is_launched_by(command_line, file):
        return
    known = {argument.name for argument in arguments}
    problems = []
    for name in dict.fromkeys(word.partition(':=')[0] for word in given):
        if name in known or name in _CONFIGURATIONS_OF_LAUNCH:
            continue
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
        if name in _HINTS:
            hint = _HINTS[name]
        elif nearest:
            hint = f'did you mean {nearest[0]}?'
        else:
            hint = 'see --show-args; parameters that are not listed there go into params_file'
        problems.append(f'{file.name} has no argument {name} ({hint})')
    if problems:
        raise ConfigError(*problems)


def _argument(spec: ParameterSpec) -> LaunchArgument:
    description = f'[{spec.group.title}] {spec.description}'
    if spec.choices:
        description += f' One of {spec.allowed}.'
    elif spec.minimum is not None:
        description += f' Range: {spec.allowed}.'
    elif spec.allowed:
        description += f' Allowed: {spec.allowed}.'
    if spec.unit and spec.unit not in spec.allowed:
        description += f' Unit: {spec.unit}.'
    default = spec.default if isinstance(spec.default, str) else json.dumps(spec.default)
    return LaunchArgument(spec.name, description, shown_default=default)


def _from_text(text: str, spec: ParameterSpec) -> Value:
    """Return a value in the type of its parameter; unchanged if it is not one of that type."""
    if spec.kind is bool:
        return _BOOLEANS.get(text.lower(), text)
    if spec.kind is int and re.fullmatch('[-+]?[0-9]+', text, re.ASCII):
        return int(text)
    if spec.kind is float:
        try:
            return float(text)
        except ValueError:
            return text
    return text


def _is_launched_by(command_line: Sequence[str], file: Path) -> bool:
    """Return whether a command line of ros2 launch names a file, by package or by path."""
    words = [word for word in command_line if ':=' not in word]
    return any(
        PACKAGE in words or (Path(word).is_file() and Path(word).samefile(file))
        for word in words if Path(word).name == file.name)
