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

"""Decode and convert the color images of a camera, into buffers of the caller."""

from __future__ import annotations

import importlib.util

import cv2
from k4a_ros.camera_config import ColorFormat
from k4a_ros.images import yuv
from k4a_ros.images.yuv import YuvConverter
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

_FROM_BGRA = {'bgr8': cv2.COLOR_BGRA2BGR, 'rgb8': cv2.COLOR_BGRA2RGB}
_TO_BGR = {'bgra8': cv2.COLOR_BGRA2BGR, 'rgb8': cv2.COLOR_RGB2BGR}
_NATIVE = {ColorFormat.NV12: 'nv12', ColorFormat.YUY2: 'yuv422_yuy2'}

_HAS_SIMPLEJPEG = importlib.util.find_spec('simplejpeg') is not None


class ColorConverter:
    """
    Converts color images of one format and size to one encoding.

    ``encoding`` is the ROS encoding of the result (sensor_msgs/image_encodings.hpp), ``shape``
    its shape as uint8. Not thread-safe.

    :param source: format that the camera delivers.
    :param size: width and height, pixels.
    :param encoding: 'bgra8', 'bgr8', 'rgb8', or 'native': unconverted NV12 and YUY2, and bgra8
        for the other formats.
    """

    def __init__(self, source: ColorFormat, size: tuple[int, int], encoding: str) -> None:
        width, height = size
        if encoding == 'native':
            encoding = _NATIVE.get(source, 'bgra8')
        self.encoding = encoding
        self._source = source
        self._size = size
        self.shape: tuple[int, ...]
        if encoding == 'nv12':
            self.shape = (height * 3 // 2, width)
        elif encoding == 'yuv422_yuy2':
            self.shape = (height, width, 2)
        else:
            self.shape = (height, width, 4 if encoding == 'bgra8' else 3)
        self._yuv: YuvConverter | None = None
        if source in _NATIVE and encoding in yuv.ENCODINGS:
            self._yuv = YuvConverter(size, encoding)

    def convert(self, data: Pixels, out: Pixels) -> None:
        """
        Convert one image.

        :param data: as in `k4a_ros.capture.Image`.
        :param out: uint8 of ``shape``, C-contiguous; overwritten.
        :raises ValueError: the image is corrupt, or has another size than expected.
        """
        if self._source is ColorFormat.MJPG:
            _decode_jpeg(data, out, self.encoding, self._size)
        elif self._source is ColorFormat.NV12 and self._yuv is not None:
            self._yuv.convert_nv12(data, out)
        elif self._source is ColorFormat.YUY2 and self._yuv is not None:
            self._yuv.convert_yuy2(data, out)
        elif self._source is ColorFormat.BGRA32 and self.encoding in _FROM_BGRA:
            cv2.cvtColor(data, _FROM_BGRA[self.encoding], dst=out)
        else:
            np.copyto(out, data)


def encode_jpeg(pixels: Pixels, quality: int, encoding: str = 'bgra8') -> Pixels:
    """
    Encode an image as JPEG, in color with chroma subsampling 4:2:0.

    :param pixels: (height, width, channels) uint8, for mono8 (height, width); C-contiguous.
    :param quality: 1 to 100.
    :param encoding: of the pixels: bgra8, bgr8, rgb8 or mono8.
    :return: (bytes,) uint8.
    """
    if _HAS_SIMPLEJPEG:
        import simplejpeg
        is_gray = encoding == 'mono8'
        return np.frombuffer(simplejpeg.encode_jpeg(
            pixels[..., np.newaxis] if is_gray else pixels, quality=quality,
            colorspace='GRAY' if is_gray else encoding.rstrip('8').upper(),
            colorsubsampling='Gray' if is_gray else '420'), np.uint8)
    if encoding in _TO_BGR:
        pixels = cv2.cvtColor(pixels, _TO_BGR[encoding])  # type: ignore[assignment]
    data = cv2.imencode('.jpg', pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return data.reshape(-1).view(np.uint8)


def _decode_jpeg(data: Pixels, out: Pixels, encoding: str, size: tuple[int, int]) -> None:
    """
    Decode a JPEG as libk4arecord and the SDK do (turbojpeg with fast DCT and fast upsampling).

    simplejpeg returns the same bytes. OpenCV, the fallback where simplejpeg is not installed,
    rounds a few bytes differently.
    """
    colorspace = {'bgra8': 'BGRA', 'bgr8': 'BGR', 'rgb8': 'RGB'}[encoding]
    if _HAS_SIMPLEJPEG:
        import simplejpeg
        height, width, _, _ = simplejpeg.decode_jpeg_header(data, strict=False)
        if (width, height) != size:
            raise ValueError(f'the JPEG is {width}x{height}, expected {size[0]}x{size[1]}')
        simplejpeg.decode_jpeg(
            data, colorspace=colorspace, fastdct=True, fastupsample=True, buffer=out)
        return
    image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError('the JPEG is corrupt: OpenCV cannot decode it')
    if image.shape[1::-1] != size:
        raise ValueError(f'the JPEG is {image.shape[1]}x{image.shape[0]}, expected '
                         f'{size[0]}x{size[1]}')
    if encoding == 'bgr8':
        np.copyto(out, image)
    else:
        code = cv2.COLOR_BGR2BGRA if encoding == 'bgra8' else cv2.COLOR_BGR2RGB
        cv2.cvtColor(image, code, dst=out)
