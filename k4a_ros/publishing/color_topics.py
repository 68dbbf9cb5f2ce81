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

"""Topics of the color camera: decoded images and JPEG."""

from __future__ import annotations

from k4a_ros.camera_config import ColorFormat
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.images.color import encode_jpeg
from k4a_ros.images.color_cache import ColorCache
from k4a_ros.publishing import image_sources as sources
from k4a_ros.publishing import messages
from k4a_ros.publishing.compressed_topics import COLOR_ENCODINGS
from k4a_ros.publishing.compressed_topics import color_jpeg_format
from k4a_ros.publishing.raw.message import RawMessage
from k4a_ros.publishing.topic_builder import TopicBuilder
import numpy as np
import sensor_msgs.msg


def add_color(builder: TopicBuilder, colors: ColorCache) -> None:
    """Add rgb/image_raw, its camera_info and rgb/image_raw/compressed."""
    lens, frame = builder.color_lens, builder.color_frame
    size = (lens.width, lens.height)
    color = colors.in_encoding(builder.options.rgb_encoding)
    view = messages.ImageView(frame, color.encoding, size, color.shape, np.uint8)

    def render(capture: Capture, _: Image) -> RawMessage:
        view.set_pixels(color.get(capture))
        return view.message

    builder.add_images('rgb', lens, frame, sources.color, render)
    jpeg = messages.CompressedView(frame, color_jpeg_format(color.encoding))
    is_camera_jpeg = (builder.camera.config.color_format is ColorFormat.MJPG
                      and not builder.options.camera_rotation)
    pixels = color if color.encoding in COLOR_ENCODINGS else colors.in_encoding('bgra8')
    quality = builder.options.jpeg_quality

    def render_jpeg(capture: Capture, image: Image) -> RawMessage:
        jpeg.set_data(image.data if is_camera_jpeg
                      else encode_jpeg(pixels.get(capture), quality, pixels.encoding))
        return jpeg.message

    builder.add('rgb/image_raw/compressed', sensor_msgs.msg.CompressedImage, sources.color,
                render_jpeg, light=is_camera_jpeg)
