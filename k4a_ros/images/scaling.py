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
Scale raw images: depth to meters, infrared to 8 bits.

Results are written to buffers of the caller. Nothing here allocates an image: page faults make a
fresh buffer more expensive than filling it.
"""

from __future__ import annotations

import cv2
from k4a_ros.images.arrays import check_array
import numpy as np
import numpy.typing as npt

#: rows that are converted at a time: few enough to stay in the cache between two steps
BAND_ROWS = 32

_MM_PER_M = np.float32(1000.0)


class DepthToMeters:
    """
    Converts depth images of one size from millimeters to meters.

    Not thread-safe: an instance has scratch buffers.

    :param width: of the images, pixels.
    :param height: of the images, pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        self._shape = (height, width)
        self._scratch = np.empty((min(BAND_ROWS, height), width), np.float32)

    def convert(self, depth: npt.NDArray[np.uint16], out: npt.NDArray[np.float32]) -> None:
        """
        Write depth in meters, NaN for invalid pixels (REP 118).

        :param depth: (height, width) uint16 millimeters, 0 for invalid.
        :param out: (height, width) float32.
        :raises ValueError: an array has the wrong shape or dtype.
        """
        check_array('depth', depth, self._shape, np.uint16)
        check_array('out', out, self._shape, np.float32)
        for start in range(0, len(depth), BAND_ROWS):
            rows = slice(start, start + BAND_ROWS)
            band_to_meters(depth[rows], out[rows], self._scratch)


def band_to_meters(
    depth: npt.NDArray[np.uint16], out: npt.NDArray[np.float32],
    scratch: npt.NDArray[np.float32],
) -> None:
    """
    Write a band of rows in meters, NaN for 0.

    :param depth: (rows, width) uint16 millimeters, at most `BAND_ROWS` rows.
    :param out: (rows, width) float32.
    :param scratch: float32 of the same width and at least as many rows; overwritten.
    """
    is_valid = scratch[:len(depth)]
    np.copyto(out, depth)
    with np.errstate(invalid='ignore'):
        # 1 for a measurement, 0 / 0 = NaN for none: several times as fast as a masked copy
        np.divide(out, out, out=is_valid)
    np.abs(is_valid, out=is_valid)  # x86 gives the NaN of 0 / 0 a sign bit
    np.divide(out, _MM_PER_M, out=out)
    np.multiply(out, is_valid, out=out)


def infrared_to_mono8(
    infrared: npt.NDArray[np.uint16], factor: float, out: npt.NDArray[np.uint8],
) -> None:
    """
    Write infrared as 8 bits: ``infrared * factor``, rounded and clipped to 255.

    Microsoft's driver does the same with ``ir_mono8_scaling_factor``.

    :param infrared: (height, width) uint16.
    :param factor: 0 or more.
    :param out: (height, width) uint8, C-contiguous.
    :raises ValueError: an array has the wrong shape or dtype, or the factor is negative or NaN.
    """
    if not factor >= 0:
        raise ValueError(f'factor is {factor}, expected 0 or more')
    if out.ndim != 2 or not out.flags.c_contiguous:
        raise ValueError(f'out has shape {out.shape}, expected a contiguous (height, width)')
    check_array('infrared', infrared, out.shape, np.uint16)
    check_array('out', out, out.shape, np.uint8)
    cv2.convertScaleAbs(infrared, dst=out, alpha=factor)
