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
Convert a recording to a rosbag2 bag of what the driver would publish for it.

    k4a_to_bag IN.mkv OUT [--topics default points2] [--storage mcap] [--start-time 1795953600]

No ROS graph is needed: the messages are written as the driver renders them, as fast as possible.
"""

from __future__ import annotations

import argparse
from datetime import datetime
from datetime import timezone
import os
import re
import sys
import time

from k4a_ros.bags.storage import STORAGES
from k4a_ros.bags.to_bag import BagOptions
from k4a_ros.bags.to_bag import convert
from k4a_ros.bags.to_bag import DEFAULT
from k4a_ros.calibration.tf_frames import FRAMES
from k4a_ros.calibration.tf_frames import own_frame
from k4a_ros.errors import ConfigError
from k4a_ros.node.backends import topic_options
from k4a_ros.parameters.settings import Settings
from k4a_ros.process.allocator import retain_freed_memory
from k4a_ros.process.type_supports import import_type_support
from k4a_ros.publishing.options import TopicOptions
from k4a_ros.tools.endings import run_tool
from k4a_ros.tools.progress import Progress
import yaml

#: a relative name of ROS, without the slash in front
_NAMESPACE = re.compile(r'[A-Za-z_]\w*(/[A-Za-z_]\w*)*', re.ASCII)
#: latest time that a stamp can have, whose seconds are an int32
_MAX_S = 2 ** 31 - 86400


def _time(text: str) -> int:
    """Return the ROS time, nanoseconds, that a text gives in ISO 8601 or in seconds."""
    try:
        seconds, _, fraction = text.partition('.')
        if seconds.isdecimal() and (not fraction or fraction.isdecimal()):
            result = int(seconds) * 10 ** 9 + int((fraction + '0' * 9)[:9])
        else:
            moment = datetime.fromisoformat(re.sub('Z$', '+00:00', text))
            if moment.tzinfo is None:
                moment = moment.astimezone()
            since = moment - datetime.fromtimestamp(0, timezone.utc)
            result = (since.days * 86400 + since.seconds) * 10 ** 9 + since.microseconds * 1000
        if not 10 ** 9 <= result < _MAX_S * 10 ** 9:
            raise ValueError
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f'{text[:50]!r} is not a time from 1970 to 2038; give seconds since 1970 or ISO 8601, '
            'such as 2026-11-29T12:00:00Z') from error
    return result


def _namespace(text: str) -> str:
    name = text.strip('/')
    if name and not _NAMESPACE.fullmatch(name):
        raise argparse.ArgumentTypeError(
            f'{text[:50]!r} is not a namespace; use letters, digits, _ and /')
    return name


def _parameter(text: str) -> tuple[str, object]:
    name, separator, value = text.partition(':=')
    try:
        if not separator:
            raise ValueError
        return name, yaml.safe_load(value)
    except (ValueError, yaml.YAMLError) as error:
        raise argparse.ArgumentTypeError(
            f'{text[:50]!r} is not a parameter; give NAME:=VALUE') from error


def _content(parameters: dict[str, object], tf_prefix: str) -> TopicOptions:
    """
    Return the options of the topics.

    :raises ConfigError: a parameter does not exist, has no influence on topics, or is invalid.
    """
    names = [*TopicOptions.__dataclass_fields__]
    usable = [name for name in names if 'body' not in name]
    unknown = sorted(parameters.keys() - set(usable))
    if unknown:
        raise ConfigError(
            f'{", ".join(unknown)}: no such parameter of topics; choose from {", ".join(usable)}')
    frame = str(parameters.get('point_cloud_crop_frame', FRAMES[0]))
    if own_frame(frame, tf_prefix) is None:
        raise ConfigError(
            f'point_cloud_crop_frame is {frame}, but a recording has no transforms to it; choose '
            f'from {", ".join(FRAMES)}')
    settings = Settings.from_values({
        'camera': 'recording', 'recording_file': 'recording', 'tf_prefix': tf_prefix,
        **parameters})
    return topic_options(settings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='k4a_to_bag', description=(__doc__ or '').split('\n\n')[0].strip())
    parser.add_argument('recording', metavar='IN.mkv')
    parser.add_argument('bag', metavar='OUT', help='folder to create')
    parser.add_argument(
        '--topics', nargs='+', default=[DEFAULT], metavar='NAME',
        help='names without namespace; patterns such as "depth*"; default (the images as '
        'recorded, camera_info, imu, tf_static); all (also points2, registered images, ...)')
    parser.add_argument('--storage', choices=STORAGES, default='mcap')
    parser.add_argument('--namespace', type=_namespace, default='', help='of the topics')
    parser.add_argument('--tf-prefix', default='', help='prefix of the frame names')
    parser.add_argument(
        '--start-time', type=_time, metavar='TIME', help='stamp of the first image or sample: '
        'seconds since 1970, or ISO 8601 (default: the ROS times in the recording, or else times '
        'of the clock of the camera, which starts with it)')
    parser.add_argument(
        '--calibration', default='', metavar='FILE', help='factory calibration (JSON) to use '
        'instead of that of the recording, as the parameter calibration_file of the driver')
    parser.add_argument(
        '-p', '--param', type=_parameter, action='append', default=[], metavar='NAME:=VALUE',
        help='parameter of the driver that determines what is published')
    return parser


def _convert(given: argparse.Namespace) -> int:
    """Convert with the options of a command line; return the exit code; raise K4aRosError."""
    start_s = time.monotonic()
    parameters = dict(given.param)
    options = BagOptions(
        tuple(given.topics), given.namespace, given.storage, given.start_time,
        _content(parameters, given.tf_prefix), native_color='rgb_encoding' not in parameters,
        calibration=given.calibration)
    with Progress.of_recording(given.recording) as progress:
        result = convert(given.recording, given.bag, options,
                         lambda text: print(f'k4a_to_bag: {text}', file=sys.stderr),
                         progress.update)
    if result.problem:
        print(f'k4a_to_bag: the bag ends before the recording: {result.problem}', file=sys.stderr)
    for topic, count in result.failures.items():
        print(f'k4a_to_bag: {topic}: {count} images could not be converted', file=sys.stderr)
    elapsed_s = time.monotonic() - start_s
    print(f'{os.fspath(given.bag)}: {sum(result.messages.values())} messages on '
          f'{len(result.messages)} topics; written in {elapsed_s:.1f} s')
    return int(bool(result.failures or result.problem))


def main(arguments: list[str] | None = None) -> int:
    """
    Convert a recording.

    :param arguments: command line without the name of the program; None for that of the process.
    :return: exit code.
    """
    given = _parser().parse_args(arguments)
    retain_freed_memory()
    import_type_support()
    return run_tool('k4a_to_bag', lambda: _convert(given), f'; {given.bag} is not written')


if __name__ == '__main__':
    raise SystemExit(main())
