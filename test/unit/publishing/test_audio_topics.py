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

"""Which messages of sound and its direction are published."""

from __future__ import annotations

from typing import Any

from geometry_msgs.msg import PoseStamped
from k4a_ros.publishing.audio_topics import AudioTopics
from k4a_ros.publishing.messages import stamp_ns
from k4a_ros.publishing.options import TopicOptions
from k4a_ros.publishing.publishers import Counters
from k4a_ros.publishing.publishers import publisher_qos
from k4a_ros.publishing.raw.message_sink import MessageSink
import numpy as np

BLOCK_NS = 20_000_000


class Outputs:
    """Topics whose messages are kept."""

    def __init__(self) -> None:
        self.messages: dict[str, list[Any]] = {}
        self.sinks: dict[str, Any] = {}

    def get(self, kind: Any, topic: str, depth: int) -> Any:
        """Return the sink of a topic."""
        messages = self.messages.setdefault(topic, [])

        class Sink(MessageSink):

            publish_with_data = publish_imu = None

            def publish(self, message: Any) -> None:
                assert isinstance(message, kind)
                messages.append(message)

        Sink.__abstractmethods__ = frozenset()
        return self.sinks.setdefault(topic, Sink(publisher_qos(depth), True))

    def counters(self, topic: str) -> Counters:
        """Return the counters of a topic."""
        return Counters()


def blocks(topics: AudioTopics, begin_ns: int, count: int, gap: bool = True) -> None:
    """Publish blocks of noise from the front, after a gap or not."""
    random = np.random.default_rng(1)
    for i in range(count):
        noise = random.integers(-3000, 3000, 960).astype(np.int16)
        topics.publish(np.repeat(noise[:, None], 7, axis=1), begin_ns + i * BLOCK_NS,
                       continues=i > 0 or not gap)


def test_direction_is_that_of_sound_without_a_gap_ten_times_a_second() -> None:
    outputs = Outputs()
    topics = AudioTopics(
        outputs, TopicOptions(audio_direction=True, audio_channels=1, tf_prefix='left_'),
        lambda text: None)
    assert topics.has_subscribers()
    blocks(topics, 10 ** 18, 50)
    directions, sound = outputs.messages['audio/direction'], outputs.messages['audio']
    assert len(sound) == 50 and all(message.width == 1 for message in sound)
    assert {message.header.frame_id for message in [*sound, *directions]} == {
        'left_microphones_link'}
    stamps = [stamp_ns(message.header.stamp) for message in directions]
    assert stamps == [10 ** 18 + 300_000_000 + i * 100_000_000 for i in range(8)]
    # what is stamped earlier because time was set back, and what follows a gap
    blocks(topics, 10 ** 18 - 10 ** 12, 30)
    assert len(directions) == 12
    blocks(topics, 10 ** 18, 10)
    assert len(directions) == 12
    blocks(topics, 10 ** 18 + 10 * BLOCK_NS, 10, gap=False)
    assert len(directions) == 14
    assert all(isinstance(message, PoseStamped) for message in directions)


def test_nothing_is_computed_without_subscribers() -> None:
    outputs = Outputs()
    topics = AudioTopics(outputs, TopicOptions(audio_direction=True), lambda text: None)
    for sink in outputs.sinks.values():
        sink.wanted = False
    assert not topics.has_subscribers()
    blocks(topics, 10 ** 18, 40)
    assert not any(outputs.messages.values())
