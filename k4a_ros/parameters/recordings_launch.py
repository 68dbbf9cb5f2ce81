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
The launch arguments of launch/recordings.launch.py (without launch).

It plays recordings that were made together, by cameras on a sync cable, with a driver for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
import re

from k4a_ros.errors import ConfigError
from k4a_ros.mkv.together import common_timeline
from k4a_ros.parameters.launch_arguments import DRIVER_ARGUMENTS
from k4a_ros.parameters.launch_arguments import LaunchArgument
from k4a_ros.parameters.launch_arguments import parameter_arguments

_NAMESPACE = '[A-Za-z_][A-Za-z0-9_]*'
#: longest time from the launch to the first data, see `RecordingCamera`
_MAX_DELAY_S = 60.0
#: what differs between the drivers
_OWN = ('namespace', 'tf_prefix', 'recording_file')

ARGUMENTS = (
    LaunchArgument('recording_files', '[Recordings] The recordings, separated by commas.'),
    LaunchArgument(
        'namespaces', '[Recordings] Namespaces of the drivers, separated by commas; followed by _ '
        'they are the values of tf_prefix. Default: the names of the files.'),
    LaunchArgument(
        'start_delay', '[Recordings] Time from the launch to the first data, in which drivers and '
        'subscribers start; not used if playback_time_origin is given. Range: 0 to 60 s.', '10'),
    *(argument for argument in (*DRIVER_ARGUMENTS, *parameter_arguments())
      if argument.name not in _OWN))


def driver_arguments(given: Mapping[str, str], now_s: float) -> list[dict[str, str]]:
    """
    Return the arguments of driver.launch.py for each recording, besides those that all have.

    :param given: launch configurations.
    :param now_s: ROS time, seconds.
    :raises ConfigError: an argument is invalid.
    :raises RecordingError: a file cannot be played, or they were not made together.
    """
    files = [str(Path(name).expanduser()) for name in _words(given['recording_files'])]
    if len(set(files)) < 2:
        raise ConfigError(f'recording_files is {given["recording_files"]!r}; it must be two or '
                          'more files, separated by commas')
    namespaces = _namespaces(given['namespaces'], files)
    delay_s = delay_seconds(given['start_delay'])
    timeline = common_timeline(files)
    origin = f'{now_s + delay_s - timeline.start_s:.6f}'
    return [{
        'recording_file': file, 'namespace': namespace, 'tf_prefix': f'{namespace}_',
        'playback_time_origin': given['playback_time_origin'] or origin,
        'playback_loop_period': given['playback_loop_period'] or f'{timeline.period_s:.6f}',
        # nodes that follow /clock need one that publishes it
        'publish_clock': given['publish_clock'] if file == files[0] else '0',
    } for file, namespace in zip(files, namespaces, strict=True)]


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(',') if word.strip()]


def _namespaces(text: str, files: list[str]) -> list[str]:
    names = _words(text) or [re.sub('[^A-Za-z0-9_]', '_', Path(file).stem) for file in files]
    wrong = [name for name in names if not re.fullmatch(_NAMESPACE, name)]
    if wrong or len(set(names)) != len(files):
        raise ConfigError(
            f'the namespaces are {", ".join(names)}; they must be {len(files)} different names of '
            'letters, digits and _; give them as namespaces:=left,right')
    return names


def delay_seconds(text: str) -> float:
    """
    Return the argument start_delay as a number.

    :raises ConfigError: it is none within its range.
    """
    try:
        delay_s = float(text)
    except ValueError:
        delay_s = -1.0
    if not 0 <= delay_s <= _MAX_DELAY_S:
        raise ConfigError(
            f'start_delay is {text}; it must be a number of seconds from 0 to {_MAX_DELAY_S:g}')
    return delay_s
