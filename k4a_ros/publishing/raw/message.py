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
Messages whose data is an array of ours, and publishing them in the cheapest way that is safe.

That is rcl's own function where its self-test passes (`k4a_ros.publishing.raw.rcl`), and rclpy's
elsewhere; that one is given a view of the array if it takes one, and a copy otherwise.
"""

from __future__ import annotations

import array
import contextlib
import functools
import logging
from typing import Any

from k4a_ros.publishing.raw import structs
from k4a_ros.publishing.raw.rcl import Rcl
from k4a_ros.publishing.raw.rcl import RCLError
from k4a_ros.publishing.raw.rcl import UnexpectedRosError
from k4a_ros.publishing.raw.rcl import usable
import numpy as np
import numpy.typing as npt
from rclpy.publisher import Publisher
from rclpy.serialization import deserialize_message
from rclpy.serialization import serialize_message

#: times that publishing a message is tried
_ATTEMPTS = 3

_log = logging.getLogger('k4a_ros.publishing')


class RawMessage:
    """
    A message of a type in `k4a_ros.publishing.raw.structs.STRUCTS` with data of ours.

    :param message: everything but the data; later only its stamp may be changed directly.
    :param borrowed: the data is held only until it has been published.
    """

    def __init__(self, message: Any, borrowed: bool = False) -> None:
        kind: Any = type(message)
        self.header = message.header
        self._message = message
        self._borrowed = borrowed
        self._rcl: Rcl | None = usable(kind)
        self._struct = structs.struct_of(message)
        self._data = np.empty(0, np.uint8)

    def hold(self, data: npt.NDArray[Any]) -> None:
        """
        Take an array's bytes as the data: what it holds when the message is published counts.

        :raises ValueError: the array is not contiguous.
        """
        self._struct.data = structs.octets(data)
        self._data = data.reshape(-1).view(np.uint8)

    def change(self, **numbers: int | bool) -> None:
        """Change fields that are numbers."""
        for name, value in numbers.items():
            setattr(self._struct, name, value)
            setattr(self._message, name, value)

    def publish(self, publisher: Publisher[Any]) -> None:
        """
        Publish the message as it is now.

        :raises RCLError: it cannot be published.
        """
        if not self._publish_as_c(publisher):
            self._publish_as_python(publisher)

    def let_go(self) -> None:
        """Forget the data, if it is borrowed."""
        if self._borrowed:
            self.hold(np.empty(0, np.uint8))

    def _publish_as_c(self, publisher: Publisher[Any]) -> bool:
        if self._rcl is None:
            return False
        stamp, ours = self.header.stamp, self._struct.header.stamp
        ours.sec, ours.nanosec = stamp.sec, stamp.nanosec
        try:
            self._rcl.publish(publisher, self._struct)
        except UnexpectedRosError as error:
            _log.warning('images are published through rclpy, which takes twice the time: %s',
                         error)
            self._rcl = None
            return False
        return True

    def _publish_as_python(self, publisher: Publisher[Any]) -> None:
        message = self._message
        kind: Any = type(message)
        if takes_views(kind):
            message._data = self._data
        else:
            message.data = array.array('B', self._data.tobytes())
        try:
            publisher.publish(message)
        finally:
            # not the view: it would keep what is borrowed
            message._data = array.array('B')


@functools.cache
def takes_views(kind: Any) -> bool:
    """Return whether rclpy serializes a message whose data is a numpy array, as the array is."""
    message = structs.example(structs.STRUCTS[kind], kind(), 0)
    expected = structs.example(structs.STRUCTS[kind], kind(), 0)
    try:
        message._data = np.frombuffer(message.data, np.uint8)
        return bool(deserialize_message(serialize_message(message), kind) == expected)
    except Exception:  # whatever the generated code of another ROS raises
        return False


class RetryingPublisher:
    """A publisher of any message type, `RawMessage` or of ROS."""

    def __init__(self, publisher: Publisher[Any]) -> None:
        self._publisher = publisher

    def publish(self, message: Any) -> None:
        """
        Publish a message, and try that again where the middleware is too busy to take it.

        Fast DDS gives up after 100 ms in which it could not get at a writer that it has in use
        itself, to send anew what a reader has lost or to part with a reader.

        :raises RCLError: it cannot be published.
        """
        try:
            for _ in range(_ATTEMPTS - 1):
                with contextlib.suppress(RCLError):
                    self._publish(message)
                    return
            self._publish(message)
        finally:
            if isinstance(message, RawMessage):
                message.let_go()

    def _publish(self, message: Any) -> None:
        if isinstance(message, RawMessage):
            message.publish(self._publisher)
        else:
            self._publisher.publish(message)
