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
Encoder and decoder of compressedDepth images.

The bytes are those of ros-perception/image_transport_plugins, compressed_depth_image_transport,
src/codec.cpp: a header of an int32 (0, inverse depth) and two float32 (quantization of 32FC1),
followed by a 16-bit PNG, or by uint32 width, uint32 height and RVL. All numbers are little-endian.

RVL: Wilson, "Fast Lossless Depth Image Compression", Interactive Surfaces and Spaces 2017.
"""

from __future__ import annotations

from collections.abc import Callable
import struct
from typing import Any
from typing import Literal

import cv2
from k4a_ros.images.arrays import check_contiguous
from k4a_ros.images.arrays import read_only_view
from k4a_ros.images.kernels import rvl_kernels
import numpy as np
import numpy.typing as npt

Codec = Literal['png', 'rvl']

#: int32 format (INV_DEPTH), float32 depthParam[2]; compression_common.h
_HEADER = struct.Struct('<iff')
_INVERSE_DEPTH = 0
_RVL_SIZE = struct.Struct('<II')

#: defaults of compressed_depth_image_transport for 32FC1: the largest depth that is kept, meters,
#: and the "depth value at which the sensor accuracy is 1 m"
_MAX_DEPTH_M = 10.0
_QUANTIZATION = 100.0

#: Upper bound of the size of RVL. A pixel takes at most 6 nibbles. Lengths add 2 nibbles for every
#: other pixel if all runs have one pixel, or 8 for each of two long runs. The last word is padded.
_RVL_MAX_BYTES_PER_PIXEL = 4
_RVL_EXTRA_BYTES = 16

#: larger images in RVL are rejected as corrupt
_MAX_PIXELS = 1 << 26


class DepthCompressor:
    """
    Compresses depth images of one size.

    Not thread-safe: an instance has buffers. ``format`` is the ``format`` of the message:
    '16UC1; compressedDepth png' and so on.

    :param size: width and height, pixels.
    :param codec: 'png', or 'rvl': six times as fast, of about the same size.
    :param encoding: of the images: '16UC1' or '32FC1'.
    :param png_level: compression level of zlib, 0 to 9; 1 is the fastest that compresses.
    :param compiled: whether to use numba; None for wherever it is installed.
    :raises ValueError: the codec, the encoding or the level has another value.
    """

    def __init__(
        self, size: tuple[int, int], codec: Codec = 'png', *, encoding: str = '16UC1',
        png_level: int = 1, compiled: bool | None = None,
    ) -> None:
        if codec not in ('png', 'rvl'):
            raise ValueError(f"codec is {codec!r}, expected 'png' or 'rvl'")
        if encoding not in ('16UC1', '32FC1'):
            raise ValueError(f"encoding is {encoding!r}, expected '16UC1' or '32FC1'")
        if not 0 <= png_level <= 9:
            raise ValueError(f'png_level is {png_level}, expected 0 to 9')
        width, height = size
        self.format = f'{encoding}; compressedDepth {codec}'
        self._shape = (height, width)
        self._is_metric = encoding == '32FC1'
        self._png_flags = [cv2.IMWRITE_PNG_COMPRESSION, png_level]
        self._kernels: Any = rvl_kernels(compiled) if codec == 'rvl' else None
        # the two depthParam of codec.cpp
        self._a = self._b = 0.0
        if self._is_metric:
            self._a = _QUANTIZATION * (_QUANTIZATION + 1)
            self._b = 1 - self._a / _MAX_DEPTH_M
        self._header = _HEADER.pack(_INVERSE_DEPTH, self._a, self._b)
        self._levels = np.empty(self._shape, np.uint16)
        self._buffer = np.empty(0, np.uint8)
        if codec == 'rvl':
            start = self._header + _RVL_SIZE.pack(width, height)
            # its length is a multiple of 4, which aligns the words of RVL
            capacity = len(start) + _RVL_MAX_BYTES_PER_PIXEL * width * height + _RVL_EXTRA_BYTES
            self._buffer = np.empty(capacity, np.uint8)
            self._buffer[:len(start)] = np.frombuffer(start, np.uint8)
            self._rvl_start = len(start)
        self._encode: Callable[[npt.NDArray[np.uint16]], npt.NDArray[np.uint8]] = (
            self._encode_rvl if codec == 'rvl' else self._encode_png)

    def compress(self, depth: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """
        Return the data of a sensor_msgs/CompressedImage.

        16UC1 is lossless. 32FC1 loses precision as in compressed_depth_image_transport: the step
        is depth² / 10100 m, and pixels from 10 m on become invalid.

        :param depth: (height, width), C-contiguous: uint16 millimeters, or for 32FC1 float32
            meters, NaN for invalid.
        :return: (N,) uint8, overwritten by the next call.
        :raises ValueError: the array has the wrong shape or dtype.
        """
        check_contiguous('depth', depth, self._shape, np.float32 if self._is_metric else np.uint16)
        return self._encode(self._quantized(depth) if self._is_metric else depth)

    def _quantized(self, depth: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
        """Return 32FC1 as levels of inverse depth, 0 for invalid (codec.cpp)."""
        with np.errstate(all='ignore'):
            levels = np.float32(self._a) / depth + np.float32(self._b)
        valid = (depth < _MAX_DEPTH_M) & (levels < 65536) & (levels > 0)
        np.copyto(self._levels, np.where(valid, levels, 0), casting='unsafe')
        return self._levels

    def _encode_png(self, depth: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
        """Return the header and a PNG."""
        ok, png = cv2.imencode('.png', depth, self._png_flags)
        if not ok:
            raise ValueError(f'OpenCV cannot encode a depth image of shape {depth.shape} as PNG')
        size = len(self._header) + len(png)
        if len(self._buffer) < size:
            # with 50 % of reserve, because the size varies from image to image
            self._buffer = np.empty(size + size // 2, np.uint8)
            self._buffer[:len(self._header)] = np.frombuffer(self._header, np.uint8)
        self._buffer[len(self._header):size] = png.reshape(-1)
        return self._buffer[:size]

    def _encode_rvl(self, depth: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
        """Return the header, the size and RVL."""
        start = self._rvl_start
        words = self._buffer[start:start + (len(self._buffer) - start) // 4 * 4].view('<u4')
        count = self._kernels.encode(read_only_view(depth.reshape(-1)), words)
        return self._buffer[:start + 4 * count]


def decompress(
    data: npt.NDArray[np.uint8] | bytes, format_: str, *, compiled: bool | None = None,
) -> npt.NDArray[Any]:
    """
    Return the depth image of a message, as compressed_depth_image_transport does.

    :param data: ``data`` of the message.
    :param format_: ``format`` of the message; without a codec it is PNG.
    :param compiled: whether to use numba; None for wherever it is installed.
    :return: (height, width) uint16 millimeters, or for 32FC1 float32 meters, NaN for invalid.
    :raises ValueError: the data is corrupt, or the format is not supported.
    """
    encoding, _, rest = format_.partition(';')
    codec = rest.strip().removeprefix('compressedDepth').strip() or 'png'
    if encoding not in ('16UC1', '32FC1') or codec not in ('png', 'rvl'):
        raise ValueError(f'compressedDepth of the format {format_!r} is not supported: expected '
                         '16UC1 or 32FC1, and png or rvl')
    buffer = np.frombuffer(data, np.uint8)
    if len(buffer) <= _HEADER.size:
        raise ValueError(f'compressedDepth of {len(buffer)} bytes is too short for its header')
    _, a, b = _HEADER.unpack(buffer[:_HEADER.size].tobytes())
    body = buffer[_HEADER.size:]
    levels: npt.NDArray[Any] = (
        _decode_png(body) if codec == 'png' else _decode_rvl(body, compiled))
    if encoding == '16UC1':
        return levels
    with np.errstate(all='ignore'):
        meters: npt.NDArray[Any] = np.float32(a) / (levels.astype(np.float32) - np.float32(b))
    meters[levels == 0] = np.nan
    return meters


def _decode_png(body: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    image = cv2.imdecode(body, cv2.IMREAD_UNCHANGED)
    if image is None or image.dtype != np.uint16 or image.ndim != 2:
        raise ValueError('compressedDepth is not a 16-bit PNG with one channel')
    levels: npt.NDArray[np.uint16] = image.astype(np.uint16, copy=False)
    return levels


def _decode_rvl(body: npt.NDArray[np.uint8], compiled: bool | None) -> npt.NDArray[np.uint16]:
    """Return the image in RVL that follows its size."""
    if len(body) < _RVL_SIZE.size:
        raise ValueError(f'compressedDepth in RVL of {len(body)} bytes is too short for its size')
    width, height = _RVL_SIZE.unpack(body[:_RVL_SIZE.size].tobytes())
    if not 0 < width * height <= _MAX_PIXELS:
        raise ValueError(f'compressedDepth in RVL is corrupt: its size is {width}x{height}')
    count = (len(body) - _RVL_SIZE.size) // 4
    words = np.frombuffer(body[_RVL_SIZE.size:_RVL_SIZE.size + 4 * count].tobytes(), '<u4')
    image = np.zeros(width * height, np.uint16)
    if not rvl_kernels(compiled).decode(words, image):
        raise ValueError(f'compressedDepth in RVL is corrupt: not an image of {width}x{height}')
    return image.reshape(height, width)
