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

"""Many sensor_msgs/Imu messages at once, published from one piece of memory in a compiled loop."""

from __future__ import annotations

from collections.abc import Callable
import contextlib
import functools
import logging
from types import ModuleType
from typing import Any

from k4a_ros.publishing.raw.message_sink import MessageSink
from k4a_ros.publishing.raw.rcl import COST_WITHOUT_RCL
from k4a_ros.publishing.raw.rcl import Rcl
from k4a_ros.publishing.raw.rcl import UnsupportedRosError
from k4a_ros.publishing.raw.rcl import verified_rcl
from k4a_ros.publishing.raw.serialized_imu import SerializedImu
from k4a_ros.publishing.raw.warm_up import clock_functions
from k4a_ros.publishing.raw.warm_up import warm_up_imu
import numpy as np
import numpy.typing as npt
from rclpy.publisher import Publisher
from sensor_msgs.msg import Imu

Times = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float64]

_log = logging.getLogger('k4a_ros.publishing')


class ImuPublisher:
    """
    Publishes messages that differ only in stamp, acceleration and angular velocity.

    They are published in bursts of at most five, as far apart as their readings were measured, or
    a little less. Bursts are closer to each other at a higher playback rate, or while more than a
    few batches wait.

    :param publisher: a publisher of sensor_msgs/Imu, or what takes its place.
    :param message: the common fields.
    :param publish_one: publishes a message that the middleware has rejected, or all of them if rcl
        cannot be used; counts it.
    :param on_sent: called with the number of other messages that have been published, and None.
    :param lossless: readings wait until they are published, however long that takes.
    """

    def __init__(
        self, publisher: Publisher[Any] | MessageSink, message: Imu,
        publish_one: Callable[[Imu], None], on_sent: Callable[[int, None], None],
        *, lossless: bool = False,
    ) -> None:
        self._lossless = lossless
        self._on_sent = on_sent
        self._publisher = publisher
        self._message = message
        self._publish_one = publish_one
        self._sink = publisher if isinstance(publisher, MessageSink) else None
        self._rcl: Rcl | None = None
        # the handle of the publisher, for rcl; rclpy asks for it itself
        self._handle: contextlib.AbstractContextManager[Any] = contextlib.nullcontext()
        # while messages are published: what keeps the publisher from being destroyed
        self._in_use: contextlib.ExitStack | None = None
        self._run: Callable[..., int] | None = None

    def load(self) -> None:
        """Load the compiled loop; compiles it if necessary, which takes seconds."""
        if self._run is not None or isinstance(self._publisher, MessageSink):
            return
        warm_up_imu()
        from k4a_ros.publishing.raw import imu_kernels as kernels
        self._serialized = SerializedImu(self._message, kernels.WORDS)
        words = self._serialized.words
        words[kernels.CLOCK_GETTIME], words[kernels.CLOCK_NANOSLEEP] = clock_functions()
        words[kernels.MESSAGE] = self._serialized.address
        words[kernels.STAMP] = self._serialized.stamp
        words[kernels.ACC], words[kernels.GYRO] = self._serialized.acc, self._serialized.gyro
        words[kernels.LOSSLESS] = self._lossless
        self._find_rcl(self._publisher, words, kernels)
        self._durations = words[kernels.BATCHES:kernels.LONGEST + 1]
        self._run = functools.partial(kernels.publish_readings, words, words.view(np.float64))

    def _find_rcl(
        self, publisher: Publisher[Any], words: npt.NDArray[np.int64], kernels: ModuleType,
    ) -> None:
        """Let the loop publish with rcl, if that is possible."""
        rcl = verified_rcl(Imu)
        if rcl is None:
            return
        try:
            rcl.check_handle(publisher)
        except UnsupportedRosError as error:
            _log.warning('%s: %s', COST_WITHOUT_RCL, error)
            return
        self._rcl, self._handle = rcl, publisher.handle
        words[kernels.PUBLISH] = rcl.publish_serialized_address
        words[kernels.PUBLISHER] = publisher.handle.pointer

    def take_durations(self) -> tuple[float, float]:
        """Return mean and maximum time of publishing a batch since the last call, milliseconds."""
        if self._run is None:
            return 0.0, 0.0
        batches, busy_ns, longest_ns = self._durations.tolist()
        self._durations[:] = 0
        return busy_ns / max(batches, 1) / 1e6, longest_ns / 1e6

    def publish(
        self, stamps_ns: Times, device_us: Times, acc: Vectors, gyro: Vectors, *,
        speed: float = 1.0,
    ) -> None:
        """
        Publish one message for each reading.

        :param stamps_ns: (N,) ROS time.
        :param device_us: (N,) device time, microseconds.
        :param acc: (N, 3) acceleration, m/s².
        :param gyro: (N, 3) angular velocity, rad/s.
        :param speed: device seconds per second, by which bursts are spaced; 0 publishes all at
            once.
        :raises InvalidHandle: the publisher has been destroyed.
        """
        count = len(stamps_ns)
        if self._sink is not None:
            self._sink.publish_imu(self._message, stamps_ns, acc, gyro)
            self._on_sent(count, None)
            return
        if self._in_use is None:
            self._in_use = self._use()
        assert self._run is not None
        together = count
        number = self._run(0, float(speed), stamps_ns, device_us, acc, gyro)
        while number < count:
            if self._rcl is not None:
                self._rcl.reset_error()
            self._publish_one(self._copy(int(stamps_ns[number]), acc[number], gyro[number]))
            together -= 1
            number = self._run(number + 1, float(speed), stamps_ns, device_us, acc, gyro)
        if together:
            self._on_sent(together, None)

    def release(self) -> None:
        """
        Let the publisher be destroyed; until then, its destruction waits.

        Asking rclpy for its handle once a batch would cost as much as calling the loop.
        """
        if self._in_use is not None:
            self._in_use.close()
            self._in_use = None

    def _use(self) -> contextlib.ExitStack:
        """Return what keeps the publisher from being destroyed until closed, if rcl publishes."""
        self.load()
        in_use = contextlib.ExitStack()
        in_use.enter_context(self._handle)
        return in_use

    def _copy(self, stamp_ns: int, acc: Vectors, gyro: Vectors) -> Imu:
        """Return the message of a reading, which is valid until the next call."""
        message = self._message
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
        for vector, values in ((message.linear_acceleration, acc),
                               (message.angular_velocity, gyro)):
            vector.x, vector.y, vector.z = values.tolist()
        return message
