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

"""What the driver tells about itself for start order and clock of several cameras."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.publishing.messages import set_stamp
from k4a_ros.publishing.messages import stamp_message
from k4a_ros.publishing.messages import stamp_ns
from k4a_ros.publishing.raw.rcl import RCLError
from k4a_ros.streaming.cable_start import MasterStart
from k4a_ros.streaming.host_clock import clock_offset_ns
from k4a_ros.streaming.states import StreamState
from k4a_ros.streaming.synchronized_clock import ClockPlan
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy
from rclpy.qos import QoSProfile
from rclpy.qos import ReliabilityPolicy
from sensor_msgs.msg import TimeReference
from std_msgs.msg import String

STATE_TOPIC = 'stream_state'
#: latched; whoever is busy while a camera starts gets all states of the start, not the last alone
STATES = QoSProfile(
    depth=16, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
#: topic of a master, in the namespace of its node
CLOCK_TOPIC = 'sync_clock'
#: a subordinate that joins late gets the last seconds
_KNOTS = QoSProfile(
    depth=16, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class StreamStateTopic:
    """
    The latched topic ``~/stream_state`` (std_msgs/String).

    It has the values of `StreamState`, and of cameras that have been started: a subordinate is
    `WAITING_FOR_PULSE` only after its SDK has confirmed the start, so that its master can be
    started then.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._publisher = node.create_publisher(String, f'~/{STATE_TOPIC}', STATES)
        self._latest = ''
        self.publish(StreamState.CLOSED.value)

    def publish(self, text: str) -> None:
        """Publish a state, if it is another one."""
        if text == self._latest:
            return
        self._latest = text
        try:
            self._publisher.publish(String(data=text))
        except RCLError as error:
            self._node.get_logger().warning(f'cannot publish {STATE_TOPIC}: {error}')


class SharedClock:
    """
    The clock of the sync cable: told by the master on ``sync_clock``, followed by subordinates.

    A knot is a sensor_msgs/TimeReference with its device time in ``time_ref``, and in ``source``
    when the master was started. Publisher and subscriptions are kept when the role changes: rclpy
    may be looking at them.
    """

    def __init__(self, node: Node, plan: ClockPlan) -> None:
        self._node = node
        self._plan = plan
        self._publisher: Any = None
        self._subscriptions: dict[str, Any] = {}
        self._topic = ''

    def begin(self) -> None:
        """Note that the camera will be started now."""
        self._plan.certain = False
        self._plan.start.begin(self._now_ns())

    def confirm(self) -> None:
        """Note that the camera was started."""
        self._plan.start.confirm(self._now_ns())

    def _now_ns(self) -> int:
        return int(self._node.get_clock().now().nanoseconds)

    def take_role(self, role: WiredSyncMode, topic: str) -> None:
        """
        Tell the plan, follow that of a master, or neither.

        :param topic: that a subordinate follows, '' for none.
        """
        topic = topic if role is WiredSyncMode.SUBORDINATE else ''
        if role is WiredSyncMode.MASTER and self._publisher is None:
            self._publisher = self._node.create_publisher(TimeReference, CLOCK_TOPIC, _KNOTS)
        self._plan.announce = self._publish if role is WiredSyncMode.MASTER else None
        if topic != self._topic:
            self._topic = topic
            self._plan.clear()
            if topic and topic not in self._subscriptions:
                self._subscriptions[topic] = self._node.create_subscription(
                    TimeReference, topic, self._callback(topic), _KNOTS)

    def _publish(self, device_us: int, ros_ns: int) -> None:
        start = MasterStart(self._plan.start.begun_ns, clock_offset_ns(self._now_ns))
        message = TimeReference(
            time_ref=stamp_message(device_us * 1000), source=f'{CLOCK_TOPIC} {start.text}')
        set_stamp(message.header, ros_ns)
        try:
            self._publisher.publish(message)
        except RCLError as error:
            self._node.get_logger().warning(f'cannot publish {CLOCK_TOPIC}: {error}')

    def _callback(self, topic: str) -> Callable[[TimeReference], None]:
        def receive(message: TimeReference) -> None:
            if topic == self._topic:
                self._plan.certain = self._plan.start.has_pulses_of(
                    MasterStart.parse(message.source), clock_offset_ns(self._now_ns))
                self._plan.add(stamp_ns(message.time_ref) // 1000,
                               stamp_ns(message.header.stamp))
        return receive
