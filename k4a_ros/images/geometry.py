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
Depth images to metric images and point clouds, infrared to 8 bits; all into reused buffers.

Nothing here allocates an image: a fresh buffer costs more than filling it does.
"""

from __future__ import annotations

from typing import Any

import cv2
from k4a_ros.images.kernels import cloud_kernels
import numpy as np
import numpy.typing as npt

#: rows converted at a time: as many as stay in the cache from one step to the next
_ROWS = 32

_MM_PER_M = np.float32(1000.0)


class MetricDepth:
    """
    Converts depth images of one size from millimeters to meters.

    An object serves one thread, because of its scratch buffers.
    """

    def __init__(self, width: int, height: int) -> None:
        """
        Make the scratch buffers.

        :param width: of the images, pixels.
        :param height: of the images, pixels.
        """
        self._shape = (height, width)
        rows = min(_ROWS, height)
        self._is_valid = np.empty((rows, width), np.float32)

    def into(self, depth: npt.NDArray[np.uint16], out: npt.NDArray[np.float32]) -> None:
        """
        Write meters, NaN where there is no measurement (REP 118).

        :param depth: (height, width) uint16 millimeters, 0 where there is none.
        :param out: (height, width) float32.
        :raises ValueError: an array has another shape or type.
        """
        _check('depth', depth, self._shape, np.uint16)
        _check('out', out, self._shape, np.float32)
        for start in range(0, len(depth), _ROWS):
            rows = slice(start, start + _ROWS)
            _to_meters(depth[rows], out[rows], self._is_valid)


class PointCloud:
    """
    Converts depth images of one mode to organized point clouds in the depth camera's frame.

    The arithmetic is in float32 throughout; libk4a's own clouds are rounded to millimeters. An
    object serves one thread, because of its scratch buffers.
    """

    def __init__(
        self, rays: npt.NDArray[np.float32], *, compiled: bool | None = None,
    ) -> None:
        """
        Prepare for a lens.

        :param rays: x/z and y/z of every pixel, (height, width, 2) float32, NaN where the lens
            has none: ``Intrinsics.rays()``.
        :param compiled: whether to use numba; by default where it is installed.
        """
        height, width, _ = rays.shape
        self._shape = (height, width)
        self._x = np.ascontiguousarray(rays[..., 0])
        self._y = np.ascontiguousarray(rays[..., 1])
        self._z = np.where(np.isnan(rays).any(axis=2), np.nan, 1.0).astype(np.float32)
        self._x *= self._z
        self._y *= self._z
        # read-only, as what comes from a camera is: the loop is compiled for one type only
        self._x.flags.writeable = self._y.flags.writeable = False
        # without numba `into` does it itself
        self._xyz: Any = getattr(cloud_kernels(compiled), 'xyz', None)
        rows = min(_ROWS, height)
        self._meters = np.empty((rows, width), np.float32)
        self._is_valid = np.empty((rows, width), np.float32)

    def into(self, depth: npt.NDArray[np.uint16], out: npt.NDArray[np.float32]) -> None:
        """
        Write x, y, z in meters, all three NaN where there is no measurement or no ray.

        :param depth: (height, width) uint16 millimeters, 0 where there is none.
        :param out: (height, width, 3 or more) float32; of four values the last becomes 0, of
            more what follows z is left as it is.
        :raises ValueError: an array has another shape or type.
        """
        _check('depth', depth, self._shape, np.uint16)
        if out.ndim != 3 or out.shape[2] < 3:
            raise ValueError(f'out has shape {out.shape}, expected (height, width, 3 or more)')
        _check('out', out, (*self._shape, out.shape[2]), np.float32)
        step = out.shape[2]
        if (self._xyz and step in (3, 4) and depth.flags.aligned
                and depth.flags.c_contiguous and out.flags.carray):
            view = depth.reshape(-1).view()
            view.flags.writeable = False
            self._xyz(
                view, self._x.reshape(-1), self._y.reshape(-1), step, out.reshape(-1))
            return
        for start in range(0, len(depth), _ROWS):
            rows = slice(start, start + _ROWS)
            target = out[rows]
            meters = self._meters[:len(target)]
            _to_meters(depth[rows], meters, self._is_valid)
            np.multiply(self._x[rows], meters, out=target[..., 0])
            np.multiply(self._y[rows], meters, out=target[..., 1])
            np.multiply(self._z[rows], meters, out=target[..., 2])
            if step == 4:
                target[..., 3] = 0


def ir_to_mono8(
    ir: npt.NDArray[np.uint16], factor: float, out: npt.NDArray[np.uint8],
) -> None:
    """
    Write infrared as 8 bits: ``ir * factor`` rounded and limited to 255.

    This is what Microsoft's driver does with ``ir_mono8_scaling_factor``.

    :param ir: (height, width) uint16.
    :param factor: 0 or more.
    :param out: (height, width) uint8, contiguous.
    :raises ValueError: an array has another shape or type, or the factor is not a number >= 0.
    """
    if not factor >= 0:
        raise ValueError(f'factor is {factor}, expected 0 or more')
    if out.ndim != 2 or not out.flags.c_contiguous:
        raise ValueError(f'out has shape {out.shape}, expected a contiguous (height, width)')
    _check('ir', ir, out.shape, np.uint16)
    _check('out', out, out.shape, np.uint8)
    cv2.convertScaleAbs(ir, dst=out, alpha=factor)


def _to_meters(
    depth: npt.NDArray[np.uint16], out: npt.NDArray[np.float32],
    scratch: npt.NDArray[np.float32],
) -> None:
    """Write meters, NaN for 0, with scratch rows of the same width, at least as many."""
    is_valid = scratch[:len(depth)]
    np.copyto(out, depth)
    with np.errstate(invalid='ignore'):
        # 1 for a measurement, 0 / 0 = NaN for none: several times as fast as a masked copy
        np.divide(out, out, out=is_valid)
    np.abs(is_valid, out=is_valid)  # the NaN of a division is a negative one on x86
    np.divide(out, _MM_PER_M, out=out)
    np.multiply(out, is_valid, out=out)


def _check(
    name: str, array: npt.NDArray[np.generic], shape: tuple[int, ...], kind: type[np.generic],
) -> None:
    """Raise ValueError unless an array has this shape and type."""
    if array.shape != shape or array.dtype != kind:
        raise ValueError(
            f'{name} is {array.dtype} {array.shape}, expected {np.dtype(kind)} {shape}')
