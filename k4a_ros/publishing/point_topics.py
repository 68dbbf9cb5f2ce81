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

"""The topic points2: point clouds, optionally with color or infrared."""

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
from k4a_ros.images.filters.cache import FilteredDepth
from k4a_ros.images.registration_cache import RegistrationCache
from k4a_ros.images.warm_up import warm_up_clouds
from k4a_ros.jit.lazy import Lazy
from k4a_ros.jit.lazy import Together
from k4a_ros.publishing import image_sources as sources
from k4a_ros.publishing import messages
from k4a_ros.publishing.image_sources import Source
from k4a_ros.publishing.options import TopicOptions
from k4a_ros.publishing.raw.message import RawMessage
from k4a_ros.publishing.topic_builder import TopicBuilder
import numpy as np
import numpy.typing as npt
import sensor_msgs.msg

#: writes the points of a capture, and returns their number
WritePoints = Callable[[Capture], int]
#: (height, width, 2), see `Intrinsics.rays`
Rays = npt.NDArray[np.float32]
#: builds a `WritePoints` for rays, options and an output array
BuildWriter = Callable[[Rays, CloudOptions, Any], WritePoints]


def cloud_options(options: TopicOptions) -> CloudOptions:
    """Return the options of the converter for those of the topics."""
    return CloudOptions(
        options.point_cloud_organized, options.point_cloud_min_depth,
        options.point_cloud_max_depth or math.inf, options.point_cloud_decimation)


def add_points(
    builder: TopicBuilder, filtered: FilteredDepth, registered: RegistrationCache | None,
) -> None:
    """
    Add points2.

    :param registered: registered images; None if the camera does not stream depth and color.
    """
    options = builder.options
    if options.rgb_point_cloud and registered is None:
        builder.warn('rgb_point_cloud has no effect: the camera does not stream color')
    if options.ir_point_cloud and not builder.camera.config.ir:
        builder.warn('ir_point_cloud has no effect: the camera does not stream infrared')
    frame = builder.depth_frame
    if options.rgb_point_cloud and registered is not None:
        lens, source = builder.depth_lens, sources.depth_with_color
        if not options.point_cloud_in_depth_frame:
            lens, frame = builder.color_lens, builder.color_frame
            if options.stamps_as_target:
                source = sources.color_with_depth
        _add(builder, lens, frame, 'rgb', source, filtered,
             _colored_writer(filtered, registered, options.point_cloud_in_depth_frame))
    elif options.ir_point_cloud and builder.camera.config.ir:
        _add(builder, builder.depth_lens, frame, 'intensity', sources.depth_with_infrared,
             filtered, _infrared_writer(filtered))
    else:
        _add(builder, builder.depth_lens, frame, '', sources.depth, filtered,
             _xyz_writer(filtered))


def _xyz_writer(filtered: FilteredDepth) -> BuildWriter:
    def build(rays: Rays, options: CloudOptions, out: Any) -> WritePoints:
        if options != CloudOptions():
            converter = CloudConverter(rays, options)
            return lambda capture: converter.write_xyz(filtered.get(capture), out)
        # the default options have a faster converter
        full_converter = FullCloudConverter(rays)

        def write(capture: Capture) -> int:
            depth = filtered.get(capture)
            full_converter.convert(depth, out)
            return depth.size

        return write

    return build


def _infrared_writer(filtered: FilteredDepth) -> BuildWriter:
    def build(rays: Rays, options: CloudOptions, out: Any) -> WritePoints:
        converter = CloudConverter(rays, options)

        def write(capture: Capture) -> int:
            assert capture.ir is not None
            return converter.write_xyz_intensity(filtered.get(capture), capture.ir.data, out)

        return write

    return build


def _colored_writer(
    filtered: FilteredDepth, registered: RegistrationCache, in_depth_frame: bool,
) -> BuildWriter:
    """
    Return the function that builds a writer of colored points.

    :param in_depth_frame: use the pixels of the depth image and the color in each; otherwise the
        pixels of the color image and the depth in each.
    """
    def build(rays: Rays, options: CloudOptions, out: Any) -> WritePoints:
        converter = CloudConverter(rays, options)
        registered.registration.result()  # this thread may wait, the publishing thread may not
        if in_depth_frame:
            return lambda capture: converter.write_xyz_rgb(
                filtered.get(capture), registered.color_in_depth(capture), out)
        return lambda capture: converter.write_xyz_rgb(
            registered.depth_in_color(capture), registered.color(capture), out)

    return build


def _add(
    builder: TopicBuilder, lens: Intrinsics, frame: str, extra_field: str, source: Source,
    filtered: FilteredDepth, build_writer: BuildWriter,
) -> None:
    options = cloud_options(builder.options)
    cloud = messages.CloudBuffer(
        frame, options.organized_size(lens.width, lens.height), extra_field,
        organized=options.organized)

    def build() -> WritePoints:
        warm_up_clouds()
        return build_writer(lens.rays(), options, cloud.points)

    write = Lazy(build)

    def render(capture: Capture, _: Image) -> RawMessage:
        count = write.result()(capture)
        if not options.organized:
            cloud.resize(count)
        return cloud.message

    builder.add('points2', sensor_msgs.msg.PointCloud2, source, render,
                Together(write, filtered))
