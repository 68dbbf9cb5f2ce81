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

"""Read the images of a recording from its file."""

from __future__ import annotations

from k4a_ros.mkv.source import Source
import numpy as np
import numpy.typing as npt

#: pixels that are read and swapped at once: they stay in the second-level cache of a core
_PIXELS_AT_ONCE = 1 << 17


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
