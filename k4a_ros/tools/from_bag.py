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
Convert a rosbag2 bag with the topics of this driver to an Azure Kinect recording.

    k4a_from_bag BAG OUT.mkv [--namespace left] [--calibration calibration.json]

Depth, infrared, JPEG, IMU samples and calibration of a bag of k4a_to_bag are those of its
recording.
"""

from __future__ import annotations

import argparse
import sys
import time

from k4a_ros.bags.bag_reader import BagReader
from k4a_ros.bags.from_bag import convert
from k4a_ros.calibration.calibration_file import read_calibration
from k4a_ros.process.allocator import retain_freed_memory
from k4a_ros.tools.endings import run_tool
from k4a_ros.tools.progress import Progress


def _progress(bag: str) -> Progress:
    """Return the progress bar of a bag that is read from start to end."""
    with BagReader(bag) as reader:
        return Progress(reader.start_ns // 1000, reader.end_ns // 1000)


def main(arguments: list[str] | None = None) -> int:
    """
    Convert a bag.

    :param arguments: command line without the name of the program; None for that of the process.
    :return: exit code.
    """
    parser = argparse.ArgumentParser(
        prog='k4a_from_bag', description=(__doc__ or '').split('\n\n')[0].strip())
    parser.add_argument('bag', metavar='BAG', help='folder of the bag, or a file of it')
    parser.add_argument('recording', metavar='OUT.mkv')
    parser.add_argument('--namespace', help='of the camera, if the bag has several')
    parser.add_argument(
        '--calibration', default='', metavar='FILE', help='factory calibration (JSON, as '
        'recordings have it); default: that in the bag, in recording_info')
    given = parser.parse_args(arguments)
    namespace = None if given.namespace is None else given.namespace.strip('/')
    retain_freed_memory()
    start_s = time.monotonic()

    def run() -> int:
        with _progress(given.bag) as progress:
            result = convert(
                given.bag, given.recording, namespace=namespace,
                calibration=read_calibration(given.calibration).raw if given.calibration else None,
                warn=lambda text: print(f'k4a_from_bag: {text}', file=sys.stderr),
                progress=lambda time_ns: progress.update(time_ns // 1000))
        counts = ', '.join(f'{count} {stream}' for stream, count in result.counts.items())
        print(f'{given.recording}: {counts}; written in {time.monotonic() - start_s:.1f} s')
        return 0

    return run_tool('k4a_from_bag', run, f'; {given.recording} is not written')


if __name__ == '__main__':
    raise SystemExit(main())
