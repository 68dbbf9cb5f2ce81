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
Measure what the driver itself costs for each capture of a recording: all but publishing.

    python benchmark/overhead.py [--recording FILE] [--rounds 5] [--captures 180] [--domain N]
        [--against CHECKOUT]

Depth, infrared, cloud, and color or its JPEG are read, converted and passed on as if they had
subscribers, but the function that would call rcl_publish does nothing. Between two captures 24 MB
are copied, because publishing replaces what is in the caches of the processor, too. Processor time
is that of the thread, which other load hardly changes. Calls are those of functions in Python, and
of functions in C by them. Another checkout takes turns.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
import json
import os
from pathlib import Path
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any
from unittest import mock

from domains import add_domain
from driver import DECODED
from driver import JPEG
from driver import repeat
from k4a_ros.cameras.recording.camera import RecordingCamera
from k4a_ros.process.allocator import retain_freed_memory
from k4a_ros.process.garbage import search_rarely
from k4a_ros.publishing.options import TopicOptions
from k4a_ros.publishing.raw.rcl import Rcl
from k4a_ros.publishing.topics import Topics
import numpy as np
from processes import simulate
import rclpy

#: captures before the first that counts
_WARM_UP = 60
#: faster than real time, so that each capture is due when it is asked for
_RATE = 20.0
_COPIED = 12 << 20
_HERE = Path(__file__).resolve()


def _without_publishing(_: Rcl, publisher: Any, struct: Any) -> Callable[[], None]:
    handle = publisher.handle

    def publish() -> None:
        with handle:
            pass

    return publish


def run(recording: str, wanted: list[str], captures: int) -> dict[str, Any]:
    """Return the processor times of captures, milliseconds, and the number of calls of each."""
    retain_freed_memory()
    search_rarely()
    mock.patch.object(Rcl, 'publishing', _without_publishing).start()
    rclpy.init()
    topics = Topics(rclpy.create_node('overhead'), threading.Event())
    times: list[float] = []
    calls: Counter[str] = Counter()
    source, target = np.ones(_COPIED, np.uint8), np.zeros(_COPIED, np.uint8)
    with RecordingCamera(recording, loop=True, rate=_RATE) as camera:
        topics.bind_camera(camera, TopicOptions(), lambda: None)
        for stream in topics._streams:
            if stream.topic in wanted:
                count = stream.subscriber_count
                stream.subscriber_count = lambda count=count: count() or 1
                stream.sender._slow_s = None  # as on a machine without other load
        camera.start()
        for number in range(_WARM_UP + 2 * captures):
            target[:] = source
            source[:] = target
            if number == _WARM_UP + captures:
                sys.setprofile(lambda frame, event, _: calls.update((event,)))
            begin_ns = time.thread_time_ns()
            topics.capture(camera.read(1.0))
            times.append((time.thread_time_ns() - begin_ns) / 1e6)
        sys.setprofile(None)
        camera.stop()
        topics.release_images()
    rclpy.shutdown()
    return {'ms': times[_WARM_UP:_WARM_UP + captures], 'python': calls['call'] / captures,
            'c': calls['c_call'] / captures}


def compare(recording: Path, checkouts: list[Path], options: argparse.Namespace) -> None:
    """Print what the driver of each checkout costs."""
    print('| color | version | processor time, ms | times the first | calls, Python | calls, C |\n'
          '|---|---|---|---|---|---|')
    for name, topics in (('decoded', DECODED), ('JPEG', JPEG)):
        quartiles: list[list[float]] = [[] for _ in checkouts]
        found: list[dict[str, Any]] = [{} for _ in checkouts]
        for _ in range(options.rounds):
            for index, checkout in enumerate(checkouts):
                environment = os.environ | {
                    'ROS_DOMAIN_ID': str(options.domain), 'PYTHONPATH': os.pathsep.join(
                        [str(checkout), os.environ.get('PYTHONPATH', '')])}
                done = subprocess.run(
                    [sys.executable, str(_HERE), '--captures', str(options.captures),
                     '--recording', str(recording), '--run', *topics],
                    env=environment, check=True, stdout=subprocess.PIPE, text=True)
                found[index] = json.loads(done.stdout.splitlines()[-1])
                quartiles[index].append(float(np.percentile(found[index]['ms'], 25)))
        for index, checkout in enumerate(checkouts):
            low, middle, high = np.percentile(quartiles[index], [0, 50, 100])
            ratio = np.median(np.divide(quartiles[index], quartiles[0]))
            print(f'| {name} | {checkout.name} | {middle:.2f} ({low:.2f} to {high:.2f}) | '
                  f'{ratio:.2f} | {found[index]["python"]:.0f} | {found[index]["c"]:.0f} |',
                  flush=True)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0].strip())
    parser.add_argument('--recording', default='', help='recording whose images are used')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--captures', type=int, default=180, help='in each round')
    add_domain(parser)
    parser.add_argument('--against', type=Path, metavar='CHECKOUT', help='another version')
    parser.add_argument('--run', nargs='+', metavar='TOPIC', help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        print(json.dumps(run(options.recording, options.run, options.captures)))
        return 0
    checkouts = [_HERE.parents[1]]
    if options.against:
        checkouts.insert(0, options.against.resolve())
    with tempfile.TemporaryDirectory() as folder:
        source, recording = Path(folder, 'simulated.mkv'), Path(folder, '720P.mkv')
        if not options.recording:
            simulate(source, 2.0, 30, '--color-resolution', '720P', '--force')
        repeat(options.recording or str(source), recording, 30)
        compare(recording, checkouts, options)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
