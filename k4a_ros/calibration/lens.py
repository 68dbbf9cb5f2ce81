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
Lens model of one camera in one mode: libk4a's, to the rounding of single precision.

Follows src/transformation/intrinsic_transformation.c of the Azure Kinect Sensor SDK. Pixel
coordinates are those of the SDK and OpenCV: (0, 0) is the center of the top left pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
import functools
from typing import Any
from typing import Literal

from k4a_ros.calibration.camera_info import CameraInfoValues
from k4a_ros.calibration.rotation import upright_image
from k4a_ros.calibration.rotation import upright_size
from k4a_ros.calibration.rotation import upright_vector
from k4a_ros.jit.array_cache import cached_array
import numpy as np
import numpy.typing as npt

LensModel = Literal['brown_conrady', 'rational_6kt']

#: Gauss-Newton: libk4a's iteration limit, and the squared errors at which it stops and accepts
_MAX_ITERATIONS = 20
_STOP_ERROR_PX2 = 1e-22
_ACCEPTED_ERROR_PX2 = 1e-6

#: pixels unprojected at a time: few enough for intermediate results to stay in the CPU cache
_BLOCK_PIXELS = 16384

Floats = npt.NDArray[Any]


@dataclass(frozen=True)
class Intrinsics:
    """
    Intrinsics of a camera: the mapping from directions to pixels.

    ``fx``, ``fy``, ``cx``, ``cy`` are in pixels; ``k1`` to ``k6``, ``p1`` and ``p2`` are the
    distortion; (``codx``, ``cody``) is its center, in x/z and y/z. Directions farther than
    ``metric_radius`` from that center do not project to a pixel.

    ``model`` 'brown_conrady' is OpenCV's rational model. 'rational_6kt', of pre-production
    devices, lacks the factor 2 in the mixed tangential terms, which OpenCV and
    sensor_msgs/CameraInfo cannot express.

    ``published`` is what camera_info has for this lens, if it was not made by the factory.

    ``rotation`` is the angle by which the images are turned, see `k4a_ros.calibration.rotation`;
    all other values are those of the turned image.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    k1: float = 0.0
    k2: float = 0.0
    k3: float = 0.0
    k4: float = 0.0
    k5: float = 0.0
    k6: float = 0.0
    p1: float = 0.0
    p2: float = 0.0
    codx: float = 0.0
    cody: float = 0.0
    metric_radius: float = 1.7
    model: LensModel = 'brown_conrady'
    rotation: int = 0
    published: CameraInfoValues | None = field(default=None, repr=False, compare=False)

    @property
    def camera_info(self) -> CameraInfoValues:
        """
        Return the lens as sensor_msgs/CameraInfo describes it.

        For that of the factory, D is k1 k2 p1 p2 k3 k4 k5 k6 (rational_polynomial, REP 104), R the
        identity and P = [K | 0], as for any monocular camera.
        """
        if self.published is not None:
            return self.published
        k = self.camera_matrix
        return CameraInfoValues(
            self.width, self.height, 'rational_polynomial', tuple(self.distortion.tolist()),
            tuple(k.ravel().tolist()), tuple(np.eye(3).ravel().tolist()),
            tuple(np.hstack([k, np.zeros((3, 1))]).ravel().tolist()))

    def rotated(self, rotation: int) -> Intrinsics:
        """
        Return the lens of the images that result if those of this lens are turned clockwise.

        It is exact: a direction in the turned axes projects to the turned pixel.

        :param rotation: 0, 90, 180 or 270 degrees; see `k4a_ros.calibration.rotation`.
        """
        if not rotation:
            return self
        width, height = upright_size((self.width, self.height), rotation)
        fx, fy = upright_size((self.fx, self.fy), rotation)
        # the center of the image stays where it is
        across, down = upright_vector(
            self.cx - (self.width - 1) / 2, self.cy - (self.height - 1) / 2, rotation)
        # p2 and p1 are the x and y of a vector: the tangential distortion of a point (x, y) is
        # r² (p2, p1) + 2 (x p2 + y p1) (x, y)
        p2, p1 = upright_vector(self.p2, self.p1, rotation)
        codx, cody = upright_vector(self.codx, self.cody, rotation)
        return replace(
            self, width=width, height=height, fx=fx, fy=fy, cx=across + (width - 1) / 2,
            cy=down + (height - 1) / 2, p1=p1, p2=p2, codx=codx, cody=cody,
            rotation=(self.rotation + rotation) % 360,
            published=self.published and self.published.rotated(rotation))

    @property
    def camera_matrix(self) -> npt.NDArray[np.float64]:
        """Return the camera matrix K, (3, 3) float64, pixels."""
        return np.array([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]])

    @property
    def distortion(self) -> npt.NDArray[np.float64]:
        """Return the distortion D, (8,) float64, in OpenCV's order k1 k2 p1 p2 k3 k4 k5 k6."""
        return np.array(
            [self.k1, self.k2, self.p1, self.p2, self.k3, self.k4, self.k5, self.k6])

    @property
    def parameters(self) -> tuple[float, ...]:
        """
        Return the lens as compiled kernels take it, 16 numbers.

        These are fx, fy, cx, cy, k1 to k6, p1, p2, codx, cody, metric_radius², and the factor of
        the mixed tangential terms: 2, or 1 with 'rational_6kt'.
        """
        return (self.fx, self.fy, self.cx, self.cy, self.k1, self.k2, self.k3, self.k4, self.k5,
                self.k6, self.p1, self.p2, self.codx, self.cody, self.metric_radius ** 2,
                self._mixed_factor)

    @property
    def _mixed_factor(self) -> float:
        return 2.0 if self.model == 'brown_conrady' else 1.0

    def project(self, points: npt.ArrayLike) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """
        Project points to pixels.

        Computed in the precision of ``points``; with float32 as libk4a, to rounding.

        :param points: (..., 3) in the camera's frame, any unit of length.
        :return: pixels (..., 2), which may lie outside the image, and a mask of the valid ones
            (...,). Invalid ones are NaN: points with z <= 0 or beyond ``metric_radius``.
        """
        points = _as_floats(points, 3)
        z = points[..., 2]
        with np.errstate(all='ignore'):
            u, v, inside, _ = self._distort(points[..., 0] / z, points[..., 1] / z)
        valid = inside & (z > 0)
        pixels = np.stack((u, v), axis=-1)
        pixels[~valid] = np.nan
        return pixels, valid

    def unproject(self, pixels: npt.ArrayLike) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """
        Return the directions of pixels: the inverse of `project`, by Gauss-Newton iteration.

        Computed in the precision of ``pixels``; with float32 as libk4a, to rounding.

        :param pixels: (..., 2).
        :return: x/z and y/z (..., 2), and a mask of the valid ones (...,). Invalid ones are NaN:
            the iteration leaves ``metric_radius`` or does not come within 0.001 px.
        """
        pixels = _as_floats(pixels, 2)
        flat = pixels.reshape(-1, 2)
        rays: npt.NDArray[Any] = np.empty_like(flat)
        for start in range(0, len(flat), _BLOCK_PIXELS):
            block = slice(start, start + _BLOCK_PIXELS)
            rays[block] = self._unproject_block(flat[block, 0].copy(), flat[block, 1].copy())
        rays = rays.reshape(pixels.shape)
        return rays, ~np.isnan(rays[..., 0])

    def rays(self) -> npt.NDArray[np.float32]:
        """
        Return x/z and y/z of every pixel, (height, width, 2) float32, NaN where invalid.

        The array is read-only. It is cached on disk, because it takes longer to compute than the
        driver to start, and in memory for the two lenses that were used last.
        """
        return _rays(self)

    def _distort(
        self, x: Floats, y: Floats, jacobian: bool = False,
    ) -> tuple[Floats, Floats, npt.NDArray[np.bool_], tuple[Floats, ...]]:
        """
        Return u and v in pixels, whether within ``metric_radius``, and the Jacobian.

        The Jacobian is (du/dx, du/dy, dv/dx, dv/dy), empty without ``jacobian``. Operations are
        in libk4a's order, so that float32 rounds identically.
        """
        mixed = self._mixed_factor
        xp = x - self.codx
        yp = y - self.cody
        xx = xp * xp
        yy = yp * yp
        xy = xp * yp
        r2 = xx + yy
        inside = r2 <= self.metric_radius * self.metric_radius
        r4 = r2 * r2
        r6 = r4 * r2
        a = 1.0 + self.k1 * r2 + self.k2 * r4 + self.k3 * r6
        b = 1.0 + self.k4 * r2 + self.k5 * r4 + self.k6 * r6
        inverse_b = 1.0 / np.where(b == 0, b.dtype.type(1), b)
        d = a * inverse_b
        u = (xp * d + ((r2 + 2.0 * xx) * self.p2 + mixed * xy * self.p1) + self.codx) * self.fx
        v = (yp * d + ((r2 + 2.0 * yy) * self.p1 + mixed * xy * self.p2) + self.cody) * self.fy
        u += self.cx
        v += self.cy
        if not jacobian:
            return u, v, inside, ()
        da = self.k1 + 2.0 * self.k2 * r2 + 3.0 * self.k3 * r4
        db = self.k4 + 2.0 * self.k5 * r2 + 3.0 * self.k6 * r4
        dd = (da * b - a * db) * (inverse_b * inverse_b) * 2.0
        cross = yp * (xp * dd)
        return u, v, inside, (
            self.fx * (d + xp * (xp * dd) + 6.0 * xp * self.p2 + mixed * yp * self.p1),
            self.fx * (cross + 2.0 * yp * self.p2 + mixed * xp * self.p1),
            self.fy * (cross + 2.0 * xp * self.p1 + mixed * yp * self.p2),
            self.fy * (d + yy * dd + 6.0 * yp * self.p1 + mixed * xp * self.p2))

    def _unproject_block(self, u: Floats, v: Floats) -> Floats:
        """Return the directions of the pixels (u, v), (N, 2), NaN where invalid."""
        best = np.full((len(u), 2), np.nan, u.dtype)
        best_error = np.full(len(u), np.inf, u.dtype)
        index = np.arange(len(u))
        with np.errstate(all='ignore'):
            x, y = self._first_guess(u, v)
            for _ in range(_MAX_ITERATIONS):
                pu, pv, inside, (j00, j01, j10, j11) = self._distort(x, y, jacobian=True)
                eu = u - pu
                ev = v - pv
                error = eu * eu + ev * ev
                best_error[index[~inside]] = np.inf
                better = inside & (error < best_error[index])
                best[index[better], 0] = x[better]
                best[index[better], 1] = y[better]
                best_error[index[better]] = error[better]
                active = better & (error >= _STOP_ERROR_PX2)
                scale = 1.0 / (j00 * j11 - j01 * j10)
                x = (x + (scale * j11 * eu - scale * j01 * ev))[active]
                y = (y + (scale * j00 * ev - scale * j10 * eu))[active]
                u, v, index = u[active], v[active], index[active]
                if not index.size:
                    break
        best[~(best_error <= _ACCEPTED_ERROR_PX2)] = np.nan
        return best

    def _first_guess(self, u: Floats, v: Floats) -> tuple[Floats, Floats]:
        """Return approximate directions of the pixels (u, v), the start of the iteration."""
        xd = (u - self.cx) / self.fx - self.codx
        yd = (v - self.cy) / self.fy - self.cody
        r2 = xd * xd + yd * yd
        r4 = r2 * r2
        r6 = r4 * r2
        a = 1.0 + self.k1 * r2 + self.k2 * r4 + self.k3 * r6
        b = 1.0 + self.k4 * r2 + self.k5 * r4 + self.k6 * r6
        undistort = 1.0 / np.where(a == 0, a.dtype.type(1), a) * b
        x = xd * undistort
        y = yd * undistort
        xx = x * x
        yy = y * y
        xy2 = 2.0 * x * y
        return (x - ((yy + 3.0 * xx) * self.p2 + xy2 * self.p1) + self.codx,
                y - ((xx + 3.0 * yy) * self.p1 + xy2 * self.p2) + self.cody)


@functools.lru_cache(maxsize=2)
def _rays(lens: Intrinsics) -> npt.NDArray[np.float32]:
    # those of the lens as it is in the camera, turned: bit for bit the same, whatever the rotation
    measured = lens.rotated(-lens.rotation % 360)
    rays = cached_array(
        repr(measured), __file__, (measured.height, measured.width, 2),
        lambda: _unprojected(measured))
    if not lens.rotation:
        return rays
    turned = upright_image(rays, lens.rotation)
    x, y = upright_vector(turned[..., 0], turned[..., 1], lens.rotation)
    turned = np.stack((x, y), axis=-1)
    turned.flags.writeable = False
    return turned


def _unprojected(lens: Intrinsics) -> npt.NDArray[np.float32]:
    pixels = np.empty((lens.height, lens.width, 2), np.float32)
    pixels[..., 0] = np.arange(lens.width, dtype=np.float32)
    pixels[..., 1] = np.arange(lens.height, dtype=np.float32)[:, np.newaxis]
    return lens.unproject(pixels)[0]


def _as_floats(values: npt.ArrayLike, columns: int) -> Floats:
    """Return an array (..., columns), float32 unchanged and everything else as float64."""
    array = np.asarray(values)
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float64)
    if array.ndim == 0 or array.shape[-1] != columns:
        raise ValueError(f'expected an array of shape (..., {columns}), got {array.shape}')
    return array
