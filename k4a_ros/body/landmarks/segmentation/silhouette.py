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

"""The outline of one person in the depth image."""

from __future__ import annotations

from typing import Any

import cv2
from k4a_ros.body.landmarks.segmentation.person_depth import PersonDepth
import numpy as np


class Silhouette:
    """
    The person's mask with the nearest pixel of it for every other pixel.

    ``kernel_arguments`` is what ``fitting_kernels.pull`` takes: the depth image, the mask, the
    label of the nearest pixel of the person (all every ``step``-th pixel), the column and row of
    each label, ``step``, and the parameters of the lens.

    :param person: with at least one pixel of the person.
    :param step: use every ``step``-th row and column.
    """

    def __init__(self, person: PersonDepth, step: int) -> None:
        depth, own = person.depth[::step, ::step].copy(), person.own[::step, ::step].copy()
        _, nearest = cv2.distanceTransformWithLabels(
            (~own).view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
        rows, columns = np.nonzero(own)
        label_pixels = np.zeros((int(nearest.max()) + 1, 2))
        label_pixels[nearest[rows, columns]] = np.stack((columns, rows), axis=1)
        self.kernel_arguments: tuple[Any, ...] = (
            depth, own, nearest, label_pixels, float(step), person.lens.parameters)
