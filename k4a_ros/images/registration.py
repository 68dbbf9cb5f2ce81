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
Depth images in the color camera and color images in the depth camera, on the CPU.

What libk4a's transformations do (src/transformation/rgbz.c), without OpenGL. One capture's
``Correspondences`` are computed once and then used for whatever is wanted of it:

    pair = CameraPair(calibration, mode, resolution)
    correspondences = Correspondences(pair)
    to_color, to_depth = DepthToColor(pair), ColorToDepth(pair)
    correspondences.update(depth)
    to_color.into(correspondences, depth_in_color)
    to_depth.into(correspondences, color, color_in_depth)

Nothing here allocates an image per capture. The GIL is released in all that takes time. A
``CameraPair`` may serve many threads; the others have buffers of their own and serve one thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.images.kernels import registration_kernels
import numpy as np
import numpy.typing as npt

_MM_PER_M = 1000.0
#: Silhouettes grow by two pixels: one that the mesh lacks there, and one that the depth camera
#: does not measure, as it sees what is before and what is behind at once.
_NEIGHBORS = np.ones((5, 5), np.uint8)


class CameraPair:
    """
    How the depth camera in one mode sees what the color camera in one resolution sees.

    ``depth_shape`` and ``color_shape`` are the images' (height, width); ``rays`` x/z and y/z of
    the depth camera's pixels, (height, width, 2) float32, NaN where the lens has none.

    :param rays: ``Intrinsics.rays()`` of the depth camera, if they are known already.
    :raises CalibrationError: a camera is OFF.
    """

    def __init__(
        self, calibration: FactoryCalibration, mode: DepthMode, resolution: ColorResolution, *,
        rays: npt.NDArray[np.float32] | None = None,
    ) -> None:
        depth, color = calibration.depth(mode), calibration.color(resolution)
        to_color = calibration.depth_to_color
        self.depth_shape = (depth.height, depth.width)
        self.color_shape = (color.height, color.width)
        self.rays = depth.rays() if rays is None else rays
        rotation = np.asarray(to_color.rotation, np.float32)
        self.turned_rays = tuple(
            fixed(np.ravel(self.rays[..., 0] * rotation[row, 0] + self.rays[..., 1]
                           * rotation[row, 1] + rotation[row, 2]).astype(np.float32))
            for row in range(3))
        self.lens = tuple(np.float32(value) for value in (
            *(to_color.translation * _MM_PER_M), *color.parameters))
        # a color camera of this many times the resolution has pixels as wide as the depth's
        self.coarse_scale = min(1.0, depth.fx / color.fx)


class Correspondences:
    """
    Where the pixels of a capture's depth image are in the color image.

    ``u`` and ``v`` (height, width) float32 are pixels of the color image, -1 where there is
    none; ``z`` the depths in the color camera's frame, millimeters, 0 where there is no pixel.
    All are overwritten by ``update``.

    :param compiled: whether to use numba; by default where it is installed.
    """

    def __init__(self, pair: CameraPair, *, compiled: bool | None = None) -> None:
        self.pair = pair
        self._loops: Any = registration_kernels(compiled)
        self.u, self.v, self.z = np.full((3, *pair.depth_shape), -1, np.float32)
        self.z.fill(0)

    def update(self, depth: npt.NDArray[np.uint16]) -> None:
        """
        Take the next capture.

        :param depth: (height, width) uint16 millimeters, 0 where there is none.
        :raises ValueError: the array has another shape or type.
        """
        check('depth', depth, self.pair.depth_shape, np.uint16)
        self._loops.project(
            fixed(depth.reshape(-1)), *self.pair.turned_rays, self.pair.lens,
            self.u.reshape(-1), self.v.reshape(-1), self.z.reshape(-1))


@dataclass(frozen=True, eq=False)
class ExtraChannel:
    """
    An image of the depth camera that goes with its depth image into the color camera.

    ``image`` (depth_shape) and ``out`` (color_shape) are both uint16 (infrared) or both uint8
    (body index); ``linear`` interpolates, else each pixel has the value of the nearest one;
    ``invalid`` is for pixels without depth.
    """

    image: npt.NDArray[Any]
    out: npt.NDArray[Any]
    linear: bool = False
    invalid: int = 0


class DepthToColor:
    """
    Turns depth images into those of the color camera.

    Neighboring pixels are surfaces without holes, except over depth edges; of several surfaces
    in a pixel the nearest counts: k4a_transformation_depth_image_to_color_camera_custom.

    :param compiled: whether to use numba; by default where it is installed.
    """

    def __init__(self, pair: CameraPair, *, compiled: bool | None = None) -> None:
        self._pair = pair
        self._loops: Any = registration_kernels(compiled)

    def into(
        self, correspondences: Correspondences, out: npt.NDArray[np.uint16], *,
        wide: ExtraChannel | None = None, narrow: ExtraChannel | None = None,
    ) -> None:
        """
        Write the depth image, and what belongs to it.

        :param out: (color_shape) uint16 millimeters, 0 where there is none.
        :param wide: a companion of uint16.
        :param narrow: a companion of uint8.
        :raises ValueError: an array has another shape or type.
        """
        check('out', out, self._pair.color_shape, np.uint16, written=True)
        out.fill(0)
        self._loops.rasterize(
            fixed(correspondences.u), fixed(correspondences.v), fixed(correspondences.z), out,
            *self._prepared('wide', wide, np.uint16), *self._prepared('narrow', narrow, np.uint8))

    def _prepared(
        self, name: str, companion: ExtraChannel | None, kind: type[np.generic],
    ) -> tuple[npt.NDArray[Any] | None, npt.NDArray[Any] | None, bool]:
        """Return a companion's images as the loops want them, with nothing drawn yet."""
        if companion is None:
            return None, None, False
        check(f'{name}.image', companion.image, self._pair.depth_shape, kind)
        check(f'{name}.out', companion.out, self._pair.color_shape, kind, written=True)
        companion.out.fill(companion.invalid)
        return fixed(companion.image.reshape(-1)), companion.out, companion.linear


class ColorToDepth:
    """
    Turns color images into those that the depth camera would see.

    Colors are interpolated bilinearly, as k4a_transformation_color_image_to_depth_camera does,
    in steps of 1/256 pixel.

    :param occlusion: whether pixels that the color camera cannot see, because something nearer
        is before them, get no color, nor do those beside its silhouette, within about a pixel.
        Without (libk4a's way) they have that thing's color.
    :param compiled: whether to use numba; by default where it is installed.
    """

    def __init__(
        self, pair: CameraPair, *, occlusion: bool = False,
        compiled: bool | None = None,
    ) -> None:
        self._pair = pair
        self._loops: Any = registration_kernels(compiled)
        self._scale = np.float32(pair.coarse_scale)
        self._nearest = self._drawn = np.empty((0, 0), np.uint16)
        self._coarse: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]] | None = None
        if occlusion:
            height, width = (int(np.ceil(size * pair.coarse_scale)) for size in pair.color_shape)
            self._nearest, self._drawn = np.empty((2, height, width), np.uint16)
            self._coarse = (
                np.empty(pair.depth_shape, np.float32), np.empty(pair.depth_shape, np.float32))

    def into(
        self, correspondences: Correspondences, color: npt.NDArray[np.uint8],
        out: npt.NDArray[np.uint8],
    ) -> None:
        """
        Write the colors of the depth camera's pixels.

        :param color: (color_shape, 4 or 3) uint8.
        :param out: (depth_shape, as many) uint8: all 0 where there is no color. A color that
            is 0 itself is written as 1, 0, 0, as libk4a does.
        :raises ValueError: an array has another shape or type.
        """
        channels = color.shape[-1]
        if channels not in (3, 4):
            raise ValueError(f'color has {channels} channels, expected 3 or 4')
        check('color', color, (*self._pair.color_shape, channels), np.uint8)
        check('out', out, (*self._pair.depth_shape, channels), np.uint8, written=True)
        u, v, z = (fixed(part) for part in (
            correspondences.u, correspondences.v, correspondences.z))
        if self._coarse is not None:
            self._draw_nearest(u, v, z, *self._coarse)
        where = (u.reshape(-1), v.reshape(-1), z.reshape(-1), fixed(self._nearest), self._scale)
        if channels == 3:
            self._loops.sample_bgr(*where, fixed(color), out.reshape(-1, 3))
        else:
            self._loops.sample_bgra(
                *where, fixed(color.view(np.uint32)[..., 0]), out.view(np.uint32).reshape(-1))

    def _draw_nearest(
        self, u: npt.NDArray[np.float32], v: npt.NDArray[np.float32],
        z: npt.NDArray[np.float32], coarse_u: npt.NDArray[np.float32],
        coarse_v: npt.NDArray[np.float32],
    ) -> None:
        """Draw what a color camera of the depth camera's resolution sees."""
        half = np.float32(0.5)
        for fine, coarse in ((u, coarse_u), (v, coarse_v)):
            np.add(fine, half, out=coarse)
            np.multiply(coarse, self._scale, out=coarse)
            np.subtract(coarse, half, out=coarse)
        drawn = self._drawn
        drawn.fill(0)
        self._loops.rasterize(
            fixed(coarse_u), fixed(coarse_v), z, drawn, None, None, False, None, None, False)
        # nothing, 0, becomes the farthest
        np.subtract(drawn, 1, out=drawn)
        cv2.erode(drawn, _NEIGHBORS, dst=self._nearest)


def fixed(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a view that cannot be written to, so that loops are compiled for one type only."""
    view = array.view()
    view.flags.writeable = False
    return view


def check(
    name: str, array: npt.NDArray[Any], shape: tuple[int, ...], kind: type[np.generic], *,
    written: bool = False,
) -> None:
    """Raise ValueError unless an array is contiguous, of this shape and type."""
    if array.shape != shape or array.dtype != kind:
        raise ValueError(
            f'{name} is {array.dtype} {array.shape}, expected {np.dtype(kind)} {shape}')
    flags = array.flags
    if not (flags.c_contiguous and flags.aligned and (flags.writeable or not written)):
        raise ValueError(f'{name} is not contiguous, not aligned or cannot be written to')
