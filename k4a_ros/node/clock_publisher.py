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

"""Publishes the time of playback on /clock."""

from __future__ import annotations

import threading
import time

from builtin_interfaces.msg import Time
from k4a_ros.cameras.playback import Playback
from k4a_ros.cameras.playback import Position
from k4a_ros.publishing.raw.rcl import RCLError
from k4a_ros.streaming.stamper import Stamper
from rclpy.node import Node
from rclpy.publisher import Publisher
from rosgraph_msgs.msg import Clock

_TOPIC = '/clock'
#: time in which other publishers are discovered
_DISCOVERY_S = 3.0


class ClockPublisher:
    """
    Publishes /clock at a fixed rate in a thread of its own, also while playback is paused.

    The time is that of the stamps: of what is due now. It stands still while playback is paused
    or has not begun, and goes back only if playback is moved back.

    :param stamper: maps positions to ROS time.
    """

    def __init__(self, node: Node, stamper: Stamper) -> None:
        self._node = node
        self._stamper = stamper
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, playback: Playback, rate_hz: float) -> None:
        """Publish the time of a recording from now on; no-op at rate 0."""
        self.stop()
        if rate_hz:
            # nodes subscribe with best effort; reliable publishers serve others, too
            publisher = self._node.create_publisher(Clock, _TOPIC, 1)
            self._stopping.clear()
            self._thread = threading.Thread(
                target=self._run, args=[publisher, playback, 1 / rate_hz], name='clock')
            self._thread.start()

    def stop(self) -> None:
        """Publish no more."""
        if self._thread is not None:
            self._stopping.set()
            self._thread.join()
            self._thread = None

    def _run(self, publisher: Publisher[Clock], playback: Playback, period_s: float) -> None:
        latest = Position(-1, 0)
        begin_s = due_s = time.monotonic()
        checked = False
        while not self._stopping.wait(max(0.0, due_s - time.monotonic())):
            position = playback.position()
            if position.section == latest.section:
                position = max(position, latest)
            latest = position
            sec, nanosec = divmod(self._stamper.playback_ns(position.us), 1_000_000_000)
            try:
                publisher.publish(Clock(clock=Time(sec=sec, nanosec=nanosec)))
            except RCLError as error:
                self._node.get_logger().warning(f'cannot publish {_TOPIC}: {error}')
            now_s = time.monotonic()
            due_s = max(due_s + period_s, now_s)
            if not checked and now_s - begin_s > _DISCOVERY_S:
                checked = True
                self._warn_of_others()
        self._node.destroy_publisher(publisher)

    def _warn_of_others(self) -> None:
        count = self._node.count_publishers(_TOPIC)
        if count > 1:
            self._node.get_logger().warning(
                f'{count} nodes publish {_TOPIC}: time jumps for those that follow it; set '
                'publish_clock to 0 in all drivers but one')
