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

"""Images of a recording, which are read from the file when they are needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from k4a_ros.capture import Image
from k4a_ros.mkv.source import Source
import numpy as np
import numpy.typing as npt

#: pixels that are read and swapped at once: they stay in the second-level cache of a core
_PIXELS_AT_ONCE = 1 << 17


class RecordedImage(Image):
    """
    An image whose pixels are read at the first access, which may raise CameraLostError.

    Images without a consumer are never read. An image remains valid when the recording is closed.
    """

    @classmethod
    def of(cls, load: Callable[[], npt.NDArray[Any]], device_us: int) -> RecordedImage:
        """
        Return an image.

        :param load: returns the pixels; see `Image`.
        """
        image = cls(np.empty(0), device_us)
        object.__setattr__(image, '_load', load)
        return image

    @property
    def data(self) -> npt.NDArray[Any]:
        """Return the pixels; see `Image`."""
        load: Callable[[], npt.NDArray[Any]] | None = self.__dict__.get('_load')
        if load is not None:
            object.__setattr__(self, '_pixels', load())
            self.__dict__.pop('_load', None)  # another thread may have loaded them, too
        pixels: npt.NDArray[Any] = self.__dict__['_pixels']
        return pixels

    @data.setter
    def data(self, pixels: npt.NDArray[Any]) -> None:
        """Store the pixels; only the constructor calls this, because images are frozen."""
        object.__setattr__(self, '_pixels', pixels)

    def shifted(self, us: int) -> RecordedImage:
        """Return this image with an offset added to its timestamp."""
        return RecordedImage.of(lambda: self.data, self.device_us + us)


def read_bytes(source: Source, position: int, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """
    Read an array of bytes.

    :raises CameraLostError: the file cannot be read.
    """
    out = np.empty(shape, np.uint8)
    source.read_into(out, position)
    return out


def read_pixels(
    source: Source, position: int, shape: tuple[int, int], big_endian: bool,
) -> npt.NDArray[np.uint16]:
    """
    Read an image of 16 bits per pixel.

    :raises CameraLostError: the file cannot be read.
    """
    out = np.empty(shape, np.uint16)
    if not big_endian:
        source.read_into(out, position)
        return out
    flat = out.reshape(-1)
    part = np.empty(min(_PIXELS_AT_ONCE, flat.size), '>u2')
    for start in range(0, flat.size, part.size):
        count = min(part.size, flat.size - start)
        source.read_into(part[:count], position + 2 * start)
        flat[start:start + count] = part[:count]
    return out
