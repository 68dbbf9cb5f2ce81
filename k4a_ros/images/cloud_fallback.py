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

"""The kernels of ``cloud_kernels`` in numpy, slower, for installations without numba."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_MM_PER_M = np.float32(1000)
_BGR_BYTES = np.uint32(0x00ffffff)


def points(
    depth: Array, x: Array, y: Array, stride: int, min_mm: int, max_mm: int, organized: bool,
    out: Array,
) -> int:
    """Do the same as ``cloud_kernels.points``."""
    selected = (slice(None, None, stride),) * 2
    z = _meters(depth[selected], x[selected], min_mm, max_mm)
    pixels = _write_xyz(x[selected], y[selected], z, organized, out)
    out[:len(pixels), 3] = 0
    return len(pixels)


def intensity_points(
    depth: Array, x: Array, y: Array, infrared: Array, stride: int, min_mm: int, max_mm: int,
    organized: bool, out: Array,
) -> int:
    """Do the same as ``cloud_kernels.intensity_points``."""
    selected = (slice(None, None, stride),) * 2
    z = _meters(depth[selected], x[selected], min_mm, max_mm)
    pixels = _write_xyz(x[selected], y[selected], z, organized, out)
    out[:len(pixels), 3] = infrared[selected].reshape(-1)[pixels]
    return len(pixels)


def colored_points(
    depth: Array, x: Array, y: Array, color: Array, stride: int, min_mm: int, max_mm: int,
    organized: bool, out: Array,
) -> int:
    """Do the same as ``cloud_kernels.colored_points``."""
    selected = (slice(None, None, stride),) * 2
    z = _meters(depth[selected], x[selected], min_mm, max_mm)
    z[color[selected] == 0] = np.nan
    rows = out.reshape(-1, 8)
    pixels = _write_xyz(x[selected], y[selected], z, organized, rows.view(np.float32))
    rows[:len(pixels), 3:] = 0
    colors = color[selected] & _BGR_BYTES
    colors[np.isnan(z)] = 0
    rows[:len(pixels), 4] = colors.reshape(-1)[pixels]
    return len(pixels)


def _meters(depth: Array, rays: Array, min_mm: int, max_mm: int) -> Array:
    """Return depths in meters, NaN where they are invalid, out of range or without a ray."""
    valid = (depth != 0) & (depth >= min_mm) & (depth <= max_mm) & ~np.isnan(rays)
    meters: Array = np.where(valid, depth.astype(np.float32) / _MM_PER_M, np.float32(np.nan))
    return meters


def _write_xyz(x: Array, y: Array, z: Array, organized: bool, out: Array) -> Array:
    """Write x, y, z of the points, and return the flat indices of their pixels."""
    flat = z.reshape(-1)
    pixels = np.arange(flat.size) if organized else np.flatnonzero(~np.isnan(flat))
    out[:len(pixels), 0] = (x * z).reshape(-1)[pixels]
    out[:len(pixels), 1] = (y * z).reshape(-1)[pixels]
    out[:len(pixels), 2] = flat[pixels]
    return pixels
