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

"""The topics of tracked people, rendered from the results of a body tracker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

import builtin_interfaces.msg
from k4a_ros.body.tracker import BACKGROUND
from k4a_ros.body.tracker import BodyFrame
from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.images.registration import CameraPair
from k4a_ros.images.registration import Correspondences
from k4a_ros.images.registration import DepthToColor
from k4a_ros.images.registration import ExtraChannel
from k4a_ros.jit.lazy import Lazy
from k4a_ros.publishing import messages
from k4a_ros.publishing.body_messages import body_transforms
from k4a_ros.publishing.body_messages import joint_cloud
from k4a_ros.publishing.body_messages import Markers
from k4a_ros.publishing.publishers import Counters
from k4a_ros.publishing.publishers import LazyPublisher
from k4a_ros.publishing.publishers import Warn
from k4a_ros.publishing.raw.message import RawMessage
from k4a_ros.publishing.topic_builder import TopicBuilder
import numpy as np
import numpy.typing as npt
from rclpy.publisher import Publisher
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import Image
from sensor_msgs.msg import PointCloud2
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

#: queue depth of the topics
_QUEUE_DEPTH = 10


@dataclass(frozen=True)
class TrackedFrame:
    """
    The people in one capture, its stamp in ROS nanoseconds, and its depth image.

    ``color_stamp_ns`` is the stamp of the color image, None if the capture has none.
    """

    bodies: BodyFrame
    stamp_ns: int
    color_stamp_ns: int | None
    depth: npt.NDArray[np.uint16]

    @property
    def stamp(self) -> builtin_interfaces.msg.Time:
        """Return the stamp as a message."""
        return Time(nanoseconds=self.stamp_ns).to_msg()


Render = Callable[[TrackedFrame], Any]


class BodyStream(LazyPublisher):
    """
    A topic that is published once for each tracked frame.

    :param render: returns the message; it may be reused.
    :param stamped_as_color: use the stamp of the color image; frames without it are skipped.
    :param lossless: see `LazyPublisher`.
    """

    def __init__(
        self, topic: str, publisher: Publisher[Any], render: Render, warn: Warn,
        counters: Counters, lossless: bool, *, stamped_as_color: bool = False,
    ) -> None:
        super().__init__(topic, publisher, warn, counters, lossless=lossless)
        self._render = render
        self._stamped_as_color = stamped_as_color

    def offer(self, tracked: TrackedFrame) -> None:
        """Publish the message of a frame, if there are subscribers."""
        if not self.has_subscribers():
            return
        if self._stamped_as_color:
            if tracked.color_stamp_ns is None:
                return
            tracked = replace(tracked, stamp_ns=tracked.color_stamp_ns)
        message = self._render(tracked)
        self.counters.converted += 1
        self.sender.send(message)


def body_streams(builder: TopicBuilder) -> list[BodyStream]:
    """Return all topics of tracked people that the options of the builder select."""
    frame, options = builder.depth_frame, builder.options
    streams: list[BodyStream] = []

    def add(topic: str, kind: Any, render: Render, *, stamped_as_color: bool = False) -> None:
        streams.append(BodyStream(
            topic, builder.publisher(kind, topic, _QUEUE_DEPTH), render, builder.warn,
            builder.counters(topic), builder.camera.lossless,
            stamped_as_color=stamped_as_color))

    markers = Markers(frame)
    add('body_tracking_data', MarkerArray,
        lambda tracked: markers.update(tracked.bodies, tracked.stamp))
    add('body_tracking_joints', PointCloud2,
        lambda tracked: joint_cloud(frame, tracked.bodies, tracked.stamp))
    add('body_index_map/image_raw', Image, _index_map(builder.depth_lens, frame))
    add('body_index_map/camera_info', CameraInfo, _camera_info(builder.depth_lens, frame))
    if options.color_enabled and builder.camera.config.color:
        as_color = options.stamps_as_target
        add('body_index_map_to_rgb/image_raw', Image, _index_map_in_color(builder),
            stamped_as_color=as_color)
        add('body_index_map_to_rgb/camera_info', CameraInfo,
            _camera_info(builder.color_lens, builder.color_frame), stamped_as_color=as_color)
    if options.publish_body_tf:
        add('/tf', TFMessage, lambda tracked: body_transforms(
            frame, options.tf_prefix, tracked.bodies, tracked.stamp))
    return streams


def _camera_info(lens: Intrinsics, frame: str) -> Render:
    message = messages.camera_info(lens, frame)

    def render(tracked: TrackedFrame) -> CameraInfo:
        messages.set_stamp(message.header, tracked.stamp_ns)
        return message

    return render


def _index_map(lens: Intrinsics, frame: str) -> Render:
    size = (lens.width, lens.height)
    buffer = messages.ImageBuffer(frame, 'mono8', size, size[::-1], np.uint8)

    def render(tracked: TrackedFrame) -> RawMessage:
        _pixel_values(tracked.bodies).take(tracked.bodies.index_map, out=buffer.pixels)
        messages.set_stamp(buffer.message.header, tracked.stamp_ns)
        return buffer.message

    return render


def _index_map_in_color(builder: TopicBuilder) -> Render:
    """Return the renderer of the index map registered to the color camera."""
    lens, config = builder.color_lens, builder.camera.config
    size = (lens.width, lens.height)
    buffer = messages.ImageBuffer(builder.color_frame, 'mono8', size, size[::-1], np.uint8)
    depth_in_color = np.zeros(size[::-1], np.uint16)

    def build() -> tuple[Correspondences, DepthToColor]:
        pair = CameraPair(builder.calibration, config.depth_mode, config.color_resolution)
        return Correspondences(pair), DepthToColor(pair)

    registration = Lazy(build)

    def render(tracked: TrackedFrame) -> RawMessage:
        correspondences, to_color = registration.result()
        correspondences.update(tracked.depth)
        values = _pixel_values(tracked.bodies).take(tracked.bodies.index_map)
        to_color.warp(correspondences, depth_in_color, extra8=ExtraChannel(
            values, buffer.pixels, invalid=BACKGROUND))
        messages.set_stamp(buffer.message.header, tracked.stamp_ns)
        return buffer.message

    return render


def _pixel_values(bodies: BodyFrame) -> npt.NDArray[np.uint8]:
    """
    Return the published value for each value of the tracker's index map, (256,) uint8.

    It is body_id modulo 255, as in Microsoft's driver, or `BACKGROUND`.
    """
    values = np.full(BACKGROUND + 1, BACKGROUND, np.uint8)
    for index, body in enumerate(bodies.bodies):
        values[index] = body.body_id % BACKGROUND
    return values
