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
Compile, or load from the cache, the kernels of this package before the first image needs them.

Safe to call from any thread, also while a camera is being opened: numba lets one thread compile at
a time, and the others wait for what they need.
"""

from __future__ import annotations

import itertools

from k4a_ros.images.registration import fixed
from k4a_ros.jit.announce import warms_up
import numpy as np

_SIZE = (2, 2)


@warms_up('point clouds')
def warm_up_clouds() -> None:
    """Call all loops of ``cloud_kernels`` on the types that the driver calls them on."""
    from k4a_ros.images import cloud_kernels
    depth, rays = fixed(np.zeros(_SIZE, np.uint16)), fixed(np.zeros(_SIZE, np.float32))
    color = fixed(np.zeros(_SIZE, np.uint32))
    choice = (1, 0, 1, True)
    out = np.zeros((4, 4), np.float32)
    cloud_kernels.xyz(
        depth.reshape(-1), rays.reshape(-1), rays.reshape(-1), 4, out.reshape(-1))
    cloud_kernels.points(depth, rays, rays, *choice, out)
    cloud_kernels.intensity_points(depth, rays, rays, depth, *choice, out)
    out = np.zeros((4, 8), np.float32)
    cloud_kernels.colored_points(
        depth, rays, rays, color, *choice, out.reshape(-1).view(np.uint32))


@warms_up('depth and color registration')
def warm_up_registration() -> None:
    """Call all loops of ``registration_kernels`` on the types that the driver calls them on."""
    from k4a_ros.images import registration_kernels
    depth, rays = fixed(np.zeros(4, np.uint16)), fixed(np.zeros(4, np.float32))
    lens = (np.float32(1),) * 19
    u, v, z = np.zeros((3, *_SIZE), np.float32)
    registration_kernels.project(
        depth, rays, rays, rays, lens, u.reshape(-1), v.reshape(-1), z.reshape(-1))
    u, v, z = fixed(u), fixed(v), fixed(z)
    out = np.zeros(_SIZE, np.uint16)
    kinds = [(np.zeros(4, kind), np.zeros(_SIZE, kind)) for kind in (np.uint16, np.uint8)]
    for has_wide, has_narrow in itertools.product((False, True), repeat=2):
        (wide, wide_out), (narrow, narrow_out) = (
            (fixed(image), target) if wanted else (None, None)
            for wanted, (image, target) in zip((has_wide, has_narrow), kinds, strict=True))
        registration_kernels.rasterize(
            u, v, z, out, wide, wide_out, False, narrow, narrow_out, False)
    where = (u.reshape(-1), v.reshape(-1), z.reshape(-1), fixed(out), np.float32(1))
    registration_kernels.sample_bgra(
        *where, fixed(np.zeros(_SIZE, np.uint32)), np.zeros(4, np.uint32))
    registration_kernels.sample_bgr(
        *where, fixed(np.zeros((*_SIZE, 3), np.uint8)), np.zeros((4, 3), np.uint8))


@warms_up('RVL compression')
def warm_up_rvl() -> None:
    """Call both loops of ``rvl_kernels``."""
    from k4a_ros.images import rvl_kernels
    words = np.zeros(16, np.uint32)
    count = rvl_kernels.encode(fixed(np.zeros(4, np.uint16)), words)
    rvl_kernels.decode(fixed(words[:count]), np.zeros(4, np.uint16))
