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


"""Messages that are published from our own memory arrive as rclpy's do, or rclpy publishes."""

from __future__ import annotations

from collections.abc import Iterator
import ctypes
import logging
import sys
import threading
from typing import Any
import weakref

from k4a_ros.publishing.messages import CloudBuffer
from k4a_ros.publishing.messages import CompressedBuffer
from k4a_ros.publishing.messages import ImageBuffer
from k4a_ros.publishing.raw import message as outgoing
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
    """Give one node for all tests: it publishes and subscribes."""
    with listening(new_domain()) as listener:
        yield listener


@pytest.fixture
def listener(module_listener: Listener) -> Iterator[Listener]:
    """Give the node; what was found out about rcl is forgotten before and after."""
    for cached in (rcl.usable, rcl._library, outgoing.takes_views):
        cached.cache_clear()
    yield module_listener
    for cached in (rcl.usable, rcl._library, outgoing.takes_views):
        cached.cache_clear()


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    """Give the texts of warnings, also where launch has made loggers that do not propagate."""
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
    """A publisher and what arrives from it, deserialized and raw."""

    def __init__(self, listener: Listener, kind: Any, topic: str) -> None:
        self.messages = listener.subscribe(kind, topic)
        self.raw: list[bytes] = []
        listener.node.create_subscription(kind, topic, self.raw.append, 10, raw=True)
        self.publisher = listener.node.create_publisher(kind, topic, 10)
        wait_for(lambda: self.publisher.get_subscription_count() == 2, 'two subscribers')

    def arrived(self, count: int = 1) -> tuple[Any, bytes]:
        """Return the newest message in both forms, when there have been so many."""
        wait_for(lambda: len(self.messages) >= count and len(self.raw) >= count, 'messages')
        return self.messages[count - 1], self.raw[count - 1]


def outgoing_of(message: Any) -> RawMessage:
    """Return a message that holds the data of another in an array of its own."""
    kind = type(message)
    template = kind(**{name: getattr(message, name) for name, _ in structs.members(
        structs.STRUCTS[kind]) if name != 'data'})
    result = RawMessage(template)
    result.hold(np.array(message.data, np.uint8))
    return result


def without_padding(data: bytes, kind: type[ctypes.Structure]) -> bytes:
    """Return a serialized message with zeros for what aligns its members (XCDR 1)."""
    result = np.frombuffer(data, np.uint8).copy()
    at = 4  # after the encapsulation, from which alignment counts

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
            if member in (structs.Text, structs.Octets):
                length = number()  # which moves on, too
                at += length
            elif member is structs.PointFields:
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
def test_every_bit_is_the_same(listener: Listener, kind: Any, seed: int) -> None:
    """A subscriber gets, to the last bit, what it would get from rclpy."""
    assert rcl.usable(kind) is not None
    message = structs.example(structs.STRUCTS[kind], kind(), seed)
    link = Link(listener, kind, f'same/{kind.__name__}_{seed}')
    RetryingPublisher(link.publisher).publish(outgoing_of(message))
    received, raw = link.arrived()
    assert received == message
    struct = structs.STRUCTS[kind]
    assert without_padding(raw, struct) == without_padding(serialize_message(message), struct)


def test_buffers_are_published_as_they_are_then(listener: Listener) -> None:
    """Pixels and stamp are those of the moment of publishing."""
    link = Link(listener, Image, 'buffers/image')
    buffer = ImageBuffer('camera', 'mono16', (4, 2), (2, 4), np.uint16)
    writer = RetryingPublisher(link.publisher)
    for value in (7, 513):
        buffer.pixels[:] = value
        buffer.message.header.stamp.sec = value
        writer.publish(buffer.message)
    first, second = link.arrived()[0], link.arrived(2)[0]
    assert (first.header.stamp.sec, second.header.stamp.sec) == (7, 513)
    assert first.data.tobytes() == np.full(8, 7, np.uint16).tobytes()
    assert second.data.tobytes() == np.full(8, 513, np.uint16).tobytes()
    assert (second.width, second.height, second.step) == (4, 2, 8)
    assert (second.encoding, second.header.frame_id) == ('mono16', 'camera')


@pytest.mark.parametrize('demand', ['', 'rclpy'])
def test_clouds_change_their_size(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, demand: str,
) -> None:
    """An unorganized cloud is one row of as many points as there are, also of none."""
    monkeypatch.setenv(rcl.SWITCH, demand)
    link = Link(listener, PointCloud2, f'clouds/with_{demand}')
    buffer = CloudBuffer('camera', (3, 2), 'intensity', organized=False)
    buffer.points[:] = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    writer = RetryingPublisher(link.publisher)
    for number, count in enumerate((5, 0, 6), 1):
        buffer.resize(count)
        writer.publish(buffer.message)
        cloud = link.arrived(number)[0]
        assert (cloud.width, cloud.height, cloud.row_step) == (count, 1, 16 * count)
        assert cloud.is_dense
        assert [(f.name, f.offset) for f in cloud.fields] == [
            ('x', 0), ('y', 4), ('z', 8), ('intensity', 12)]
        assert np.frombuffer(cloud.data, np.float32).tolist() == list(range(4 * count))


@pytest.mark.parametrize('demand', ['', 'rclpy'])
def test_compressed_images_are_let_go(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, demand: str,
) -> None:
    """What belongs to the camera is not held after it has been published."""
    monkeypatch.setenv(rcl.SWITCH, demand)
    link = Link(listener, CompressedImage, f'compressed_{demand}')
    buffer = CompressedBuffer('camera', 'jpeg')
    data = np.arange(99, dtype=np.uint8)
    gone = weakref.ref(data)
    buffer.fill(data)
    del data
    assert gone() is not None
    RetryingPublisher(link.publisher).publish(buffer.message)
    assert gone() is None
    received = link.arrived()[0]
    assert received.data.tobytes() == bytes(range(99))
    assert received.format == 'jpeg'


class OtherLayout(ctypes.Structure):
    """A sensor_msgs/Image with two members in another order."""

    _fields_ = [(name, structs.Text if name == 'encoding' else kind)
                for name, kind in structs.ImageStruct._fields_ if name != 'height']
    _fields_.insert(2, ('height', ctypes.c_uint32))


class Shifted(ctypes.Structure):
    """A sensor_msgs/Image as an installation would have it that has one member more."""

    _fields_ = [('header', structs.HeaderStruct), ('more', ctypes.c_uint64),
                *structs.ImageStruct._fields_[1:]]


def another_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the fields of an image in an order that is not that of ROS."""
    monkeypatch.setitem(structs.STRUCTS, Image, OtherLayout)


def one_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have our structure with a member that ROS does not have."""
    monkeypatch.setitem(structs.STRUCTS, Image, Shifted)
    monkeypatch.setattr(Image, 'more', 5, raising=False)


def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have rclpy somewhere where there is no library."""
    monkeypatch.setattr(rcl.rclpy_implementation, '__file__', '/nowhere/rclpy.so')


def no_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a library without any of the functions."""
    monkeypatch.setattr(rcl.rclpy_implementation, '__file__', None)
    monkeypatch.setattr(rcl, '_library', lambda: ctypes.CDLL(None).rcl_publish)


def other_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have ROS serialize something else."""
    true = rcl.Rcl.serialize
    monkeypatch.setattr(
        rcl.Rcl, 'serialize', lambda *args: true(*args).replace(b'text', b'tixt'))


@pytest.mark.parametrize(
    'fault', [another_order, one_more, no_library, no_function, other_text])
def test_rclpy_publishes_where_the_self_test_fails(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, warnings: list[str],
    fault: Any,
) -> None:
    """Whatever is wrong, it is said once, and images arrive all the same."""
    message = structs.example(structs.ImageStruct, Image(), 1)
    with monkeypatch.context() as patch:
        fault(patch)
        assert rcl.usable(Image) is None
        assert rcl.usable(Image) is None
    assert len(warnings) == 1
    assert 'through rclpy' in warnings[0]
    link = Link(listener, Image, f'fallback/{fault.__name__}')
    RetryingPublisher(link.publisher).publish(outgoing_of(message))
    assert link.arrived()[0] == message


@pytest.mark.parametrize('views', [True, False])
@pytest.mark.parametrize('kind', KINDS)
def test_rclpy_on_demand(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, kind: Any, views: bool,
) -> None:
    """The environment can demand rclpy, which takes a view of our array or a copy."""
    monkeypatch.setenv(rcl.SWITCH, 'rclpy')
    assert rcl.usable(kind) is None
    assert outgoing.takes_views(kind)
    if not views:
        monkeypatch.setattr(outgoing, 'takes_views', lambda _: False)
    message = structs.example(structs.STRUCTS[kind], kind(), 2)
    link = Link(listener, kind, f'demand/{kind.__name__}_{views}')
    RetryingPublisher(link.publisher).publish(outgoing_of(message))
    assert link.arrived()[0] == message


def test_other_messages_are_published_by_rclpy(listener: Listener) -> None:
    """A writer takes plain messages, too."""
    message = structs.example(structs.CompressedImageStruct, CompressedImage(), 1)
    link = Link(listener, CompressedImage, 'plain')
    RetryingPublisher(link.publisher).publish(message)
    assert link.arrived()[0] == message


def test_a_handle_of_another_kind(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, warnings: list[str],
) -> None:
    """A publisher whose handle rcl does not know is left to rclpy."""
    message = structs.example(structs.ImageStruct, Image(), 1)
    link = Link(listener, Image, 'handle')
    library = rcl.usable(Image)
    monkeypatch.setattr(library, '_topic_name', lambda _: b'/another')
    RetryingPublisher(link.publisher).publish(outgoing_of(message))
    assert link.arrived()[0] == message
    assert [text for text in warnings if 'of another kind' in text]


def test_a_publisher_that_is_destroyed_meanwhile(listener: Listener) -> None:
    """Destroying waits for what is under way; then publishing fails as rclpy's does."""
    publisher = listener.node.create_publisher(Image, 'destroyed', 1)
    received = listener.subscribe(Image, 'destroyed', depth=1)
    wait_for(publisher.get_subscription_count, 'a subscriber')
    buffer = ImageBuffer('camera', 'mono8', (1000, 1000), (1000, 1000), np.uint8)
    writer, errors = RetryingPublisher(publisher), []

    def publish() -> None:
        try:
            while True:
                writer.publish(buffer.message)
        except InvalidHandle as error:
            errors.append(error)

    thread = threading.Thread(target=publish)
    thread.start()
    wait_for(lambda: received, 'an image')
    listener.node.destroy_publisher(publisher)
    thread.join(10.0)
    assert not thread.is_alive()
    assert len(errors) == 1


def test_what_rcl_refuses_is_an_error(listener: Listener) -> None:
    """The reason that rcl gives is in the error, which is of the same class as rclpy's."""
    publisher = listener.node.create_publisher(Image, 'refused', 1)
    message = outgoing_of(structs.example(structs.ImageStruct, Image(), 1))
    message._struct.encoding.capacity = 0  # no string of C can be so
    with pytest.raises(rclpy_implementation.RCLError, match=r'on refused: .+'):
        RetryingPublisher(publisher).publish(message)
    message._struct.encoding.capacity = message._struct.encoding.size + 1
    RetryingPublisher(publisher).publish(message)


def test_data_must_be_contiguous() -> None:
    """An array with gaps is refused, because it cannot be published as it is."""
    with pytest.raises(ValueError, match='contiguous'):
        RawMessage(Image()).hold(np.zeros((4, 4), np.uint8)[:, ::2])
