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


"""Topics of people: captures go to a body tracker, what it finds comes back later."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
import threading
import time
from typing import Any
from typing import NamedTuple

import builtin_interfaces.msg
from k4a_ros.body.tracker import BACKGROUND
from k4a_ros.body.tracker import BodyFrame
from k4a_ros.body.tracker import BodyInput
from k4a_ros.body.tracker import BodyTracker
from k4a_ros.cameras.base import Camera
from k4a_ros.capture import Capture
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import BodyTrackingError
from k4a_ros.errors import TrackerClosed
from k4a_ros.images.registration import CameraPair
from k4a_ros.images.registration import Correspondences
from k4a_ros.images.registration import DepthToColor
from k4a_ros.images.registration import ExtraChannel
from k4a_ros.jit.lazy import Lazy
from k4a_ros.publishing import messages
from k4a_ros.publishing.body_messages import body_frames
from k4a_ros.publishing.body_messages import joint_cloud
from k4a_ros.publishing.body_messages import Markers
from k4a_ros.publishing.streams import LazyPublisher
from k4a_ros.publishing.topic_builder import TopicBuilder
import numpy as np
import numpy.typing as npt
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import Image
from sensor_msgs.msg import PointCloud2
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

#: Seconds after which the thread that waits for results looks whether it is to stop.
_TICK = 0.25
#: Results kept for a late subscriber.
_DEPTH = 10


class TrackerChoice(NamedTuple):
    """The body tracker backend to use, by name, and a function that opens it for a camera."""

    backend: str
    open_tracker: Callable[[Camera], BodyTracker]


@dataclass(frozen=True)
class _Found:
    """The people in one capture, its stamp in nanoseconds, and its depth image."""

    frame: BodyFrame
    stamp_ns: int
    depth: npt.NDArray[np.uint16]

    @property
    def stamp(self) -> builtin_interfaces.msg.Time:
        """Give the stamp as a message."""
        return Time(nanoseconds=self.stamp_ns).to_msg()


class _Topic(LazyPublisher):
    """One topic of people."""

    def __init__(
        self, topic: str, publisher: Any, render: Callable[[_Found], Any],
        warn: Callable[[str], None],
    ) -> None:
        super().__init__(topic, publisher, warn)
        self._render = render

    def offer(self, found: _Found) -> None:
        """Publish what was found, if anybody wants it."""
        if self.wanted():
            message = self._render(found)
            self.counters.converted += 1
            self._send(message)


class BodyTopics:
    """
    The topics of people, and the tracker that they are from.

    The tracker is opened when somebody first subscribes, and works beside the other topics: where
    it is slower than the camera, it is given fewer captures. Only where the reader of captures
    waits for everybody (`Camera.lockstep`) it is given every one.

    ``left_out`` counts captures that it had no time for; ``error`` is why there are no people, ''
    while nothing is wrong.

    :param tracker: opened when the first subscriber comes.
    :param fail: told once if the tracker fails.
    :param settle: waits until subscribers have what some topics have published.
    """

    def __init__(
        self, builder: TopicBuilder, tracker: TrackerChoice, fail: Callable[[str], None],
        settle: Callable[[list[Any]], None],
    ) -> None:
        self.backend = tracker.backend
        self.left_out = 0
        #: captures that it has answered for
        self.answered = 0
        self.error = ''
        #: from giving it a capture to its last answer
        self.latency_ns = 0
        self._camera = builder.camera
        self._fail = fail
        self._wait_for_acks = settle
        self._smoothing = builder.options.body_tracking_smoothing_factor
        self._open = lambda: tracker.open_tracker(builder.camera)
        self._tracker: Lazy[BodyTracker] = Lazy(self._open)
        self._to_depth = builder.camera.calibration.depth_to_accel.rotation.T
        self._up: npt.NDArray[np.float64] | None = None
        self._sent: deque[tuple[int, int, npt.NDArray[np.uint16], int]] = deque()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.topics = _topics(builder)

    def wanted(self) -> bool:
        """Return whether anybody subscribes to people."""
        return any(topic.wanted() for topic in self.topics)

    def imu(self, samples: ImuSamples) -> None:
        """Learn from inertial samples where up is."""
        if self._thread is None:
            return
        felt = self._to_depth @ samples.acc.mean(axis=0, dtype=np.float64)
        self._up = felt if self._up is None else 0.9 * self._up + 0.1 * felt

    def offer(self, capture: Capture, to_ros: Callable[[int], int]) -> None:
        """Give the tracker a capture, if anybody wants to know of people."""
        depth, infrared = capture.depth, capture.ir
        if depth is None or infrared is None or self.error or not self.wanted():
            return
        patient = self._camera.lockstep
        if not patient and not self._tracker.start():
            return
        try:
            tracker = self._tracker.result()
            self._start(tracker)
            # the result may be there before enqueue returns
            self._sent.append(
                (depth.device_us, to_ros(depth.device_us), depth.data, time.monotonic_ns()))
            if not tracker.enqueue(
                    BodyInput(depth.data, infrared.data, depth.device_us, self._up),
                    None if patient else 0.0):
                self._sent.pop()
                self.left_out += 1
        except TrackerClosed:
            return
        except Exception as error:  # of a library that is not ours, too: the images go on
            self._failed(error)

    def set_smoothing(self, factor: float) -> None:
        """Smooth over time from now on: 0 not at all, 1 to a standstill."""
        self._smoothing = factor
        if self._thread is not None:
            self._tracker.result().set_smoothing(factor)

    def pause(self, drain: bool) -> None:
        """
        Let go of the tracker and of all images, until a capture is offered again.

        :param drain: whether people in captures that the tracker has are still published.
        """
        if not self._tracker.started:
            return
        try:
            tracker = self._tracker.result()
        except Exception:  # it has been told, or nobody has asked since
            return
        tracker.shutdown()
        if not drain:
            self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        tracker.close()
        self._thread = None
        self._stopping.clear()
        self._sent.clear()
        self._tracker = Lazy(self._open)

    def _start(self, tracker: BodyTracker) -> None:
        if self._thread is None:
            tracker.set_smoothing(self._smoothing)
            self._thread = threading.Thread(
                target=self._run, args=[tracker], name='body topics')
            self._thread.start()

    def _run(self, tracker: BodyTracker) -> None:
        """Publish results until the tracker is closed."""
        try:
            while not self._stopping.is_set():
                frame = tracker.pop(_TICK)
                if frame is not None:
                    self._publish(frame)
        except TrackerClosed:
            return
        except Exception as error:  # a defect, perhaps; the images go on without people
            self._failed(error)

    def _publish(self, frame: BodyFrame) -> None:
        while True:
            device_us, stamp_ns, depth, since_ns = self._sent.popleft()
            if device_us == frame.device_us:
                break
        self.latency_ns = time.monotonic_ns() - since_ns
        self.answered += 1
        found = _Found(frame, stamp_ns, depth)
        for topic in self.topics:
            topic.offer(found)
        if self._camera.lockstep:
            self._wait_for_acks(self.topics)

    def _failed(self, error: Exception) -> None:
        text = str(error)
        if not isinstance(error, BodyTrackingError):
            text = f'{type(error).__name__}: {text}'
        self.error = text
        self._fail(f'No people are published any more: {text}')


def _topics(builder: TopicBuilder) -> list[_Topic]:
    """Make all topics of people."""
    frame, options, lens = builder.depth_frame, builder.options, builder.depth_lens
    markers = Markers(frame)
    size = (lens.width, lens.height)
    index_map = messages.ImageBuffer(frame, 'mono8', size, size[::-1], np.uint8)

    def render_map(found: _Found) -> Any:
        _numbers(found.frame).take(found.frame.index_map, out=index_map.pixels)
        messages.set_stamp(index_map.message.header, found.stamp_ns)
        return index_map.message

    def topic(name: str, kind: Any, render: Callable[[_Found], Any]) -> _Topic:
        return _Topic(name, builder.publisher(kind, name, _DEPTH), render, builder.warn)

    result = [
        topic('body_tracking_data', MarkerArray,
              lambda found: markers.of(found.frame, found.stamp)),
        topic('body_tracking_joints', PointCloud2,
              lambda found: joint_cloud(frame, found.frame, found.stamp)),
        topic('body_index_map/image_raw', Image, render_map),
        topic('body_index_map/camera_info', CameraInfo, _info(lens, frame))]
    if options.color_enabled and builder.camera.config.color:
        result += [
            topic('body_index_map_to_rgb/image_raw', Image, _map_in_color(builder)),
            topic('body_index_map_to_rgb/camera_info', CameraInfo,
                  _info(builder.color_lens, builder.color_frame))]
    if options.publish_body_tf:
        result.append(topic('/tf', TFMessage, lambda found: body_frames(
            frame, options.tf_prefix, found.frame, found.stamp)))
    return result


def _info(lens: Any, frame: str) -> Callable[[_Found], CameraInfo]:
    message = messages.camera_info(lens, frame)

    def render(found: _Found) -> CameraInfo:
        messages.set_stamp(message.header, found.stamp_ns)
        return message

    return render


def _numbers(frame: BodyFrame) -> npt.NDArray[np.uint8]:
    """Return the value of a pixel by its index: body_id modulo 255, as in Microsoft's driver."""
    result = np.full(BACKGROUND + 1, BACKGROUND, np.uint8)
    for index, body in enumerate(frame.bodies):
        result[index] = body.body_id % BACKGROUND
    return result


def _map_in_color(builder: TopicBuilder) -> Callable[[_Found], Any]:
    """Return what renders the index map as the color camera sees it."""
    lens, config = builder.color_lens, builder.camera.config
    size = (lens.width, lens.height)
    buffer = messages.ImageBuffer(builder.color_frame, 'mono8', size, size[::-1], np.uint8)
    depth = np.zeros(size[::-1], np.uint16)

    def make() -> tuple[Correspondences, DepthToColor]:
        pair = CameraPair(builder.camera.calibration, config.depth_mode, config.color_resolution)
        return Correspondences(pair), DepthToColor(pair)

    tools = Lazy(make)

    def render(found: _Found) -> Any:
        correspondences, to_color = tools.result()
        correspondences.update(found.depth)
        values = _numbers(found.frame).take(found.frame.index_map)
        to_color.warp(correspondences, depth, extra8=ExtraChannel(
            values, buffer.pixels, invalid=BACKGROUND))
        messages.set_stamp(buffer.message.header, found.stamp_ns)
        return buffer.message

    return render
