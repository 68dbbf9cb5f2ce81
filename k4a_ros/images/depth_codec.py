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
Depth images as the subscribers of compressed_depth_image_transport decode them.

The bytes are those of ros-perception/image_transport_plugins, compressed_depth_image_transport,
src/codec.cpp: a header of an int32 (0, inverse depth) and two float32 (how 32FC1 was quantised),
then a PNG of 16 bits, or uint32 width, uint32 height and RVL; all little-endian.

RVL: Wilson, "Fast Lossless Depth Image Compression", Interactive Surfaces and Spaces 2017.
"""

from __future__ import annotations

from collections.abc import Callable
import struct
from typing import Any
from typing import Literal

import cv2
from k4a_ros.images.kernels import rvl_kernels
import numpy as np
import numpy.typing as npt

Codec = Literal['png', 'rvl']

#: int32 format (INV_DEPTH), float32 depthParam[2]; compression_common.h
_HEADER = struct.Struct('<iff')
_INVERSE_DEPTH = 0
_RVL_SIZE = struct.Struct('<II')

#: the original's defaults: meters to which 32FC1 is kept, and "depth value at which the sensor
#: accuracy is 1 m"
_MAX_DEPTH = 10.0
_QUANTIZATION = 100.0

#: RVL needs at most 6 nibbles for a pixel, 2 more for every other pixel where runs are of one, or
#: 8 for each of two long runs, and fills its last word
_RVL_BYTES_PER_PIXEL = 4
_RVL_SPARE = 16

#: images that say they are larger are taken to be damaged
_MOST_PIXELS = 1 << 26


class DepthCompressor:
    """
    Compresses depth images of one size. Serves one thread, because of its buffers.

    ``format`` is what the message says: '16UC1; compressedDepth png' and so on.

    :param size: width and height, pixels.
    :param codec: 'png' or 'rvl': a tenth of the time, files a little larger.
    :param png_level: 0 to 9, zlib's. 1 is the fastest that compresses.
    :param compiled: whether to use numba; by default where it is installed.
    :raises ValueError: the codec or the level is none of these.
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
        self._loops: Any = rvl_kernels(compiled) if codec == 'rvl' else None
        self._a = self._b = 0.0
        if self._is_metric:
            self._a = _QUANTIZATION * (_QUANTIZATION + 1)
            self._b = 1 - self._a / _MAX_DEPTH
        self._header = _HEADER.pack(_INVERSE_DEPTH, self._a, self._b)
        self._levels = np.empty(self._shape, np.uint16)
        self._buffer = np.empty(0, np.uint8)
        if codec == 'rvl':
            start = self._header + _RVL_SIZE.pack(width, height)
            # the words of RVL begin at a multiple of 4
            room = len(start) + _RVL_BYTES_PER_PIXEL * width * height + _RVL_SPARE
            self._buffer = np.empty(room, np.uint8)
            self._buffer[:len(start)] = np.frombuffer(start, np.uint8)
            self._start = len(start)
        self._encode: Callable[[npt.NDArray[np.uint16]], npt.NDArray[np.uint8]] = (
            self._rvl if codec == 'rvl' else self._png)

    def compress(self, depth: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """
        Return the data of a sensor_msgs/CompressedImage.

        32FC1 loses precision as in the original: steps of depth² / 10100 m, nothing from 10 m on.

        :param depth: (height, width), contiguous: uint16 millimeters, or for 32FC1 float32
            meters, NaN for none.
        :return: (N,) uint8, overwritten by the next call.
        :raises ValueError: the array has another shape or type.
        """
        kind = np.float32 if self._is_metric else np.uint16
        if (depth.shape != self._shape or depth.dtype != kind
                or not depth.flags.c_contiguous or not depth.flags.aligned):
            raise ValueError(f'depth is {depth.dtype} {depth.shape}, expected a contiguous '
                             f'{np.dtype(kind)} {self._shape}')
        return self._encode(self._quantised(depth) if self._is_metric else depth)

    def _quantised(self, depth: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
        """Return 32FC1 as inverse depths, 0 for none (codec.cpp)."""
        with np.errstate(all='ignore'):
            levels = np.float32(self._a) / depth + np.float32(self._b)
        known = (depth < _MAX_DEPTH) & (levels < 65536) & (levels > 0)
        np.copyto(self._levels, np.where(known, levels, 0), casting='unsafe')
        return self._levels

    def _png(self, depth: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
        """Return the header and a PNG."""
        ok, png = cv2.imencode('.png', depth, self._png_flags)
        if not ok:
            raise ValueError(f'OpenCV cannot encode a depth image of {depth.shape} as PNG')
        size = len(self._header) + len(png)
        if len(self._buffer) < size:
            # half as much again, so that not every larger image needs another buffer
            self._buffer = np.empty(size + size // 2, np.uint8)
            self._buffer[:len(self._header)] = np.frombuffer(self._header, np.uint8)
        self._buffer[len(self._header):size] = png.reshape(-1)
        return self._buffer[:size]

    def _rvl(self, depth: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
        """Return the header, the size and RVL."""
        view = depth.reshape(-1).view()
        view.flags.writeable = False
        words = self._buffer[self._start:self._start + (len(self._buffer) - self._start) // 4 * 4]
        count = self._loops.encode(view, words.view('<u4'))
        return self._buffer[:self._start + 4 * count]


def decompress(
    data: npt.NDArray[np.uint8] | bytes, format_: str, *, compiled: bool | None = None,
) -> npt.NDArray[Any]:
    """
    Return the depth image of a message, as compressed_depth_image_transport does.

    :param data: of the message.
    :param format_: of the message; without a codec it is PNG.
    :return: (height, width) uint16 millimeters, or for 32FC1 float32 meters, NaN for none.
    :raises ValueError: it is damaged, or of a format that is not known.
    """
    encoding, _, rest = format_.partition(';')
    codec = rest.strip().removeprefix('compressedDepth').strip() or 'png'
    if encoding not in ('16UC1', '32FC1') or codec not in ('png', 'rvl'):
        raise ValueError(f'cannot decode depth images of the format {format_!r}')
    buffer = np.frombuffer(data, np.uint8)
    if len(buffer) <= _HEADER.size:
        raise ValueError(f'a compressed depth image of {len(buffer)} bytes is too short')
    _, a, b = _HEADER.unpack(buffer[:_HEADER.size].tobytes())
    body = buffer[_HEADER.size:]
    levels = _from_png(body) if codec == 'png' else _from_rvl(body, compiled)
    if encoding == '16UC1':
        return levels
    with np.errstate(all='ignore'):
        meters = np.float32(a) / (levels.astype(np.float32) - np.float32(b))
    meters[levels == 0] = np.nan
    return meters


def _from_png(body: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    """Return the image in a PNG."""
    image = cv2.imdecode(body, cv2.IMREAD_UNCHANGED)
    if image is None or image.dtype != np.uint16 or image.ndim != 2:
        raise ValueError('a compressed depth image is no PNG of 16 bits and one channel')
    levels: npt.NDArray[np.uint16] = image.astype(np.uint16, copy=False)
    return levels


def _from_rvl(body: npt.NDArray[np.uint8], compiled: bool | None) -> npt.NDArray[np.uint16]:
    """Return the image in RVL with its size before it."""
    if len(body) < _RVL_SIZE.size:
        raise ValueError(f'a depth image in RVL of {len(body)} bytes is too short')
    width, height = _RVL_SIZE.unpack(body[:_RVL_SIZE.size].tobytes())
    if not 0 < width * height <= _MOST_PIXELS:
        raise ValueError(f'a depth image in RVL of {len(body)} bytes cannot be {width}x{height}')
    count = (len(body) - _RVL_SIZE.size) // 4
    words = np.frombuffer(body[_RVL_SIZE.size:_RVL_SIZE.size + 4 * count].tobytes(), '<u4')
    image = np.zeros(width * height, np.uint16)
    if not rvl_kernels(compiled).decode(words, image):
        raise ValueError('a depth image in RVL is damaged')
    return image.reshape(height, width)
