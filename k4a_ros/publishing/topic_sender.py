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
Publish the messages of one topic, in a thread of its own while publishing takes long.

A subscriber that was stopped or killed slows down publishing to it until discovery drops it, after
20 s: for each fragment of 65 kB, Fast DDS finds that the subscriber does not read its queue in
shared memory, and creates the queue anew. Without a thread, one such topic would delay all others.
As all topics of a process share a lock of Fast DDS meanwhile, a slow topic uses three quarters of
the time at most, and half of it if it cannot keep up with captures.
"""

from __future__ import annotations

from collections.abc import Callable
import math
import threading
import time
from typing import Any

from k4a_ros.publishing.raw.imu_publisher import ImuPublisher
from k4a_ros.publishing.raw.message import RawMessage
from k4a_ros.publishing.raw.message import RetryingPublisher
from k4a_ros.publishing.raw.message_sink import MessageSink
from k4a_ros.publishing.raw.rcl import RCLError
from k4a_ros.streaming.rates import Durations
from rclpy.exceptions import InvalidHandle
from rclpy.publisher import Publisher
from sensor_msgs.msg import Imu

#: time without slow messages after which a topic no longer needs its thread
_RECOVERY_S = 5.0
#: Rest after a slow message, relative to the time that it took. More would lower the rate of a
#: topic that is slow, but fast enough to be published with each capture.
_REST_SHARE = 1 / 3
#: the same for a message that took longer than `_LONG` times what is slow, a whole frame period:
#: its topic cannot keep up anyway, and samples of the IMU need the time
_LONG_REST_SHARE = 1.0
_LONG = 2.0
#: time after which a message is dropped that may be: one attempt that Fast DDS gives up
_MAX_RETRY_S = 0.1


class TopicSender:
    """
    Publishes messages, one at a time.

    All methods but `take_durations` are called by the same thread.

    :param on_sent: called with the number of messages that have been published, from the thread
        that did so, or with 1 and the error that one was dropped because of.
    :param slow_s: A topic whose message takes longer than this to publish gets a thread, which
        publishes copies of further messages. None: never. A sink never gets one.
    :param lossless: make every attempt to publish a message, however long that takes, and never be
        busy in order to leave time to other topics.
    """

    def __init__(
        self, publisher: Publisher[Any] | MessageSink,
        on_sent: Callable[[int, RCLError | None], None], *, slow_s: float | None = None,
        lossless: bool = False,
    ) -> None:
        self._publisher = publisher
        self._retrying = RetryingPublisher(publisher, math.inf if lossless else _MAX_RETRY_S)
        self._slow_s = None if isinstance(publisher, MessageSink) else slow_s
        self._on_sent = on_sent
        self._durations = Durations()
        self._lossless = lossless
        self._last_slow_s = -_RECOVERY_S
        self._rest_until_s = 0.0
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._copy: RawMessage | None = None
        self._pending = False
        self._imu: ImuPublisher | None = None

    @property
    def busy(self) -> bool:
        """Return whether a message is being published, or other topics should be now."""
        return self._pending or time.monotonic() < self._rest_until_s

    def wait(self) -> None:
        """Wait until the last message has been published."""
        with self._condition:
            self._condition.wait_for(lambda: not self._pending)

    def send(self, message: Any) -> None:
        """
        Publish a message; while that takes long for this topic, publish a copy in a thread.

        If the previous message is still being published, that is waited for.
        """
        if self._slow_s is None or not isinstance(message, RawMessage) or (
                time.monotonic() - self._last_slow_s >= _RECOVERY_S):
            if self._thread is not None:
                self.stop()
            self._send(message)
            return
        self.wait()
        self._copy = message.copy(self._copy)
        message.release_borrowed()
        with self._condition:
            self._pending = True
            self._condition.notify_all()
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name='slow topic')
            self._thread.start()

    def imu_publisher(self, message: Imu) -> ImuPublisher:
        """Return what publishes messages that differ from this one only in their readings."""
        self._imu = ImuPublisher(
            self._publisher, message, self._send, self._on_sent, lossless=self._lossless)
        return self._imu

    def stop(self) -> None:
        """Finish the last message, end the thread, and let the publisher be destroyed."""
        if self._imu is not None:
            self._imu.release()
        if self._thread is None:
            return
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
        self._thread.join()
        self._thread, self._copy, self._stopping = None, None, False

    def take_durations(self) -> tuple[float, float]:
        """Return mean and maximum time of publishing since the last call, milliseconds."""
        return self._durations.take() if self._imu is None else self._imu.take_durations()

    def _run(self) -> None:
        """Publish pending messages until `stop` is called."""
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._pending or self._stopping)
                if not self._pending:
                    return
            try:
                self._send(self._copy)
            except InvalidHandle:  # the publisher has been destroyed
                pass
            finally:
                with self._condition:
                    self._pending = False
                    self._condition.notify_all()

    def _send(self, message: Any) -> None:
        start_ns = time.monotonic_ns()
        error = None
        try:
            self._retrying.publish(message)
        except RCLError as problem:
            error = problem
        self._add_duration(time.monotonic_ns() - start_ns)
        self._on_sent(1, error)

    def _add_duration(self, nanoseconds: int) -> None:
        """Take the time that publishing a message has taken into account."""
        self._durations.add(nanoseconds)
        if self._slow_s is not None and nanoseconds > self._slow_s * 1e9:
            self._last_slow_s = time.monotonic()
            if not self._lossless:
                taken_s = nanoseconds / 1e9
                share = _LONG_REST_SHARE if taken_s > _LONG * self._slow_s else _REST_SHARE
                self._rest_until_s = self._last_slow_s + share * taken_s
