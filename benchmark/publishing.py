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

    python benchmark/publishing.py [--rounds 15] [--count 30] [--domain 42]

Prints the tables of docs/performance.md. Each way of publishing is a process that publishes
at 30 Hz (33 MB: at 10 Hz; IMU samples: at 1667 Hz, in bursts of 5) to the same subscriber, a
further process. They take turns, one round each, so that other load affects all of them; ratios
are computed between neighboring rounds.

The baselines are publish.c and publish_imu.c, beside this file, which need gcc and the headers of
ROS.
"""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Iterator
import contextlib
import json
import os
from pathlib import Path
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any

from k4a_ros.process.allocator import retain_freed_memory
from k4a_ros.process.fastdds import select_fastdds_profile
import numpy as np
from yardstick import compiled
from yardstick import run

#: name, width, height, channels, bytes of a channel, encoding
SIZES = (
    ('737 kB', 640, 576, 1, 2, 'mono16'), ('8.3 MB', 1920, 1080, 4, 1, 'bgra8'),
    ('33 MB', 3840, 2160, 4, 1, 'bgra8'))
#: Hz; a subscriber in Python copies 33 MB too slowly for 30
RATES = (30, 30, 10)
#: stands for IMU samples where others have the index of a size
IMU, IMU_RATE, IMU_BURST = 'imu', 1667, 5
#: the number of samples that a camera delivers at a time
IMU_BATCH = 15
#: share of the time between readings that is between bursts, as in k4a_ros
IMU_PACE = 0.85
C, OURS, PLAIN, BRIDGE = 'C, rcl_publish', 'k4a_ros', 'k4a_ros through rclpy', 'cv_bridge'
RCLPY = 'rclpy'
ROLES = {C: 'c', OURS: 'ours', PLAIN: 'ours', BRIDGE: 'bridge', RCLPY: 'rclpy'}
#: documented in k4a_ros.publishing.raw.rcl
SWITCH = 'K4A_ROS_PUBLISH'


# roles of the processes


def subscribe(kind: str, topics: list[str]) -> None:
    """
    Answer each line of stdin with the latencies since the previous line, in ms, as JSON.

    The line has the number of messages expected; those missing after half a second are lost.
    """
    import rclpy
    from rclpy.executors import ExternalShutdownException
    from sensor_msgs.msg import Image
    from sensor_msgs.msg import Imu
    rclpy.init()
    node = rclpy.create_node('subscriber')
    latencies: list[float] = []

    def take(data: bytes) -> None:
        now = time.monotonic_ns()
        # 4 bytes of encapsulation, then the stamp
        sec, nanosec = np.frombuffer(data[4:12], np.uint32).tolist()
        latencies.append((now - sec * 1_000_000_000 - nanosec) / 1e6)

    def spin() -> None:
        with contextlib.suppress(ExternalShutdownException):
            rclpy.spin(node)

    for topic in topics:
        if kind == IMU:
            node.create_subscription(Imu, topic, take, 200, raw=True)
        else:
            node.create_subscription(Image, topic, take, 4, raw=True)
    thread = threading.Thread(target=spin)
    thread.start()
    print('ready', flush=True)
    for line in sys.stdin:
        deadline = time.monotonic() + 0.5
        while len(latencies) < int(line) and time.monotonic() < deadline:
            time.sleep(0.01)
        print(json.dumps(latencies), flush=True)
        latencies.clear()
    rclpy.shutdown()
    thread.join()


def publish(role: str, topic: str, size: tuple[Any, ...]) -> None:
    """Publish like publish.c, with the same input and output."""
    import rclpy
    from sensor_msgs.msg import Image
    rclpy.init()
    node = rclpy.create_node(role)
    publisher = node.create_publisher(Image, topic, 4)
    publish_one = _publish_ours if role == 'ours' else _publish_bridge
    send = publish_one(publisher, size)
    while not publisher.get_subscription_count():
        time.sleep(0.01)
    print('ready', flush=True)
    for line in sys.stdin:
        count, period = map(int, line.split())
        before = time.process_time_ns()
        due = time.monotonic_ns()
        for _ in range(count):
            _sleep_until(due)
            send(time.monotonic_ns())
            due += period
        _sleep_until(due)
        print(time.process_time_ns() - before, flush=True)
    node.destroy_node()
    rclpy.shutdown()


def publish_imu(role: str, topic: str) -> None:
    """Publish like publish_imu.c, with the same input and output."""
    import rclpy
    from sensor_msgs.msg import Imu
    rclpy.init()
    node = rclpy.create_node(role)
    publisher = node.create_publisher(Imu, topic, 200)
    send = (_publish_imu_ours if role == 'ours' else _publish_imu_rclpy)(publisher)
    while not publisher.get_subscription_count():
        time.sleep(0.01)
    print('ready', flush=True)
    random = np.random.default_rng(0)
    for line in sys.stdin:
        count, period = map(int, line.split())
        acc, gyro = random.normal(size=(2, count, 3))
        number = np.arange(count)
        device_us = number * period // 1000
        # a camera delivers readings together with their times
        due = time.monotonic_ns()
        # latencies are measured from when each burst is due
        in_batch = number % IMU_BATCH
        stamps_ns = due + (number - in_batch) * period + (
            in_batch // IMU_BURST * int(IMU_BURST * period * IMU_PACE))
        readings = stamps_ns, device_us, acc, gyro
        waiting = deque([
            [values[begin:begin + IMU_BATCH] for values in readings]
            for begin in range(0, count, IMU_BATCH)])
        before = time.process_time_ns()
        while waiting:
            _sleep_until(due)
            batch = waiting.popleft()
            due += IMU_BATCH * period
            while waiting and time.monotonic_ns() > due:  # it is late: publish all that waits
                batch = [np.concatenate(pair) for pair in zip(
                    batch, waiting.popleft(), strict=True)]
                due += IMU_BATCH * period
            send(*batch)
        _sleep_until(due)
        print(time.process_time_ns() - before, flush=True)
    node.destroy_node()
    rclpy.shutdown()


def _publish_imu_ours(publisher: Any) -> Any:
    from k4a_ros.publishing.messages import imu_message
    from k4a_ros.publishing.messages import UNKNOWN_COVARIANCE
    from k4a_ros.publishing.topic_sender import TopicSender
    sender = TopicSender(publisher, lambda *_: None)
    imu = sender.imu_publisher(imu_message('imu_link', UNKNOWN_COVARIANCE, UNKNOWN_COVARIANCE))
    imu.load()
    return imu.publish


def _publish_imu_rclpy(publisher: Any) -> Any:
    from k4a_ros.publishing.messages import imu_message
    from k4a_ros.publishing.messages import UNKNOWN_COVARIANCE
    message = imu_message('imu_link', UNKNOWN_COVARIANCE, UNKNOWN_COVARIANCE)
    linear, angular = message.linear_acceleration, message.angular_velocity

    def send(stamps_ns: Any, device_us: Any, acc: Any, gyro: Any) -> None:
        rows = [*zip(stamps_ns.tolist(), acc.tolist(), gyro.tolist(), strict=True)]
        for begin in range(0, len(rows), IMU_BURST):
            _sleep_until(rows[begin][0])
            for stamp_ns, a, g in rows[begin:begin + IMU_BURST]:
                message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 10**9)
                linear.x, linear.y, linear.z = a
                angular.x, angular.y, angular.z = g
                publisher.publish(message)

    return send


def _sleep_until(due: int) -> None:
    left = due - time.monotonic_ns()
    if left > 0:
        time.sleep(left / 1e9)


def _publish_ours(publisher: Any, size: tuple[Any, ...]) -> Any:
    from k4a_ros.publishing.messages import ImageBuffer
    from k4a_ros.publishing.messages import set_stamp
    from k4a_ros.publishing.raw.message import RetryingPublisher
    _, width, height, channels, depth, encoding = size
    buffer = ImageBuffer('camera', encoding, (width, height), (height, width, channels),
                         f'u{depth}')
    buffer.pixels[:] = np.arange(buffer.pixels.size).reshape(buffer.pixels.shape)
    writer = RetryingPublisher(publisher)

    def send(now: int) -> None:
        set_stamp(buffer.message.header, now)
        writer.publish(buffer.message)

    return send


def _publish_bridge(publisher: Any, size: tuple[Any, ...]) -> Any:
    from cv_bridge import CvBridge
    _, width, height, channels, depth, encoding = size
    image = np.arange(height * width * channels).astype(f'u{depth}').reshape(
        height, width, channels)
    bridge = CvBridge()

    def send(now: int) -> None:
        message = bridge.cv2_to_imgmsg(image, encoding)
        message.header.frame_id = 'camera'
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(now, 1_000_000_000)
        publisher.publish(message)

    return send


# measurement


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
    ways = [*([C] if library else []), OURS, *([RCLPY] if imu else [PLAIN, BRIDGE])]
    topics = {name: f'way_{number}' for number, name in enumerate(ways)}
    cpu: dict[str, list[float]] = {name: [] for name in ways}
    latency: dict[str, list[list[float]]] = {name: [] for name in ways}
    python = [sys.executable, str(Path(__file__).resolve())]
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
    """Print the tables, or run as one of the processes."""
    if sys.argv[1:2] == ['subscribe']:
        retain_freed_memory()
        subscribe(sys.argv[2], sys.argv[3:])
        return 0
    if sys.argv[1:2] == ['c']:
        retain_freed_memory()
        size = () if sys.argv[3] == IMU else SIZES[int(sys.argv[3])][1:]
        return run(sys.argv[4], sys.argv[2], *size)
    if sys.argv[1:2] and sys.argv[1] in ROLES.values():
        if sys.argv[1] == 'ours':
            retain_freed_memory()
        if sys.argv[3] == IMU:
            publish_imu(sys.argv[1], sys.argv[2])
        else:
            publish(sys.argv[1], sys.argv[2], SIZES[int(sys.argv[3])])
        return 0
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0].strip())
    parser.add_argument('--rounds', type=int, default=15)
    parser.add_argument('--count', type=int, default=30, help='messages of a round')
    parser.add_argument('--only-imu', action='store_true', help='omit images')
    parser.add_argument('--domain', type=int, default=42, help='ROS_DOMAIN_ID')
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
