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

"""
What consumers of images compute from them, by the formulas of their published sources.

- depth_image_proc, include/depth_image_proc/conversions.hpp, convertDepth: point_cloud_xyz and
  point_cloud_xyzrgb, with fx, fy, cx and cy of P;
- depthimage_to_laserscan, include/depthimage_to_laserscan/DepthImageToLaserScan.hpp, convert;
- rtabmap, corelib/src/util3d.cpp, projectDepthTo3D, with fx, fy, cx and cy of P.

None of them looks at D. Depths are uint16 millimeters, 0 for invalid; results are meters.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def depth_image_proc_points(depth: np.ndarray, info: Any) -> np.ndarray:
    """Return the cloud of point_cloud_xyz, (height, width, 3) float32, NaN for invalid."""
    fx, cx, fy, cy = info.p[0], np.float32(info.p[2]), info.p[5], np.float32(info.p[6])
    constant_x, constant_y = np.float32(0.001 / fx), np.float32(0.001 / fy)
    v, u = np.indices(depth.shape, np.float32)
    raw = depth.astype(np.float32)
    points = np.stack((
        (u - cx) * raw * constant_x, (v - cy) * raw * constant_y, raw * np.float32(0.001)), -1)
    points[depth == 0] = np.nan
    return points


def laser_ranges(
    depth: np.ndarray, info: Any, scan_height: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """
    Return the scan of depthimage_to_laserscan: angle_min and angle_increment, and the ranges.

    :return: ((2,) radians, (width,) meters, NaN for none).
    """
    fx, cx, cy = info.p[0], info.p[2], info.p[6]
    width = depth.shape[1]
    angle_max = math.atan2(cx, fx)
    angle_min = -math.atan2(width - 1 - cx, fx)
    increment = (angle_max - angle_min) / (width - 1)
    ranges = np.full(width, np.nan)
    offset = int(cy - scan_height // 2)
    for row in depth[offset:offset + scan_height]:
        for u in np.flatnonzero(row):
            index = int((-math.atan2(u - cx, fx) - angle_min) / increment)
            z = row[u] * 0.001
            distance = math.hypot((u - cx) * z / fx, z)
            if not distance >= ranges[index]:
                ranges[index] = distance
    return np.array((angle_min, increment)), ranges


def rtabmap_points(depth: np.ndarray, info: Any) -> np.ndarray:
    """Return the points of rtabmap's projectDepthTo3D, (height, width, 3), NaN for invalid."""
    fx, cx, fy, cy = info.p[0], info.p[2], info.p[5], info.p[6]
    v, u = np.indices(depth.shape)
    z = np.where(depth > 0, depth * 0.001, np.nan)
    return np.stack(((u - cx) * z / fx, (v - cy) * z / fy, z), axis=-1)
