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

"""Sample the depth image around the landmarks of one person."""

from __future__ import annotations

from typing import NamedTuple

from k4a_ros.body.landmarks.pose_2d.blazepose import LANDMARK_COUNT
from k4a_ros.body.landmarks.segmentation.person_depth import PersonDepth
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: of each landmark: meters along the line of sight from the surface to the joint behind it
SURFACE_INSETS_M = np.full(LANDMARK_COUNT, 0.02)
#: of each landmark: half the side of the square around it in which depth is sampled, meters
WINDOWS_M = np.full(LANDMARK_COUNT, 0.035)
for _pair, _inset_m, _window_m in (
        ((11, 12), 0.055, 0.05), ((13, 14), 0.045, 0.04), ((15, 16), 0.025, 0.035),
        ((23, 24), 0.105, 0.05), ((25, 26), 0.068, 0.05), ((27, 28), 0.058, 0.04),
        ((29, 30), 0.03, 0.04), ((31, 32), 0.03, 0.04)):
    SURFACE_INSETS_M[list(_pair)] = _inset_m
    WINDOWS_M[list(_pair)] = _window_m
#: samples along each side of the square
_GRID_SIDE = 7
_STEPS = np.linspace(-1.0, 1.0, _GRID_SIDE)
_GRID = np.stack(np.meshgrid(_STEPS, _STEPS), axis=-1).reshape(1, -1, 2)
#: weights of the samples, a Gaussian around the center of the square; their sum is 1
WEIGHTS = np.exp(-np.square(_GRID[0]).sum(axis=1))
WEIGHTS /= WEIGHTS.sum()
#: the person's samples that a median needs
MIN_SAMPLES = 3
#: half the side of the square is at least this many pixels
_MIN_WINDOW_PX = 1.5
#: z up to which a ray of a crop does not count as pointing ahead of the depth camera
_MIN_RAY_Z = 0.05
#: every Nth row and column of the depth image is used for the person's distance
_DISTANCE_STEP = 4
#: the person's distance if no pixel of the person has depth, and the least that is used
_DEFAULT_DISTANCE_M, _MIN_DISTANCE_M = 2.0, 0.2


class DepthSamples(NamedTuple):
    """
    Depths in a square around each of N landmarks.

    ``own`` (N, 49): meters where the pixel shows the person, 0 elsewhere; ``unassigned`` (N, 49):
    meters where it shows no known person, 0 elsewhere; ``any_depth`` (N,): whether any pixel has
    depth.
    """

    own: Vectors
    unassigned: Vectors
    any_depth: Mask


class DepthSampler:
    """
    Samples the depth image along lines of sight.

    ``rays`` (N, 3) have z = 1; ``pixels`` (N, 2) are where they meet the depth image, and
    ``inside`` (N,) whether they do.

    :param rays: (N, 3) in the depth camera's frame, from `CropView.rays`.
    """

    def __init__(self, rays: Vectors, person: PersonDepth) -> None:
        self._person = person
        depths = person.depth[::_DISTANCE_STEP, ::_DISTANCE_STEP][
            person.own[::_DISTANCE_STEP, ::_DISTANCE_STEP]]
        distance = (float(np.median(depths[depths > 0])) * 1e-3 if (depths > 0).any()
                    else _DEFAULT_DISTANCE_M)
        #: scale at the person
        self._pixels_per_meter = person.lens.fx / max(distance, _MIN_DISTANCE_M)
        self.rays: Vectors = rays / np.maximum(rays[:, 2:], _MIN_RAY_Z)
        self.pixels, self.inside = self.project(self.rays)
        self.inside &= rays[:, 2] > _MIN_RAY_Z

    def project(self, rays: Vectors) -> tuple[Vectors, Mask]:
        """Return the pixels of rays (N, 2), and whether they are inside of the image (N,)."""
        lens = self._person.lens
        pixels, valid = lens.project(rays)
        pixels[~valid] = -1e6
        limit = lens.width - 0.5, lens.height - 0.5
        return pixels, np.all((pixels > -0.5) & (pixels < limit), axis=1)

    def sample(self, pixels: Vectors, inside: Mask, windows_m: Vectors) -> DepthSamples:
        """
        Return the depths in a square around each pixel.

        :param pixels: (N, 2), and ``inside`` (N,), from `project`.
        :param windows_m: (N,) half the side of each square, meters at the person's distance.
        """
        depth = self._person.depth
        windows = np.maximum(windows_m * self._pixels_per_meter, _MIN_WINDOW_PX)
        positions = pixels[:, np.newaxis] + _GRID * windows[:, np.newaxis, np.newaxis]
        nearest = np.rint(positions).astype(np.int64)
        height, width = depth.shape
        in_image = (nearest >= 0).all(axis=2)
        in_image &= (nearest[..., 0] < width) & (nearest[..., 1] < height)
        in_image &= inside[:, np.newaxis]
        columns = np.clip(nearest[..., 0], 0, width - 1)
        rows = np.clip(nearest[..., 1], 0, height - 1)
        values = depth[rows, columns] * in_image * 1e-3
        return DepthSamples(
            own=values * self._person.own[rows, columns],
            unassigned=values * self._person.unassigned[rows, columns],
            any_depth=(values > 0).any(axis=1))


def row_medians(values: Vectors) -> Vectors:
    """Return the upper median of the positive values of each row, NaN if there are too few."""
    return row_quantiles(values, 0.5, MIN_SAMPLES)


def row_quantiles(values: Vectors, quantile: float, min_samples: int) -> Vectors:
    """
    Return a quantile of the positive values of each row, NaN if there are too few.

    Between two values it is the upper one.
    """
    counts = (values > 0).sum(axis=1)
    # those that are not positive are the first of the sorted values
    above = ((1 - quantile) * np.maximum(counts - 1, 0)).astype(np.int64)
    ranked = np.sort(values, axis=1)
    return np.where(
        counts >= min_samples, ranked[np.arange(len(ranked)), -1 - above], np.nan)
