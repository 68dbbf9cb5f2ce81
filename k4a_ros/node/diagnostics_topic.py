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


"""The topic /diagnostics of a node."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable

from diagnostic_msgs.msg import DiagnosticArray
from diagnostic_msgs.msg import DiagnosticStatus
from diagnostic_msgs.msg import KeyValue
from k4a_ros.node.diagnostics import Status
from k4a_ros.publishing.raw.rcl import RCLError
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node

_PERIOD_S = 1.0


class DiagnosticsTopic:
    """
    Publishes /diagnostics once a second; the name of a status begins with that of the node.

    :param collect: returns what is published.
    :param hardware_id: returns the serial number of the camera that it is about, '' for none.
    """

    def __init__(
        self, node: Node, collect: Callable[[], Iterable[Status]],
        hardware_id: Callable[[], str] = lambda: '',
    ) -> None:
        self._node = node
        self._collect = collect
        self._hardware_id = hardware_id
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', 10)
        # not of ROS time, whose timers wait if it is set back or does not advance
        node.create_timer(_PERIOD_S, self._publish, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _publish(self) -> None:
        statuses = [*self._collect()]  # without subscribers, too: rates are those since the last
        if not self._publisher.get_subscription_count():
            return
        message = DiagnosticArray(status=[self._message(status) for status in statuses])
        message.header.stamp = self._node.get_clock().now().to_msg()
        try:
            self._publisher.publish(message)
        except RCLError as error:
            self._node.get_logger().warning(f'cannot publish /diagnostics: {error}')

    def _message(self, status: Status) -> DiagnosticStatus:
        return DiagnosticStatus(
            level=bytes([status.level]), name=f'{self._node.get_fully_qualified_name()}: '
            f'{status.name}'.lstrip('/'), message=status.message,
            hardware_id=self._hardware_id(),
            values=[KeyValue(key=key, value=value) for key, value in status.values.items()])
