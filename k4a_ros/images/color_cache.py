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

"""Color images of a capture in several encodings, each converted on demand and only once."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
import weakref

import cv2
from k4a_ros.calibration.rotation import upright_image
from k4a_ros.calibration.rotation import upright_size
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.capture import Capture
from k4a_ros.images.color import ColorConverter
from k4a_ros.images.color import Pixels
import numpy as np

#: (from, to) -> OpenCV's conversion; the result is bit-identical to converting the camera's image
_REORDER_CHANNELS = {
    ('bgra8', 'bgr8'): cv2.COLOR_BGRA2BGR, ('bgra8', 'rgb8'): cv2.COLOR_BGRA2RGB,
    ('bgr8', 'bgra8'): cv2.COLOR_BGR2BGRA, ('bgr8', 'rgb8'): cv2.COLOR_BGR2RGB,
    ('rgb8', 'bgra8'): cv2.COLOR_RGB2BGRA, ('rgb8', 'bgr8'): cv2.COLOR_RGB2BGR}


class CachedColor:
    """
    The color image of the current capture in one encoding, upright.

    ``encoding`` is the ROS encoding, ``shape`` the shape of the image as uint8. There is one
    buffer, which the next capture overwrites. Not thread-safe. Captures are not kept alive.

    :param others: images of the same camera in other encodings, by encoding; may grow. If one of
        them has decoded the capture already, its channels are reordered instead.
    :param rotation: of the camera, see `k4a_ros.calibration.rotation`.
    """

    def __init__(
        self, converter: ColorConverter, others: Mapping[str, CachedColor] | None = None,
        rotation: int = 0,
    ) -> None:
        self._converter = converter
        self._others = {} if others is None else others
        self._rotation = rotation
        self._capture: Callable[[], Capture | None] = lambda: None
        self.encoding = converter.encoding
        height, width, *channels = converter.shape
        self.shape = (*upright_size((height, width), rotation), *channels)
        self._pixels: Pixels = np.zeros(self.shape, np.uint8)
        #: as the camera delivered it, if that is turned
        self._decoded = np.zeros(converter.shape if rotation else 0, np.uint8)

    def get(self, capture: Capture) -> Pixels:
        """
        Return the color image of a capture; it must have one.

        :raises ValueError: the image is corrupt.
        """
        if capture is not self._capture():
            assert capture.color is not None
            self._capture = lambda: None
            if not self._reorder_other(capture):
                decoded = self._decoded if self._rotation else self._pixels
                self._converter.convert(capture.color.data, decoded)
                upright_image(decoded, self._rotation, self._pixels)
            self._capture = weakref.ref(capture)
        return self._pixels

    def _reorder_other(self, capture: Capture) -> bool:
        """Convert from another encoding of the capture; return False if none is cached."""
        for encoding, other in self._others.items():
            code = _REORDER_CHANNELS.get((encoding, self.encoding))
            if code is not None and other._capture() is capture:
                cv2.cvtColor(other._pixels, code, dst=self._pixels)
                return True
        return False


class ColorCache:
    """
    The `CachedColor` of each encoding that is asked for, shared by all topics.

    :param rotation: of the camera, see `k4a_ros.calibration.rotation`.
    """

    def __init__(self, config: CameraConfig, rotation: int = 0) -> None:
        self._config = config
        self._rotation = rotation
        self._by_encoding: dict[str, CachedColor] = {}

    def in_encoding(self, encoding: str) -> CachedColor:
        """
        Return the images in an encoding; for its values see `ColorConverter`.

        'native' is 'bgra8' for a camera that is turned: the colors of YUY2 have half the
        resolution along the rows of its sensor, but not along those of the upright image.
        """
        if encoding == 'native' and self._rotation:
            encoding = 'bgra8'
        converter = ColorConverter(
            self._config.color_format, self._config.color_resolution.size, encoding)
        # BGRA images have an alpha channel of their own, and converting them costs no more
        others = None if self._config.color_format is ColorFormat.BGRA32 else self._by_encoding
        return self._by_encoding.setdefault(
            converter.encoding, CachedColor(converter, others, self._rotation))
