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

from typing import Any

import cv2
from k4a_ros.calibration.lens import Intrinsics
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


class Silhouette:
    """
    One person's outline in a depth image, and what is seen beside it.

    ``parts`` is what ``fitting_kernels.pull`` takes.

    :param depth: (height, width) uint16 millimeters.
    :param mine: (height, width), which pixels show the person, at least one.
    :param step: every so many pixels are looked at.
    """

    def __init__(
        self, depth: npt.NDArray[np.uint16], mine: Mask, lens: Intrinsics, step: int,
    ) -> None:
        depth, mine = depth[::step, ::step].copy(), mine[::step, ::step].copy()
        _, nearest = cv2.distanceTransformWithLabels(
            (~mine).view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
        rows, columns = np.nonzero(mine)
        # of each label in nearest, the person's pixel (column, row)
        outline = np.zeros((int(nearest.max()) + 1, 2))
        outline[nearest[rows, columns]] = np.stack((columns, rows), axis=1)
        self.parts: tuple[Any, ...] = (
            depth, mine, nearest, outline, float(step), lens.parameters)
