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

from k4a_ros.cameras.base import Camera
from k4a_ros.cameras.base import Capture
from k4a_ros.cameras.base import Image
from k4a_ros.cameras.base import ImuSamples
from k4a_ros.clock import FixedClock
from k4a_ros.clock import LiveClock
from k4a_ros.config import ColorFormat
from k4a_ros.diagnostics import Latency
from k4a_ros.frames import DEPTH_CAMERA
from k4a_ros.frames import IMU
from k4a_ros.frames import RGB_CAMERA
from k4a_ros.images.clouds import Cloud
from k4a_ros.images.color import ColorConverter
from k4a_ros.images.depth_codec import DepthCompressor
from k4a_ros.images.geometry import ir_to_mono8
from k4a_ros.images.geometry import MetricDepth
from k4a_ros.images.geometry import PointCloud
from k4a_ros.images.registered import RegisteredImages
from k4a_ros.lens import Intrinsics
from k4a_ros.publishing import messages
from k4a_ros.publishing.streams import Counters
from k4a_ros.publishing.streams import IMAGE_DEPTH
from k4a_ros.publishing.streams import IMU_DEPTH
from k4a_ros.publishing.streams import ImuStream
from k4a_ros.publishing.streams import Publishers
from k4a_ros.publishing.streams import Stream
from k4a_ros.settings import Settings
import numpy as np
from rclpy.node import Node
import sensor_msgs.msg

Render = Callable[[Capture, Image], Any]
Source = Callable[[Capture], Image | None]


def _depth(capture: Capture) -> Image | None:
    return capture.depth


def _ir(capture: Capture) -> Image | None:
    return capture.ir


def _color(capture: Capture) -> Image | None:
    return capture.color


def _depth_with_color(capture: Capture) -> Image | None:
    return capture.depth if capture.color is not None else None


def _color_with_depth(capture: Capture) -> Image | None:
    return capture.color if capture.depth is not None else None


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
        self._clock: FixedClock | LiveClock = FixedClock()
        self.latency = Latency()
        #: when the last capture came (monotonic seconds), and how warm the camera was
        self.came = time.monotonic()
        self.temperature = math.nan

    def adopt(self, camera: Camera, settings: Settings, ir_factor: Callable[[], float]) -> None:
        """
        Make the topics of a camera, and remove those that it does not have.

        Not while another camera is being published. Publishers and counters of topics that there
        were already are kept.

        :param ir_factor: current value of ir_mono8_scaling_factor.
        """
        self._camera = camera
        self._prefix = settings.tf_prefix
        self._set_clock(camera.lossless)
        self._streams = []
        self._imu = None
        config = camera.config
        if settings.depth_enabled and config.ir:
            self._add_ir(settings, ir_factor)
        depth = settings.depth_enabled and config.depth
        color = settings.color_enabled and config.color
        registered = None
        if depth and color:
            registered = RegisteredImages(camera, settings.registration_occlusion)
        if depth:
            self._add_depth(settings)
        if depth and settings.point_cloud:
            self._add_points(settings, registered)
        if color:
            self._add_color(settings)
        if registered is not None:
            self._add_registered(settings, registered)
        if settings.imu_enabled and config.imu:
            self._add_imu(settings)
        for stream in self._all():
            stream.counters = self._counters.setdefault(stream.topic, stream.counters)
        self._publishers.keep_only({stream.topic for stream in self._all()})

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
            self._clock.follow()

    @property
    def clock(self) -> FixedClock | LiveClock:
        """Give the clock that makes the stamps."""
        return self._clock

    def capture(self, capture: Capture) -> None:
        """Publish what is wanted of a capture."""
        for image in (capture.depth, capture.ir, capture.color):
            if image is not None:
                self._observe(image.device_us, image.host_ns)
        began = time.monotonic_ns()
        self.came = began / 1e9
        self.temperature = capture.temperature
        for stream in self._streams:
            stream.offer(capture, self._clock.to_ros, self._warn)
        newest = max(i.host_ns for i in (capture.depth, capture.ir, capture.color) if i)
        self.latency.add(time.monotonic_ns() - (newest or began))
        if self._camera.lockstep:
            self._settle(self._streams)

    def imu(self, samples: ImuSamples) -> None:
        """Publish inertial samples, if wanted."""
        self._observe(int(samples.acc_us[-1]), 0)
        if self._imu is None:
            return
        if not self._camera.lockstep:
            self._imu.offer(samples, self._clock.to_ros)
            return
        for start in range(0, len(samples), self._imu.depth):
            self._imu.offer(
                samples[start:start + self._imu.depth], self._clock.to_ros)
            self._settle([self._imu])

    def finish(self) -> None:
        """Publish what is held back, and wait until reliable subscribers have everything."""
        if self._imu is not None:
            self._imu.flush(self._clock.to_ros)
        self._settle(self._all())

    def subscribers(self) -> dict[str, int]:
        """Return how many subscribe to each topic."""
        return {stream.topic: stream.subscribers() for stream in self._all()}

    def counters(self) -> dict[str, Counters]:
        """Return what each topic has done, by topic."""
        return {stream.topic: stream.counters for stream in self._all()}

    def _all(self) -> Iterator[Stream | ImuStream]:
        yield from self._streams
        if self._imu is not None:
            yield self._imu

    def _settle(self, streams: Any) -> None:
        """Wait for acknowledgements; a subscriber that hangs holds this up for 10 s."""
        deadline = time.monotonic() + 10.0
        for stream in streams:
            while not stream.acknowledged(0.002):
                if self._cancel.is_set():
                    return
                if time.monotonic() > deadline:
                    self._warn(f'{stream.topic}: a reliable subscriber has not acknowledged what '
                               'it was sent for 10 s; going on without it')
                    return

    def _observe(self, device_us: int, host_ns: int) -> None:
        """Tell the clock when something came: on the host's monotonic clock, or now if 0."""
        ago_ns = time.monotonic_ns() - host_ns if host_ns else 0
        self._clock.observe(device_us, self._node.get_clock().now().nanoseconds - ago_ns)

    def _warn(self, text: str) -> None:
        self._node.get_logger().warning(text)

    def _add(self, topic: str, kind: Any, source: Source, render: Render) -> None:
        publisher = self._publishers.get(kind, topic, IMAGE_DEPTH)
        self._streams.append(Stream(topic, publisher, source, render))

    def _add_info(
        self, topic: str, intrinsics: Intrinsics, frame: str, source: Source,
    ) -> None:
        message = messages.camera_info(intrinsics, frame)
        self._add(topic, sensor_msgs.msg.CameraInfo, source, lambda *_: message)

    def _add_ir(self, settings: Settings, factor: Callable[[], float]) -> None:
        intrinsics = self._camera.calibration.depth(self._camera.config.depth_mode)
        frame = self._prefix + DEPTH_CAMERA
        size = (intrinsics.width, intrinsics.height)
        narrow = settings.rescale_ir_to_mono8
        buffer = messages.ImageBuffer(
            frame, 'mono8' if narrow else 'mono16', size, size[::-1],
            np.uint8 if narrow else np.uint16)

        def render(_: Capture, image: Image) -> sensor_msgs.msg.Image:
            if narrow:
                ir_to_mono8(image.data, factor(), buffer.pixels)
            else:
                np.copyto(buffer.pixels, image.data)
            return buffer.message

        self._add('ir/image_raw', sensor_msgs.msg.Image, _ir, render)
        self._add_info('ir/camera_info', intrinsics, frame, _ir)

    def _add_depth(self, settings: Settings) -> None:
        self._add_depth_images(
            settings, 'depth', self._camera.calibration.depth(self._camera.config.depth_mode),
            self._prefix + DEPTH_CAMERA, _depth, lambda _, image: image.data)
        compressor = DepthCompressor(
            self._camera.config.depth_mode.size,
            'rvl' if settings.compressed_depth_format == 'rvl' else 'png')
        compressed = messages.CompressedBuffer(
            self._prefix + DEPTH_CAMERA, compressor.format)

        def render(_: Capture, image: Image) -> sensor_msgs.msg.CompressedImage:
            compressed.fill(compressor.compress(image.data))
            return compressed.message

        self._add('depth/image_raw/compressedDepth', sensor_msgs.msg.CompressedImage, _depth,
                  render)

    def _add_depth_images(
        self, settings: Settings, name: str, intrinsics: Intrinsics, frame: str, source: Source,
        depth_of: Callable[[Capture, Image], Any],
    ) -> None:
        """Add image and camera_info of depth in either camera; ``depth_of`` gives millimetres."""
        size = (intrinsics.width, intrinsics.height)
        metres = MetricDepth(*size) if settings.depth_unit == '32FC1' else None
        buffer = messages.ImageBuffer(
            frame, settings.depth_unit, size, size[::-1], np.float32 if metres else np.uint16)

        def render(capture: Capture, image: Image) -> sensor_msgs.msg.Image:
            if metres:
                metres.into(depth_of(capture, image), buffer.pixels)
            else:
                np.copyto(buffer.pixels, depth_of(capture, image))
            return buffer.message

        self._add(f'{name}/image_raw', sensor_msgs.msg.Image, source, render)
        self._add_info(f'{name}/camera_info', intrinsics, frame, source)

    def _add_points(self, settings: Settings, registered: RegisteredImages | None) -> None:
        calibration, config = self._camera.calibration, self._camera.config
        in_color = False
        if settings.rgb_point_cloud and registered is None:
            self._warn('rgb_point_cloud has no effect: the camera streams no colour')
        elif settings.rgb_point_cloud:
            in_color = not settings.point_cloud_in_depth_frame
        else:
            registered = None
        intrinsics = (calibration.color(config.color_resolution) if in_color
                      else calibration.depth(config.depth_mode))
        rays = intrinsics.rays()
        plain, cloud = PointCloud(rays), Cloud(rays)
        points = messages.CloudBuffer(
            self._prefix + (RGB_CAMERA if in_color else DEPTH_CAMERA),
            (intrinsics.width, intrinsics.height), colored=registered is not None)

        def render(capture: Capture, image: Image) -> sensor_msgs.msg.PointCloud2:
            if registered is None:
                plain.into(image.data, points.points)
            elif in_color:
                cloud.xyz_rgb(registered.depth_in_color(capture), registered.color(capture),
                              points.points)
            else:
                cloud.xyz_rgb(image.data, registered.color_in_depth(capture), points.points)
            return points.message

        source = _depth if registered is None else _depth_with_color
        self._add('points2', sensor_msgs.msg.PointCloud2, source, render)

    def _add_registered(self, settings: Settings, registered: RegisteredImages) -> None:
        calibration, config = self._camera.calibration, self._camera.config
        lens = calibration.color(config.color_resolution)
        self._add_depth_images(
            settings, 'depth_to_rgb', lens, self._prefix + RGB_CAMERA, _depth_with_color,
            lambda capture, _: registered.depth_in_color(capture))
        lens = calibration.depth(config.depth_mode)
        size = (lens.width, lens.height)
        frame = self._prefix + DEPTH_CAMERA
        buffer = messages.ImageBuffer(frame, 'bgra8', size, (*size[::-1], 4), np.uint8)

        def render(capture: Capture, _: Image) -> sensor_msgs.msg.Image:
            np.copyto(buffer.pixels, registered.color_in_depth(capture))
            return buffer.message

        self._add('rgb_to_depth/image_raw', sensor_msgs.msg.Image, _color_with_depth, render)
        self._add_info('rgb_to_depth/camera_info', lens, frame, _color_with_depth)

    def _add_color(self, settings: Settings) -> None:
        config = self._camera.config
        intrinsics = self._camera.calibration.color(config.color_resolution)
        frame = self._prefix + RGB_CAMERA
        size = (intrinsics.width, intrinsics.height)
        converter = ColorConverter(config.color_format, size, settings.rgb_encoding)
        buffer = messages.ImageBuffer(frame, converter.encoding, size, converter.shape, np.uint8)

        def render(_: Capture, image: Image) -> sensor_msgs.msg.Image:
            converter.into(image.data, buffer.pixels)
            return buffer.message

        self._add('rgb/image_raw', sensor_msgs.msg.Image, _color, render)
        self._add_info('rgb/camera_info', intrinsics, frame, _color)
        if config.color_format is not ColorFormat.MJPG:
            return
        # the encoding to decode to, the codec, and what the codec holds
        jpeg = messages.CompressedBuffer(frame, f'{converter.encoding}; jpeg compressed bgr8')

        def render_jpeg(_: Capture, image: Image) -> sensor_msgs.msg.CompressedImage:
            jpeg.fill(image.data)
            return jpeg.message

        self._add('rgb/image_raw/compressed', sensor_msgs.msg.CompressedImage, _color,
                  render_jpeg)

    def _add_imu(self, settings: Settings) -> None:
        calibration = self._camera.calibration
        message = messages.imu_message(
            self._prefix + IMU, _covariance(calibration.accel_sigma),
            _covariance(calibration.gyro_sigma))
        publisher = self._publishers.get(sensor_msgs.msg.Imu, 'imu', IMU_DEPTH)
        self._imu = ImuStream('imu', publisher, message, settings.imu_rate_target)


def _covariance(sigma: Any) -> tuple[float, ...]:
    """Return the row-major 3x3 covariance of independent axes, or 'unknown'."""
    if sigma is None:
        return messages.UNKNOWN
    return tuple(float(v) for v in np.diag(np.square(sigma)).ravel())
