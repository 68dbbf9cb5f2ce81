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

"""Many sensor_msgs/Imu messages at once, written to one array and published from there."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
import ctypes
import logging
from typing import Any

from k4a_ros.publishing.raw import structs
from k4a_ros.publishing.raw.message_sink import MessageSink
from k4a_ros.publishing.raw.rcl import COST_WITHOUT_RCL
from k4a_ros.publishing.raw.rcl import Rcl
from k4a_ros.publishing.raw.rcl import UnsupportedRosError
from k4a_ros.publishing.raw.rcl import verified_rcl
import numpy as np
import numpy.typing as npt
from rclpy.publisher import Publisher
from sensor_msgs.msg import Imu

_SIZE = ctypes.sizeof(structs.ImuStruct)
_NS_PER_S = 1_000_000_000

_log = logging.getLogger('k4a_ros.publishing')


class ImuBatch:
    """
    Messages that differ only in stamp, acceleration and angular velocity.

    :param message: the common fields.
    """

    def __init__(self, message: Imu) -> None:
        self._message = message
        self._rcl: Rcl | None = verified_rcl(Imu)
        self._struct = structs.struct_of(message)
        self._length = self._capacity = 0
        self._stamps_ns = np.zeros(0, np.int64)

    def __len__(self) -> int:
        """Return the number of messages."""
        return self._length

    def fill(
        self, stamps_ns: npt.NDArray[np.int64], acc: npt.NDArray[np.float64],
        gyro: npt.NDArray[np.float64],
    ) -> None:
        """
        Replace all messages.

        :param stamps_ns: (N,) ROS time, ascending, at least one.
        :param acc: (N, 3) acceleration, m/s².
        :param gyro: (N, 3) angular velocity, rad/s.
        """
        self._stamps_ns = stamps_ns
        length = self._length = len(stamps_ns)
        if length > self._capacity:
            self._allocate(max(length, 2 * self._capacity))
        second = int(stamps_ns[0]) // _NS_PER_S
        nanoseconds = stamps_ns - second * _NS_PER_S
        self._seconds[:length] = second
        if nanoseconds[-1] >= _NS_PER_S:  # rare, and dividing each would cost more than the rest
            more, nanoseconds = np.divmod(nanoseconds, _NS_PER_S)
            self._seconds[:length] += more.astype(np.int32)
        self._nanoseconds[:length] = nanoseconds
        self._acc[:length] = acc
        self._gyro[:length] = gyro

    def _allocate(self, capacity: int) -> None:
        """Allocate structures and the views of the fields that differ."""
        self._structs = (structs.ImuStruct * capacity)(*[self._struct] * capacity)
        base = ctypes.addressof(self._structs)
        self._addresses = range(base, base + capacity * _SIZE, _SIZE)
        self._capacity = capacity
        fields = structs.ImuStruct
        stamp = fields.header.offset + structs.HeaderStruct.stamp.offset
        self._seconds = self._view(np.int32, stamp + structs.TimeStruct.sec.offset)
        self._nanoseconds = self._view(np.uint32, stamp + structs.TimeStruct.nanosec.offset)
        self._acc = self._view(np.float64, fields.linear_acceleration.offset, 3)
        self._gyro = self._view(np.float64, fields.angular_velocity.offset, 3)

    def _view(self, dtype: npt.DTypeLike, offset: int, width: int = 1) -> npt.NDArray[Any]:
        """Return a field of all structures, (capacity,) or (capacity, width)."""
        item = np.dtype(dtype)
        view: npt.NDArray[Any] = np.ndarray(
            (self._capacity, width), item, memoryview(self._structs).cast('B'), offset,
            (_SIZE, item.itemsize))
        return view[:, 0] if width == 1 else view

    def publish(
        self, publisher: Publisher[Any] | MessageSink, bursts: Iterable[tuple[int, int]],
        publish_one: Callable[[Imu], None],
    ) -> None:
        """
        Publish the messages.

        :param bursts: begin and end of each burst, when it is due.
        :param publish_one: publishes a message that the middleware has rejected, or all of them if
            rcl cannot be used.
        """
        if isinstance(publisher, MessageSink):
            publisher.publish_imu(
                self._message, self._stamps_ns, self._acc[:self._length],
                self._gyro[:self._length])
            return
        if self._rcl is not None:
            try:
                self._rcl.publish_bursts(
                    publisher, self._addresses, bursts,
                    lambda number: publish_one(self.message(number)))
                return
            except UnsupportedRosError as error:
                _log.warning('%s: %s', COST_WITHOUT_RCL, error)
                self._rcl = None
        for begin, end in bursts:
            for number in range(begin, end):
                publish_one(self.message(number))

    def message(self, number: int) -> Imu:
        """Return one of the messages, which is valid until the next call."""
        message = self._message
        stamp, linear, angular = (
            message.header.stamp, message.linear_acceleration, message.angular_velocity)
        stamp.sec, stamp.nanosec = int(self._seconds[number]), int(self._nanoseconds[number])
        linear.x, linear.y, linear.z = self._acc[number].tolist()
        angular.x, angular.y, angular.z = self._gyro[number].tolist()
        return message
