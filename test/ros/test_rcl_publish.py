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

"""Messages that bypass rclpy are identical to those of rclpy, which is the fallback."""

from __future__ import annotations

from collections.abc import Iterator
import ctypes
import logging
import sys
import threading
from typing import Any
import weakref

from k4a_ros.publishing.messages import CloudBuffer
from k4a_ros.publishing.messages import CompressedView
from k4a_ros.publishing.messages import ImageBuffer
from k4a_ros.publishing.raw import message as raw_message
from k4a_ros.publishing.raw import rcl
from k4a_ros.publishing.raw import structs
from k4a_ros.publishing.raw.message import RawMessage
from k4a_ros.publishing.raw.message import RetryingPublisher
import numpy as np
import pytest
from rclpy.exceptions import InvalidHandle
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from sensor_msgs.msg import PointCloud2
from support.ros import Listener
from support.ros import listening
from support.ros import new_domain
from support.ros import wait_for

KINDS = (Image, CompressedImage, PointCloud2)


@pytest.fixture(scope='module')
def module_listener() -> Iterator[Listener]:
    """Yield one node for all tests, which publishes and subscribes."""
    with listening(new_domain()) as listener:
        yield listener


@pytest.fixture
def listener(module_listener: Listener) -> Iterator[Listener]:
    """Yield the node; results of the self-tests are cleared before and after."""
    for cached in (rcl.verified_rcl, rcl._library, raw_message.accepts_views):
        cached.cache_clear()
    yield module_listener
    for cached in (rcl.verified_rcl, rcl._library, raw_message.accepts_views):
        cached.cache_clear()


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    """Collect warnings directly: loggers that launch has created do not propagate."""
    texts: list[str] = []

    class Handler(logging.Handler):

        def emit(self, record: logging.LogRecord) -> None:
            texts.append(record.getMessage())

    handler = Handler(logging.WARNING)
    logger = logging.getLogger('k4a_ros.publishing')
    logger.addHandler(handler)
    yield texts
    logger.removeHandler(handler)


class Link:
    """A publisher and the messages received from it, deserialized and serialized."""

    def __init__(self, listener: Listener, kind: Any, topic: str) -> None:
        self.messages = listener.subscribe(kind, topic)
        self.serialized: list[bytes] = []
        listener.node.create_subscription(kind, topic, self.serialized.append, 10, raw=True)
        self.publisher = listener.node.create_publisher(kind, topic, 10)
        wait_for(lambda: self.publisher.get_subscription_count() == 2, 'two subscribers')

    def receive(self, number: int = 1) -> tuple[Any, bytes]:
        """Wait for a message, numbered from 1, and return it in both forms."""
        wait_for(lambda: min(len(self.messages), len(self.serialized)) >= number, 'messages')
        return self.messages[number - 1], self.serialized[number - 1]


def raw_copy(message: Any) -> RawMessage:
    """Return a copy of a message whose data is a numpy array."""
    kind = type(message)
    template = kind(**{name: getattr(message, name) for name, _ in structs.members(
        structs.STRUCTS[kind]) if name != 'data'})
    result = RawMessage(template)
    result.set_data(np.array(message.data, np.uint8))
    return result


def without_padding(data: bytes, kind: type[ctypes.Structure]) -> bytes:
    """Return a serialized message with its alignment padding set to 0 (XCDR 1)."""
    result = np.frombuffer(data, np.uint8).copy()
    at = 4  # after the encapsulation header; alignment is relative to it

    def align() -> None:
        nonlocal at
        while at % 4:
            result[at] = 0
            at += 1

    def number() -> int:
        nonlocal at
        align()
        at += 4
        return int.from_bytes(data[at - 4:at], sys.byteorder)

    def walk(type_: type[ctypes.Structure]) -> None:
        nonlocal at
        for _, member in structs.members(type_):
            if member in (structs.StringStruct, structs.OctetSequence):
                length = number()  # advances `at`, so it must not be part of the addition
                at += length
            elif member is structs.PointFieldSequence:
                for _ in range(number()):
                    walk(structs.PointFieldStruct)
            elif issubclass(member, ctypes.Structure):
                walk(member)
            elif ctypes.sizeof(member) == 1:
                at += 1
            else:
                number()

    walk(kind)
    assert at == len(data)
    return result.tobytes()


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('seed', [0, 1, 2])
def test_message_is_bit_identical_to_rclpy(listener: Listener, kind: Any, seed: int) -> None:
    """Subscribers receive the same bytes as from rclpy."""
    assert rcl.verified_rcl(kind) is not None
    message = structs.example(structs.STRUCTS[kind], kind(), seed)
    link = Link(listener, kind, f'same/{kind.__name__}_{seed}')
    RetryingPublisher(link.publisher).publish(raw_copy(message))
    received, serialized = link.receive()
    assert received == message
    struct = structs.STRUCTS[kind]
    expected = serialize_message(message)
    assert without_padding(serialized, struct) == without_padding(expected, struct)


def test_buffer_is_published_with_its_current_content(listener: Listener) -> None:
    """Pixels and stamp are read at the time of publishing."""
    link = Link(listener, Image, 'buffers/image')
    buffer = ImageBuffer('camera', 'mono16', (4, 2), (2, 4), np.uint16)
    retrying = RetryingPublisher(link.publisher)
    for value in (7, 513):
        buffer.pixels[:] = value
        buffer.message.header.stamp.sec = value
        retrying.publish(buffer.message)
    first, second = link.receive()[0], link.receive(2)[0]
    assert (first.header.stamp.sec, second.header.stamp.sec) == (7, 513)
    assert first.data.tobytes() == np.full(8, 7, np.uint16).tobytes()
    assert second.data.tobytes() == np.full(8, 513, np.uint16).tobytes()
    assert (second.width, second.height, second.step) == (4, 2, 8)
    assert (second.encoding, second.header.frame_id) == ('mono16', 'camera')


@pytest.mark.parametrize('method', ['', 'rclpy'])
def test_unorganized_cloud_changes_size(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, method: str,
) -> None:
    """An unorganized cloud is one row of a variable number of points, which may be 0."""
    monkeypatch.setenv(rcl.METHOD_VARIABLE, method)
    link = Link(listener, PointCloud2, f'clouds/with_{method}')
    buffer = CloudBuffer('camera', (3, 2), 'intensity', organized=False)
    buffer.points[:] = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    retrying = RetryingPublisher(link.publisher)
    for number, count in enumerate((5, 0, 6), 1):
        buffer.resize(count)
        retrying.publish(buffer.message)
        cloud = link.receive(number)[0]
        assert (cloud.width, cloud.height, cloud.row_step) == (count, 1, 16 * count)
        assert cloud.is_dense
        assert [(f.name, f.offset) for f in cloud.fields] == [
            ('x', 0), ('y', 4), ('z', 8), ('intensity', 12)]
        assert np.frombuffer(cloud.data, np.float32).tolist() == list(range(4 * count))


@pytest.mark.parametrize('method', ['', 'rclpy'])
def test_borrowed_data_is_released(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, method: str,
) -> None:
    """Data of the camera is not referenced after publishing."""
    monkeypatch.setenv(rcl.METHOD_VARIABLE, method)
    link = Link(listener, CompressedImage, f'compressed_{method}')
    view = CompressedView('camera', 'jpeg')
    data = np.arange(99, dtype=np.uint8)
    reference = weakref.ref(data)
    view.set_data(data)
    del data
    assert reference() is not None
    RetryingPublisher(link.publisher).publish(view.message)
    assert reference() is None
    received = link.receive()[0]
    assert received.data.tobytes() == bytes(range(99))
    assert received.format == 'jpeg'


class Reordered(ctypes.Structure):
    """A sensor_msgs/Image with two members in another order."""

    _fields_ = [(name, structs.StringStruct if name == 'encoding' else kind)
                for name, kind in structs.ImageStruct._fields_ if name != 'height']
    _fields_.insert(2, ('height', ctypes.c_uint32))


class Extended(ctypes.Structure):
    """A sensor_msgs/Image with an additional member."""

    _fields_ = [('header', structs.HeaderStruct), ('more', ctypes.c_uint64),
                *structs.ImageStruct._fields_[1:]]


def reordered_members(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give our structure the members of ROS in another order."""
    monkeypatch.setitem(structs.STRUCTS, Image, Reordered)


def additional_member(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give our structure a member that ROS does not have."""
    monkeypatch.setitem(structs.STRUCTS, Image, Extended)
    monkeypatch.setattr(Image, 'more', 5, raising=False)


def missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the path of rclpy's extension module not exist."""
    monkeypatch.setattr(rcl.rclpy_implementation, '__file__', '/nowhere/rclpy.so')


def missing_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load a library without the functions of rcl."""
    monkeypatch.setattr(rcl.rclpy_implementation, '__file__', None)
    monkeypatch.setattr(rcl, '_library', lambda: ctypes.CDLL(None).rcl_publish)


def corrupt_serialization(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ROS serialize other strings."""
    serialize = rcl.Rcl.serialize
    monkeypatch.setattr(
        rcl.Rcl, 'serialize', lambda *args: serialize(*args).replace(b'text', b'abcd'))


@pytest.mark.parametrize(
    'fault', [reordered_members, additional_member, missing_library, missing_function,
              corrupt_serialization])
def test_rclpy_is_used_if_the_self_test_fails(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, warnings: list[str],
    fault: Any,
) -> None:
    """Whatever fails, there is one warning, and images are published."""
    message = structs.example(structs.ImageStruct, Image(), 1)
    with monkeypatch.context() as patch:
        fault(patch)
        assert rcl.verified_rcl(Image) is None
        assert rcl.verified_rcl(Image) is None
    assert len(warnings) == 1
    assert 'through rclpy' in warnings[0]
    link = Link(listener, Image, f'fallback/{fault.__name__}')
    RetryingPublisher(link.publisher).publish(raw_copy(message))
    assert link.receive()[0] == message


@pytest.mark.parametrize('views', [True, False])
@pytest.mark.parametrize('kind', KINDS)
def test_environment_variable_selects_rclpy(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, kind: Any, views: bool,
) -> None:
    """With rclpy, a view of the array is published, or a copy where views are not accepted."""
    monkeypatch.setenv(rcl.METHOD_VARIABLE, 'rclpy')
    assert rcl.verified_rcl(kind) is None
    assert raw_message.accepts_views(kind)
    if not views:
        monkeypatch.setattr(raw_message, 'accepts_views', lambda _: False)
    message = structs.example(structs.STRUCTS[kind], kind(), 2)
    link = Link(listener, kind, f'selected/{kind.__name__}_{views}')
    RetryingPublisher(link.publisher).publish(raw_copy(message))
    assert link.receive()[0] == message


def test_ros_message_is_published_by_rclpy(listener: Listener) -> None:
    """A RetryingPublisher accepts ROS messages, too."""
    message = structs.example(structs.CompressedImageStruct, CompressedImage(), 1)
    link = Link(listener, CompressedImage, 'plain')
    RetryingPublisher(link.publisher).publish(message)
    assert link.receive()[0] == message


def test_rclpy_is_used_for_an_unknown_handle(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, warnings: list[str],
) -> None:
    """A publisher handle that rcl does not understand is not passed to it."""
    message = structs.example(structs.ImageStruct, Image(), 1)
    link = Link(listener, Image, 'handle')
    library = rcl.verified_rcl(Image)
    monkeypatch.setattr(library, '_topic_name', lambda _: b'/another')
    RetryingPublisher(link.publisher).publish(raw_copy(message))
    assert link.receive()[0] == message
    assert [text for text in warnings if 'unknown type' in text]


def test_publisher_destroyed_while_publishing(listener: Listener) -> None:
    """Destruction waits for the call in progress; the next one raises as rclpy does."""
    publisher = listener.node.create_publisher(Image, 'destroyed', 1)
    received = listener.subscribe(Image, 'destroyed', depth=1)
    wait_for(publisher.get_subscription_count, 'a subscriber')
    buffer = ImageBuffer('camera', 'mono8', (1000, 1000), (1000, 1000), np.uint8)
    retrying, errors = RetryingPublisher(publisher), []

    def publish() -> None:
        try:
            while True:
                retrying.publish(buffer.message)
        except InvalidHandle as error:
            errors.append(error)

    thread = threading.Thread(target=publish)
    thread.start()
    wait_for(lambda: received, 'an image')
    listener.node.destroy_publisher(publisher)
    thread.join(10.0)
    assert not thread.is_alive()
    assert len(errors) == 1


def test_error_has_the_reason_of_rcl(listener: Listener) -> None:
    """The error has the class of rclpy's, and the message of rcl."""
    publisher = listener.node.create_publisher(Image, 'refused', 1)
    message = raw_copy(structs.example(structs.ImageStruct, Image(), 1))
    message._struct.encoding.capacity = 0  # invalid for a C string
    with pytest.raises(rclpy_implementation.RCLError, match=r'on refused: .+'):
        RetryingPublisher(publisher).publish(message)
    message._struct.encoding.capacity = message._struct.encoding.size + 1
    RetryingPublisher(publisher).publish(message)


def test_data_that_is_not_contiguous_is_rejected() -> None:
    with pytest.raises(ValueError, match='contiguous'):
        RawMessage(Image()).set_data(np.zeros((4, 4), np.uint8)[:, ::2])
