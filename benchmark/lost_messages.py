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
Count the messages that subscribers with short queues lose, on every topic.

    python benchmark/lost_messages.py [--seconds 60] [--depth 10] [--fps 15] [--domain N]

The driver publishes every topic of a simulated camera, then of a recording of it (looped). One
process subscribes to the IMU and another to all other topics, both with queues of --depth
messages, of which ros2 bag record has 10 by default. They take messages every 2 ms; a queue of 10
IMU samples overflows if its process stands still for 6 ms, which happens on a busy machine. A
third process subscribes to publish_imu.c, beside this file, which publishes IMU samples at the
same rate at the same time: what it loses, a driver in C loses too. Sequence numbers of the
middleware show which messages were lost.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import contextlib
import importlib
import json
import math
import os
from pathlib import Path
import select
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

from domains import add_domain
from processes import DRIVER
from processes import simulate
from publishing_roles import IMU
from yardstick import compiled

PERIOD_S = 0.002
#: a longer time without looking at the queues is one in which the subscriber stood still
LATE_S = 0.005
#: topics of every node, without messages in normal operation, or with one only
NOT_COUNTED = ('/rosout', '/parameter_events', '/tf_static', '/k4a_driver/transition_event',
               '/k4a_driver/stream_state')
MODES = {'depth_mode': 'NFOV_2X2BINNED', 'color_resolution': '720P'}
#: length of the recording that is looped, seconds
RECORDING_S = 10.0
C_TOPIC, IMU_PERIOD_NS = 'imu_of_c', 600_000


class Topic:
    """A subscription, and what it has received and lost."""

    def __init__(self, node: Any, name: str, kind: str, depth: int) -> None:
        package, _, message = kind.split('/')
        module = importlib.import_module(f'{package}.msg')
        self._type = getattr(module, message)
        self._subscription = node.create_subscription(self._type, name, print, depth, raw=True)
        self._last = 0
        self.counts = [0, 0, 0]

    def take(self, late: bool) -> None:
        """Take all messages; ``late``: the process stood still before."""
        while (taken := self._subscription.handle.take_message(self._type, True)) is not None:
            number = taken[1]['publication_sequence_number']
            missing = number - self._last - 1 if self._last else 0
            self._last = number
            for index, more in enumerate((1, missing, missing if late else 0)):
                self.counts[index] += more


def subscribe(seconds: float, depth: int, topics: dict[str, str]) -> None:
    """
    Print received messages, lost ones, and those lost after standing still, as JSON.

    Counting begins with a line of the input, which is to follow the output of "ready".
    """
    import rclpy
    rclpy.init()
    node = rclpy.create_node('subscriber')
    subscribed = {name: Topic(node, name, kind, depth) for name, kind in topics.items()}
    waiting, end_s, taken_s = True, math.inf, time.monotonic()
    while taken_s < end_s:
        time.sleep(PERIOD_S)
        before_s, taken_s = taken_s, time.monotonic()
        for topic in subscribed.values():
            topic.take(taken_s - before_s > LATE_S)
        if waiting and all(topic.counts[0] for topic in subscribed.values()):
            print('ready', flush=True)
            waiting = False
        if math.isinf(end_s) and select.select([sys.stdin], [], [], 0)[0]:
            end_s = time.monotonic() + seconds
            for topic in subscribed.values():
                topic.counts = [0, 0, 0]
    print(json.dumps({name: topic.counts for name, topic in subscribed.items()}), flush=True)
    node.destroy_node()
    rclpy.shutdown()


def find_topics() -> dict[str, str]:
    """Wait for the driver, and return the types of its topics by name."""
    import rclpy
    rclpy.init()
    node = rclpy.create_node('finder')
    found: dict[str, str] = {}
    while '/imu' not in found or '/points2' not in found:
        time.sleep(0.5)
        with contextlib.suppress(rclpy.node.NodeNameNonExistentError):
            found = {name: kinds[0] for name, kinds in
                     node.get_publisher_names_and_types_by_node('k4a_driver', '/')}
    node.destroy_node()
    rclpy.shutdown()
    return {name: kind for name, kind in found.items() if name not in NOT_COUNTED}


@contextlib.contextmanager
def driver(**parameters: object) -> Iterator[None]:
    """Run a driver within the block."""
    arguments = [text for name, value in parameters.items()
                 for text in ('-p', f'{name}:={str(value).lower() if value is True else value}')]
    process = subprocess.Popen([sys.executable, '-c', DRIVER, '--ros-args', *arguments])
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


@contextlib.contextmanager
def c_publisher(library: str | None, seconds: float) -> Iterator[list[dict[str, str]]]:
    """Publish IMU samples in C within the block, which gets the types of its topics by name."""
    if library is None:
        yield []
        return
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name('publishing_roles.py')), 'c', C_TOPIC,
         IMU, library], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        # it begins when there is a subscriber, and is stopped in the end
        count = int(10 * seconds * 1e9 / IMU_PERIOD_NS)
        print(count, IMU_PERIOD_NS, file=process.stdin, flush=True)
        yield [{f'/{C_TOPIC}': 'sensor_msgs/msg/Imu'}]
    finally:
        process.terminate()
        process.wait()


def measure(seconds: float, depth: int, library: str | None) -> dict[str, list[int]]:
    """Return received messages, lost ones, and those lost after standing still, by topic."""
    topics = find_topics()
    parts = [{'/imu': topics.pop('/imu')}, topics]
    found: dict[str, list[int]] = {}
    with c_publisher(library, seconds) as more:
        processes = [
            subprocess.Popen(
                [sys.executable, __file__, 'subscribe', str(seconds), str(depth),
                 json.dumps(part)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for part in (*parts, *more)]
        for process in processes:
            assert process.stdout is not None and process.stdout.readline() == 'ready\n'
        for process in processes:
            print(file=process.stdin, flush=True)
        for process in processes:
            found |= json.loads(process.communicate()[0])
    return found


def main() -> int:
    """Print the table, or be a subscriber."""
    if sys.argv[1:2] == ['subscribe']:
        subscribe(float(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4]))
        return 0
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0].strip())
    parser.add_argument('--seconds', type=float, default=60.0, help='length of a measurement')
    parser.add_argument('--depth', type=int, default=10, help='length of the queues')
    parser.add_argument('--fps', type=int, default=15, help='frame rate of the camera')
    add_domain(parser)
    options = parser.parse_args()
    os.environ['ROS_DOMAIN_ID'] = str(options.domain)
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder, 'recording.mkv')
        library = compiled('publish_imu', folder)
        simulate(recording, RECORDING_S, options.fps, '--depth-mode', MODES['depth_mode'])
        with driver(camera='simulated', fps=options.fps, **MODES):
            simulated = measure(options.seconds, options.depth, library)
        with driver(recording_file=recording, recording_loop_enabled=True):
            played = measure(options.seconds, options.depth, library)
    print('\n| topic | simulated: received | lost | of them late | recording: received | lost | '
          f'of them late |\n|{" --- |" * 7}')
    for topic in sorted(simulated.keys() | played.keys()):
        cells = [*simulated.get(topic, '---'), *played.get(topic, '---')]
        print(f'| {topic} | {" | ".join(map(str, cells))} |')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
