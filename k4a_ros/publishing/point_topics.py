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


"""The topic points2: the depth image as points, with color or infrared if wanted."""

from __future__ import annotations

from collections.abc import Callable
import math
from typing import Any

from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.images.clouds import CloudConverter
from k4a_ros.images.clouds import CloudOptions
from k4a_ros.images.clouds import FullCloudConverter
from k4a_ros.images.registration_cache import RegistrationCache
from k4a_ros.images.warm_up import warm_up_clouds
from k4a_ros.jit.lazy import Lazy
from k4a_ros.publishing import image_sources as sources
from k4a_ros.publishing import messages
from k4a_ros.publishing.image_sources import Source
from k4a_ros.publishing.options import TopicOptions
from k4a_ros.publishing.raw.message import RawMessage
from k4a_ros.publishing.topic_builder import TopicBuilder
import numpy as np
import numpy.typing as npt
import sensor_msgs.msg

#: writes the points of a capture, and returns how many they are
Write = Callable[[Capture, Image], int]
#: (height, width, 2), see `Intrinsics.rays`
Rays = npt.NDArray[np.float32]
#: makes that for rays, the points that are wanted, and an array to write to
Make = Callable[[Rays, CloudOptions, Any], Write]


def point_options(options: TopicOptions) -> CloudOptions:
    """Return which points are wanted."""
    return CloudOptions(
        options.point_cloud_organized, options.point_cloud_min_depth,
        options.point_cloud_max_depth or math.inf, options.point_cloud_decimation)


def add_points(builder: TopicBuilder, registered: RegistrationCache | None) -> None:
    """
    Add points2.

    :param registered: where there are both cameras.
    """
    options = builder.options
    if options.rgb_point_cloud and registered is None:
        builder.warn('rgb_point_cloud has no effect: the camera streams no color')
    if options.ir_point_cloud and not builder.camera.config.ir:
        builder.warn('ir_point_cloud has no effect: the camera streams no infrared')
    frame = builder.depth_frame
    if options.rgb_point_cloud and registered is not None:
        if options.point_cloud_in_depth_frame:
            lens = builder.depth_lens
        else:
            lens, frame = builder.color_lens, builder.color_frame
        _add(builder, lens, frame, 'rgb', sources.depth_with_color, _colored(
            registered, options.point_cloud_in_depth_frame))
    elif options.ir_point_cloud and builder.camera.config.ir:
        _add(builder, builder.depth_lens, frame, 'intensity', sources.depth_with_infrared,
             _infrared)
    else:
        _add(builder, builder.depth_lens, frame, '', sources.depth, _plain)


def _plain(rays: Rays, options: CloudOptions, out: Any) -> Write:
    if options != CloudOptions():
        cloud = CloudConverter(rays, options)
        return lambda _, image: cloud.write_xyz(image.data, out)
    # what most people want, in the fastest way that there is
    everything = FullCloudConverter(rays)

    def write(_: Capture, image: Image) -> int:
        everything.convert(image.data, out)
        return image.data.size

    return write


def _infrared(rays: Rays, options: CloudOptions, out: Any) -> Write:
    cloud = CloudConverter(rays, options)

    def write(capture: Capture, image: Image) -> int:
        assert capture.ir is not None
        return cloud.write_xyz_intensity(image.data, capture.ir.data, out)

    return write


def _colored(registered: RegistrationCache, in_depth: bool) -> Make:
    """
    Make colored points.

    :param in_depth: of the depth image, with the colors that are there; else of the color image.
    """
    def make(rays: Rays, options: CloudOptions, out: Any) -> Write:
        cloud = CloudConverter(rays, options)
        registered.registration.result()
        if in_depth:
            return lambda capture, image: cloud.write_xyz_rgb(
                image.data, registered.color_in_depth(capture), out)
        return lambda capture, _: cloud.write_xyz_rgb(
            registered.depth_in_color(capture), registered.color(capture), out)

    return make


def _add(
    builder: TopicBuilder, lens: Intrinsics, frame: str, extra: str, source: Source, make: Make,
) -> None:
    options = point_options(builder.options)
    points = messages.CloudBuffer(
        frame, options.organized_size(lens.width, lens.height), extra, organized=options.organized)

    def prepare() -> Write:
        warm_up_clouds()
        return make(lens.rays(), options, points.points)

    write = Lazy(prepare)

    def render(capture: Capture, image: Image) -> RawMessage:
        count = write.result()(capture, image)
        if not options.organized:
            points.resize(count)
        return points.message

    builder.add('points2', sensor_msgs.msg.PointCloud2, source, render, write)
