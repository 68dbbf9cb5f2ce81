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

"""A topic that takes long to publish gets a thread, and delays no other topic."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
import threading
import time
from types import SimpleNamespace
from typing import Any

from k4a_ros.camera_config import CameraConfig
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.publishing.messages import CloudBuffer
from k4a_ros.publishing.messages import set_stamp
from k4a_ros.publishing.publishers import Counters
from k4a_ros.publishing.raw.message import RawMessage
from k4a_ros.publishing.raw.rcl import RCLError
from k4a_ros.publishing.topic_builder import TopicBuilder
from k4a_ros.publishing.topic_sender import TopicSender
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import CompressedImage
from support.ros import wait_for


class FakePublisher:
    """Records messages; each takes as long as ``before`` does, and fails if that raises."""

    def __init__(self) -> None:
        self.published: list[tuple[int, bytes, str]] = []
        self.before: Callable[[], Any] = lambda: None
        self.handle = self

    def get_subscription_count(self) -> int:
        return 1

    def publish(self, message: Any) -> None:
        self.before()
        data = bytes(message._data) if isinstance(message, RawMessage) else b''
        self.published.append(
            (message.header.stamp.sec, data, threading.current_thread().name))


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> FakePublisher:
    """Return a publisher that gets raw messages as they are."""
    monkeypatch.setattr(RawMessage, 'publish', lambda self, fake: fake.publish(self))
    return FakePublisher()


@pytest.fixture
def results() -> list[RCLError | None]:
    return []


@pytest.fixture
def sender(
    publisher: FakePublisher, results: list[RCLError | None],
) -> Iterator[TopicSender]:
    """Yield a sender for which 100 s are slow."""
    created = TopicSender(publisher, lambda _, error: results.append(error), slow_s=100.0)
    yield created
    created.stop()


def message(number: int, size: int = 3) -> RawMessage:
    """Return a message whose stamp and data are a number."""
    ros = CompressedImage()
    ros.header.stamp.sec = number
    result = RawMessage(ros, borrowed=True)
    result.set_data(np.full(size, number, np.uint8))
    return result


def slow_down(sender: TopicSender) -> None:
    """Let one message have been slow."""
    sender._add_duration(200_000_000_000)
    sender._rest_until_s = 0.0


def test_copy_that_is_reused_equals_the_message() -> None:
    cloud = CloudBuffer('frame', (3, 2))
    reused = None
    for seconds, count in ((1, 6), (2, 4), (3, 6)):
        cloud.points[:] = seconds
        if count < 6:
            cloud.resize(count)
        else:
            cloud.organize()
        set_stamp(cloud.message.header, seconds * 10**9)
        reused = cloud.message.copy(reused)
        cloud.points[:] = 0
        set_stamp(cloud.message.header, 0)
        assert reused.header.stamp.sec == seconds
        copied = reused._message
        assert (copied.width * copied.height, copied.is_dense) == (count, count < 6)
        assert bytes(reused._data) == bytes(np.full(4 * count, seconds, np.float32))


def test_fast_topic_is_published_by_the_caller(
    publisher: FakePublisher, sender: TopicSender, results: list[RCLError | None],
) -> None:
    for number in (1, 2):
        sender.send(message(number))
    assert publisher.published == [
        (n, bytes([n] * 3), threading.current_thread().name) for n in (1, 2)]
    assert results == [None, None]


def test_slow_topic_does_not_delay_the_caller(
    publisher: FakePublisher, sender: TopicSender, results: list[RCLError | None],
) -> None:
    """Its messages are copied, so that buffers can be filled again at once."""
    slow_down(sender)
    proceed = threading.Event()
    publisher.before = proceed.wait
    sent = message(1)
    sender.send(sent)
    assert sender.busy and not publisher.published
    assert sent._data.size == 0, 'borrowed data is released'
    proceed.set()
    sender.wait()
    assert not sender.busy
    sender.send(message(2, 5))
    sender.wait()
    assert publisher.published == [
        (1, b'\1\1\1', 'slow topic'), (2, b'\2\2\2\2\2', 'slow topic')]
    assert results == [None, None]


def test_message_waits_for_the_previous_one(
    publisher: FakePublisher, sender: TopicSender,
) -> None:
    slow_down(sender)
    for number in range(1, 20):
        sender.send(message(number))
    sender.wait()
    assert [number for number, *_ in publisher.published] == list(range(1, 20))


def test_small_messages_are_never_copied(publisher: FakePublisher, sender: TopicSender) -> None:
    slow_down(sender)
    info = CameraInfo()
    sender.send(info)
    assert publisher.published[-1][2] == threading.current_thread().name


def test_thread_ends_when_the_topic_has_recovered(
    publisher: FakePublisher, sender: TopicSender, monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow_down(sender)
    sender.send(message(1))
    assert sender._thread is not None
    monkeypatch.setattr('k4a_ros.publishing.topic_sender._RECOVERY_S', 0.0)
    sender.send(message(2))
    assert sender._thread is None
    assert [thread for *_, thread in publisher.published] == [
        'slow topic', threading.current_thread().name]


def test_stop_publishes_the_last_message(publisher: FakePublisher, sender: TopicSender) -> None:
    slow_down(sender)
    publisher.before = lambda: time.sleep(0.05)
    sender.send(message(1))
    sender.stop()
    assert [number for number, *_ in publisher.published] == [1]
    sender.send(message(2))
    wait_for(lambda: len(publisher.published) == 2, 'a message after stopping')


def test_error_in_the_thread_is_reported(
    publisher: FakePublisher, sender: TopicSender, results: list[RCLError | None],
) -> None:
    def fail() -> None:
        raise RCLError('busy')

    slow_down(sender)
    publisher.before = fail
    sender.send(message(1))
    sender.wait()
    assert str(results[-1]) == 'busy'


@pytest.mark.parametrize(('lossless', 'attempts'), [(False, 1), (True, 3)])
def test_attempts_end_after_a_tenth_of_a_second(
    publisher: FakePublisher, lossless: bool, attempts: int,
) -> None:
    """Fast DDS gives up after that time; three attempts would delay all topics for longer."""
    tried: list[int] = []

    def time_out() -> None:
        tried.append(1)
        time.sleep(0.11)
        raise RCLError('timeout')

    publisher.before = time_out
    errors: list[RCLError | None] = []
    TopicSender(
        publisher, lambda _, error: errors.append(error), lossless=lossless).send(message(1))
    assert len(tried) == attempts and len(errors) == 1


@pytest.mark.parametrize('lossless', [False, True])
def test_slow_topic_rests_after_a_message(
    publisher: FakePublisher, lossless: bool,
) -> None:
    """Other topics wait for the same lock of Fast DDS; where nothing may be lost, they do."""
    sender = TopicSender(publisher, lambda *_: None, slow_s=1.0, lossless=lossless)
    sender._add_duration(900_000_000)
    assert not sender.busy
    sender._add_duration(1_000_000_000_000)
    assert sender.busy is not lossless
    sender._add_duration(1_000_000_001)  # rests for 0.33 s
    wait_for(lambda: not sender.busy, 'the end of the rest')


def test_topic_that_cannot_keep_up_rests_as_long_as_it_published(
    publisher: FakePublisher,
) -> None:
    """A message is slow if it takes half of a frame period."""
    sender = TopicSender(publisher, lambda *_: None, slow_s=3.0)
    rests = []
    for duration_s in (4.5, 6.0, 6.5, 60.0):
        sender._add_duration(int(duration_s * 1e9))
        rests.append(sender._rest_until_s - sender._last_slow_s)
    assert rests == pytest.approx([1.5, 2.0, 6.5, 60.0])


def test_duration_of_publishing_decides(publisher: FakePublisher) -> None:
    sender = TopicSender(publisher, lambda *_: None, slow_s=0.01)
    publisher.before = lambda: time.sleep(0.02)
    for number in (1, 2):
        sender.send(message(number))
    sender.stop()
    assert [thread for *_, thread in publisher.published] == [
        threading.current_thread().name, 'slow topic']
    assert sender.take_durations()[0] >= 20.0
    assert sender.take_durations() == (0.0, 0.0)


class FakeCamera:
    """A live or lossless camera, as far as topics are concerned."""

    def __init__(self, lossless: bool) -> None:
        self.lossless = lossless
        self.config = CameraConfig()
        self.playback = None


def builder(publisher: FakePublisher, lossless: bool) -> TopicBuilder:
    """Return a builder whose topics all have the same publisher."""
    publishers = SimpleNamespace(get=lambda *_: publisher, counters=lambda _: Counters())
    return TopicBuilder(
        FakeCamera(lossless), SimpleNamespace(tf_prefix=''), publishers, print, threading.Event())


def test_light_topics_are_published_first(publisher: FakePublisher) -> None:
    """A slow image delays neither its own camera_info nor those of other cameras."""
    built = builder(publisher, lossless=False)
    for topic in 'abcd':
        built.add(topic, CompressedImage, lambda capture: capture.depth, lambda *_: None,
                  light=topic in 'bd')
    assert [stream.topic for stream in built.streams] == ['b', 'd', 'a', 'c']


@pytest.mark.parametrize('lossless', [False, True])
def test_capture_is_skipped_while_the_topic_is_busy(
    publisher: FakePublisher, lossless: bool,
) -> None:
    """It is not even converted; topics of a recording wait instead."""
    rendered: list[int] = []

    def render(_: Capture, image: Image) -> RawMessage:
        rendered.append(image.device_us)
        return message(0)

    built = builder(publisher, lossless)
    built.add('a', CompressedImage, lambda capture: capture.depth, render)
    (stream,) = built.streams
    proceed = threading.Event()
    publisher.before = proceed.wait
    slow_down(stream.sender)
    for number in (1, 2):
        if lossless and number == 2:
            proceed.set()
        stream.offer(Capture(Image(np.zeros((2, 2), np.uint16), number)), lambda us: us * 10**9)
    proceed.set()
    stream.sender.stop()
    published = [1, 2] if lossless else [1]
    assert rendered == [stamp for stamp, *_ in publisher.published] == published
    assert stream.counters.skipped == (0 if lossless else 1)
