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

"""The messages that the driver would publish for a capture, without ROS."""

from __future__ import annotations

import copy
import threading
from types import SimpleNamespace
from typing import Any

from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.capture import Capture
from k4a_ros.images.upright import upright_capture
from k4a_ros.publishing.image_topics import add_images
from k4a_ros.publishing.options import LiveOptions
from k4a_ros.publishing.options import TopicOptions
from k4a_ros.publishing.publishers import Counters
from k4a_ros.publishing.publishers import publisher_qos
from k4a_ros.publishing.raw.message_sink import MessageSink
from k4a_ros.publishing.streams import offer_to_subscribers
from k4a_ros.publishing.topic_builder import TopicBuilder
import numpy as np
import pytest


class _Sink(MessageSink):
    """Keeps the last message of a topic."""

    message: Any = None

    def publish(self, message: Any) -> None:
        """Keep a message."""
        self.message = copy.deepcopy(message)

    def publish_with_data(self, message: Any, data: np.ndarray) -> None:
        """Keep a message with its data."""
        self.message = copy.deepcopy(message)
        self.message.data = data.tobytes()

    def publish_imu(self, *_: Any) -> None:
        """Do nothing."""


class RenderedTopics:
    """
    The topics of images and clouds of a camera.

    :param topics: names of those that have subscribers; None for all.
    """

    def __init__(
        self, calibration: FactoryCalibration, config: CameraConfig, options: TopicOptions,
        topics: set[str] | None = None,
    ) -> None:
        self._wanted = topics
        self._rotation = options.camera_rotation
        self._sinks: dict[str, _Sink] = {}
        self._counters: dict[str, Counters] = {}
        camera: Any = SimpleNamespace(
            calibration=calibration, config=config, lossless=True, lockstep=False,
            reports_metadata=False, playback=None, info=SimpleNamespace(serial='1'))
        builder = TopicBuilder(camera, options, self, pytest.fail, threading.Event())
        add_images(builder, LiveOptions.of(options))
        self._streams = builder.streams

    def get(self, _: Any, topic: str, depth: int) -> Any:
        """Return the sink of a topic."""
        wanted = self._wanted is None or topic in self._wanted
        return self._sinks.setdefault(topic, _Sink(publisher_qos(depth), wanted))

    def counters(self, topic: str) -> Counters:
        """Return the counters of a topic."""
        return self._counters.setdefault(topic, Counters())

    def render(self, capture: Capture) -> dict[str, Any]:
        """Return the messages for a capture, by topic."""
        capture = upright_capture(capture, self._rotation)
        offer_to_subscribers(self._streams, capture, lambda device_us: device_us * 1000)
        return {topic: sink.message for topic, sink in self._sinks.items() if sink.message}


def pixels(message: Any) -> np.ndarray:
    """Return the pixels of a sensor_msgs/Image, (height, width) or (height, width, channels)."""
    kind = np.dtype(np.uint16 if message.encoding in ('mono16', '16UC1') else np.uint8)
    values = np.frombuffer(bytes(message.data), kind).reshape(message.height, message.width, -1)
    assert message.step == values[0].nbytes
    return values[..., 0] if values.shape[-1] == 1 else values


def points(message: Any) -> np.ndarray:
    """Return x, y, z of a sensor_msgs/PointCloud2, (height, width, 3) float32."""
    values = np.frombuffer(bytes(message.data), np.float32)
    return values.reshape(message.height, message.width, -1)[..., :3]
