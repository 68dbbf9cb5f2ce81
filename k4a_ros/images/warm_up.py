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
Warm up the kernels of this package: compile them, or load them from numba's cache.

The topics that need kernels call these functions before their first image. They are thread-safe,
also while a camera is being opened: numba compiles in one thread at a time, and other threads wait
for what they need.
"""

from __future__ import annotations

import itertools

from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.images.arrays import read_only_view
from k4a_ros.jit.announce import warms_up
import numpy as np

#: shape of the images that kernels are called with
_SHAPE = (2, 2)


@warms_up('point clouds')
def warm_up_clouds() -> None:
    """Call all kernels of ``cloud_kernels`` with the argument types that the driver uses."""
    from k4a_ros.images import cloud_kernels
    depth = read_only_view(np.zeros(_SHAPE, np.uint16))
    rays = read_only_view(np.zeros(_SHAPE, np.float32))
    color = read_only_view(np.zeros(_SHAPE, np.uint32))
    selection = (1, 0, 1, True)
    out = np.zeros((4, 4), np.float32)
    cloud_kernels.xyz(
        depth.reshape(-1), rays.reshape(-1), rays.reshape(-1), 4, out.reshape(-1))
    cloud_kernels.points(depth, rays, rays, *selection, out)
    cloud_kernels.intensity_points(depth, rays, rays, depth, *selection, out)
    out = np.zeros((4, 8), np.float32)
    cloud_kernels.colored_points(
        depth, rays, rays, color, *selection, out.reshape(-1).view(np.uint32))


@warms_up('the crop box and voxel grid of clouds')
def warm_up_selection() -> None:
    """Call all kernels of ``cloud_selection_kernels`` with the argument types of the driver."""
    from k4a_ros.images.cloud_selection import CloudSelection
    from k4a_ros.images.cloud_selection import PointSelector
    points = np.zeros((1, 4), np.float32)
    selector = PointSelector()
    selector.crop(points, 1, CloudSelection(), RigidTransform.identity(), organized=True)
    selector.to_voxels(points, 1, 1.0)


@warms_up('depth and color registration')
def warm_up_registration() -> None:
    """Call all kernels of ``registration_kernels`` with the argument types of the driver."""
    from k4a_ros.images import registration_kernels
    depth = read_only_view(np.zeros(4, np.uint16))
    rays = read_only_view(np.zeros(4, np.float32))
    projection = (np.float32(1),) * 19
    u, v, z = np.zeros((3, *_SHAPE), np.float32)
    registration_kernels.project(
        depth, rays, rays, rays, projection, u.reshape(-1), v.reshape(-1), z.reshape(-1))
    u, v, z = read_only_view(u), read_only_view(v), read_only_view(z)
    out = np.zeros(_SHAPE, np.uint16)
    channels = [(np.zeros(4, kind), np.zeros(_SHAPE, kind)) for kind in (np.uint16, np.uint8)]
    for has_extra16, has_extra8 in itertools.product((False, True), repeat=2):
        (extra16, extra16_out), (extra8, extra8_out) = (
            (read_only_view(image), target) if present else (None, None)
            for present, (image, target) in zip((has_extra16, has_extra8), channels, strict=True))
        registration_kernels.rasterize(
            u, v, z, out, extra16, extra16_out, False, extra8, extra8_out, False)
    positions = (
        u.reshape(-1), v.reshape(-1), z.reshape(-1), read_only_view(out), np.float32(1))
    registration_kernels.sample_bgra(
        *positions, read_only_view(np.zeros(_SHAPE, np.uint32)), np.zeros(4, np.uint32))
    registration_kernels.sample_bgr(
        *positions, read_only_view(np.zeros((*_SHAPE, 3), np.uint8)), np.zeros((4, 3), np.uint8))


@warms_up('rectified depth images')
def warm_up_rectification() -> None:
    """Call the kernels of ``rectification_kernels`` with the argument types of the driver."""
    from k4a_ros.images import rectification_kernels
    depth = read_only_view(np.zeros(25, np.uint16))
    index = read_only_view(np.zeros(4, np.int32))
    offset = read_only_view(np.zeros(4, np.int8))
    slopes = np.zeros((2, 50), np.int16)
    rectification_kernels.find_slopes(depth, 5, slopes)
    slopes = read_only_view(slopes)
    rectification_kernels.rectify_depth(
        depth, 5, slopes, index, offset, offset, np.zeros(4, np.uint16))
    rectification_kernels.rectify_depth_to_meters(
        depth, 5, slopes, index, offset, offset, np.zeros(4, np.float32))


@warms_up('RVL compression')
def warm_up_rvl() -> None:
    """Call both kernels of ``rvl_kernels`` with the argument types that the driver uses."""
    from k4a_ros.images import rvl_kernels
    words = np.zeros(16, np.uint32)
    count = rvl_kernels.encode(read_only_view(np.zeros(4, np.uint16)), words)
    rvl_kernels.decode(read_only_view(words[:count]), np.zeros(4, np.uint16))


@warms_up('NV12 and YUY2')
def warm_up_yuv() -> None:
    """Call both kernels of ``yuv_kernels`` with the argument types that the driver uses."""
    from k4a_ros.images import yuv_kernels
    planes = np.zeros((3, 2, 4), np.uint8)
    for view in (lambda array: array, read_only_view):
        yuv_kernels.nv12_to_planes(
            view(np.zeros((2, 4), np.uint8)), view(np.zeros((1, 4), np.uint8)), *planes)
        yuv_kernels.yuy2_to_planes(view(np.zeros((2, 8), np.uint8)), *planes)
