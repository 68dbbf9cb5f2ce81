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


"""What the depth image has around the landmarks of one person."""

from __future__ import annotations

from k4a_ros.body.landmarks.pose_2d.blazepose import LANDMARK_COUNT
from k4a_ros.body.landmarks.segmentation.person_depth import PersonDepth
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: meters from the surface to the joint, along the ray, and how far around the landmark the depth
#: is looked at
SURFACE_INSETS_M = np.full(LANDMARK_COUNT, 0.02)
WINDOWS_M = np.full(LANDMARK_COUNT, 0.035)
for _pair, _inset, _window in (
        ((11, 12), 0.055, 0.05), ((13, 14), 0.035, 0.04), ((15, 16), 0.025, 0.035),
        ((23, 24), 0.105, 0.05), ((25, 26), 0.068, 0.05), ((27, 28), 0.058, 0.04),
        ((29, 30), 0.03, 0.04), ((31, 32), 0.03, 0.04)):
    SURFACE_INSETS_M[list(_pair)] = _inset
    WINDOWS_M[list(_pair)] = _window
#: samples on each side of the square in which the depth is looked at
_SAMPLES = 7
_STEPS = np.linspace(-1.0, 1.0, _SAMPLES)
_GRID = np.stack(np.meshgrid(_STEPS, _STEPS), axis=-1).reshape(1, -1, 2)
#: those in the middle tell more
WEIGHTS = np.exp(-np.square(_GRID[0]).sum(axis=1))
WEIGHTS /= WEIGHTS.sum()
#: of the samples, so many have to be the person's
MIN_SAMPLES = 3


class DepthSampler:
    """What the depth image has along rays (N, 3), of which none has its z at 0."""

    def __init__(
        self, rays: Vectors, person: PersonDepth,
    ) -> None:
        self._depth, self._mine, self._free = person.depth, person.own, person.unassigned
        self._lens = person.lens
        own = self._depth[::4, ::4][self._mine[::4, ::4]]
        distance = float(np.median(own[own > 0])) * 1e-3 if (own > 0).any() else 2.0
        #: how many pixels a meter is, at the person
        self._pixels_per_meter = self._lens.fx / max(distance, 0.2)
        self.rays: Vectors = rays / np.maximum(rays[:, 2:], 0.05)
        self.pixels, self.inside = self.seen(self.rays)
        self.inside &= rays[:, 2] > 0.05

    def seen(self, rays: Vectors) -> tuple[Vectors, npt.NDArray[np.bool_]]:
        """Return the pixels of rays, and which of them are in the image."""
        pixels, valid = self._lens.project(rays)
        pixels[~valid] = -1e6
        limit = self._lens.width - 0.5, self._lens.height - 0.5
        return pixels, ((pixels > -0.5) & (pixels < limit)).all(axis=1)

    def sample(
        self, pixels: Vectors, inside: Mask, windows: Vectors,
    ) -> tuple[Vectors, Vectors, Mask]:
        """
        Return depths near pixels.

        :param windows: (N,) meters to each side that are near.
        :return: (N, 49) meters, those of the person, 0 for none; the same of nobody; and where
            there is any depth at all (N,).
        """
        reach = np.maximum(windows * self._pixels_per_meter, 1.5)
        places = pixels[:, np.newaxis] + _GRID * reach[:, np.newaxis, np.newaxis]
        at = np.rint(places).astype(np.int64)
        height, width = self._depth.shape
        within = (at >= 0).all(axis=2) & (at[..., 0] < width) & (at[..., 1] < height)
        within &= inside[:, np.newaxis]
        columns, rows = np.clip(at[..., 0], 0, width - 1), np.clip(at[..., 1], 0, height - 1)
        values = self._depth[rows, columns] * within * 1e-3
        return (values * self._mine[rows, columns], values * self._free[rows, columns],
                (values > 0).any(axis=1))


def row_medians(values: Vectors) -> Vectors:
    """Return of each row the median of those > 0, NaN for too few."""
    counts = (values > 0).sum(axis=1)
    ranked = np.sort(np.where(values > 0, values, np.inf), axis=1)
    return np.where(counts >= MIN_SAMPLES, ranked[np.arange(len(ranked)), counts // 2], np.nan)
