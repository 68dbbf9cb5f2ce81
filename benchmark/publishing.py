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
Measure what publishing an image costs, and how long it takes to arrive.

    python benchmark/publishing.py [--rounds 15] [--count 30] [--domain N]

Prints the tables of docs/performance.md. Each way of publishing is a process that publishes
at 30 Hz (33 MB: at 10 Hz; IMU samples: at 1667 Hz, in bursts of 5) to the same subscriber, a
further process. They take turns, one round each, so that other load affects all of them; ratios
are computed between neighboring rounds.

The baselines are publish.c and publish_imu.c, beside this file, which need gcc and the headers of
ROS.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import contextlib
import json
import os
from pathlib import Path
import subprocess
import sys
import tempfile
from typing import Any

from domains import add_domain
from k4a_ros.process.fastdds import select_fastdds_profile
import numpy as np
from publishing_roles import IMU
from publishing_roles import IMU_BATCH
from publishing_roles import SIZES
from yardstick import compiled

#: Hz; a subscriber in Python copies 33 MB too slowly for 30
RATES = (30, 30, 10)
#: Hz
IMU_RATE = 1667
C, OURS, PLAIN, BRIDGE = 'C, rcl_publish', 'k4a_ros', 'k4a_ros through rclpy', 'cv_bridge'
RCLPY, BATCHES = 'rclpy', 'C, called by Python once a batch'
ROLES = {C: 'c', OURS: 'ours', PLAIN: 'ours', BRIDGE: 'bridge', RCLPY: 'rclpy', BATCHES: 'batches'}
#: documented in k4a_ros.publishing.raw.rcl
SWITCH = 'K4A_ROS_PUBLISH'


class Worker:
    """A child process that answers each line on stdin with one on stdout."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def read(self) -> str:
        """Return the next line."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f'a process has ended: {self._process.args}')
        return line.strip()

    def ask(self, line: str) -> str:
        """Send a line, and return the answer."""
        assert self._process.stdin is not None
        print(line, file=self._process.stdin, flush=True)
        return self.read()

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def measure(
    index: int | str, library: str | None, rounds: int, count: int,
) -> tuple[dict[str, list[float]], dict[str, list[list[float]]]]:
    """Return CPU milliseconds per message, and latencies, for every way and round."""
    imu = index == IMU
    period_ns = 1_000_000_000 // (IMU_RATE if imu else RATES[int(index)])
    ways = [*([C] if library else []), OURS, *([RCLPY] if imu else [PLAIN, BRIDGE]),
            *([BATCHES] if library and imu else [])]
    topics = {name: f'way_{number}' for number, name in enumerate(ways)}
    cpu: dict[str, list[float]] = {name: [] for name in ways}
    latency: dict[str, list[list[float]]] = {name: [] for name in ways}
    python = [sys.executable, str(Path(__file__).resolve().with_name('publishing_roles.py'))]
    with contextlib.ExitStack() as stack:
        subscriber = Worker([*python, 'subscribe', str(index), *topics.values()], dict(os.environ))
        stack.callback(subscriber.close)
        subscriber.read()
        workers = {}
        for name in ways:
            command = [*python, ROLES[name], topics[name], str(index), library or '']
            environment = os.environ | ({SWITCH: 'rclpy'} if name is PLAIN else {})
            workers[name] = Worker(command, environment)
            stack.callback(workers[name].close)
        for worker in workers.values():
            worker.read()
        for number in range(-1, rounds):  # the first round is discarded
            for name, worker in workers.items():
                spent = int(worker.ask(f'{count} {period_ns}'))
                arrived = json.loads(subscriber.ask(str(count)))
                if number >= 0:
                    cpu[name].append(spent / count / 1e6)
                    latency[name].append(arrived)
    return cpu, latency


def spread(values: Any) -> str:
    """Return the median and the spread from the 10th to the 90th percentile."""
    low, middle, high = np.percentile(values, (10, 50, 90))
    return f'{middle:.2f} ({low:.2f} to {high:.2f})'


def imu_rows(library: str | None, rounds: int) -> Iterator[str]:
    """Yield the rows of IMU samples."""
    count = IMU_RATE // IMU_BATCH * IMU_BATCH
    cpu, latency = measure(IMU, library, rounds, count)
    for name, spent in cpu.items():
        ratio = spread(np.divide(spent, cpu[C])) if C in cpu else ''
        arrived = np.concatenate(latency[name])
        yield (f'| {name} | {1000 * np.median(spent):.1f} | {ratio} | {np.median(arrived):.2f} / '
               f'{np.percentile(arrived, 99):.2f} | {len(arrived)} of {rounds * count} |')


def rows(index: int, library: str | None, rounds: int, count: int) -> Iterator[str]:
    """Yield the rows of one size."""
    cpu, latency = measure(index, library, rounds, count)
    for name, spent in cpu.items():
        def ratio(to: str, spent: list[float] = spent) -> str:
            return spread(np.divide(spent, cpu[to])) if to in cpu else ''
        middles = [np.median(arrived) for arrived in latency[name]]
        everything = np.concatenate(latency[name])
        p50 = p99 = ''
        if C in cpu:
            p50 = spread(np.divide(middles, [np.median(arrived) for arrived in latency[C]]))
            slow = np.percentile(np.concatenate(latency[C]), 99)
            p99 = f'{np.percentile(everything, 99) / slow:.2f}'
        yield (f'| {SIZES[index][0]} | {name} | {np.median(spent):.2f} | {ratio(C)} | '
               f'{ratio(BRIDGE)} | {np.median(everything):.2f} / '
               f'{np.percentile(everything, 99):.2f} | {p50} | {p99} | '
               f'{len(everything)} of {rounds * count} |')


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0].strip())
    parser.add_argument('--rounds', type=int, default=15)
    parser.add_argument('--count', type=int, default=30, help='messages of a round')
    parser.add_argument('--only-imu', action='store_true', help='omit images')
    add_domain(parser)
    options = parser.parse_args()
    os.environ['ROS_DOMAIN_ID'] = str(options.domain)
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    print(f'{select_fastdds_profile(os.environ).description}\n')
    with tempfile.TemporaryDirectory() as folder:
        if not options.only_imu:
            print_images(folder, options.rounds, options.count)
        print('| way | CPU, µs | times C | latency p50 / p99, ms | arrived |\n'
              f'{"| --- " * 5}|')
        for line in imu_rows(compiled('publish_imu', folder), options.rounds):
            print(line, flush=True)
    return 0


def print_images(folder: str, rounds: int, count: int) -> None:
    """Print the table of images."""
    print('| image | way | CPU, ms | times C | times cv_bridge | '
          f'latency p50 / p99, ms | p50 times C | p99 times C | arrived |\n{"| --- " * 9}|')
    library = compiled('publish', folder)
    for index in range(len(SIZES)):
        for line in rows(index, library, rounds, count):
            print(line, flush=True)
    print()


if __name__ == '__main__':
    raise SystemExit(main())
