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

"""Publishers of topics: quality of service, counters, and what happens if publishing fails."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Container
from dataclasses import dataclass
import time
from typing import Any
from typing import Protocol

from k4a_ros.errors import ConfigError
from k4a_ros.publishing.raw.message_sink import MessageSink
from k4a_ros.publishing.raw.rcl import RCLError
from k4a_ros.publishing.topic_sender import TopicSender
from rcl_interfaces.msg import SetParametersResult
from rclpy.duration import Duration
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import HistoryPolicy
from rclpy.qos import QoSPolicyKind
from rclpy.qos import QoSProfile
from rclpy.qos import ReliabilityPolicy
from rclpy.qos_overriding_options import InvalidQosOverridesError
from rclpy.qos_overriding_options import QoSOverridingOptions

#: queue depth of images and clouds. They are reliable: with the default settings of the
#: middleware, best effort loses nearly every message above 0.5 MB.
IMAGE_DEPTH = 4
#: queue depth of IMU samples, which arrive in bursts
IMU_DEPTH = 200
#: longest queue that users can set: that of IMU samples of ten minutes
_MAX_DEPTH = 1_000_000

_OVERRIDABLE = (
    QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH, QoSPolicyKind.RELIABILITY,
    QoSPolicyKind.DURABILITY)
#: minimum time between two warnings about the same topic
_WARNING_PERIOD_NS = 5_000_000_000

Warn = Callable[[str], None]


@dataclass
class Counters:
    """
    Totals of one topic.

    ``converted`` counts conversions: one for each message, but for each batch of IMU samples.
    ``published`` counts messages that the middleware accepted, ``failed`` messages that were
    dropped because converting or publishing them failed, and ``skipped`` messages that were not
    converted because the topic was busy (`TopicSender.busy`). ``busy_ns`` is the time that the
    thread of images has spent on the topic, for converting and publishing.
    """

    converted: int = 0
    published: int = 0
    failed: int = 0
    skipped: int = 0
    busy_ns: int = 0


def publisher_qos(depth: int) -> QoSProfile:
    """Return the QoS of a topic, unless users override it: reliable, with a queue."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=ReliabilityPolicy.RELIABLE)


class TopicOutputs(Protocol):
    """Where the messages of all topics go, by topic."""

    def get(self, kind: Any, topic: str, depth: int) -> Publisher[Any] | MessageSink:
        """Return the publisher or the sink of a topic; the first call creates it."""

    def counters(self, topic: str) -> Counters:
        """Return the counters of a topic."""


class Publishers:
    """
    The publishers of a node and the counters of its topics.

    They outlive the camera: a camera that is opened again, even in another mode, reuses the
    publishers of the topics that it still has, so that subscribers notice nothing. Counters are
    kept for the lifetime of the node.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._publishers: dict[str, Publisher[Any]] = {}
        self._counters: dict[str, Counters] = {}

    def get(self, kind: Any, topic: str, depth: int) -> Publisher[Any]:
        """
        Return the publisher of a topic; the first call for a topic creates it.

        It is reliable; users can override its QoS with ``qos_overrides`` parameters.

        :raises ConfigError: the QoS is invalid, or the topic has messages of another type.
        """
        if topic not in self._publishers:
            options = QoSOverridingOptions(policy_kinds=_OVERRIDABLE, callback=_check_depth)
            try:
                self._publishers[topic] = self._node.create_publisher(
                    kind, topic, publisher_qos(depth), qos_overriding_options=options)
            except (InvalidQosOverridesError, ParameterException, RuntimeError) as error:
                name = self._node.resolve_topic_name(topic)
                raise ConfigError(
                    f'cannot publish {topic} as {name}: {str(error).splitlines()[0]}; correct '
                    f'qos_overrides.{name}.publisher, or the remapping of the topic') from error
        return self._publishers[topic]

    def counters(self, topic: str) -> Counters:
        """Return the counters of a topic."""
        return self._counters.setdefault(topic, Counters())

    def keep_only(self, topics: Container[str]) -> None:
        """Destroy the publishers of all other topics."""
        for topic in [name for name in self._publishers if name not in topics]:
            self._node.destroy_publisher(self._publishers.pop(topic))


def _check_depth(profile: QoSProfile) -> SetParametersResult:
    if 0 <= profile.depth <= _MAX_DEPTH:
        return SetParametersResult(successful=True)
    return SetParametersResult(
        successful=False, reason=f'depth is {profile.depth}; it must be 0 to {_MAX_DEPTH}')


class LazyPublisher:
    """
    Base class of topics that do no work without subscribers.

    ``sender`` publishes the messages; ``subscriber_count`` returns the number of subscribers.

    :param warn: called, at most every few seconds, when messages are dropped.
    :param counters: of the topic; incremented.
    :param slow_s: see `TopicSender`.
    :param lossless: whether messages must not be skipped, and dropped only after several attempts.
    """

    def __init__(
        self, topic: str, publisher: Publisher[Any] | MessageSink, warn: Warn,
        counters: Counters, *, slow_s: float | None = None, lossless: bool = False,
    ) -> None:
        self.topic = topic
        self.counters = counters
        self.sender = TopicSender(publisher, self._count, slow_s=slow_s, lossless=lossless)
        self._lossless = lossless
        self._warn = warn
        self._publisher = publisher
        # of the handle itself, because every capture asks every topic: rclpy's method takes six
        # times as long
        self.subscriber_count: Callable[[], int] = (
            publisher if isinstance(publisher, MessageSink) else publisher.handle
        ).get_subscription_count
        self._last_warning_ns = -_WARNING_PERIOD_NS

    def has_subscribers(self) -> bool:
        """Return whether there are subscribers."""
        return self.subscriber_count() > 0

    def wait_for_acks(self, timeout_s: float) -> bool:
        """
        Wait until every reliable subscriber has acknowledged all messages.

        All other Python threads stand still meanwhile, because rclpy holds the GIL.

        :return: False after the timeout.
        """
        self.sender.wait()
        if isinstance(self._publisher, MessageSink):
            return True
        return self._publisher.wait_for_all_acked(Duration(nanoseconds=int(timeout_s * 1e9)))

    def _must_skip(self) -> bool:
        """Return, and count, whether a message is skipped because the topic is busy."""
        skip = not self._lossless and self.sender.busy
        self.counters.skipped += skip
        return skip

    def _count(self, number: int, error: RCLError | None) -> None:
        """Count messages that were published, or one that was dropped because of an error."""
        if error is None:
            self.counters.published += number
        else:
            self._count_dropped(str(error))

    def _count_dropped(self, reason: str) -> None:
        self.counters.failed += 1
        now_ns = time.monotonic_ns()
        if now_ns - self._last_warning_ns > _WARNING_PERIOD_NS:
            self._last_warning_ns = now_ns
            self._warn(
                f'{self.topic}: dropped a message ({self.counters.failed} so far): {reason}')
