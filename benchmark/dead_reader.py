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
Measure whether a subscriber that was stopped or killed slows down the topics of others.

    python benchmark/dead_reader.py [--rounds 3] [--seconds 10] [--busy 4] [--domain N]

The driver publishes the virtual device (test/virtual_k4a), which plays a simulated recording at
15 Hz. Two subscribers count messages, one those of images, and one those of light topics, which
would otherwise be lost in a subscriber that is busy with images. In each round, they do so

- as a control;
- while another subscriber, of rgb/image_raw and depth/image_raw, is stopped (SIGSTOP);
- while a further one has been killed (SIGKILL), which discovery notices after 20 s;

without load, and beside as many busy loops as --busy says. Ratios are those to the control of the
same round.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import contextlib
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any

from domains import add_domain
from k4a_ros.process.fastdds import select_fastdds_profile
import numpy as np
from processes import DRIVER
from processes import simulate
from processes import virtual_device

FPS = 15
#: topics of the subscriber that is stopped or killed
DEAD = ('rgb/image_raw', 'depth/image_raw')
IMAGES = (*DEAD, 'ir/image_raw')
LIGHT = ('rgb/camera_info', 'depth/camera_info', 'imu')
TOPICS = (*IMAGES, *LIGHT)
#: time in which the driver starts, and discovers a subscriber
START_S = 60.0
#: time after which discovery has dropped a killed subscriber, with a margin
LEASE_S = 25.0


def subscribe(topics: list[str]) -> None:
    """Answer each line of stdin with the number of messages since the previous line, as JSON."""
    import rclpy
    from rclpy.exceptions import InvalidHandle
    from rclpy.executors import ExternalShutdownException
    from sensor_msgs.msg import CameraInfo
    from sensor_msgs.msg import Image
    from sensor_msgs.msg import Imu
    rclpy.init()
    node = rclpy.create_node('subscriber')
    counts = dict.fromkeys(topics, 0)

    def add(topic: str) -> None:
        kind: Any = {'camera_info': CameraInfo, 'imu': Imu}.get(topic.split('/')[-1], Image)

        def count(_: bytes) -> None:
            counts[topic] += 1

        node.create_subscription(kind, topic, count, 200 if kind is Imu else 4, raw=True)

    def spin() -> None:
        with contextlib.suppress(ExternalShutdownException, InvalidHandle):
            rclpy.spin(node)

    for topic in topics:
        add(topic)
    thread = threading.Thread(target=spin)
    thread.start()
    for _ in sys.stdin:
        print(json.dumps(counts), flush=True)
        for topic in counts:
            counts[topic] = 0
    rclpy.shutdown()
    thread.join()


class Subscriber:
    """A subscriber process, which has received messages on all its topics once it is created."""

    def __init__(self, *topics: str) -> None:
        # without the transport profile of the driver, like other nodes
        self._process = subprocess.Popen(
            [sys.executable, __file__, 'subscribe', *topics], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        missing, end_s = set(topics), time.monotonic() + START_S
        while missing:
            time.sleep(0.1)
            if time.monotonic() > end_s:
                raise SystemExit(f'no messages of {", ".join(sorted(missing))}')
            missing -= {topic for topic, count in self.counts().items() if count}

    def counts(self) -> dict[str, int]:
        """Return the number of messages by topic since the last call."""
        assert self._process.stdin and self._process.stdout
        print(file=self._process.stdin, flush=True)
        found: dict[str, int] = json.loads(self._process.stdout.readline())
        return found

    def send(self, number: int) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def end(self) -> None:
        """End the process, which may be stopped or have been killed."""
        with contextlib.suppress(ProcessLookupError):
            self.send(signal.SIGCONT)
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()


@contextlib.contextmanager
def busy(count: int) -> Iterator[None]:
    """Run busy loops in processes of their own."""
    loops = [subprocess.Popen([sys.executable, '-c', 'while True: pass']) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def measure(
    subscribers: list[Subscriber], seconds: float, loops: int,
) -> dict[str, float]:
    """Return the rate of each topic, Hz."""
    rates = {}
    with busy(loops):
        time.sleep(2.0)
        began = []
        for subscriber in subscribers:
            subscriber.counts()
            began.append(time.monotonic())
        time.sleep(seconds)
        for subscriber, begin in zip(subscribers, began, strict=True):
            counts, passed = subscriber.counts(), time.monotonic() - begin
            rates |= {topic: count / passed for topic, count in counts.items()}
    return rates


def measure_round(
    subscribers: list[Subscriber], seconds: float, loops: int,
) -> Iterator[dict[str, Any]]:
    """Yield the rates of the control, and with a stopped and a killed subscriber."""
    yield measure(subscribers, seconds, loops)
    for number in (signal.SIGSTOP, signal.SIGKILL):
        dead = Subscriber(*DEAD)
        dead.send(number)
        yield measure(subscribers, seconds, loops)
        dead.end()
        if number is signal.SIGKILL:
            time.sleep(LEASE_S - seconds)


def run_driver(folder: str) -> subprocess.Popen[bytes]:
    """Start a driver of the virtual device."""
    recording = Path(folder, 'simulated.mkv')
    simulate(recording, 4, FPS)
    environment = os.environ | virtual_device(Path(folder), recording)
    print(select_fastdds_profile(environment).description)
    parameters = {'fps': FPS, 'depth_mode': 'NFOV_UNBINNED', 'color_resolution': '720P'}
    return subprocess.Popen(
        [sys.executable, '-c', DRIVER, '--ros-args',
         *(text for name, value in parameters.items() for text in ('-p', f'{name}:={value}'))],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def row(name: str, loops: int, rounds: list[list[dict[str, float]]], index: int) -> str:
    """Return one row of the table."""
    cells = []
    for topic in TOPICS:
        if index == 0:
            cells.append(f'{np.median([rates[0][topic] for rates in rounds]):.1f} Hz')
        else:
            ratios = [rates[index][topic] / rates[0][topic] for rates in rounds]
            cells.append(f'{np.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})')
    return f'| {loops} | {name} | {" | ".join(cells)} |'


def main() -> int:
    """Print the table, or run as a subscriber process."""
    if sys.argv[1:2] == ['subscribe']:
        subscribe(sys.argv[2:])
        return 0
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0].strip())
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--seconds', type=float, default=10.0, help='length of a measurement')
    parser.add_argument('--busy', type=int, default=4, help='number of busy loops')
    add_domain(parser)
    options = parser.parse_args()
    os.environ['ROS_DOMAIN_ID'] = str(options.domain)
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    with tempfile.TemporaryDirectory() as folder:
        driver = run_driver(folder)
        try:
            subscribers = [Subscriber(*IMAGES), Subscriber(*LIGHT)]
            print(f'\n| busy loops | other subscriber | {" | ".join(TOPICS)} |\n'
                  f'|{" --- |" * (len(TOPICS) + 2)}')
            for loops in (0, options.busy):
                rounds = [[*measure_round(subscribers, options.seconds, loops)]
                          for _ in range(options.rounds)]
                for index, name in enumerate(('none (control)', 'stopped', 'killed')):
                    print(row(name, loops, rounds, index), flush=True)
            for subscriber in subscribers:
                subscriber.end()
        finally:
            driver.send_signal(signal.SIGINT)
            driver.wait()
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
