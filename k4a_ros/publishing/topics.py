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

"""Which topics a camera has, and what they are made from."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
import math
import threading
import time
from typing import Any

from k4a_ros.calibration.tf_frames import IMU
from k4a_ros.cameras.base import Camera
from k4a_ros.capture import Capture
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import BodyTrackingError
from k4a_ros.images.color_cache import ColorCache
from k4a_ros.images.registration_cache import Registration
from k4a_ros.images.registration_cache import RegistrationCache
from k4a_ros.jit.lazy import Lazy
from k4a_ros.publishing import messages
from k4a_ros.publishing.body_topics import BodyTopics
from k4a_ros.publishing.body_topics import TrackerChoice
from k4a_ros.publishing.color_topics import add_color
from k4a_ros.publishing.depth_topics import add_depth
from k4a_ros.publishing.depth_topics import add_infrared
from k4a_ros.publishing.options import TopicOptions
from k4a_ros.publishing.point_topics import add_points
from k4a_ros.publishing.registered_topics import add_registered
from k4a_ros.publishing.streams import Counters
from k4a_ros.publishing.streams import IMU_DEPTH
from k4a_ros.publishing.streams import ImuStream
from k4a_ros.publishing.streams import LazyPublisher
from k4a_ros.publishing.streams import Publishers
from k4a_ros.publishing.streams import Stream
from k4a_ros.publishing.topic_builder import TopicBuilder
from k4a_ros.streaming.device_clock import FixedClock
from k4a_ros.streaming.device_clock import LiveClock
from k4a_ros.streaming.rates import Latency
import numpy as np
from rclpy.node import Node
import sensor_msgs.msg


class Topics:
    """
    All topics of one camera, relative to the namespace of the node.

    A topic exists only if the camera's modes can give it data. Nothing here starts a thread:
    `capture` is called by one and `imu` by another.

    :param cancel: set when the node is to end; nothing is waited for any more.
    """

    def __init__(self, node: Node, cancel: threading.Event) -> None:
        self._node = node
        self._cancel = cancel
        self._publishers = Publishers(node)
        self._counters: dict[str, Counters] = {}
        self._streams: list[Stream] = []
        self._imu: ImuStream | None = None
        #: people, where they are wanted by the settings
        self.bodies: BodyTopics | None = None
        self._clock: FixedClock | LiveClock = FixedClock()
        #: why there are no people although they are wanted, '' otherwise
        self.body_error = ''
        #: factor from infrared to mono8, a live parameter
        self.infrared_scale = 1.0
        self.latency = Latency()
        #: when the last capture came (monotonic seconds), and how warm the camera was
        self.last_capture_s = time.monotonic()
        self.temperature = math.nan

    def bind_camera(
        self, camera: Camera, options: TopicOptions, choose_tracker: Callable[[], TrackerChoice],
    ) -> None:
        """
        Make the topics of a camera, and remove those that it does not have.

        Not while another camera is being published. Publishers and counters of topics that there
        were already are kept.

        :param choose_tracker: asked where bodies are wanted; raises BodyTrackingError.
        """
        self._camera = camera
        self.infrared_scale = options.ir_mono8_scaling_factor
        self._set_clock(camera.lossless)
        builder = TopicBuilder(camera, options, self._publishers, self._warn, self._cancel)
        self._add_images(builder, lambda: self.infrared_scale)
        self._streams = builder.streams
        self._imu = None
        if options.imu_enabled and camera.config.imu:
            self._add_imu(options)
        self.bodies = self._bodies(builder, choose_tracker)
        for stream in self._all():
            stream.counters = self._counters.setdefault(stream.topic, stream.counters)
        self._publishers.keep_only({stream.topic for stream in self._all()})

    @staticmethod
    def _add_images(builder: TopicBuilder, ir_factor: Callable[[], float]) -> None:
        options, camera = builder.options, builder.camera
        config, calibration = camera.config, camera.calibration
        infrared = options.depth_enabled and config.ir
        depth = options.depth_enabled and config.depth
        color = options.color_enabled and config.color
        colors = ColorCache(config)
        registered = None
        if depth and color:
            registered = RegistrationCache(
                config, colors.in_encoding('bgra8'),
                Lazy(lambda: Registration.from_calibration(
                    calibration, config, occlusion=options.registration_occlusion)),
                builder.subscriber_check('ir_to_rgb/image_raw', sensor_msgs.msg.Image))
        if infrared:
            add_infrared(builder, ir_factor)
        if depth:
            add_depth(builder)
        if depth and options.point_cloud:
            add_points(builder, registered)
        if color:
            add_color(builder, colors)
        if registered is not None:
            add_registered(builder, registered, ir_factor)

    def _bodies(
        self, builder: TopicBuilder, choose_tracker: Callable[[], TrackerChoice],
    ) -> BodyTopics | None:
        """Return the topics of people, if there can be any; else it has been said why not."""
        self.body_error = ''
        config = builder.camera.config
        if not builder.options.body_tracking_enabled:
            return None
        try:
            if not (config.depth and config.ir):
                raise BodyTrackingError(
                    f'body tracking needs depth and infrared, which {config} does not have')
            return BodyTopics(builder, choose_tracker(), self._warn, self._wait_for_acks)
        except BodyTrackingError as error:
            self.body_error = str(error)
            self._node.get_logger().error(f'No people are published: {error}')
            return None

    def _set_clock(self, lossless: bool) -> None:
        if lossless:
            self._clock = FixedClock()
        elif isinstance(self._clock, LiveClock):
            self._clock.reset()
        else:
            self._clock = LiveClock()

    def time_jumped(self) -> None:
        """Follow a jump of ROS time."""
        if isinstance(self._clock, LiveClock):
            self._clock.follow_time_jump()

    def set_smoothing(self, factor: float) -> None:
        """Smooth people over time from now on: 0 not at all, 1 to a standstill."""
        if self.bodies is not None:
            self.bodies.set_smoothing(factor)

    @property
    def clock(self) -> FixedClock | LiveClock:
        """Give the clock that makes the stamps."""
        return self._clock

    def capture(self, capture: Capture) -> None:
        """Publish what is wanted of a capture."""
        for source, image in (
                ('depth', capture.depth), ('ir', capture.ir), ('color', capture.color)):
            if image is not None:
                self._observe(image.device_us, image.host_ns, source)
        began = time.monotonic_ns()
        self.last_capture_s = began / 1e9
        self.temperature = capture.temperature
        for stream in self._streams:
            stream.offer(capture, self._clock.to_ros)
        if self.bodies is not None:
            self.bodies.offer(capture, self._clock.to_ros)
        newest = max(i.host_ns for i in (capture.depth, capture.ir, capture.color) if i)
        self.latency.add(time.monotonic_ns() - (newest or began))
        if self._camera.lockstep:
            self._wait_for_acks(self._streams)

    def imu(self, samples: ImuSamples) -> None:
        """Publish inertial samples, if wanted."""
        self._observe(int(samples.acc_us[-1]), 0, 'imu')
        if self.bodies is not None:
            self.bodies.imu(samples)
        if self._imu is None:
            return
        if not self._camera.lockstep:
            self._imu.offer(samples, self._clock.to_ros)
            return
        for start in range(0, len(samples), self._imu.depth):
            self._imu.offer(
                samples[start:start + self._imu.depth], self._clock.to_ros)
            self._wait_for_acks([self._imu])

    def has_imu_subscribers(self) -> bool:
        """Return whether there are subscribers of IMU samples."""
        return self._imu is not None and self._imu.wanted()

    def release_images(self) -> None:
        """Release all references to images of the camera; called at the end of every session."""
        if self.bodies is not None:
            self.bodies.pause(drain=self._camera.lossless and not self._cancel.is_set())

    def finish(self) -> None:
        """Publish what is held back, and wait until reliable subscribers have everything."""
        if self._imu is not None:
            self._imu.flush(self._clock.to_ros)
        self._wait_for_acks(self._all())

    def subscribers(self) -> dict[str, int]:
        """Return how many subscribe to each topic."""
        return {stream.topic: stream.subscribers() for stream in self._all()}

    def counters(self) -> dict[str, Counters]:
        """Return what each topic has done, by topic."""
        return {stream.topic: stream.counters for stream in self._all()}

    def _all(self) -> Iterator[LazyPublisher]:
        yield from self._streams
        if self.bodies is not None:
            yield from self.bodies.topics
        if self._imu is not None:
            yield self._imu

    def _wait_for_acks(self, streams: Any) -> None:
        """Wait for acknowledgments; a subscriber that hangs holds this up for 10 s."""
        deadline = time.monotonic() + 10.0
        for stream in streams:
            while not stream.acknowledged(0.002):
                if self._cancel.is_set():
                    return
                if time.monotonic() > deadline:
                    self._warn(f'{stream.topic}: a reliable subscriber has not acknowledged what '
                               'it was sent for 10 s; going on without it')
                    return

    def _observe(self, device_us: int, host_ns: int, source: str) -> None:
        """Tell the clock when something came: on the host's monotonic clock, or now if 0."""
        if self._clock.settled:
            return
        ago_ns = time.monotonic_ns() - host_ns if host_ns else 0
        self._clock.observe(
            device_us, self._node.get_clock().now().nanoseconds - ago_ns, source)

    def _warn(self, text: str) -> None:
        self._node.get_logger().warning(text)

    def _add_imu(self, options: TopicOptions) -> None:
        calibration = self._camera.calibration
        message = messages.imu_message(
            options.tf_prefix + IMU, _covariance(calibration.accel_sigma),
            _covariance(calibration.gyro_sigma))
        publisher = self._publishers.get(sensor_msgs.msg.Imu, 'imu', IMU_DEPTH)
        self._imu = ImuStream(
            'imu', publisher, message, options.imu_rate_target, self._warn)


def _covariance(sigma: Any) -> tuple[float, ...]:
    """Return the row-major 3x3 covariance of independent axes, or 'unknown'."""
    if sigma is None:
        return messages.UNKNOWN
    return tuple(float(v) for v in np.diag(np.square(sigma)).ravel())
