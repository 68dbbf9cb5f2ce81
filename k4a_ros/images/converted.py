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


"""The colour images of captures in other encodings: converted when wanted, once for each."""

from __future__ import annotations

from k4a_ros.cameras.base import Capture
from k4a_ros.config import CameraConfig
from k4a_ros.images.color import ColorConverter
from k4a_ros.images.color import Pixels
import numpy as np


class Converted:
    """
    The colour images of one capture after the other in one encoding.

    ``encoding`` is the ROS encoding, ``shape`` that of the images as uint8. They are one buffer,
    which the next capture overwrites. One thread only.
    """

    def __init__(self, converter: ColorConverter) -> None:
        self._converter = converter
        self._capture: Capture | None = None
        self.encoding = converter.encoding
        self.shape = converter.shape
        self._pixels: Pixels = np.zeros(converter.shape, np.uint8)

    def of(self, capture: Capture) -> Pixels:
        """
        Return the colour image of a capture that has one.

        :raises ValueError: the image is corrupt.
        """
        if capture is not self._capture:
            assert capture.color is not None
            self._capture = None
            self._converter.into(capture.color.data, self._pixels)
            self._capture = capture
        return self._pixels


class ColorImages:
    """One `Converted` for each encoding that is asked for, whoever asks."""

    def __init__(self, config: CameraConfig) -> None:
        self._config = config
        self._made: dict[str, Converted] = {}

    def encoded(self, encoding: str) -> Converted:
        """Return the images in an encoding, as `ColorConverter` takes it."""
        converter = ColorConverter(
            self._config.color_format, self._config.color_resolution.size, encoding)
        return self._made.setdefault(converter.encoding, Converted(converter))
