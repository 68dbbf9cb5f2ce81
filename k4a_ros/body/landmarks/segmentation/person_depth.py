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

"""The pixels of the depth image that show one person."""

from __future__ import annotations

from dataclasses import dataclass
import math

from k4a_ros.calibration.lens import Intrinsics
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class PersonDepth:
    """
    A depth image in which the pixels of one person are known.

    ``depth`` (height, width) uint16 millimeters, 0 for no depth; ``own`` (height, width): the
    pixels that show the person; ``unassigned`` (height, width): those that show no known person,
    which may be a detached limb; ``lens``: of the depth camera.
    """

    depth: npt.NDArray[np.uint16]
    own: Mask
    unassigned: Mask
    lens: Intrinsics

    def sample_points(self, rays: npt.NDArray[np.float32], count: int) -> Vectors:
        """
        Return about ``count`` points of the person's surface, evenly spread, (N, 3) meters.

        :param rays: of `Intrinsics.rays`.
        """
        step = max(1, round(math.sqrt(float(self.own.sum()) / count)))
        chosen = self.own[::step, ::step]
        z = self.depth[::step, ::step][chosen].astype(np.float64)[:, np.newaxis] * 1e-3
        points = np.concatenate((rays[::step, ::step][chosen] * z, z), axis=1)
        measured: Vectors = points[z[:, 0] > 0]
        return measured
