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

"""Captures of a camera that is mounted turned, with images that are turned upright on demand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from k4a_ros.calibration.rotation import upright_image
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
import numpy as np
import numpy.typing as npt


class UprightImage(Image):
    """
    A depth or infrared image whose pixels are turned at the first access.

    Images without a consumer are never turned, nor read from a recording.
    """

    @classmethod
    def of(cls, image: Image, rotation: int) -> UprightImage:
        """
        Return an image.

        :param image: as the camera delivered it.
        :param rotation: of the camera, see `k4a_ros.calibration.rotation`.
        """
        upright = cls(np.empty(0), image.device_us, image.host_ns)
        object.__setattr__(upright, '_source', (image, rotation))
        return upright

    @property
    def data(self) -> npt.NDArray[Any]:
        """Return the pixels; see `Image`."""
        source: tuple[Image, int] | None = self.__dict__.get('_source')
        if source is not None:
            image, rotation = source
            object.__setattr__(self, '_pixels', upright_image(image.data, rotation))
            self.__dict__.pop('_source', None)  # another thread may have turned them, too
        pixels: npt.NDArray[Any] = self.__dict__['_pixels']
        return pixels

    @data.setter
    def data(self, pixels: npt.NDArray[Any]) -> None:
        """Store the pixels; only the constructor calls this, because images are frozen."""
        object.__setattr__(self, '_pixels', pixels)


def upright_capture(capture: Capture, rotation: int) -> Capture:
    """
    Return a capture with upright depth and infrared images.

    The color image stays as it is, because it may be compressed: see `ColorCache`.

    :param rotation: of the camera, see `k4a_ros.calibration.rotation`; with 0, the result is the
        capture itself.
    """
    if not rotation:
        return capture
    depth, infrared = (image and UprightImage.of(image, rotation)
                       for image in (capture.depth, capture.ir))
    return replace(capture, depth=depth, ir=infrared)
