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

"""Images of a recording from the messages of a bag: the inverse of what topics do to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
from k4a_ros.camera_config import ColorFormat
from k4a_ros.images.depth_codec import decompress
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[Any]

IMAGE = 'sensor_msgs/msg/Image'
COMPRESSED_IMAGE = 'sensor_msgs/msg/CompressedImage'

#: encoding of rgb/image_raw -> format of the recording, and conversion to it
_COLORS: dict[str, tuple[ColorFormat, int | None]] = {
    'bgra8': (ColorFormat.BGRA32, None), 'bgr8': (ColorFormat.BGRA32, cv2.COLOR_BGR2BGRA),
    'rgb8': (ColorFormat.BGRA32, cv2.COLOR_RGB2BGRA), 'nv12': (ColorFormat.NV12, None),
    'yuv422_yuy2': (ColorFormat.YUY2, None)}
#: bytes of a pixel in a row, by encoding
_WIDTHS = {'bgra8': 4, 'bgr8': 3, 'rgb8': 3, 'nv12': 1, 'yuv422_yuy2': 2,
           '16UC1': 2, 'mono16': 2, '32FC1': 4}
_MM_PER_M = 1000.0


def depth(message: Any) -> Pixels:
    """
    Return the depth image of an Image or a compressedDepth.

    :return: (height, width) uint16 millimeters, 0 for invalid.
    :raises ValueError: the message has no such image.
    """
    if hasattr(message, 'format'):
        pixels = decompress(message.data, message.format)
    elif message.encoding in ('16UC1', '32FC1'):
        pixels = _rows(message).view('<u2' if message.encoding == '16UC1' else '<f4')
    else:
        raise ValueError(f'depth is {message.encoding}; it must be 16UC1 or 32FC1')
    if pixels.dtype.kind == 'f':
        meters = np.nan_to_num(pixels, nan=0.0, posinf=0.0, neginf=0.0)
        pixels = np.clip(np.rint(meters * _MM_PER_M), 0, 65535).astype(np.uint16)
    return pixels


def infrared(message: Any) -> Pixels:
    """
    Return the infrared image of an Image.

    :return: (height, width) uint16.
    :raises ValueError: it was scaled to 8 bits, which cannot be undone.
    """
    if message.encoding not in ('mono16', '16UC1'):
        raise ValueError(f'infrared is {message.encoding}; it must be mono16, because an image of '
                         '8 bits was scaled, which cannot be undone')
    return _rows(message).view('<u2')


def color_format(message: Any) -> ColorFormat:
    """
    Return the format in which a recording has the color images of an Image or CompressedImage.

    :raises ValueError: none.
    """
    if hasattr(message, 'format'):
        if 'jp' not in message.format:
            raise ValueError(f'color is compressed as {message.format!r}; it must be JPEG')
        return ColorFormat.MJPG
    if message.encoding not in _COLORS:
        raise ValueError(
            f'color is {message.encoding}; it must be JPEG or one of {", ".join(_COLORS)}')
    return _COLORS[message.encoding][0]


def color_size(message: Any) -> tuple[int, int]:
    """
    Return width and height of the color images of an Image or CompressedImage.

    :raises ValueError: the JPEG is corrupt.
    """
    if not hasattr(message, 'format'):
        return message.width, message.height
    image = cv2.imdecode(message.data, cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise ValueError('the first JPEG is corrupt')
    return image.shape[1], image.shape[0]


def color(message: Any) -> Pixels:
    """
    Return the color image of an Image or CompressedImage as a recording has it.

    :raises ValueError: it cannot have it.
    """
    if color_format(message) is ColorFormat.MJPG:
        data: Pixels = message.data
        return data
    conversion = _COLORS[message.encoding][1]
    rows = _rows(message, lambda height: height * 3 // 2 if message.encoding == 'nv12' else height)
    if message.encoding == 'nv12':
        return rows
    pixels = rows.reshape(message.height, message.width, -1)
    return pixels if conversion is None else cv2.cvtColor(pixels, conversion)


def _rows(message: Any, rows: Callable[[int], int] = lambda height: height) -> Pixels:
    """Return the rows of an Image as bytes, (rows, bytes of a row), without padding."""
    used = message.width * _WIDTHS[message.encoding]
    number = rows(message.height)
    if message.is_bigendian and message.encoding in ('16UC1', 'mono16', '32FC1'):
        raise ValueError(f'{message.encoding} is big-endian, which is not supported')
    if message.step < used or len(message.data) < message.step * number:
        raise ValueError(f'an image of {message.width} x {message.height} {message.encoding} has '
                         f'{len(message.data)} bytes with rows of {message.step}')
    data = message.data[:message.step * number].reshape(number, message.step)
    return np.ascontiguousarray(data[:, :used])
