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

"""
Compressed topics beside image topics, as the plugins of image_transport publish and read them.

The formats are those of ros-perception/image_transport_plugins: compressed_image_transport and
compressed_depth_image_transport. ``format`` is the encoding that subscribers decode to, the codec,
and for JPEG the encoding in the JPEG; decoders reorder the channels of the latter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.images.color import encode_jpeg
from k4a_ros.images.depth_codec import Codec
from k4a_ros.images.depth_codec import DepthCompressor
from k4a_ros.images.scaling import infrared_to_mono8
from k4a_ros.images.warm_up import warm_up_rvl
from k4a_ros.jit.lazy import Lazy
from k4a_ros.jit.lazy import Startable
from k4a_ros.jit.lazy import Together
from k4a_ros.publishing import messages
from k4a_ros.publishing.image_sources import Source
from k4a_ros.publishing.raw.message import RawMessage
from k4a_ros.publishing.topic_builder import TopicBuilder
import numpy as np
import numpy.typing as npt
import sensor_msgs.msg

#: returns the pixels to publish for a capture and its source image
GetPixels = Callable[[Capture, Image], npt.NDArray[Any]]

#: encodings with all channels of each pixel: those that compressed_image_transport can decode a
#: JPEG to
COLOR_ENCODINGS = ('bgra8', 'bgr8', 'rgb8')


def color_jpeg_format(encoding: str) -> str:
    """
    Return the ``format`` of a JPEG.

    :param encoding: of the image topic; subscribers decode to bgr8 if it is none of
        `COLOR_ENCODINGS`.
    """
    return f'{encoding if encoding in COLOR_ENCODINGS else "bgr8"}; jpeg compressed bgr8'


def add_compressed_color(
    builder: TopicBuilder, topic: str, frame: str, encoding: str, source: Source,
    get_pixels: GetPixels, requires: Startable | None = None,
) -> None:
    """
    Add TOPIC/compressed, JPEG of color images.

    :param topic: of the images.
    :param encoding: of the pixels: one of `COLOR_ENCODINGS`.
    :param requires: see `TopicBuilder.add`.
    """
    view = messages.CompressedView(frame, color_jpeg_format(encoding))
    quality = builder.options.jpeg_quality

    def render(capture: Capture, image: Image) -> RawMessage:
        view.set_data(encode_jpeg(get_pixels(capture, image), quality, encoding))
        return view.message

    builder.add(f'{topic}/compressed', sensor_msgs.msg.CompressedImage, source, render, requires)


def add_compressed_infrared(
    builder: TopicBuilder, topic: str, frame: str, size: tuple[int, int], source: Source,
    get_infrared: GetPixels, infrared_scale: Callable[[], float],
    requires: Startable | None = None,
) -> None:
    """
    Add TOPIC/compressed, JPEG of infrared images as mono8.

    A JPEG has 8 bits. The plugin reduces mono16 to them by a factor of 1/256, which leaves nothing
    of these images.

    :param size: width and height.
    :param get_infrared: returns raw infrared.
    :param infrared_scale: returns the current value of ir_mono8_scaling_factor.
    """
    view = messages.CompressedView(frame, 'mono8; jpeg compressed mono8')
    quality = builder.options.jpeg_quality
    mono8 = np.zeros(size[::-1], np.uint8)

    def render(capture: Capture, image: Image) -> RawMessage:
        infrared_to_mono8(get_infrared(capture, image), infrared_scale(), mono8)
        view.set_data(encode_jpeg(mono8, quality, 'mono8'))
        return view.message

    builder.add(f'{topic}/compressed', sensor_msgs.msg.CompressedImage, source, render, requires)


def add_compressed_depth(
    builder: TopicBuilder, topic: str, frame: str, size: tuple[int, int], source: Source,
    get_depth: GetPixels, requires: Startable | None = None,
) -> None:
    """
    Add TOPIC/compressedDepth, lossless PNG or RVL of depth images.

    :param size: width and height.
    :param get_depth: returns depth in millimeters, 0 for invalid.
    """
    codec: Codec = 'rvl' if builder.options.compressed_depth_format == 'rvl' else 'png'

    def build() -> DepthCompressor:
        if codec == 'rvl':
            warm_up_rvl()
        return DepthCompressor(size, codec)

    compressor = Lazy(build)
    view = messages.CompressedView(frame, f'16UC1; compressedDepth {codec}')

    def render(capture: Capture, image: Image) -> RawMessage:
        view.set_data(compressor.result().compress(get_depth(capture, image)))
        return view.message

    builder.add(f'{topic}/compressedDepth', sensor_msgs.msg.CompressedImage, source, render,
                compressor if requires is None else Together(compressor, requires))
