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
Conversion of the camera's YUV formats, which are BT.601 in full range, to RGB.

Microsoft's hardware specification states that range, and the JPEGs confirm it, which the camera
encodes from the same signal: overexposed areas have a luma of 253 to 255, not of 235. OpenCV and
libyuv (in libk4arecord) only convert NV12 and YUY2 of limited range, 16 to 235, and clip the rest.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

_CODES = {'bgra8': (cv2.COLOR_YCrCb2BGR, 4), 'bgr8': (cv2.COLOR_YCrCb2BGR, 3),
          'rgb8': (cv2.COLOR_YCrCb2RGB, 3)}
ENCODINGS = frozenset(_CODES)


class YuvConverter:
    """
    Converts NV12 and YUY2 images of one size to one encoding.

    It has buffers of its own, and is not thread-safe.

    :param size: width and height, pixels; even numbers.
    :param encoding: one of ``ENCODINGS``.
    """

    def __init__(self, size: tuple[int, int], encoding: str) -> None:
        self._size = width, height = size
        self._code, self._channels = _CODES[encoding]
        self._luma = np.empty((height, width), np.uint8)
        self._half_chroma = np.empty((height, width // 2, 2), np.uint8)
        self._chroma = np.empty((height, width, 2), np.uint8)
        self._planes = np.empty((2, height, width), np.uint8)
        self._ycrcb = np.empty((height, width, 3), np.uint8)

    def convert_nv12(self, data: Pixels, out: Pixels) -> None:
        """
        Convert an NV12 image.

        :param data: (height * 3 / 2, width) uint8.
        :param out: (height, width, 3 or 4) uint8, C-contiguous; overwritten.
        """
        width, height = self._size
        self._convert(data[:height], data[height:].reshape(height // 2, width // 2, 2), out)

    def convert_yuy2(self, data: Pixels, out: Pixels) -> None:
        """
        Convert a YUY2 image.

        :param data: (height, width, 2) uint8.
        :param out: (height, width, 3 or 4) uint8, C-contiguous; overwritten.
        """
        width, height = self._size
        cv2.extractChannel(data, 0, dst=self._luma)
        pairs = data.reshape(height, width // 2, 4)  # two pixels: Y, U, Y, V
        cv2.mixChannels([pairs], [self._half_chroma], [1, 0, 3, 1])
        self._convert(self._luma, self._half_chroma, out)

    def _convert(self, luma: Pixels, chroma: Pixels, out: Pixels) -> None:
        cv2.resize(chroma, self._size, dst=self._chroma, interpolation=cv2.INTER_NEAREST)
        blue, red = self._planes
        cv2.split(self._chroma, [blue, red])
        cv2.merge([luma, red, blue], self._ycrcb)
        cv2.cvtColor(self._ycrcb, self._code, dst=out, dstCn=self._channels)


def from_bgr(picture: Pixels) -> tuple[Pixels, Pixels]:
    """
    Return luma (height, width) and chroma (height / 2, width / 2, 2) of an image, as in NV12.

    :param picture: (height, width, 3) uint8, blue, green, red; even height and width.
    """
    height, width = picture.shape[:2]
    luma, red, blue = cv2.split(cv2.cvtColor(picture, cv2.COLOR_BGR2YCrCb))
    chroma = cv2.resize(
        cv2.merge([blue, red]), (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(luma, np.uint8), np.asarray(chroma, np.uint8)
