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

"""Where the depth image allows a limb to be, compiled with numba."""

from __future__ import annotations

from typing import Any

from k4a_ros.jit.numba_jit import compiled
import numpy as np

#: distance behind a node from which on a surface there shows that the node is not occluded
_BACKGROUND_GAP_M = 0.06


@compiled
def pull(x: float, y: float, z: float, silhouette: Any) -> Any:
    """
    Return the vector (3,) from a point inside of a limb to where the limb can be, meters.

    A point in front of the person's surface is pulled back to it; one at a pixel that shows
    something behind it is pulled sideways to the person's outline. 0 for all others, and for those
    that may be occluded.

    :param x: with ``y`` and ``z``: meters in the depth camera's frame.
    :param silhouette: ``kernel_arguments`` of `Silhouette`.
    """
    depth, own, nearest, label_pixels, step, lens = silhouette
    z = max(z, 0.1)
    u, v = project(x / z, y / z, lens)
    height, width = depth.shape
    if not ((u / step >= -0.5) & (u / step < width - 0.5)
            & (v / step >= -0.5) & (v / step < height - 0.5)):
        return 0.0, 0.0, 0.0
    column, row = int(np.rint(u / step)), int(np.rint(v / step))
    surface = depth[row, column] * 1e-3
    if own[row, column]:
        return 0.0, 0.0, max(surface - z, 0.0)
    if surface > z + _BACKGROUND_GAP_M:
        label = nearest[row, column]
        return ((label_pixels[label, 0] - u / step) * z * step / lens[0],
                (label_pixels[label, 1] - v / step) * z * step / lens[1], 0.0)
    return 0.0, 0.0, 0.0


@compiled
def project(x: float, y: float, lens: Any) -> Any:
    """Return the pixel of the ray (x, y, 1), NaN if it has none; as `Intrinsics.project`."""
    fx, fy, cx, cy, k1, k2, k3, k4, k5, k6, p1, p2, codx, cody, limit, mixed = lens
    x, y = x - codx, y - cody
    xx, yy, xy = x * x, y * y, x * y
    r2 = xx + yy
    if not r2 <= limit:
        return np.nan, np.nan
    r4 = r2 * r2
    r6 = r4 * r2
    d = (1 + k1 * r2 + k2 * r4 + k3 * r6) / (1 + k4 * r2 + k5 * r4 + k6 * r6)
    return ((x * d + ((r2 + 2 * xx) * p2 + mixed * xy * p1) + codx) * fx + cx,
            (y * d + ((r2 + 2 * yy) * p1 + mixed * xy * p2) + cody) * fy + cy)
