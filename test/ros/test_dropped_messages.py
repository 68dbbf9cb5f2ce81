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

"""Messages that the middleware rejects are retried or dropped, with a warning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from k4a_ros.capture import Capture
from k4a_ros.capture import Image as CameraImage
from k4a_ros.publishing.messages import CompressedView
from k4a_ros.publishing.messages import ImageBuffer
from k4a_ros.publishing.publishers import Counters
from k4a_ros.publishing.raw.message import RawMessage
from k4a_ros.publishing.raw.message import RetryingPublisher
from k4a_ros.publishing.raw.rcl import RCLError
from k4a_ros.publishing.streams import Stream
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from support.ros import Listener
from support.ros import listening
from support.ros import new_domain
from support.ros import wait_for


@pytest.fixture(scope='module')
def listener() -> Iterator[Listener]:
    """Yield one node for all tests, which publishes and subscribes."""
    with listening(new_domain()) as node:
        yield node


def test_rejected_image_is_dropped_and_the_next_is_published(listener: Listener) -> None:
    received = listener.subscribe(Image, 'intermittent')
    publisher = listener.node.create_publisher(Image, 'intermittent', 10)
    wait_for(publisher.get_subscription_count, 'a subscriber')
    buffer = ImageBuffer('camera', 'mono16', (4, 4), (4, 4), np.uint16)
    warnings: list[str] = []
    stream = Stream('intermittent', publisher, lambda capture: capture.depth,
                    lambda *_: buffer.message, warnings.append, Counters())
    valid = buffer.message._struct.encoding.capacity
    for number, capacity in enumerate([0, 0, valid]):
        buffer.message._struct.encoding.capacity = capacity  # 0 is invalid for a C string
        stream.offer(
            Capture(CameraImage(np.zeros((4, 4), np.uint16), number), None, None), lambda us: us)
    wait_for(lambda: received, 'the valid image')
    assert received[0].header.stamp.nanosec == 2
    assert (stream.counters.failed, stream.counters.published) == (2, 1)
    assert len(warnings) == 1
    assert warnings[0].startswith('intermittent: dropped a message (1 so far): ')


@pytest.mark.parametrize('failures', [1, 2, 3])
def test_publishing_is_attempted_three_times(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, failures: int,
) -> None:
    """Borrowed data is kept until the last attempt, and released after it."""
    topic = f'rejected_{failures}'
    received = listener.subscribe(CompressedImage, topic)
    publisher = listener.node.create_publisher(CompressedImage, topic, 10)
    wait_for(publisher.get_subscription_count, 'a subscriber')
    view = CompressedView('camera', 'jpeg')
    view.set_data(np.arange(100, dtype=np.uint8))
    errors = [RCLError('busy')] * failures
    publish = RawMessage.publish

    def failing_publish(self: RawMessage, publisher: Any) -> None:
        if errors:
            raise errors.pop()
        publish(self, publisher)

    monkeypatch.setattr(RawMessage, 'publish', failing_publish)
    if failures == 3:
        with pytest.raises(RCLError, match='busy'):
            RetryingPublisher(publisher).publish(view.message)
    else:
        RetryingPublisher(publisher).publish(view.message)
        wait_for(lambda: received, 'the message')
        assert bytes(received[0].data) == bytes(range(100))
    assert view.message._data.size == 0
