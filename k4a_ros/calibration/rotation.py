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
A camera that is mounted turned about its optical axis: images that are turned upright.

A rotation is the angle in degrees, 0, 90, 180 or 270, by which the camera is turned clockwise as
seen from behind it, that is in the direction in which it looks. Its images show the world turned
counterclockwise, and become upright when they are turned clockwise by the same angle. The axes of
the optical frame (x right, y down) turn with the image.
"""

from __future__ import annotations

from typing import Any
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

#: all rotations, degrees
ROTATIONS = (0, 90, 180, 270)

_Length = TypeVar('_Length', int, float)
_Value = TypeVar('_Value', float, npt.NDArray[Any])
_CODES = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def upright_image(
    image: npt.NDArray[Any], rotation: int, out: npt.NDArray[Any] | None = None,
) -> npt.NDArray[Any]:
    """
    Return an image, turned clockwise.

    :param image: (height, width) or (height, width, channels), of any type that OpenCV has.
    :param out: written to, and returned, if the rotation is not 0.
    :return: a copy, contiguous; with rotation 0, the image itself.
    """
    if not rotation:
        return image
    return cv2.rotate(image, _CODES[rotation], dst=out)


def upright_size(size: tuple[_Length, _Length], rotation: int) -> tuple[_Length, _Length]:
    """Return the lengths along x and y, such as width and height, of what is turned."""
    return size if rotation % 180 == 0 else (size[1], size[0])


def upright_vector(x: _Value, y: _Value, rotation: int) -> tuple[_Value, _Value]:
    """Return the x and y, in turned axes, of vectors in the axes of the camera; exact."""
    for _ in range(rotation // 90):
        x, y = 0.0 - y, x  # never -0.0
    return x, y


def upright_axes(rotation: int) -> npt.NDArray[np.float64]:
    """Return the matrix (3, 3) from the camera's optical frame to the turned one; exact."""
    matrix = np.eye(3)
    matrix[:2, 0] = upright_vector(1.0, 0.0, rotation)
    matrix[:2, 1] = upright_vector(0.0, 1.0, rotation)
    return matrix
