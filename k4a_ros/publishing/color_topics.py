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


"""Topics of the color camera: decoded, and as JPEG."""

from __future__ import annotations

from k4a_ros.camera_config import ColorFormat
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.images.color import encode_jpeg
from k4a_ros.images.color_cache import ColorCache
from k4a_ros.publishing import image_sources as sources
from k4a_ros.publishing import messages
from k4a_ros.publishing.raw.message import RawMessage
from k4a_ros.publishing.topic_builder import TopicBuilder
import numpy as np
import sensor_msgs.msg

#: what compressed_image_transport makes of the bgr8 in a JPEG, by the name in front of it
_DECODABLE = ('bgra8', 'bgr8', 'rgb8')


def add_color(builder: TopicBuilder, images: ColorCache) -> None:
    """Add rgb/image_raw, its camera_info and its JPEG images."""
    lens, frame = builder.color_lens, builder.color_frame
    size = (lens.width, lens.height)
    converted = images.in_encoding(builder.options.rgb_encoding)
    view = messages.ImageView(frame, converted.encoding, size, converted.shape, np.uint8)

    def render(capture: Capture, _: Image) -> RawMessage:
        view.show(converted.get(capture))
        return view.message

    builder.add_images('rgb', lens, frame, sources.color, render)
    # The encoding to decode to, the codec, and what the codec holds. Decoders label what they get
    # from the codec with the first, and change the order of its channels only.
    decoded = converted.encoding if converted.encoding in _DECODABLE else 'bgr8'
    jpeg = messages.CompressedBuffer(frame, f'{decoded}; jpeg compressed bgr8')
    passed_on = builder.camera.config.color_format is ColorFormat.MJPG
    source = None if passed_on else images.in_encoding('bgra8')
    quality = builder.options.jpeg_quality

    def render_jpeg(capture: Capture, image: Image) -> RawMessage:
        jpeg.fill(encode_jpeg(source.get(capture), quality) if source else image.data)
        return jpeg.message

    builder.add('rgb/image_raw/compressed', sensor_msgs.msg.CompressedImage, sources.color,
                render_jpeg)
