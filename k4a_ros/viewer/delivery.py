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
What waits to be sent to one page: never more than the page can take.

A page acknowledges each message when it has shown it. Until then at most `WINDOW` messages of a
topic are under way; of images that arrive meanwhile only the newest is kept.
"""

from __future__ import annotations

from collections import deque
import enum
import struct

from k4a_ros.viewer import serialized

#: messages of a topic that are sent before one is acknowledged
WINDOW = 2
#: messages and samples that wait at most
_MAX_QUEUE, _MAX_SAMPLES = 64, 4096
#: a message begins with the length of this prologue, the factor of decimation, whether the pixels
#: are in RVL, and the topic
_PROLOGUE = struct.Struct('<HBB')


class Policy(enum.Enum):
    """How messages of a topic are passed on."""

    #: only the newest
    LATEST = 'latest'
    #: only if it differs from the last one in more than its stamp
    CHANGED = 'changed'
    #: each of them
    EACH = 'each'
    #: samples of the IMU, all that have arrived together
    BATCH = 'batch'


POLICIES = {
    'sensor_msgs/msg/Image': Policy.LATEST,
    'sensor_msgs/msg/CompressedImage': Policy.LATEST,
    'sensor_msgs/msg/CameraInfo': Policy.CHANGED,
    'sensor_msgs/msg/Imu': Policy.BATCH,
    'sensor_msgs/msg/Temperature': Policy.LATEST,
    'visualization_msgs/msg/MarkerArray': Policy.LATEST,
    'diagnostic_msgs/msg/DiagnosticArray': Policy.EACH,
    'tf2_msgs/msg/TFMessage': Policy.EACH}


class Slot:
    """
    Messages of one topic for one page.

    :param factor: every Nth row and column of images is sent.
    :param compress: images of depth and infrared are compressed, without loss.
    """

    def __init__(
        self, topic: str, policy: Policy, factor: int, *, compress: bool = False,
    ) -> None:
        self.topic, self.policy, self.factor = topic, policy, factor
        self.compress = compress
        self.in_flight = 0
        self.sent = 0
        self._queue: deque[bytes] = deque(
            maxlen=1 if policy in (Policy.LATEST, Policy.CHANGED) else
            _MAX_SAMPLES if policy is Policy.BATCH else _MAX_QUEUE)
        self._last_content = b''

    def put(self, message: bytes) -> None:
        """Add a message, or for BATCH a sample; the oldest makes room for it."""
        if self.policy is Policy.CHANGED:
            content = message[12:]
            if content == self._last_content:
                return
            self._last_content = content
        self._queue.append(message)

    def take(self) -> bytes | None:
        """Return what is to be sent now, with its prologue; None if nothing is."""
        if not self._queue or self.in_flight >= WINDOW:
            return None
        small = None
        if self.policy is Policy.BATCH:
            payload = b''.join(self._queue)
            self._queue.clear()
        else:
            payload = serialized.decimated(self._queue.popleft(), self.factor)
            if self.compress and self.policy is Policy.LATEST:
                small = serialized.compressed(payload)
        self.in_flight += 1
        self.sent += 1
        return with_prologue(
            self.topic, self.factor, payload if small is None else small, small is not None)

    def acknowledge(self) -> None:
        """Note that the page has shown a message."""
        self.in_flight = max(0, self.in_flight - 1)


def with_prologue(name: str, factor: int, payload: bytes, compressed: bool = False) -> bytes:
    """
    Return a binary message for a page.

    It begins with the length of the prologue in bytes, a multiple of 8, as uint16 little endian,
    the factor of decimation and whether the payload is compressed, a byte each, and the name,
    padded with NUL.
    """
    encoded = name.encode()
    length = -(-(_PROLOGUE.size + len(encoded)) // 8) * 8
    return _PROLOGUE.pack(length, factor, compressed) + encoded.ljust(
        length - _PROLOGUE.size, b'\0') + payload
