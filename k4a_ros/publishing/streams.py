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

"""The topics that are published from captures and from IMU samples."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
import time
from typing import Any

from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.capture import ImuSamples
from k4a_ros.jit.lazy import BuildWait
from k4a_ros.jit.lazy import is_built
from k4a_ros.jit.lazy import Lazy
from k4a_ros.jit.lazy import Startable
from k4a_ros.publishing.image_sources import Source
from k4a_ros.publishing.messages import set_stamp
from k4a_ros.publishing.publishers import Counters
from k4a_ros.publishing.publishers import IMU_DEPTH
from k4a_ros.publishing.publishers import LazyPublisher
from k4a_ros.publishing.publishers import Warn
from k4a_ros.publishing.raw.message_sink import MessageSink
from k4a_ros.streaming.device_clock import Times
from k4a_ros.streaming.imu import ImuRate
from k4a_ros.streaming.imu import ImuReadings
from k4a_ros.streaming.imu import synchronize
from k4a_ros.streaming.stamper import ToRos
from rclpy.publisher import Publisher
from sensor_msgs.msg import Imu

#: maps the device microseconds of IMU readings to ROS nanoseconds
ImuToRos = Callable[[Times], Times]
#: renders a message from a capture and its source image; the message may be reused
Render = Callable[[Capture, Image], Any]

#: samples of a live camera after a longer gap, without subscribers, are not averaged with those
#: before it, microseconds
_LONGEST_GAP_US = 1_000_000


class Stream(LazyPublisher):
    """
    A topic that is published once for each capture.

    :param source: selects the image that the message is rendered from and stamped with; captures
        without it are skipped.
    :param render: renders the message.
    :param requires: resources of ``render`` that take long to build.
    :param wait: how to wait for ``requires``, so that no captures are skipped; None: skip
        captures instead of waiting.
    :param slow_s: see `TopicSender`.
    :param admit: called with the stamp of a message, nanoseconds, before it is rendered; returns
        False to drop it, after it has said why.
    """

    def __init__(
        self, topic: str, publisher: Publisher[Any] | MessageSink, source: Source,
        render: Render, warn: Warn, counters: Counters, *, requires: Startable | None = None,
        wait: BuildWait | None = None, slow_s: float | None = None,
        admit: Callable[[int], bool] | None = None,
    ) -> None:
        super().__init__(topic, publisher, warn, counters, slow_s=slow_s,
                         lossless=wait is not None)
        self._admit = admit
        self._source = source
        self._render = render
        self._requires = requires
        self._wait = wait

    def offer(self, capture: Capture, to_ros: ToRos) -> None:
        """Publish the message of a capture; see `offer_to_subscribers`."""
        image = self._source(capture)
        if image is None or self._must_skip():
            return
        if self._requires is not None and not is_built(self._requires, self._wait):
            return
        start_ns = time.monotonic_ns()
        self._publish(capture, image, to_ros)
        self.counters.busy_ns += time.monotonic_ns() - start_ns

    def _publish(self, capture: Capture, image: Image, to_ros: ToRos) -> None:
        ros_ns = to_ros(image.device_us)
        if self._admit is not None and not self._admit(ros_ns):
            self.counters.failed += 1
            return
        try:
            message = self._render(capture, image)
        except Exception as error:  # decoders raise anything for corrupt images
            self._count_dropped(f'cannot convert the image: {error}')
            return
        self.counters.converted += 1
        set_stamp(message.header, ros_ns)
        self.sender.send(message)


def offer_to_subscribers(streams: Iterable[Stream], capture: Capture, to_ros: ToRos) -> None:
    """Publish the messages of a capture on the topics that have subscribers."""
    for stream in streams:
        if stream.subscriber_count():  # first, because most topics have none
            stream.offer(capture, to_ros)


class ImuStream(LazyPublisher):
    """
    The topic of IMU samples: all of them, or averages at a lower rate.

    ``depth`` is the queue depth of the publisher, `IMU_DEPTH` if it keeps all messages;
    ``averages`` is whether the rate is limited.

    :param message: all fields but stamp, acceleration and angular velocity.
    :param rate_hz: upper limit of the rate; 0 publishes every sample.
    :param wait: how to wait while the first sample makes numba compile or load the loop that
        publishes them, which takes tenths of a second at least; None: skip samples meanwhile.
    """

    def __init__(
        self, topic: str, publisher: Publisher[Any] | MessageSink, message: Imu, rate_hz: int,
        warn: Warn, counters: Counters, wait: BuildWait | None,
    ) -> None:
        super().__init__(topic, publisher, warn, counters, lossless=wait is not None)
        self._wait = wait
        self.depth = publisher.qos_profile.depth or IMU_DEPTH
        self._imu = self.sender.imu_publisher(message)
        self._loaded = Lazy(self._imu.load)
        self._needs_loading = not isinstance(publisher, MessageSink)
        self.averages = rate_hz > 0
        self._rate = ImuRate(rate_hz)
        self._previous: ImuSamples | None = None

    def batches(self, samples: ImuSamples) -> Iterator[ImuSamples]:
        """Yield the samples in parts that fit into the queue of the publisher."""
        for start in range(0, len(samples), self.depth):
            yield samples[start:start + self.depth]

    def offer(self, samples: ImuSamples, to_ros: ImuToRos, *, speed: float = 1.0) -> None:
        """
        Publish samples, if there are subscribers.

        :param speed: see `ImuPublisher`; 0 publishes all at once.
        """
        previous, self._previous = self._previous, samples
        if previous is not None and not self._continues(previous, samples):
            previous = None
            self._rate.flush()
        if self.has_subscribers() and self._is_ready():
            self._publish(self._rate.feed(synchronize(samples, previous)), to_ros, speed)
        else:
            self._rate.flush()

    def _continues(self, previous: ImuSamples, samples: ImuSamples) -> bool:
        """Return whether samples are those after previous ones; not if playback was moved back."""
        gap_us = samples.acc_us[0] - previous.acc_us[-1]
        return bool(gap_us > 0 and (self._lossless or gap_us < _LONGEST_GAP_US))

    def _is_ready(self) -> bool:
        """Return whether the loop that publishes is loaded; may wait for it."""
        if self._needs_loading and is_built(self._loaded, self._wait):
            self._loaded.result()
            self._needs_loading = False
        return not self._needs_loading

    def flush(self, to_ros: ImuToRos) -> None:
        """Publish the incomplete last average."""
        rest = self._rate.flush()
        if rest is not None and self.has_subscribers():
            self._publish(rest, to_ros, speed=0.0)

    def _publish(self, readings: ImuReadings, to_ros: ImuToRos, speed: float) -> None:
        if not len(readings):
            return
        self.counters.converted += 1
        self._imu.publish(
            to_ros(readings.device_us), readings.device_us, readings.acc, readings.gyro,
            speed=speed)
