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
Watch the synchronization of several cameras while they run.

    k4a_sync_monitor [--ros-args -p cameras:="['/cell/front', '/cell/left']"]

Without a list, all cameras that are found are watched. The node compares the topics
time_reference, publishes one status in /diagnostics, and logs one line when something changes.
"""

from __future__ import annotations

from collections.abc import Callable
import sys
import time
from typing import NoReturn

from k4a_ros.node.diagnostics import Level
from k4a_ros.node.diagnostics import Status
from k4a_ros.node.diagnostics_topic import DiagnosticsTopic
from k4a_ros.node.synchronization import STATE_TOPIC
from k4a_ros.node.synchronization import STATES
from k4a_ros.process.shutdown import end_process
from k4a_ros.process.shutdown import Shutdown
from k4a_ros.publishing.messages import stamp_ns
from k4a_ros.publishing.time_topic import TOPIC
from k4a_ros.rig.rig import DRIVER_NAME
from k4a_ros.rig.sync_status import Changes
from k4a_ros.rig.sync_status import describe
from k4a_ros.rig.sync_status import summary
from k4a_ros.rig.sync_tracker import CaptureTime
from k4a_ros.rig.sync_watch import SyncWatch
from k4a_ros.rig_nodes.run_node import read_strings
from k4a_ros.rig_nodes.run_node import run
from rclpy.node import Node
from sensor_msgs.msg import TimeReference
from std_msgs.msg import String

NAME = 'k4a_sync_monitor'
_TYPE = 'sensor_msgs/msg/TimeReference'


class SyncMonitor(Node):
    """The node; ``watch`` knows the cameras."""

    def __init__(self, _: Shutdown) -> None:
        super().__init__(NAME)
        self.watch = SyncWatch()
        self._changes = Changes()
        self._namespaces = [
            f'/{name.strip("/")}'.rstrip('/') for name in read_strings(
                self, 'cameras', 'Namespaces of the cameras to watch; empty for all that are '
                'found.')]
        self._discovers = not self._namespaces
        self._subscribed: set[str] = set()
        for namespace in self._namespaces:
            self._subscribe(namespace)
        self._diagnostics = DiagnosticsTopic(self, self._report)

    def start(self) -> None:
        """Do nothing: all runs in callbacks."""

    def finish(self) -> None:
        """Do nothing: all runs in callbacks."""

    def _subscribe(self, namespace: str) -> None:
        if namespace in self._subscribed:
            return
        self._subscribed.add(namespace)
        name = namespace.strip('/') or '/'
        self.watch.expect(name)
        self.create_subscription(
            TimeReference, f'{namespace}/{TOPIC}', self._receiver(name), 100)
        self.create_subscription(
            String, f'{namespace}/{DRIVER_NAME}/{STATE_TOPIC}', self._state_receiver(name),
            STATES)

    def _receiver(self, name: str) -> Callable[[TimeReference], None]:
        def receive(message: TimeReference) -> None:
            self.watch.add(name, message.source, CaptureTime(
                stamp_ns(message.time_ref) // 1000, stamp_ns(message.header.stamp),
                time.monotonic()))
        return receive

    def _state_receiver(self, name: str) -> Callable[[String], None]:
        def receive(message: String) -> None:
            self.watch.expect(name).state = message.data
        return receive

    def _discover(self) -> None:
        for topic, types in self.get_topic_names_and_types():
            if topic.endswith(f'/{TOPIC}') and _TYPE in types:
                self._subscribe(topic.removesuffix(f'/{TOPIC}'))

    def _report(self) -> list[Status]:
        if self._discovers:
            self._discover()
        findings = self.watch.findings(time.monotonic())
        reference = self.watch.reference()
        for name, line in self._changes.update(findings):
            if findings[name].problem:  # rclpy allows one level at one place
                self.get_logger().warning(line)
            else:
                self.get_logger().info(line)
        text, bad = summary(findings, reference.name if reference else '')
        return [Status('synchronization', Level.WARN if bad else Level.OK, text,
                       dict(describe(self.watch, findings)))]


def _make(shutdown: Shutdown) -> tuple[Node, SyncMonitor]:
    node = SyncMonitor(shutdown)
    return node, node


def main() -> NoReturn:
    """Run the command line."""
    end_process(run(sys.argv, NAME, _make))
