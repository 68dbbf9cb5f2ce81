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

"""The topics audio and audio/direction."""

from __future__ import annotations

from typing import Any

from geometry_msgs.msg import PoseStamped
from k4a_ros.audio.direction import estimate_direction
from k4a_ros.audio.microphones import CHANNELS
from k4a_ros.audio.microphones import RATE
from k4a_ros.audio.source import Samples
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.calibration.rigid_transform import rotation_y
from k4a_ros.calibration.rigid_transform import rotation_z
from k4a_ros.calibration.tf_frames import MICROPHONES
from k4a_ros.publishing.audio_messages import audio_message
from k4a_ros.publishing.messages import set_stamp
from k4a_ros.publishing.options import TopicOptions
from k4a_ros.publishing.publishers import LazyPublisher
from k4a_ros.publishing.publishers import TopicOutputs
from k4a_ros.publishing.publishers import Warn
import numpy as np

AUDIO, DIRECTION = 'audio', 'audio/direction'

#: queue depth: two seconds of sound
_DEPTH = 100
#: samples that a direction is computed from, and time from one to the next
_WINDOW = RATE * 3 // 10
_DIRECTION_PERIOD_NS = 100_000_000


class AudioTopics:
    """
    Publishes sound to those topics that have subscribers.

    The messages of audio have the stamp of their first sample, those of audio/direction that of
    the last sample that they are computed from. ``all`` are the topics.

    :param standard: use only types of messages that come with ROS.
    :param lossless: see `LazyPublisher`.
    """

    def __init__(
        self, outputs: TopicOutputs, options: TopicOptions, warn: Warn, *,
        standard: bool = False, lossless: bool = False,
    ) -> None:
        self._channels = options.audio_channels
        self._frame = options.tf_prefix + MICROPHONES
        kind, self._fill = audio_message(options.audio_format, standard=standard)

        def topic(kind: Any, name: str) -> LazyPublisher:
            return LazyPublisher(name, outputs.get(kind, name, _DEPTH), warn,
                                 outputs.counters(name), lossless=lossless)

        self._sound = topic(kind, AUDIO)
        self._direction = topic(PoseStamped, DIRECTION) if options.audio_direction else None
        self.all = [self._sound] if self._direction is None else [self._sound, self._direction]
        self._window: Samples = np.zeros((0, CHANNELS), np.int16)
        self._next_direction_ns = 0

    def has_subscribers(self) -> bool:
        """Return whether there are subscribers."""
        return any(topic.has_subscribers() for topic in self.all)

    def publish(self, samples: Samples, stamp_ns: int, *, continues: bool) -> None:
        """
        Publish sound.

        :param samples: (N, 7) int16.
        :param stamp_ns: ROS time of the first one, nanoseconds.
        :param continues: whether the first sample follows the last one of the call before.
        """
        if self._sound.has_subscribers():
            self._send(self._sound, self._fill(samples[:, :self._channels]), stamp_ns)
        wanted = self._direction is not None and self._direction.has_subscribers()
        if not (continues and wanted):
            self._window = self._window[:0]
        if wanted:
            self._publish_direction(samples, stamp_ns + len(samples) * 1_000_000_000 // RATE)

    def _publish_direction(self, samples: Samples, end_ns: int) -> None:
        self._window = np.concatenate([self._window, samples])[-_WINDOW:]
        left_ns = self._next_direction_ns - end_ns  # more than a period if time was set back
        if len(self._window) < _WINDOW or 0 < left_ns <= _DIRECTION_PERIOD_NS:
            return
        self._next_direction_ns = end_ns + _DIRECTION_PERIOD_NS
        found = estimate_direction(self._window)
        if found is None or self._direction is None:
            return
        message = PoseStamped()
        # x points to the source
        turn = RigidTransform(
            rotation_z(found.azimuth) @ rotation_y(-found.elevation), np.zeros(3))
        q = message.pose.orientation
        q.x, q.y, q.z, q.w = turn.quaternion()
        self._send(self._direction, message, end_ns)

    def _send(self, topic: LazyPublisher, message: Any, stamp_ns: int) -> None:
        message.header.frame_id = self._frame
        set_stamp(message.header, stamp_ns)
        topic.counters.converted += 1
        topic.sender.send(message)
