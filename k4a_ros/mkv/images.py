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
    out = np.empty(shape, '>u2' if big_endian else '<u2')
    source.read_into(out, position)
    return out.astype(np.uint16, copy=False)
