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

"""Shapes and arrival times of the images of the SDK."""

from __future__ import annotations

import math

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
import numpy as np
import numpy.typing as npt

#: maximum age of an image when it is read
_MAX_IMAGE_AGE_NS = 10_000_000_000


def arrival_ns(system_ns: int, monotonic_ns: int, realtime_ns: int) -> int:
    """
    Return the arrival time of an image at the host, CLOCK_MONOTONIC, nanoseconds.

    Microsoft's library stamps images with CLOCK_MONOTONIC, Orbbec's with CLOCK_REALTIME in whole
    milliseconds. The stamp is taken to be of the clock that it is at most 10 s behind.

    :param system_ns: k4a_image_get_system_timestamp_nsec.
    :param monotonic_ns: CLOCK_MONOTONIC now; returned if the stamp fits neither clock.
    :param realtime_ns: CLOCK_REALTIME now.
    """
    if 0 <= monotonic_ns - system_ns < _MAX_IMAGE_AGE_NS:
        return system_ns
    if 0 <= realtime_ns - system_ns < _MAX_IMAGE_AGE_NS:
        return monotonic_ns - (realtime_ns - system_ns)
    return monotonic_ns


def shaped(
    data: npt.NDArray[np.uint8], config: CameraConfig, *, color: bool,
) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16] | None:
    """
    Return a view of the bytes of an image in the shape that `Image` documents.

    :param data: (N,) bytes of the SDK, possibly with padding at the end.
    :param color: whether this is the color image rather than depth or infrared.
    :return: None if there are too few bytes.
    """
    if color and config.color_format is ColorFormat.MJPG:
        return data if len(data) else None
    width, height = (config.color_resolution if color else config.depth_mode).size
    shape: tuple[int, ...] = (height, width, 2)
    if color and config.color_format is ColorFormat.NV12:
        shape = (height * 3 // 2, width)
    elif color and config.color_format is ColorFormat.BGRA32:
        shape = (height, width, 4)
    size = math.prod(shape)
    if len(data) < size:
        return None
    image = data[:size].reshape(shape)
    return image if color else image.view('<u2')[..., 0]
