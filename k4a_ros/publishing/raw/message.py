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
Large messages whose data is a numpy array, published in the cheapest way that is safe.

They are passed to rcl directly if its self-test passes (`k4a_ros.publishing.raw.rcl`). Otherwise
rclpy publishes them, with a view of the array where it accepts one, and with a copy elsewhere. A
`MessageSink` gets the array itself.
"""

from __future__ import annotations

import array
from collections.abc import Callable
from copy import deepcopy
import functools
import logging
import math
import time
from typing import Any

from k4a_ros.publishing.raw import structs
from k4a_ros.publishing.raw.message_sink import MessageSink
from k4a_ros.publishing.raw.rcl import COST_WITHOUT_RCL
from k4a_ros.publishing.raw.rcl import RCLError
from k4a_ros.publishing.raw.rcl import UnsupportedRosError
from k4a_ros.publishing.raw.rcl import verified_rcl
import numpy as np
import numpy.typing as npt
from rclpy.publisher import Publisher
from rclpy.serialization import deserialize_message
from rclpy.serialization import serialize_message

#: number of times that publishing a message is attempted
_ATTEMPTS = 3
_NO_DATA: npt.NDArray[Any] = np.empty(0, np.uint8)

_log = logging.getLogger('k4a_ros.publishing')


class RawMessage:
    """
    A message of a type in `k4a_ros.publishing.raw.structs.STRUCTS` whose data is an array.

    ``header`` has its stamp, with the fields of a std_msgs/Header, to be set before publishing.

    :param message: all fields but the data.
    :param borrowed: release the data after publishing, because it belongs to the camera.
    """

    def __init__(self, message: Any, borrowed: bool = False) -> None:
        self._message = message
        self._borrowed = borrowed
        self._struct = structs.struct_of(message)
        self.header, self._sequence = self._struct.header, self._struct.data
        self._data = self._buffer = _NO_DATA
        self._fields: dict[str, int | bool] = {}  # those that `set_fields` has set
        # where the last message was published, and what publishes there
        self._publisher: Publisher[Any] | MessageSink | None = None
        self._publish: Callable[[], None] = lambda: None

    def set_data(self, data: npt.NDArray[Any]) -> None:
        """
        Use the bytes of an array as data, without a copy; publishing reads what it holds then.

        :raises ValueError: the array is not C-contiguous.
        """
        if data is not self._data:
            structs.refer_to(self._sequence, data)
            self._data = data

    def set_fields(self, **values: int | bool) -> None:
        """Set numeric fields by name."""
        self._fields.update(values)
        for name, value in values.items():
            setattr(self._struct, name, value)
            setattr(self._message, name, value)

    def publish(self, publisher: Publisher[Any] | MessageSink) -> None:
        """
        Publish the message with its current data.

        :raises RCLError: the middleware does not accept the message.
        """
        if publisher is not self._publisher:
            self._publish = self._function_for(publisher)
            self._publisher = publisher
        self._publish()

    def copy(self, reuse: RawMessage | None = None) -> RawMessage:
        """
        Return a copy with its own data.

        :param reuse: a former copy of this message, which is overwritten and returned.
        """
        result = RawMessage(deepcopy(self._message)) if reuse is None else reuse
        result.set_fields(**self._fields)
        result.header.stamp.sec = self.header.stamp.sec
        result.header.stamp.nanosec = self.header.stamp.nanosec
        octets = self._octets()
        if result._buffer.size < octets.size:
            result._buffer = np.empty(octets.size, np.uint8)
        result.set_data(result._buffer[:octets.size])
        np.copyto(result._data, octets)
        return result

    def release_borrowed(self) -> None:
        """Release the data if it is borrowed."""
        if self._borrowed:
            self.set_data(_NO_DATA)

    def _octets(self) -> npt.NDArray[np.uint8]:
        return self._data.reshape(-1).view(np.uint8)

    def _function_for(self, publisher: Publisher[Any] | MessageSink) -> Callable[[], None]:
        """Return what publishes to a publisher: with rcl, unless that cannot be used."""
        if isinstance(publisher, MessageSink):
            return lambda: publisher.publish_with_data(self._stamped(), self._octets())
        kind: Any = type(self._message)
        rcl = verified_rcl(kind)
        try:
            if rcl is not None:
                return rcl.publishing(publisher, self._struct)
        except UnsupportedRosError as error:
            _log.warning('%s: %s', COST_WITHOUT_RCL, error)
        return lambda: self._publish_with_rclpy(publisher)

    def _stamped(self) -> Any:
        """Return the ROS message with its stamp."""
        ours, stamp = self.header.stamp, self._message.header.stamp
        stamp.sec, stamp.nanosec = ours.sec, ours.nanosec
        return self._message

    def _publish_with_rclpy(self, publisher: Publisher[Any]) -> None:
        message = self._stamped()
        kind: Any = type(message)
        if accepts_views(kind):
            message._data = self._octets()
        else:
            message.data = array.array('B', self._data.tobytes())
        try:
            publisher.publish(message)
        finally:
            message._data = array.array('B')  # holds no reference to borrowed data


@functools.cache
def accepts_views(kind: Any) -> bool:
    """Return whether rclpy can serialize a message type whose data is a numpy array."""
    message = structs.example(structs.STRUCTS[kind], kind(), 0)
    expected = structs.example(structs.STRUCTS[kind], kind(), 0)
    try:
        message._data = np.frombuffer(message.data, np.uint8)
        return bool(deserialize_message(serialize_message(message), kind) == expected)
    except Exception:  # the generated code of another ROS distribution may raise anything
        return False


class RetryingPublisher:
    """
    Publishes messages of any type, `RawMessage` or ROS, and retries if that fails.

    Fast DDS gives up after 100 ms without access to a writer that is busy with resending lost data
    or removing a reader.

    :param max_retry_s: time after which no further attempt is made.
    """

    def __init__(
        self, publisher: Publisher[Any] | MessageSink, max_retry_s: float = math.inf,
    ) -> None:
        self._publisher = publisher
        self._max_retry_s = max_retry_s

    def publish(self, message: Any) -> None:
        """
        Publish a message, with up to three attempts; borrowed data is released in any case.

        :raises RCLError: all attempts failed, or there was no time for a further one.
        """
        deadline_s = time.monotonic() + self._max_retry_s
        is_raw = isinstance(message, RawMessage)
        publish, argument = (
            (message.publish, self._publisher) if is_raw else (self._publisher.publish, message))
        try:
            for _ in range(_ATTEMPTS - 1):
                try:
                    publish(argument)
                    return
                except RCLError:
                    if time.monotonic() > deadline_s:
                        raise
            publish(argument)
        finally:
            if is_raw:
                message.release_borrowed()
