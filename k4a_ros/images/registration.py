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
Register depth and color images to each other, on the CPU.

This does what libk4a's transformations do (src/transformation/rgbz.c), without OpenGL. The
``Correspondences`` of a capture are computed once and shared by all results:

    pair = CameraPair(calibration, mode, resolution)
    correspondences = Correspondences(pair)
    to_color, to_depth = DepthToColor(pair), ColorToDepth(pair)
    correspondences.update(depth)
    to_color.warp(correspondences, depth_in_color)
    to_depth.warp(correspondences, color, color_in_depth)

No image is allocated per capture. Kernels run without the GIL. A ``CameraPair`` is immutable and
thread-safe; the other classes have buffers and are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.images.arrays import check_contiguous
from k4a_ros.images.arrays import read_only_view
from k4a_ros.images.kernels import registration_kernels
import numpy as np
import numpy.typing as npt

_MM_PER_M = 1000.0
#: Silhouettes of occluders are dilated by two pixels. The mesh ends one pixel early, and the depth
#: camera invalidates another one, which sees the occluder and the background at once.
_DILATION = np.ones((5, 5), np.uint8)


class CameraPair:
    """
    Geometry of the depth camera in one mode and the color camera in one resolution.

    ``depth_shape`` and ``color_shape`` are (height, width) of the images. ``rays`` are x/z and
    y/z of the depth camera's pixels, (height, width, 2) float32, NaN where the lens has none;
    ``rotated_rays`` are the rays (x/z, y/z, 1) in the axes of the color camera, three (N,)
    float32. ``projection`` are the parameters of the kernel ``project``. ``coarse_scale`` is the
    factor by which the color image is reduced so that its pixels are as wide as those of the
    depth image; at most 1.

    :param rays: ``Intrinsics.rays()`` of the depth camera, if the caller has them.
    :param color: the lens of the color camera, if it is not that of the calibration: a rectified
        one, with the same axes and center of projection.
    :raises CalibrationError: a camera is OFF.
    """

    def __init__(
        self, calibration: FactoryCalibration, mode: DepthMode, resolution: ColorResolution, *,
        rays: npt.NDArray[np.float32] | None = None, color: Intrinsics | None = None,
    ) -> None:
        depth, color = calibration.depth(mode), color or calibration.color(resolution)
        to_color = calibration.depth_to_color
        self.depth_shape = (depth.height, depth.width)
        self.color_shape = (color.height, color.width)
        self.rays = depth.rays() if rays is None else rays
        rotation = np.asarray(to_color.rotation, np.float32)
        self.rotated_rays = tuple(
            read_only_view(np.ravel(
                self.rays[..., 0] * rotation[row, 0] + self.rays[..., 1] * rotation[row, 1]
                + rotation[row, 2]).astype(np.float32))
            for row in range(3))
        self.projection = tuple(np.float32(value) for value in (
            *(to_color.translation * _MM_PER_M), *color.parameters))
        self.coarse_scale = min(1.0, depth.fx / color.fx)


class Correspondences:
    """
    Positions of the pixels of a depth image in the color image.

    ``u`` and ``v`` (height, width) float32 are pixels of the color image, -1 for invalid; ``z``
    is the depth in the color camera's frame, millimeters, 0 for invalid. ``update`` overwrites
    all three.

    :param compiled: whether to use numba; None for wherever it is installed.
    """

    def __init__(self, pair: CameraPair, *, compiled: bool | None = None) -> None:
        self.pair = pair
        self._kernels: Any = registration_kernels(compiled)
        self.u, self.v, self.z = np.full((3, *pair.depth_shape), -1, np.float32)
        self.z.fill(0)

    def update(self, depth: npt.NDArray[np.uint16]) -> None:
        """
        Compute the correspondences of the next depth image.

        :param depth: (height, width) uint16 millimeters, 0 for invalid.
        :raises ValueError: the array has the wrong shape or dtype.
        """
        check_contiguous('depth', depth, self.pair.depth_shape, np.uint16)
        self._kernels.project(
            read_only_view(depth.reshape(-1)), *self.pair.rotated_rays, self.pair.projection,
            self.u.reshape(-1), self.v.reshape(-1), self.z.reshape(-1))


@dataclass(frozen=True, eq=False)
class ExtraChannel:
    """
    Another image of the depth camera, to be warped to the color camera along with the depth.

    ``image`` (depth_shape) and ``out`` (color_shape) have the same dtype: uint16, such as
    infrared, or uint8, such as a body index map. ``linear``: interpolate; otherwise each pixel
    gets the value of the nearest one. ``invalid`` is the value of pixels without depth.
    """

    image: npt.NDArray[Any]
    out: npt.NDArray[Any]
    linear: bool = False
    invalid: int = 0


class DepthToColor:
    """
    Warps depth images to the color camera.

    Neighboring pixels are connected to surfaces without holes, except across depth edges. The
    nearest surface in a pixel wins. The result is that of
    k4a_transformation_depth_image_to_color_camera_custom.

    :param compiled: whether to use numba; None for wherever it is installed.
    """

    def __init__(self, pair: CameraPair, *, compiled: bool | None = None) -> None:
        self._pair = pair
        self._kernels: Any = registration_kernels(compiled)

    def warp(
        self, correspondences: Correspondences, out: npt.NDArray[np.uint16], *,
        extra16: ExtraChannel | None = None, extra8: ExtraChannel | None = None,
    ) -> None:
        """
        Write the depth image of the color camera, and extra channels.

        :param out: (color_shape) uint16 millimeters, 0 for invalid.
        :param extra16: an extra channel of uint16.
        :param extra8: an extra channel of uint8.
        :raises ValueError: an array has the wrong shape or dtype.
        """
        check_contiguous('out', out, self._pair.color_shape, np.uint16, writeable=True)
        out.fill(0)
        self._kernels.rasterize(
            read_only_view(correspondences.u), read_only_view(correspondences.v),
            read_only_view(correspondences.z), out,
            *self._extra_arguments('extra16', extra16, np.uint16),
            *self._extra_arguments('extra8', extra8, np.uint8))

    def _extra_arguments(
        self, name: str, extra: ExtraChannel | None, dtype: type[np.generic],
    ) -> tuple[npt.NDArray[Any] | None, npt.NDArray[Any] | None, bool]:
        """Return the kernel's arguments for an extra channel, and clear its output."""
        if extra is None:
            return None, None, False
        check_contiguous(f'{name}.image', extra.image, self._pair.depth_shape, dtype)
        check_contiguous(f'{name}.out', extra.out, self._pair.color_shape, dtype, writeable=True)
        extra.out.fill(extra.invalid)
        return read_only_view(extra.image.reshape(-1)), extra.out, extra.linear


class ColorToDepth:
    """
    Warps color images to the depth camera.

    Colors are interpolated bilinearly, as k4a_transformation_color_image_to_depth_camera does, in
    steps of 1/256 pixel.

    :param occlusion: leave pixels without color that the color camera cannot see because a nearer
        surface occludes them, and pixels within about one pixel of the occluder's silhouette.
        Otherwise they get the occluder's color, as in libk4a.
    :param compiled: whether to use numba; None for wherever it is installed.
    """

    def __init__(
        self, pair: CameraPair, *, occlusion: bool = False,
        compiled: bool | None = None,
    ) -> None:
        self._pair = pair
        self._kernels: Any = registration_kernels(compiled)
        self._scale = np.float32(pair.coarse_scale)
        self._nearest: npt.NDArray[np.uint16] = np.empty((0, 0), np.uint16)
        self._drawn = self._nearest
        self._coarse: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]] | None = None
        if occlusion:
            height, width = (int(np.ceil(size * pair.coarse_scale)) for size in pair.color_shape)
            self._nearest, self._drawn = np.empty((2, height, width), np.uint16)
            self._coarse = (
                np.empty(pair.depth_shape, np.float32), np.empty(pair.depth_shape, np.float32))

    def warp(
        self, correspondences: Correspondences, color: npt.NDArray[np.uint8],
        out: npt.NDArray[np.uint8],
    ) -> None:
        """
        Write the colors of the depth camera's pixels.

        :param color: (color_shape, 3 or 4) uint8.
        :param out: (depth_shape, same number of channels) uint8: all 0 for no color. Black, which
            would be all 0 too, is written as 1, 0, 0 as in libk4a.
        :raises ValueError: an array has the wrong shape or dtype.
        """
        channels = color.shape[-1]
        if channels not in (3, 4):
            raise ValueError(f'color has {channels} channels, expected 3 or 4')
        check_contiguous('color', color, (*self._pair.color_shape, channels), np.uint8)
        check_contiguous(
            'out', out, (*self._pair.depth_shape, channels), np.uint8, writeable=True)
        u, v, z = (read_only_view(part) for part in (
            correspondences.u, correspondences.v, correspondences.z))
        if self._coarse is not None:
            self._draw_nearest(u, v, z, *self._coarse)
        positions = (u.reshape(-1), v.reshape(-1), z.reshape(-1),
                     read_only_view(self._nearest), self._scale)
        if channels == 3:
            self._kernels.sample_bgr(*positions, read_only_view(color), out.reshape(-1, 3))
        else:
            self._kernels.sample_bgra(
                *positions, read_only_view(color.view(np.uint32)[..., 0]),
                out.view(np.uint32).reshape(-1))

    def _draw_nearest(
        self, u: npt.NDArray[np.float32], v: npt.NDArray[np.float32],
        z: npt.NDArray[np.float32], coarse_u: npt.NDArray[np.float32],
        coarse_v: npt.NDArray[np.float32],
    ) -> None:
        """Draw the depth image of the color camera at the resolution of the depth camera."""
        half = np.float32(0.5)
        for fine, coarse in ((u, coarse_u), (v, coarse_v)):
            np.add(fine, half, out=coarse)
            np.multiply(coarse, self._scale, out=coarse)
            np.subtract(coarse, half, out=coarse)
        drawn = self._drawn
        drawn.fill(0)
        self._kernels.rasterize(
            read_only_view(coarse_u), read_only_view(coarse_v), z, drawn,
            None, None, False, None, None, False)
        # wraps 0, which is no surface, around to 65535, the farthest
        np.subtract(drawn, 1, out=drawn)
        cv2.erode(drawn, _DILATION, dst=self._nearest)
