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

"""The command line of the driver: help, and arguments that ROS cannot use (no ROS)."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from pathlib import Path

from k4a_ros.errors import ConfigError
from k4a_ros.errors import FileError
from k4a_ros.process.files import check_regular

_HELP = """\
usage: k4a_driver [--help] [--ros-args -p NAME:=VALUE … --params-file FILE -r FROM:=TO …]

Publish the images, point clouds, IMU samples and transforms of an Azure Kinect, of a recording, or
of a simulated camera.

  ros2 run k4a_ros k4a_driver
  ros2 run k4a_ros k4a_driver --ros-args -p depth_mode:=WFOV_2X2BINNED -r __ns:=/left
  ros2 run k4a_ros k4a_driver --ros-args -p recording_file:=room.mkv
  ros2 run k4a_ros k4a_driver --ros-args -p camera:=simulated

All parameters, with defaults and descriptions, are in
  {defaults}
and, while the driver runs, in the answers of "ros2 param describe /k4a_driver NAME".
"""
#: where a shell puts pipes for <(command)
_PIPES_OF_SHELL = ('/dev/fd/', '/proc/self/fd/')


def help_requested(arguments: Iterable[str]) -> bool:
    """Return whether the command line asks for help."""
    return any(argument in ('-h', '--help') for argument in _user_arguments(arguments))


def help_text() -> str:
    """Return the help on the command line."""
    return _HELP.format(defaults=_file_of_defaults())


def _file_of_defaults() -> Path:
    """Return config/driver.yaml, in the source tree or where it is installed."""
    in_source_tree = Path(__file__).resolve().parents[2] / 'config/driver.yaml'
    if in_source_tree.is_file():
        return in_source_tree
    try:
        from ament_index_python.packages import get_package_share_directory
        return Path(get_package_share_directory('k4a_ros'), 'config/driver.yaml')
    except LookupError:
        return Path('share/k4a_ros/config/driver.yaml')


def check_arguments(arguments: list[str]) -> None:
    """
    Check the command line, before ROS reads it.

    :param arguments: with the name of the program.
    :raises ConfigError: an argument is not UTF-8, is not for ROS, or names an unusable file.
    """
    problems = []
    for argument in arguments[1:]:
        try:
            argument.encode()
        except UnicodeEncodeError:
            problems.append(f'the argument {argument!r} is not text in UTF-8')
    problems += [
        f'unknown argument {argument!r}: give parameters as --ros-args -p NAME:=VALUE, and see '
        '--help' for argument in _user_arguments(arguments)]
    for path in parameter_files(arguments):
        if path.startswith(_PIPES_OF_SHELL):
            continue
        try:
            check_regular(path)
        except FileError as error:
            problems.append(f'cannot read the parameter file {path}: {error}')
    if problems:
        raise ConfigError(*problems)


def parameter_files(arguments: Iterable[str]) -> list[str]:
    """Return the files that follow ``--params-file``."""
    found = []
    before = ''
    for argument in _ros_arguments(arguments):
        if before == '--params-file':
            found.append(argument)
        before = argument
    return found


def _user_arguments(arguments: Iterable[str]) -> Iterator[str]:
    """Yield the arguments that are not for ROS, without the name of the program."""
    return (argument for argument, for_ros in _split(arguments) if not for_ros)


def _ros_arguments(arguments: Iterable[str]) -> Iterator[str]:
    return (argument for argument, for_ros in _split(arguments) if for_ros)


def _split(arguments: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Yield each argument and whether it is for ROS: after --ros-args, up to --."""
    for_ros = False
    for argument in list(arguments)[1:]:
        if argument == '--ros-args':
            for_ros = True
        elif argument == '--' and for_ros:
            for_ros = False
        else:
            yield argument, for_ros
