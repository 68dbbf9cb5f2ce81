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


"""What the middleware does not take is left out and told; nothing ends by it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from k4a_ros.capture import Capture
from k4a_ros.capture import Image as CameraImage
from k4a_ros.process.spinner import Spinner
from k4a_ros.publishing.messages import CompressedBuffer
from k4a_ros.publishing.messages import ImageBuffer
from k4a_ros.publishing.raw.message import RawMessage
from k4a_ros.publishing.raw.message import RetryingPublisher
from k4a_ros.publishing.raw.rcl import RCLError
from k4a_ros.publishing.streams import Stream
import numpy as np
import pytest
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from support.ros import Listener
from support.ros import listening
from support.ros import new_domain
from support.ros import wait_for


@pytest.fixture(scope='module')
def listener() -> Iterator[Listener]:
    """Give one node for all tests: it publishes and subscribes."""
    with listening(new_domain()) as node:
        yield node


def test_an_image_that_is_refused_is_left_out_and_the_next_comes(listener: Listener) -> None:
    received = listener.subscribe(Image, 'now_and_then')
    publisher = listener.node.create_publisher(Image, 'now_and_then', 10)
    wait_for(publisher.get_subscription_count, 'a subscriber')
    buffer = ImageBuffer('camera', 'mono16', (4, 4), (4, 4), np.uint16)
    warnings: list[str] = []
    stream = Stream('now_and_then', publisher, lambda capture: capture.depth,
                    lambda *_: buffer.message, warnings.append)
    whole = buffer.message._struct.encoding.capacity
    for number, capacity in enumerate([0, 0, whole]):
        buffer.message._struct.encoding.capacity = capacity  # 0 is what no string of C can have
        stream.offer(
            Capture(CameraImage(np.zeros((4, 4), np.uint16), number), None, None), lambda us: us)
    wait_for(lambda: received, 'the one image that can be published')
    assert received[0].header.stamp.nanosec == 2
    assert (stream.counters.failed, stream.counters.published) == (2, 1)
    assert len(warnings) == 1
    assert warnings[0].startswith('now_and_then: a message could not be published and is left out')


@pytest.mark.parametrize('refusals', [1, 2, 3])
def test_what_is_refused_twice_still_arrives(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, refusals: int,
) -> None:
    """Data that is only borrowed is there until the last attempt, and let go after it."""
    topic = f'refused_{refusals}'
    received = listener.subscribe(CompressedImage, topic)
    publisher = listener.node.create_publisher(CompressedImage, topic, 10)
    wait_for(publisher.get_subscription_count, 'a subscriber')
    buffer = CompressedBuffer('camera', 'jpeg')
    buffer.fill(np.arange(100, dtype=np.uint8))
    left = [RCLError('busy')] * refusals
    publish = RawMessage.publish

    def busy(self: RawMessage, publisher: Any) -> None:
        if left:
            raise left.pop()
        publish(self, publisher)

    monkeypatch.setattr(RawMessage, 'publish', busy)
    if refusals == 3:
        with pytest.raises(RCLError, match='busy'):
            RetryingPublisher(publisher).publish(buffer.message)
    else:
        RetryingPublisher(publisher).publish(buffer.message)
        wait_for(lambda: received, 'the message')
        assert bytes(received[0].data) == bytes(range(100))
    assert buffer.message._data.size == 0


def test_a_node_that_hears_nothing_any_more_ends_and_says_why(listener: Listener) -> None:
    """A callback with a defect ends what spins; the node is not left deaf."""
    failures: list[Exception] = []
    node = Node('ending', context=listener.context)
    node.create_timer(0.01, lambda: {}['a defect'])
    spinner = Spinner(node, failures.append)
    spinner.start()
    wait_for(lambda: failures, 'the end of spinning')
    spinner.stop()
    node.destroy_node()
    assert [type(failure) for failure in failures] == [KeyError]
