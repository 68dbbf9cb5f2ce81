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

from collections.abc import Iterator
from types import ModuleType

import cv2
from k4a_ros.images.kernels import yuv_kernels
from k4a_ros.jit.lazy import Lazy
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

#: for OpenCV: code and number of channels
_CODES = {'bgra8': (cv2.COLOR_YCrCb2BGR, 4), 'bgr8': (cv2.COLOR_YCrCb2BGR, 3),
          'rgb8': (cv2.COLOR_YCrCb2RGB, 3)}
ENCODINGS = frozenset(_CODES)
#: Bytes of the planes of some rows, which fit into the second cache of a core.
_PLANES_BYTES = 1 << 20


def _load_kernels() -> ModuleType | None:
    from k4a_ros.images.warm_up import warm_up_yuv
    warm_up_yuv()
    return yuv_kernels()


class YuvConverter:
    """
    Converts NV12 and YUY2 images of one size to one encoding.

    It has buffers of its own, and is not thread-safe. OpenCV converts until the kernels are
    compiled or loaded, and where numba does not work; the results are the same.

    :param size: width and height, pixels; even numbers.
    :param encoding: one of ``ENCODINGS``.
    :param compiled: see `k4a_ros.jit.kernels.use_numba`; True also waits for the kernels.
    """

    def __init__(
        self, size: tuple[int, int], encoding: str, compiled: bool | None = None,
    ) -> None:
        self._size = width, height = size
        self._code, self._channels = _CODES[encoding]
        self._compiled = compiled
        self._kernels = Lazy(_load_kernels)
        most = max(_PLANES_BYTES // (3 * width), 2)
        rows = max(rows for rows in range(2, height + 1, 2) if height % rows == 0 and (
            rows <= most or rows == 2))
        self._planes = np.empty((3, rows, width), np.uint8)
        self._channel_order = (2, 1, 0) if encoding == 'rgb8' else (0, 1, 2)
        self._alpha = [np.full((rows, width), 255, np.uint8)] if encoding == 'bgra8' else []
        self._fallback: _OpenCvConverter | None = None

    def convert_nv12(self, data: Pixels, out: Pixels) -> None:
        """
        Convert an NV12 image.

        :param data: (height * 3 / 2, width) uint8.
        :param out: (height, width, 3 or 4) uint8, C-contiguous; overwritten.
        """
        height = self._size[1]
        luma, chroma = data[:height], data[height:]
        kernels = self._find_kernels()
        if kernels is None:
            self._opencv().convert(luma, chroma.reshape(height // 2, -1, 2), out)
            return
        for begin, end in self._parts():
            kernels.nv12_to_planes(luma[begin:end], chroma[begin // 2:end // 2], *self._planes)
            self._merge(out[begin:end])

    def convert_yuy2(self, data: Pixels, out: Pixels) -> None:
        """
        Convert a YUY2 image.

        :param data: (height, width, 2) uint8.
        :param out: (height, width, 3 or 4) uint8, C-contiguous; overwritten.
        """
        kernels = self._find_kernels()
        if kernels is None:
            self._opencv().convert_yuy2(data, out)
            return
        rows = data.reshape(len(data), -1)
        for begin, end in self._parts():
            kernels.yuy2_to_planes(rows[begin:end], *self._planes)
            self._merge(out[begin:end])

    def _find_kernels(self) -> ModuleType | None:
        if self._compiled is False or not (self._compiled or self._kernels.start()):
            return None
        return self._kernels.result()

    def _parts(self) -> Iterator[tuple[int, int]]:
        """Yield begin and end of groups of rows."""
        rows = self._planes.shape[1]
        return ((begin, begin + rows) for begin in range(0, self._size[1], rows))

    def _merge(self, out: Pixels) -> None:
        """Write the planes to the pixels of some rows."""
        cv2.merge([self._planes[index] for index in self._channel_order] + self._alpha, out)

    def _opencv(self) -> _OpenCvConverter:
        if self._fallback is None:
            self._fallback = _OpenCvConverter(self._size, self._code, self._channels)
        return self._fallback


class _OpenCvConverter:
    """
    Converts with OpenCV alone.

    :param size: width and height, pixels; even numbers.
    :param code: of the conversion from YCrCb.
    :param channels: of the result.
    """

    def __init__(self, size: tuple[int, int], code: int, channels: int) -> None:
        self._size = width, height = size
        self._code, self._channels = code, channels
        self._luma = np.empty((height, width), np.uint8)
        self._half_chroma = np.empty((height, width // 2, 2), np.uint8)
        self._chroma = np.empty((height, width, 2), np.uint8)
        self._planes = np.empty((2, height, width), np.uint8)
        self._ycrcb = np.empty((height, width, 3), np.uint8)

    def convert_yuy2(self, data: Pixels, out: Pixels) -> None:
        """Convert as `YuvConverter.convert_yuy2` does."""
        width, height = self._size
        cv2.extractChannel(data, 0, dst=self._luma)
        pairs = data.reshape(height, width // 2, 4)  # two pixels: Y, U, Y, V
        cv2.mixChannels([pairs], [self._half_chroma], [1, 0, 3, 1])
        self.convert(self._luma, self._half_chroma, out)

    def convert(self, luma: Pixels, chroma: Pixels, out: Pixels) -> None:
        """
        Convert an image.

        :param luma: (height, width) uint8.
        :param chroma: (height or height / 2, width / 2, 2) uint8.
        :param out: (height, width, channels) uint8, C-contiguous; overwritten.
        """
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
