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


"""What ``cloud_kernels`` does, for where numba is not installed: with numpy, slower."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_MM_PER_M = np.float32(1000)


def points(
    depth: Array, x: Array, y: Array, stride: int, near: int, far: int, organized: bool,
    out: Array,
) -> int:
    """Do as ``cloud_kernels.points``."""
    taken = (slice(None, None, stride),) * 2
    z = _meters(depth[taken], x[taken], near, far)
    kept = _write(x[taken], y[taken], z, organized, out)
    out[:len(kept), 3] = 0
    return len(kept)


def intensity_points(
    depth: Array, x: Array, y: Array, infrared: Array, stride: int, near: int, far: int,
    organized: bool, out: Array,
) -> int:
    """Do as ``cloud_kernels.intensity_points``."""
    taken = (slice(None, None, stride),) * 2
    z = _meters(depth[taken], x[taken], near, far)
    kept = _write(x[taken], y[taken], z, organized, out)
    out[:len(kept), 3] = infrared[taken].reshape(-1)[kept]
    return len(kept)


def colored_points(
    depth: Array, x: Array, y: Array, color: Array, stride: int, near: int, far: int,
    organized: bool, out: Array,
) -> int:
    """Do as ``cloud_kernels.colored_points``."""
    taken = (slice(None, None, stride),) * 2
    z = _meters(depth[taken], x[taken], near, far)
    z[color[taken] == 0] = np.nan
    points = out.reshape(-1, 8)
    kept = _write(x[taken], y[taken], z, organized, points.view(np.float32))
    points[:len(kept), 3:] = 0
    colors = color[taken] & np.uint32(0x00ffffff)
    colors[np.isnan(z)] = 0
    points[:len(kept), 4] = colors.reshape(-1)[kept]
    return len(kept)


def _meters(depth: Array, rays: Array, near: int, far: int) -> Array:
    """Return depths in meters, NaN where there is none or it is outside of the limits."""
    valid = (depth != 0) & (depth >= near) & (depth <= far) & ~np.isnan(rays)
    return np.where(valid, depth.astype(np.float32) / _MM_PER_M, np.float32(np.nan))


def _write(x: Array, y: Array, z: Array, organized: bool, out: Array) -> Array:
    """Write x, y, z of the points and return which of the pixels they are."""
    flat = z.reshape(-1)
    kept = np.arange(flat.size) if organized else np.flatnonzero(~np.isnan(flat))
    out[:len(kept), 0] = (x * z).reshape(-1)[kept]
    out[:len(kept), 1] = (y * z).reshape(-1)[kept]
    out[:len(kept), 2] = flat[kept]
    return kept
