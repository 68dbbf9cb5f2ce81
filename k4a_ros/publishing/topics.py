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

"""All topics of a camera: which ones exist, and the data flow from captures to them."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
import math
import threading
import time

from k4a_ros.audio.source import RecordedAudio
from k4a_ros.calibration.tf_frames import own_frame
from k4a_ros.cameras.base import Camera
from k4a_ros.capture import Capture
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import BodyTrackingError
from k4a_ros.images.filters.cache import FilteredDepth
from k4a_ros.images.upright import upright_capture
from k4a_ros.publishing.body_topics import BodyTopics
from k4a_ros.publishing.crop_frames import CropFrames
from k4a_ros.publishing.image_topics import add_images
from k4a_ros.publishing.image_topics import imu_stream
from k4a_ros.publishing.interfaces import SoundPlayer
from k4a_ros.publishing.interfaces import Tap
from k4a_ros.publishing.interfaces import TrackerChoice
from k4a_ros.publishing.options import LiveOptions
from k4a_ros.publishing.options import TopicOptions
from k4a_ros.publishing.publishers import Counters
from k4a_ros.publishing.publishers import LazyPublisher
from k4a_ros.publishing.publishers import Publishers
from k4a_ros.publishing.streams import ImuStream
from k4a_ros.publishing.streams import ImuToRos
from k4a_ros.publishing.streams import offer_to_subscribers
from k4a_ros.publishing.streams import Stream
from k4a_ros.publishing.time_topic import add_time_reference
from k4a_ros.publishing.topic_builder import TopicBuilder
from k4a_ros.streaming.host_clock import HostClock
from k4a_ros.streaming.rates import Durations
from k4a_ros.streaming.stamper import StampedCapture
from k4a_ros.streaming.stamper import StampedImuSamples
from k4a_ros.streaming.stamper import Stamper
from k4a_ros.streaming.synchronized_clock import ClockPlan
from rclpy.clock import ROSClock
from rclpy.node import Node

#: time that a reliable subscriber has to acknowledge a message in lockstep
_ACK_TIMEOUT_S = 10.0
#: Duration of one check for acknowledgments. rclpy holds the GIL meanwhile, see
#: `LazyPublisher.wait_for_acks`.
_ACK_POLL_S = 0.002


class Topics:
    """
    The topics of a camera, relative to the namespace of the node.

    A topic exists only if the modes of the camera provide its data. No threads are started for
    images and IMU samples: one thread calls `capture`, another one `imu`, others `arrive`,
    `arrive_imu` and `sound`.

    ``stamper`` assigns the stamps. ``live`` has the values of live parameters, those of the last
    camera until `bind_camera`. For diagnostics: ``body_error`` says why body tracking is disabled
    although the options enable it, '' otherwise; ``latency`` is that of captures;
    ``last_capture_s`` is the arrival of the last capture, seconds of the monotonic clock, and
    ``temperature`` that of the camera in it, degrees Celsius.

    :param cancel: set when the node shuts down; nothing waits from then on.
    """

    def __init__(self, node: Node, cancel: threading.Event) -> None:
        self._node = node
        self._cancel = cancel
        self._publishers = Publishers(node)
        self._streams: list[Stream] = []
        self._imu: ImuStream | None = None
        #: clock of the sync cable, if this camera is on one
        self.clock_plan = ClockPlan()
        self.stamper = Stamper(host_clock(node), self._warn_of_step, self.clock_plan)
        #: the topics of tracked people; None if body tracking is disabled
        self.bodies: BodyTopics | None = None
        self.body_error = ''
        self._crop_frames = CropFrames(node)
        self.live, self._tf_prefix = LiveOptions.of(TopicOptions()), ''
        #: gets what a live camera delivers, in addition to the topics
        self.tap: Tap | None = None
        #: plays what `sound` gets
        self.sound_player: SoundPlayer | None = None
        self.latency = Durations()
        self.last_capture_s = time.monotonic()
        self.temperature = math.nan

    def bind_camera(
        self, camera: Camera, options: TopicOptions, choose_tracker: Callable[[], TrackerChoice],
    ) -> None:
        """
        Create the topics of a camera, and remove those that it does not have.

        Publishers and counters of topics that exist already are kept. Do not call this while
        another camera streams.

        :param choose_tracker: called if body tracking is enabled; raises BodyTrackingError.
        """
        self._camera = camera
        self.live, self._tf_prefix = LiveOptions.of(options), options.tf_prefix
        self._rotation = options.camera_rotation
        origin_ns = options.playback_origin_ns
        if camera.playback is not None and camera.playback.origin_ns is not None:
            origin_ns = camera.playback.origin_ns
        self.stamper.start_timeline(camera.lossless, origin_ns)
        builder = TopicBuilder(camera, options, self._publishers, self._warn, self._cancel)
        add_time_reference(builder)
        self._listen_to_frames()
        filtered = add_images(builder, self.live, self._crop_frames)
        self._streams = builder.streams
        self._imu = imu_stream(builder)
        self.bodies = self._body_topics(builder, choose_tracker, filtered)
        self._publishers.keep_only({topic.topic for topic in self._all()})

    def _body_topics(
        self, builder: TopicBuilder, choose_tracker: Callable[[], TrackerChoice],
        filtered: FilteredDepth,
    ) -> BodyTopics | None:
        """Return the topics of tracked people; None if disabled or, with an error, impossible."""
        self.body_error = ''
        config = builder.camera.config
        if not builder.options.body_tracking_enabled:
            return None
        try:
            if not (config.depth and config.ir):
                raise BodyTrackingError(
                    f'it needs depth and infrared, which the camera does not stream ({config})')
            return BodyTopics(builder, choose_tracker(), filtered, self._wait_for_acks)
        except BodyTrackingError as error:
            self.body_error = str(error)
            self._node.get_logger().error(f'Body tracking is disabled: {error}')
            return None

    def set_points(self, name: str, value: bool | float | str) -> None:
        """Set a parameter of the crop box or the voxel grid by its full name."""
        self.live.set_points(name, value)
        self._listen_to_frames()

    def follow_time_jump(self) -> None:
        """Adjust to a change of ROS time."""
        self.stamper.follow_time_jump()
        self._crop_frames.clear()

    def _listen_to_frames(self) -> None:
        frame = self.live.points.crop_frame
        self._crop_frames.listen(own_frame(frame, self._tf_prefix) is None)

    def set_smoothing(self, factor: float) -> None:
        """Set the temporal smoothing of body tracking, from 0 (none) to 1 (joints freeze)."""
        if self.bodies is not None:
            self.bodies.set_smoothing(factor)

    def arrive(self, capture: Capture) -> Capture:
        """Stamp a capture, and give it to the tap."""
        to_ros = self.stamper.capture(capture)
        if self.tap is not None and self.tap.active:
            self.tap.capture(capture, to_ros)
        return StampedCapture(capture.depth, capture.ir, capture.color,
                              temperature=capture.temperature, section=capture.section,
                              to_ros=to_ros)

    def capture(self, capture: Capture) -> None:
        """Publish a capture to the topics that have subscribers."""
        to_ros = self.stamper.capture(capture)
        start_ns = time.monotonic_ns()
        self.last_capture_s = start_ns / 1e9
        self.temperature = capture.temperature
        capture = upright_capture(capture, self._rotation)
        offer_to_subscribers(self._streams, capture, to_ros)
        if self.bodies is not None:
            self.bodies.offer(capture, to_ros)
        arrival_ns = max([i.host_ns for i in (capture.depth, capture.ir, capture.color) if i])
        self.latency.add(time.monotonic_ns() - (arrival_ns or start_ns))
        if self._camera.lockstep:
            self._wait_for_acks(self._streams)

    def arrive_imu(self, samples: ImuSamples) -> ImuSamples:
        """Stamp IMU samples that are used and not averaged first, and give them to the tap."""
        self.stamper.observe_imu(samples)
        if self.bodies is not None:
            self.bodies.imu(samples)
        taps = self.tap is not None and self.tap.active
        if self._imu is not None and self._imu.averages:
            if self.tap is not None and taps:
                self.tap.imu(samples, self.stamper.expect_imu(samples.acc_us))
            return samples
        if not taps and not self.has_imu_subscribers():
            return samples  # stamps limit how the clock is corrected, even if nothing gets them
        stamps = self.stamper.imu(samples.acc_us)
        if self.tap is not None and taps:
            self.tap.imu(samples, stamps)
        return StampedImuSamples(**vars(samples), ros_ns=stamps)

    def imu(self, samples: ImuSamples) -> None:
        """Publish IMU samples of `arrive_imu`, if there are subscribers."""
        if self._imu is None:
            return
        if not self._camera.lockstep:
            self._imu.offer(samples, self._imu_to_ros(samples), speed=self._camera.speed)
            return
        # in lockstep the queue must not overflow
        for part in self._imu.batches(samples):
            self._imu.offer(part, self._imu_to_ros(part), speed=0.0)
            self._wait_for_acks([self._imu])

    def _imu_to_ros(self, samples: ImuSamples) -> ImuToRos:
        if isinstance(samples, StampedImuSamples):
            stamps = samples.ros_ns
            return lambda _: stamps
        return self.stamper.imu

    def sound(self, sound: RecordedAudio) -> None:
        """Publish the sound of a recording."""
        if self.sound_player is None:
            return
        self.sound_player.play(sound)
        if self._camera.lockstep:
            self._wait_for_acks(self.sound_player.topics)

    def has_imu_subscribers(self) -> bool:
        """Return whether there are subscribers of IMU samples."""
        return self._imu is not None and self._imu.has_subscribers()

    def release_images(self) -> None:
        """Release all references to images of the camera; called at the end of every session."""
        if self.tap is not None:
            self.tap.end_session()
        for topic in self._all():
            topic.sender.stop()
        if self.bodies is not None:
            self.bodies.close_tracker(drain=self._camera.lossless and not self._cancel.is_set())

    def finish(self) -> None:
        """Publish what is still held back, and wait until it has been acknowledged."""
        if self._imu is not None:
            self._imu.flush(self.stamper.imu)
            self._imu.sender.stop()  # the flush may have taken hold of the publisher again
        self._wait_for_acks(self._all())

    def subscribers(self) -> dict[str, int]:
        """Return the number of subscribers of each topic."""
        return {topic.topic: topic.subscriber_count() for topic in self._all()}

    def counters(self) -> dict[str, Counters]:
        """Return the counters of each topic."""
        return {topic.topic: topic.counters for topic in self._all()}

    def publish_durations(self) -> dict[str, tuple[float, float]]:
        """Return mean and maximum time of publishing by topic since the last call, ms."""
        return {topic.topic: topic.sender.take_durations() for topic in self._all()}

    def _all(self) -> Iterator[LazyPublisher]:
        yield from self._streams
        if self.bodies is not None:
            yield from self.bodies.streams
        if self._imu is not None:
            yield self._imu
        if self.sound_player is not None:
            yield from self.sound_player.topics

    def _wait_for_acks(self, topics: Iterable[LazyPublisher]) -> None:
        """Wait until reliable subscribers have acknowledged all messages; warn on a timeout."""
        deadline_s = time.monotonic() + _ACK_TIMEOUT_S
        for topic in topics:
            while not topic.wait_for_acks(_ACK_POLL_S):
                if self._cancel.is_set():
                    return
                if time.monotonic() > deadline_s:
                    self._warn(f'{topic.topic}: a reliable subscriber has not acknowledged its '
                               f'messages for {_ACK_TIMEOUT_S:g} s; continuing without it')
                    return

    def _warn_of_step(self, step_ns: int) -> None:
        self._warn(f'The clock of this host was set {"forward" if step_ns > 0 else "back"} by '
                   f'{abs(step_ns) / 1e9:.1f} s; stamps follow it from now on')

    def _warn(self, text: str) -> None:
        self._node.get_logger().warning(text)


def host_clock(node: Node) -> HostClock:
    clock = node.get_clock()
    assert isinstance(clock, ROSClock)
    # of the handle itself, because every capture asks: rclpy's methods make objects of Python
    handle = clock.handle

    def ros_ns() -> int:
        with handle:
            return handle.get_now().nanoseconds

    def is_simulated() -> bool:
        with handle:
            return handle.get_ros_time_override_is_enabled()

    return HostClock(ros_ns, is_simulated)
