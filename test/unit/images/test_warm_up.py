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

"""After a warm-up, numba compiles nothing more while images are converted."""

from __future__ import annotations

from k4a_ros.images.cloud_selection import CloudSelection
from k4a_ros.images.cloud_selection import PointSelector
from k4a_ros.images.clouds import CloudConverter
from k4a_ros.images.clouds import FullCloudConverter
from k4a_ros.images.depth_codec import decompress
from k4a_ros.images.depth_codec import DepthCompressor
from k4a_ros.images.filters.options import DepthFilterOptions
from k4a_ros.images.filters.pipeline import DepthFilters
from k4a_ros.images.filters.warm_up import warm_up_filters
from k4a_ros.images.rectification import DepthRectifier
from k4a_ros.images.rectification import rectified_lens
from k4a_ros.images.registration import ExtraChannel
from k4a_ros.images.warm_up import warm_up_clouds
from k4a_ros.images.warm_up import warm_up_rectification
from k4a_ros.images.warm_up import warm_up_registration
from k4a_ros.images.warm_up import warm_up_rvl
from k4a_ros.images.warm_up import warm_up_selection
from k4a_ros.images.warm_up import warm_up_yuv
from k4a_ros.images.yuv import YuvConverter
import numpy as np
from support.synthetic_capture import NEEDS_NUMBA
from support.synthetic_capture import NOMINAL
from support.synthetic_capture import POSE
from support.synthetic_capture import SMALL
from support.synthetic_capture import SyntheticCapture


@NEEDS_NUMBA
def test_every_type_the_driver_uses_is_compiled():
    warm_up_clouds()
    warm_up_registration()
    warm_up_rectification()
    warm_up_rvl()
    warm_up_yuv()
    warm_up_filters()
    warm_up_selection()
    from k4a_ros.images import cloud_kernels
    from k4a_ros.images import rectification_kernels
    from k4a_ros.images import cloud_selection_kernels
    from k4a_ros.images import registration_kernels
    from k4a_ros.images import rvl_kernels
    from k4a_ros.images import yuv_kernels
    from k4a_ros.images.filters.kernels import filter_kernels
    kernels = [getattr(module, name) for module, names in (
        (cloud_kernels, ('xyz', 'points', 'intensity_points', 'colored_points')),
        (registration_kernels, ('project', 'rasterize', 'sample_bgra', 'sample_bgr')),
        (rectification_kernels, ('rectify_depth', 'rectify_depth_to_meters')),
        (rvl_kernels, ('encode', 'decode')),
        (yuv_kernels, ('nv12_to_planes', 'yuy2_to_planes')),
    ) for name in names]
    kernels += filter_kernels()
    kernels += [cloud_selection_kernels.crop, cloud_selection_kernels.to_voxels]
    before = [len(kernel.signatures) for kernel in kernels]
    assert all(before)
    capture = SyntheticCapture(*SMALL)
    capture.depth.flags.writeable = False
    shape = capture.pair.color_shape
    extra16 = ExtraChannel(capture.infrared, np.empty(shape, np.uint16))
    extra8 = ExtraChannel(
        np.zeros(capture.pair.depth_shape, np.uint8), np.empty(shape, np.uint8))
    capture.depth_in_color()
    capture.depth_in_color(extra16=extra16)
    capture.depth_in_color(extra8=extra8)
    capture.depth_in_color(extra16=extra16, extra8=extra8)
    color = capture.color_in_depth()
    capture.color_in_depth(channels=3)
    capture.color_in_depth(occlusion=True)
    cloud = CloudConverter(capture.pair.rays)
    xyz, rgb = (np.empty((*capture.pair.depth_shape, columns), np.float32) for columns in (4, 8))
    FullCloudConverter(capture.pair.rays).convert(capture.depth, xyz)
    cloud.write_xyz(capture.depth, xyz)
    cloud.write_xyz_intensity(capture.depth, capture.infrared, xyz)
    cloud.write_xyz_rgb(capture.depth, color, rgb)
    lens = NOMINAL.depth(SMALL[0])
    rectified = rectified_lens(lens, 'full')
    for dtype in (np.uint16, np.float32):
        DepthRectifier(lens, rectified).rectify(
            capture.depth, np.empty((rectified.height, rectified.width), dtype))
    selector = PointSelector()
    for points in (xyz, rgb):
        flat = points.reshape(-1, points.shape[-1])
        selector.crop(flat, len(flat), CloudSelection(), POSE, organized=True)
        selector.to_voxels(flat, len(flat), 0.1)
    compressor = DepthCompressor(capture.depth.shape[::-1], 'rvl')
    decompress(compressor.compress(capture.depth), compressor.format)
    converter = YuvConverter((4, 2), 'bgr8', compiled=True)
    for flag in (True, False):
        for size, convert in (
                ((3, 4), converter.convert_nv12), ((2, 4, 2), converter.convert_yuy2)):
            image = np.zeros(size, np.uint8)
            image.flags.writeable = flag
            convert(image, np.empty((2, 4, 3), np.uint8))
    filters = DepthFilters(capture.pair.rays)
    filters.apply(capture.depth, 0, DepthFilterOptions(
        flying_angle=9.5, speckle_size=20, temporal_frames=8, hole_size=20))
    filters.apply(capture.depth, 0, DepthFilterOptions(speckle_size=20))
    assert [len(kernel.signatures) for kernel in kernels] == before
