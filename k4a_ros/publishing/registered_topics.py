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

"""Topics of images that are registered to the other camera."""

from __future__ import annotations

from collections.abc import Callable

from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.images.color_cache import ColorCache
from k4a_ros.images.filters.cache import FilteredDepth
from k4a_ros.images.registration_cache import Registration
from k4a_ros.images.registration_cache import RegistrationCache
from k4a_ros.jit.lazy import Lazy
from k4a_ros.jit.lazy import Together
from k4a_ros.publishing import image_sources as sources
from k4a_ros.publishing import messages
from k4a_ros.publishing.compressed_topics import add_compressed_color
from k4a_ros.publishing.depth_topics import add_depth_images
from k4a_ros.publishing.depth_topics import add_infrared_images
from k4a_ros.publishing.raw.message import RawMessage
from k4a_ros.publishing.topic_builder import TopicBuilder
import numpy as np
import sensor_msgs.msg


def registration_cache(
    builder: TopicBuilder, colors: ColorCache, filtered: FilteredDepth,
) -> RegistrationCache:
    """Return the registered images of a camera that streams both depth and color."""
    options, lens = builder.options, builder.depth_lens
    registration = Lazy(lambda: Registration.from_calibration(
        builder.calibration, builder.camera.config, occlusion=options.registration_occlusion))
    checks = [builder.subscriber_check(kind, topic) for kind, topic in (
        (sensor_msgs.msg.Image, 'ir_to_rgb/image_raw'),
        (sensor_msgs.msg.CompressedImage, 'ir_to_rgb/image_raw/compressed'))]
    return RegistrationCache(
        (lens.height, lens.width), colors.in_encoding('bgra8'), registration, filtered.get,
        needs_infrared=lambda: any(check() for check in checks))


def add_registered(
    builder: TopicBuilder, registered: RegistrationCache, filtered: FilteredDepth,
    infrared_scale: Callable[[], float],
) -> None:
    """
    Add depth_to_rgb, ir_to_rgb and rgb_to_depth, each with its camera_info.

    :param infrared_scale: returns the current value of ir_mono8_scaling_factor.
    """
    as_target = builder.options.stamps_as_target
    resources = Together(registered.registration, filtered)
    add_depth_images(
        builder, 'depth_to_rgb', builder.color_lens, builder.color_frame,
        sources.registered_depth(as_target=as_target),
        lambda capture, _: registered.depth_in_color(capture), resources)
    add_infrared_images(
        builder, 'ir_to_rgb', builder.color_lens, builder.color_frame,
        sources.color_with_depth_and_infrared if as_target else sources.infrared_with_depth,
        lambda capture, _: registered.infrared_in_color(capture), infrared_scale,
        resources)
    lens, frame = builder.depth_lens, builder.depth_frame
    size = (lens.width, lens.height)
    view = messages.ImageView(frame, 'bgra8', size, (*size[::-1], 4), np.uint8)

    def render(capture: Capture, _: Image) -> RawMessage:
        view.set_pixels(registered.color_in_depth(capture))
        return view.message

    source = sources.depth_with_color if as_target else sources.color_with_depth
    builder.add_images('rgb_to_depth', lens, frame, source, render, resources)
    add_compressed_color(
        builder, 'rgb_to_depth/image_raw', frame, 'bgra8', source,
        lambda capture, _: registered.color_in_depth(capture), resources)
