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
Measure whether sound is lost while all streams are on, and what it costs.

    python benchmark/audio.py [--seconds 600] [--fps 30] [--domain N]

The driver runs the simulated camera with depth, infrared, color, cloud, IMU and the sound of its
scene. This process subscribes to all of them, and to the direction of the sound. A
sample is lost if the driver says so, or if the stamp of a message does not follow from the one
before. The cost is the processor time of the driver with subscribers of sound, less that before
and after without them. It contains the simulation of the sound, whose cost is measured by itself.
Processor time is of one core.
"""

from __future__ import annotations

import argparse
import contextlib
import os
from pathlib import Path
import signal
import subprocess
import sys
import threading
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from domains import add_domain
from geometry_msgs.msg import PoseStamped
from k4a_ros.audio.microphones import RATE
from k4a_ros.process.fastdds import select_fastdds_profile
from k4a_ros.publishing.messages import stamp_ns
from k4a_ros.simulation.scene_file import default_scene
from k4a_ros.simulation.sound import Ears
import numpy as np
from processes import DRIVER
from processes import used
import rclpy
from rclpy.exceptions import InvalidHandle
from rclpy.executors import ExternalShutdownException
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from sensor_msgs.msg import Imu
from sensor_msgs.msg import PointCloud2

STREAMS = {'/depth/image_raw': Image, '/ir/image_raw': Image, '/rgb/image_raw': Image,
           '/points2': PointCloud2, '/imu': Imu}
#: time without subscribers of sound before and after, and a step of stamps that is a gap
WITHOUT_S, GAP_NS = 30.0, 5_000_000
PATIENCE_S = 100.0


class Subscriber:
    """Subscribes to all streams, and to sound when it is told to."""

    def __init__(self) -> None:
        rclpy.init()
        self._node = rclpy.create_node('subscriber')
        self.counts = dict.fromkeys(STREAMS, 0)
        for topic, kind in STREAMS.items():
            self._node.create_subscription(
                kind, topic, self._count(topic), QoSProfile(depth=200), raw=True)
        self.samples = self.gaps = self.directions = 0
        self._next_ns = 0
        self.status: dict[str, str] = {}
        self._node.create_subscription(
            DiagnosticArray, '/diagnostics', self._diagnose, QoSProfile(depth=10))
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _count(self, topic: str) -> Any:
        def count(_: bytes) -> None:
            self.counts[topic] += 1
        return count

    def _hear(self, message: Image) -> None:
        begin_ns = stamp_ns(message.header.stamp)
        if self._next_ns and abs(begin_ns - self._next_ns) > GAP_NS:
            self.gaps += 1
        self._next_ns = begin_ns + message.height * 1_000_000_000 // RATE
        self.samples += message.height

    def _turn(self, _: PoseStamped) -> None:
        self.directions += 1

    def _diagnose(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name.endswith(': audio'):
                self.status = {value.key: value.value for value in status.values}

    @contextlib.contextmanager
    def hearing(self) -> Any:
        """Subscribe to sound within the block."""
        subscriptions = [
            self._node.create_subscription(Image, '/audio', self._hear, QoSProfile(depth=500)),
            self._node.create_subscription(
                PoseStamped, '/audio/direction', self._turn, QoSProfile(depth=100))]
        yield
        for subscription in subscriptions:
            self._node.destroy_subscription(subscription)

    def _spin(self) -> None:
        with contextlib.suppress(ExternalShutdownException, InvalidHandle):
            rclpy.spin(self._node)

    def close(self) -> None:
        """End."""
        rclpy.shutdown()
        self._thread.join()


def load(process: subprocess.Popen[bytes], seconds: float) -> float:
    """Return the processor time that a process uses meanwhile, percent of a core."""
    path = Path(f'/proc/{process.pid}')
    before, began = used(path)[1], time.monotonic()
    time.sleep(seconds)
    return 100 * (used(path)[1] - before) / (time.monotonic() - began)


def until(condition: Any, what: str) -> None:
    """Wait for a condition."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, f'waited in vain for {what}'
        time.sleep(0.05)


def simulation_load() -> float:
    """Return the processor time for what the microphones hear, percent of a core."""
    ears, block = Ears(default_scene()), RATE // 50
    blocks = 250
    for i in range(blocks + 1):
        if i == 1:
            begin_s = time.process_time()
        ears.hear(i * block, (i + 1 + np.arange(block) / block) / 50)
    return 100 * (time.process_time() - begin_s) / (blocks / 50)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0].strip())
    parser.add_argument('--seconds', type=float, default=600.0)
    parser.add_argument('--fps', type=int, default=30, choices=(5, 15, 30))
    add_domain(parser)
    given = parser.parse_args()
    os.environ['ROS_DOMAIN_ID'] = str(given.domain)
    select_fastdds_profile(os.environ)
    subscriber = Subscriber()
    settings = ('camera:=simulated', f'fps:={given.fps}', 'audio_enabled:=true',
                'audio_direction:=true')
    process = subprocess.Popen(
        [sys.executable, '-c', DRIVER, '--ros-args',
         *(text for setting in settings for text in ('-p', setting))],
        stdout=subprocess.DEVNULL)
    try:
        until(lambda: all(subscriber.counts.values()), 'all streams')
        time.sleep(5.0)
        without = [load(process, WITHOUT_S)]
        with subscriber.hearing():
            until(lambda: subscriber.samples > RATE, 'sound')
            before, began = dict(subscriber.counts), time.monotonic()
            first = subscriber.samples
            with_sound = load(process, given.seconds)
            passed_s = time.monotonic() - began
            heard, counts = subscriber.samples - first, dict(subscriber.counts)
            time.sleep(2.0)  # the next /diagnostics
            status = subscriber.status
        without.append(load(process, WITHOUT_S))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()
        subscriber.close()
    alone = float(np.mean(without))
    print(f'{passed_s:.1f} s with all streams at {given.fps} fps: ' + ', '.join(
        f'{topic} {(counts[topic] - before[topic]) / passed_s:.1f} Hz' for topic in STREAMS)
        + f'; load of the computer {os.getloadavg()[1]:.1f}')
    print(f'sound: {heard} samples received, {heard / passed_s / RATE:.4f} of {RATE} Hz; lost: '
          f'{status.get("lost samples")} before the driver, {subscriber.gaps} gaps after it; '
          f'{subscriber.directions} directions')
    print(f'driver: {with_sound:.1f} % of a core, without sound {alone:.1f} % ({without[0]:.1f}, '
          f'{without[1]:.1f}); sound and direction: {with_sound - alone:.1f} %, of which the '
          f'simulation takes {simulation_load():.1f} %')


if __name__ == '__main__':
    main()
