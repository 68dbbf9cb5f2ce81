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

"""What waits for a page is bounded, whatever the page does."""

from __future__ import annotations

from k4a_ros.viewer.delivery import Policy
from k4a_ros.viewer.delivery import Slot
from k4a_ros.viewer.delivery import WINDOW
from k4a_ros.viewer.delivery import with_prologue
import pytest
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image


def payload(message: bytes | None) -> bytes | None:
    """Return a message without its prologue."""
    return None if message is None else message[int.from_bytes(message[:2], 'little'):]


def test_latest_keeps_the_newest_for_a_page_that_does_not_acknowledge() -> None:
    slot = Slot('/a', Policy.LATEST, 1)
    sent = []
    for number in range(100):
        slot.put(bytes([number]))
        sent.append(payload(slot.take()))
    assert [message for message in sent if message is not None] == [b'\0', b'\1'][:WINDOW]
    slot.acknowledge()
    assert payload(slot.take()) == bytes([99])
    slot.acknowledge()
    assert slot.take() is None


def test_acknowledgments_without_a_message_do_not_widen_the_window() -> None:
    slot = Slot('/a', Policy.EACH, 1)
    for _ in range(1000):
        slot.acknowledge()
    for _ in range(10):
        slot.put(b'x')
    assert sum(slot.take() is not None for _ in range(10)) == WINDOW


def test_changed_ignores_stamps() -> None:
    slot = Slot('/a', Policy.CHANGED, 1)
    for number, content in enumerate(('a', 'a', 'b', 'b', 'a')):
        slot.put(b'\0\1\0\0' + number.to_bytes(8, 'little') + content.encode())
        taken = payload(slot.take())
        assert (taken is not None) == (number in (0, 2, 4))
        slot.acknowledge()


def test_batch_joins_what_has_arrived_and_is_bounded() -> None:
    slot = Slot('/a', Policy.BATCH, 1)
    for _ in range(3):
        slot.put(b'12345678')
    assert payload(slot.take()) == b'12345678' * 3
    for number in range(100_000):
        slot.put(number.to_bytes(8, 'little'))
    rest = payload(slot.take())
    assert rest is not None and len(rest) == 8 * 4096
    assert rest[-8:] == (99_999).to_bytes(8, 'little')


def test_images_are_compressed_when_that_is_asked_for() -> None:
    raw = bytes(serialize_message(
        Image(height=40, width=40, encoding='16UC1', step=80, data=bytes(3200))))
    sizes = []
    for compress in (False, True):
        slot = Slot('/a', Policy.LATEST, 1, compress=compress)
        for message in (raw, b'no image'):
            slot.put(message)
            taken = slot.take()
            assert taken is not None
            assert taken[3] == (compress and message is raw)
            sizes.append(len(taken))
    assert sizes[2] < 100 < 3200 < sizes[0] and sizes[1] == sizes[3]


@pytest.mark.parametrize('name', ['', '/a', '/left/depth/image_raw', 'ü' * 20])
def test_with_prologue_is_aligned(name: str) -> None:
    message = with_prologue(name, 4, b'data')
    length = int.from_bytes(message[:2], 'little')
    assert length % 8 == 0 and message[2:4] == bytes([4, 0])
    assert message[4:length].rstrip(b'\0').decode() == name
    assert message[length:] == b'data'
