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

"""Sinks that write what would be published on the topics of a camera to a bag."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from k4a_ros.bags.storage import BagWriter
from k4a_ros.bags.storage import Topic
from k4a_ros.publishing.messages import stamp_ns
from k4a_ros.publishing.publishers import Counters
from k4a_ros.publishing.publishers import publisher_qos
from k4a_ros.publishing.raw.message_sink import MessageSink
import numpy as np
import numpy.typing as npt
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Imu


class BagSink(MessageSink):
    """
    A topic of a bag; the stamp of a message is the time at which a player publishes it.

    :param topic: None if the topic is not wanted.
    """

    def __init__(self, bag: BagWriter, topic: Topic | None, qos_profile: QoSProfile) -> None:
        super().__init__(qos_profile, topic is not None)
        self._bag = bag
        self._topic = topic

    def publish(self, message: Any) -> None:
        """Write a ROS message."""
        self._write(message.header, self._bag.serializer.serialize(message))

    def publish_with_data(self, message: Any, data: npt.NDArray[np.uint8]) -> None:
        """Write a ROS message whose data is an array."""
        self._write(message.header, self._bag.serializer.serialize(message, data))

    def publish_imu(
        self, message: Imu, stamps_ns: npt.NDArray[np.int64], acc: npt.NDArray[np.float64],
        gyro: npt.NDArray[np.float64],
    ) -> None:
        """Write messages that differ only in stamp, acceleration and angular velocity."""
        assert self._topic is not None
        messages = self._bag.serializer.serialize_imu(message, stamps_ns, acc, gyro)
        for time_ns, data in zip(stamps_ns.tolist(), messages, strict=True):
            self._bag.write(self._topic, time_ns, data)

    def _write(self, header: Any, message: bytes | memoryview) -> None:
        assert self._topic is not None
        self._bag.write(self._topic, stamp_ns(header.stamp), message)


class BagOutputs:
    """
    The topics of a camera in a bag; implements `TopicOutputs`.

    ``topics`` are those in the bag, ``left_out`` the names of the others.

    :param namespace: of the topics, with a slash at its end.
    :param wanted: returns whether a topic, without namespace, is to be written.
    """

    def __init__(
        self, bag: BagWriter, namespace: str, wanted: Callable[[str], bool],
    ) -> None:
        self.topics: dict[str, Topic] = {}
        self.left_out: list[str] = []
        self._bag = bag
        self._namespace = namespace
        self._wanted = wanted
        self._sinks: dict[str, BagSink] = {}
        self._counters: dict[str, Counters] = {}

    def get(self, kind: Any, topic: str, depth: int) -> BagSink:
        """Return the sink of a topic; the first call creates it."""
        if topic not in self._sinks:
            qos = publisher_qos(depth)
            added = None
            if self._wanted(topic):
                added = self._bag.add_topic(self._namespace + topic, kind, qos)
                self.topics[topic] = added
            else:
                self.left_out.append(topic)
            self._sinks[topic] = BagSink(self._bag, added, qos)
        return self._sinks[topic]

    def counters(self, topic: str) -> Counters:
        """Return the counters of a topic."""
        return self._counters.setdefault(topic, Counters())
