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

"""Lenses that users have calibrated with ROS, in place of those of the factory."""

from __future__ import annotations

from dataclasses import replace
import math
from typing import NoReturn

from k4a_ros.calibration.camera_info import CameraInfoValues
from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.errors import CalibrationError
import numpy as np

#: distortion model -> number of coefficients
_MODELS = {'plumb_bob': 5, 'rational_polynomial': 8}
#: A focal length differs from that of the factory by at most this factor. Measured cameras differ
#: from each other by 2 %.
_MAX_FOCAL_RATIO = 2.0
#: largest element of R Rᵀ - I that is accepted of a rectification R, which files round
_MAX_ORTHOGONALITY_ERROR = 1e-3
#: rows and columns of pixels at which lenses are compared
_GRID = 33
#: radii at which the distortion is examined
_RADII = 4096


def own_lens(values: CameraInfoValues, factory: Intrinsics) -> Intrinsics:
    """
    Return the lens that a calibration describes.

    Both models are special cases of the lens model of the camera, without loss. Directions
    project to pixels as far from the axis as they do with the factory's lens, or as the
    distortion increases; the polynomials of a fit mean nothing beyond.

    :param factory: the lens in the same mode that it replaces.
    :raises CalibrationError: it is for other images, or no calibration of this camera; a phrase
        with the remedy.
    """
    _check_numbers(values)
    if (values.width, values.height) != (factory.width, factory.height):
        _refuse(f'it is for images of {values.width}x{values.height} pixels, but those of the '
                f'camera have {factory.width}x{factory.height}; calibrate the camera in this mode')
    fx, skew, cx, zero, fy, cy, *last = values.k
    if (skew, zero, *last) != (0, 0, 0, 0, 1):
        _refuse('K is not of the form fx 0 cx, 0 fy cy, 0 0 1; calibrate the camera again')
    for name, focal, known in (('fx', fx, factory.fx), ('fy', fy, factory.fy)):
        if not known / _MAX_FOCAL_RATIO <= focal <= known * _MAX_FOCAL_RATIO:
            _refuse(f'{name} is {focal:g}, but that of the factory is {known:.1f} pixels; '
                    'calibrate the camera again')
    for name, center, size in (('cx', cx, values.width), ('cy', cy, values.height)):
        if not 0 <= center <= size - 1:
            _refuse(f'{name} is {center:g}, which is outside of the image; calibrate the camera '
                    'again')
    k1, k2, p1, p2, k3, k4, k5, k6 = (*values.d, 0.0, 0.0, 0.0)[:8]
    lens = Intrinsics(
        values.width, values.height, fx, fy, cx, cy, k1, k2, k3, k4, k5, k6, p1, p2,
        metric_radius=factory.metric_radius + math.hypot(factory.codx, factory.cody),
        published=values)
    return replace(lens, metric_radius=_reach(lens))


def difference_px(own: Intrinsics, factory: Intrinsics) -> float:
    """Return how far apart the pixels of a direction are in both lenses, pixels, median."""
    pixels = np.stack(np.meshgrid(np.linspace(0, own.width - 1, _GRID),
                                  np.linspace(0, own.height - 1, _GRID)), axis=-1)
    rays, _ = own.unproject(pixels)
    others, _ = factory.project(np.dstack((rays, np.ones(rays.shape[:2]))))
    return float(np.nanmedian(np.linalg.norm(others - pixels, axis=-1)))


def _check_numbers(values: CameraInfoValues) -> None:
    """Check everything that does not depend on the camera."""
    count = _MODELS.get(values.model)
    if count is None:
        _refuse(f'its distortion model is {values.model[:50]!r}; calibrate as a pinhole camera, '
                'as plumb_bob (--k-coefficients 3) or rational_polynomial (6)')
    if len(values.d) != count:
        _refuse(f'D has {len(values.d)} elements; {values.model} has {count}, add zeros if it '
                'has fewer')
    for name, matrix, length in (('D', values.d, count), ('K', values.k, 9), ('R', values.r, 9),
                                 ('P', values.p, 12)):
        if len(matrix) != length or not all(map(math.isfinite, matrix)):
            _refuse(f'{name} does not have {length} finite numbers; calibrate the camera again')
    r, p = np.reshape(values.r, (3, 3)), np.reshape(values.p, (3, 4))
    with np.errstate(all='ignore'):
        error = np.abs(r @ r.T - np.eye(3)).max()
        proper = np.linalg.det(r) > 0
    if not (error <= _MAX_ORTHOGONALITY_ERROR and proper):
        _refuse('R is not a rotation; for a single camera it is the identity')
    if not (p[0, 0] > 0 and p[1, 1] > 0 and (p[2] == (0, 0, 1, 0)).all()):
        _refuse('P is not of the form fx 0 cx Tx, 0 fy cy Ty, 0 0 1 0; for a single camera, its '
                'first three columns may be K')


def _reach(lens: Intrinsics) -> float:
    """
    Return the metric radius up to which the distortion of a lens increases.

    :raises CalibrationError: that is less than to the nearest border of the image.
    """
    radius = np.linspace(0.0, lens.metric_radius, _RADII)
    r2 = radius * radius
    with np.errstate(all='ignore'):
        denominator = 1 + r2 * (lens.k4 + r2 * (lens.k5 + r2 * lens.k6))
        distorted = radius * (1 + r2 * (lens.k1 + r2 * (lens.k2 + r2 * lens.k3))) / denominator
        bad = ~((denominator[1:] > 0) & (np.diff(distorted) > 0))
    count = int(bad.argmax()) + 1 if bad.any() else _RADII
    border = min(min(lens.cx, lens.width - 1 - lens.cx) / lens.fx,
                 min(lens.cy, lens.height - 1 - lens.cy) / lens.fy)
    if distorted[count - 1] < border:
        _refuse(f'its distortion folds the image {distorted[count - 1] * lens.fx:.0f} pixels from '
                'the center; calibrate again with views that reach the borders of the image')
    return float(radius[count - 1])


def _refuse(problem: str) -> NoReturn:
    raise CalibrationError(problem)
