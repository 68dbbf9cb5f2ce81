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

"""Topics of infrared and depth images."""

from __future__ import annotations

from collections.abc import Callable

from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.images.filters.cache import FilteredDepth
from k4a_ros.images.scaling import DepthToMeters
from k4a_ros.images.scaling import infrared_to_mono8
from k4a_ros.jit.lazy import Startable
from k4a_ros.publishing import image_sources as sources
from k4a_ros.publishing import messages
from k4a_ros.publishing.compressed_topics import add_compressed_depth
from k4a_ros.publishing.compressed_topics import add_compressed_infrared
from k4a_ros.publishing.compressed_topics import GetPixels
from k4a_ros.publishing.image_sources import Source
from k4a_ros.publishing.raw.message import RawMessage
from k4a_ros.publishing.topic_builder import TopicBuilder
import numpy as np


def add_infrared(builder: TopicBuilder, infrared_scale: Callable[[], float]) -> None:
    """
    Add the topics of the infrared images as measured.

    :param infrared_scale: returns the current value of ir_mono8_scaling_factor.
    """
    add_infrared_images(builder, 'ir', builder.depth_lens, builder.depth_frame, sources.infrared,
                        lambda _, image: image.data, infrared_scale)


def add_infrared_images(
    builder: TopicBuilder, name: str, lens: Intrinsics, frame: str, source: Source,
    get_infrared: GetPixels, infrared_scale: Callable[[], float],
    requires: Startable | None = None, *, rectified: bool = False,
) -> None:
    """
    Add infrared images of one of the cameras, their camera_info, and JPEG of them.

    :param get_infrared: returns raw infrared.
    :param infrared_scale: returns the current value of ir_mono8_scaling_factor.
    :param requires: see `TopicBuilder.add_images`.
    :param rectified: see `TopicBuilder.add_images`.
    """
    size = (lens.width, lens.height)
    if builder.options.rescale_ir_to_mono8:
        buffer = messages.ImageBuffer(frame, 'mono8', size, size[::-1], np.uint8)

        def render(capture: Capture, image: Image) -> RawMessage:
            infrared_to_mono8(get_infrared(capture, image), infrared_scale(), buffer.pixels)
            return buffer.message
    else:
        view = messages.ImageView(frame, 'mono16', size, size[::-1], np.uint16)

        def render(capture: Capture, image: Image) -> RawMessage:
            view.set_pixels(get_infrared(capture, image))
            return view.message

    builder.add_images(name, lens, frame, source, render, requires, rectified=rectified)
    add_compressed_infrared(
        builder, builder.image_topic(name, rectified=rectified), frame, size, source, get_infrared,
        infrared_scale, requires)


def add_depth(builder: TopicBuilder) -> None:
    """Add the topics of the depth images as measured."""
    add_depth_images(builder, 'depth', builder.depth_lens, builder.depth_frame, sources.depth,
                     lambda _, image: image.data)


def add_filtered_depth(builder: TopicBuilder, filtered: FilteredDepth) -> None:
    """Add depth_filtered/image_raw and its camera_info."""
    add_depth_images(
        builder, 'depth_filtered', builder.depth_lens, builder.depth_frame, sources.depth,
        lambda capture, _: filtered.get(capture), filtered)


def add_depth_images(
    builder: TopicBuilder, name: str, lens: Intrinsics, frame: str, source: Source,
    get_depth: GetPixels, requires: Startable | None = None, *, rectified: bool = False,
    get_meters: GetPixels | None = None,
) -> None:
    """
    Add depth images of one of the cameras, their camera_info, and compressedDepth of them.

    :param get_depth: returns depth in millimeters, 0 for invalid.
    :param requires: see `TopicBuilder.add_images`.
    :param rectified: see `TopicBuilder.add_images`.
    :param get_meters: returns depth in meters, NaN for invalid, if that is more exact than
        ``get_depth``.
    """
    size = (lens.width, lens.height)
    if builder.options.depth_unit == '32FC1' and get_meters is not None:
        meters = messages.ImageView(frame, '32FC1', size, size[::-1], np.float32)

        def render(capture: Capture, image: Image) -> RawMessage:
            meters.set_pixels(get_meters(capture, image))
            return meters.message
    elif builder.options.depth_unit == '32FC1':
        to_meters = DepthToMeters(*size)
        buffer = messages.ImageBuffer(frame, '32FC1', size, size[::-1], np.float32)

        def render(capture: Capture, image: Image) -> RawMessage:
            to_meters.convert(get_depth(capture, image), buffer.pixels)
            return buffer.message
    else:
        view = messages.ImageView(frame, '16UC1', size, size[::-1], np.uint16)

        def render(capture: Capture, image: Image) -> RawMessage:
            view.set_pixels(get_depth(capture, image))
            return view.message

    builder.add_images(name, lens, frame, source, render, requires, rectified=rectified)
    add_compressed_depth(builder, builder.image_topic(name, rectified=rectified), frame, size,
                         source, get_depth, requires)
