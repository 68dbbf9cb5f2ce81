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

"""Where in the depth image somebody is, and where one can see that he is not."""

from __future__ import annotations

import cv2
from k4a_ros.lens import Intrinsics
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: metres behind a place from which on what is seen there is behind it
_BEHIND = 0.06


class Silhouette:
    """
    One person's outline in a depth image, and what is seen beside it.

    :param depth: (height, width) uint16 millimetres.
    :param mine: (height, width), which pixels show the person, at least one.
    :param step: every so many pixels are looked at.
    """

    def __init__(
        self, depth: npt.NDArray[np.uint16], mine: Mask, lens: Intrinsics, step: int,
    ) -> None:
        self._lens, self._step = lens, step
        self._depth = depth[::step, ::step]
        self._mine = mine[::step, ::step]
        _, self._nearest = cv2.distanceTransformWithLabels(
            (~self._mine).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
        rows, columns = np.nonzero(self._mine)
        #: of each label in ``_nearest``, the person's pixel (column, row)
        self._pixels = np.zeros((int(self._nearest.max()) + 1, 2))
        self._pixels[self._nearest[rows, columns]] = np.stack((columns, rows), axis=1)

    def pull(self, points: Vectors) -> Vectors:
        """
        Return how far points inside of limbs are from where they can be, (N, 3) metres.

        Before his surface there is nothing of him, so that it is back to it; and where one sees
        something behind them they are not, so that it is across to his outline. 0 for the rest,
        and for what others hide.

        :param points: (N, 3) metres in the depth camera's frame.
        """
        z = np.maximum(points[:, 2], 0.1)
        pixels, valid = self._lens.project(points / z[:, np.newaxis])
        pixels = np.where(valid[:, np.newaxis], pixels, -1e6) / self._step
        columns, rows = np.rint(pixels).astype(np.int64).T
        height, width = self._depth.shape
        inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
        columns, rows = np.clip(columns, 0, width - 1), np.clip(rows, 0, height - 1)
        surface, mine = self._depth[rows, columns] * 1e-3, self._mine[rows, columns] & inside
        pull: Vectors = np.zeros_like(points)
        pull[:, 2] = np.where(mine & (surface > z), surface - z, 0)
        through = inside & ~mine & (surface > z + _BEHIND)
        outline = self._pixels[self._nearest[rows, columns]]
        unit = z[:, np.newaxis] * self._step / (self._lens.fx, self._lens.fy)
        pull[:, :2] = np.where(through[:, np.newaxis], (outline - pixels) * unit, 0)
        return pull
