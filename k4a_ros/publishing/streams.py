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
Topics: one `Stream` each, with one policy for quality of service, laziness and failure.

A stream does nothing while nobody subscribes to it: no decoding, no conversion, no publishing.
What it did is counted, so that this can be seen.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Container
from dataclasses import dataclass
import threading
import time
from typing import Any

from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.capture import ImuSamples
from k4a_ros.jit.lazy import Lazy
from k4a_ros.publishing.messages import set_stamp
from k4a_ros.publishing.raw.message import RetryingPublisher
from k4a_ros.publishing.raw.rcl import RCLError
from k4a_ros.streaming.imu import ImuRate
from k4a_ros.streaming.imu import ImuReadings
from k4a_ros.streaming.imu import synchronize
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import HistoryPolicy
from rclpy.qos import QoSPolicyKind
from rclpy.qos import QoSProfile
from rclpy.qos import ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import Imu

#: Captures kept for a reliable subscriber that is late. Best effort is no default for images:
#: with the transports' default settings it loses nearly every message above 0.5 MB.
IMAGE_DEPTH = 4
#: Inertial samples kept; at least what comes in one burst.
IMU_DEPTH = 200

_OVERRIDABLE = (
    QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH, QoSPolicyKind.RELIABILITY,
    QoSPolicyKind.DURABILITY)

ToRos = Callable[[int], int]
Warn = Callable[[str], None]


def make_publisher(node: Node, kind: Any, topic: str, depth: int) -> Publisher[Any]:
    """Return a reliable publisher whose QoS can be overridden by qos_overrides parameters."""
    profile = QoSProfile(
        history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=ReliabilityPolicy.RELIABLE)
    return node.create_publisher(
        kind, topic, profile,
        qos_overriding_options=QoSOverridingOptions(policy_kinds=_OVERRIDABLE))


class Publishers:
    """
    The publishers of a node, by topic: they outlive the camera that they publish.

    A camera that is opened again, in another mode even, finds the publishers of the topics that
    it still has, so that their subscribers notice nothing.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._made: dict[str, Publisher[Any]] = {}

    def get(self, kind: Any, topic: str, depth: int) -> Publisher[Any]:
        """Return the reliable publisher of a topic; its QoS is that of the first request."""
        if topic not in self._made:
            self._made[topic] = make_publisher(self._node, kind, topic, depth)
        return self._made[topic]

    def keep_only(self, topics: Container[str]) -> None:
        """Destroy the publishers of all other topics."""
        for topic in [name for name in self._made if name not in topics]:
            self._node.destroy_publisher(self._made.pop(topic))


@dataclass
class Counters:
    """What a stream has done since it was made; ``converted`` counts work, not messages."""

    converted: int = 0
    published: int = 0
    failed: int = 0


class LazyPublisher:
    """
    A publisher that is used only while somebody listens, and waited for where needed.

    :param warn: told, not too often, of messages that are left out.
    """

    def __init__(self, topic: str, publisher: Publisher[Any], warn: Warn) -> None:
        self.topic = topic
        self._warn = warn
        self.counters = Counters()
        self._publisher = publisher
        self._writer = RetryingPublisher(publisher)
        self._said_ns = 0

    def subscribers(self) -> int:
        """Return how many subscribe."""
        return self._publisher.get_subscription_count()

    def wanted(self) -> bool:
        """Return whether anybody subscribes."""
        return self.subscribers() > 0

    def acknowledged(self, timeout: float) -> bool:
        """
        Wait until every reliable subscriber has what was published.

        :param timeout: seconds; every other Python thread stands still meanwhile, because rclpy
            holds the interpreter's lock.
        :return: whether they all have.
        """
        return self._publisher.wait_for_all_acked(Duration(nanoseconds=int(timeout * 1e9)))

    def _send(self, message: Any) -> None:
        """Publish a message; one that the middleware does not take is left out."""
        try:
            self._writer.publish(message)
        except RCLError as error:
            self._complain('a message could not be published', error)
            return
        self.counters.published += 1

    def _complain(self, what: str, error: Exception) -> None:
        self.counters.failed += 1
        now = time.monotonic_ns()
        if now - self._said_ns > 5_000_000_000:
            self._said_ns = now
            self._warn(f'{self.topic}: {what} and is left out '
                       f'({self.counters.failed} so far): {error}')


class Stream(LazyPublisher):
    """
    One topic that carries something of every capture.

    :param source: picks the image of a capture that the topic is made from.
    :param render: makes the message from that image and its capture; the message may be reused.
    """

    def __init__(
        self, topic: str, publisher: Publisher[Any], source: Callable[[Capture], Image | None],
        render: Callable[[Capture, Image], Any], warn: Warn,
    ) -> None:
        super().__init__(topic, publisher, warn)
        self._source = source
        self._render = render
        #: the topic is left out until this, which takes long to make, is there ...
        self.needs: Lazy[Any] | None = None
        #: ... or all wait for it, until this is set, at most
        self.cancel: threading.Event | None = None

    def offer(self, capture: Capture, to_ros: ToRos) -> None:
        """
        Publish what this topic takes from the capture, if anybody wants it.

        :param to_ros: device microseconds to ROS nanoseconds.
        """
        image = self._source(capture)
        if image is None or not self.wanted():
            return
        if self.needs is not None and not self._prepared(self.needs):
            return
        try:
            message = self._render(capture, image)
        except Exception as error:  # whatever a broken image does to a decoder
            self._complain('an image could not be converted', error)
            return
        self.counters.converted += 1
        set_stamp(message.header, to_ros(image.device_us))
        self._send(message)

    def _prepared(self, needs: Lazy[Any]) -> bool:
        while not needs.start():
            if self.cancel is None or self.cancel.wait(0.01):
                return False
        return True


class ImuStream(LazyPublisher):
    """
    The inertial samples, every one or averaged down to a rate.

    :param message: reused for every sample.
    """

    def __init__(
        self, topic: str, publisher: Publisher[Any], message: Imu, rate: int, warn: Warn,
    ) -> None:
        super().__init__(topic, publisher, warn)
        self.depth = publisher.qos_profile.depth or IMU_DEPTH
        self._message = message
        self._rate = ImuRate(rate)
        self._before: ImuSamples | None = None

    def offer(self, samples: ImuSamples, to_ros: ToRos) -> None:
        """Publish these samples, if anybody wants them."""
        before, self._before = self._before, samples
        if self.wanted():
            self._publish(self._rate.feed(synchronize(samples, before)), to_ros)
        else:
            self._rate.flush()

    def flush(self, to_ros: ToRos) -> None:
        """Publish what the averaging holds back."""
        rest = self._rate.flush()
        if rest is not None and self.wanted():
            self._publish(rest, to_ros)

    def _publish(self, readings: ImuReadings, to_ros: ToRos) -> None:
        self.counters.converted += 1
        message = self._message
        linear, angular = message.linear_acceleration, message.angular_velocity
        for us, acc, gyro in zip(
                readings.device_us.tolist(), readings.acc.tolist(), readings.gyro.tolist(),
                strict=True):
            set_stamp(message.header, to_ros(us))
            linear.x, linear.y, linear.z = acc
            angular.x, angular.y, angular.z = gyro
            self._send(message)
