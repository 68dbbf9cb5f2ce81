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


"""The color images of captures in other encodings: converted when wanted, once for each."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
import weakref

import cv2
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.capture import Capture
from k4a_ros.images.color import ColorConverter
from k4a_ros.images.color import Pixels
import numpy as np

#: from what there is to what is wanted; to the bit what the camera's image itself would become
_RECODE = {
    ('bgra8', 'bgr8'): cv2.COLOR_BGRA2BGR, ('bgra8', 'rgb8'): cv2.COLOR_BGRA2RGB,
    ('bgr8', 'bgra8'): cv2.COLOR_BGR2BGRA, ('bgr8', 'rgb8'): cv2.COLOR_BGR2RGB,
    ('rgb8', 'bgra8'): cv2.COLOR_RGB2BGRA, ('rgb8', 'bgr8'): cv2.COLOR_RGB2BGR}


class CachedColor:
    """
    The color images of one capture after the other in one encoding.

    ``encoding`` is the ROS encoding, ``shape`` that of the images as uint8. They are one buffer,
    which the next capture overwrites. One thread only. Captures are not kept alive.

    :param others: those of the same camera in other encodings: of what one of them has decoded
        already, only the order of the channels is changed. May grow.
    """

    def __init__(
        self, converter: ColorConverter, others: Mapping[str, CachedColor] | None = None,
    ) -> None:
        self._converter = converter
        self._others = {} if others is None else others
        self._capture: Callable[[], Capture | None] = lambda: None
        self.encoding = converter.encoding
        self.shape = converter.shape
        self._pixels: Pixels = np.zeros(converter.shape, np.uint8)

    def of(self, capture: Capture) -> Pixels:
        """
        Return the color image of a capture that has one.

        :raises ValueError: the image is corrupt.
        """
        if capture is not self._capture():
            assert capture.color is not None
            self._capture = lambda: None
            if not self._recode(capture):
                self._converter.into(capture.color.data, self._pixels)
            self._capture = weakref.ref(capture)
        return self._pixels

    def _recode(self, capture: Capture) -> bool:
        """Make the image from another one of the capture; return whether there is one."""
        for encoding, other in self._others.items():
            code = _RECODE.get((encoding, self.encoding))
            if code is not None and other._capture() is capture:
                cv2.cvtColor(other._pixels, code, dst=self._pixels)
                return True
        return False


class ColorCache:
    """One `CachedColor` for each encoding that is asked for, whoever asks."""

    def __init__(self, config: CameraConfig) -> None:
        self._config = config
        self._made: dict[str, CachedColor] = {}

    def encoded(self, encoding: str) -> CachedColor:
        """Return the images in an encoding, as `ColorConverter` takes it."""
        converter = ColorConverter(
            self._config.color_format, self._config.color_resolution.size, encoding)
        # what the camera delivers as BGRA has an alpha of its own, and is converted as fast
        others = None if self._config.color_format is ColorFormat.BGRA32 else self._made
        return self._made.setdefault(converter.encoding, CachedColor(converter, others))
