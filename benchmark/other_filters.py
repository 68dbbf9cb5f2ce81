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

"""Filters of other libraries, for comparison, if they are installed."""

from __future__ import annotations

from collections.abc import Callable

from k4a_ros.calibration.tf_frames import base_from_depth
from k4a_ros.camera_config import DepthMode
import numpy as np

#: edge of the crop box, which has only one limit in use
BOX_M = 200.0


def realsense_filters() -> dict[str, Callable[[np.ndarray], object]]:
    """Return filters of pyrealsense2, if it is installed, that take images of NFOV_UNBINNED."""
    try:
        import pyrealsense2 as rs
    except ImportError:
        return {}
    device, queue = rs.software_device(), rs.frame_queue(1)
    sensor = device.add_sensor('depth')
    width, height = DepthMode.NFOV_UNBINNED.size
    stream, lens = rs.video_stream(), rs.intrinsics()
    lens.width, lens.height, lens.fx, lens.fy = width, height, 504.0, 504.0
    lens.ppx, lens.ppy = width / 2, height / 2
    stream.type, stream.fmt, stream.bpp = rs.stream.depth, rs.format.z16, 2
    stream.width, stream.height, stream.fps, stream.intrinsics = width, height, 30, lens
    profile = sensor.add_video_stream(stream)
    sensor.add_read_only_option(rs.option.depth_units, 0.001)
    sensor.open(profile)
    sensor.start(queue)
    number = 0

    def frame(depth: np.ndarray) -> object:
        nonlocal number
        number += 1
        image = rs.software_video_frame()
        image.stride, image.bpp, image.pixels = 2 * width, 2, depth
        image.timestamp, image.frame_number = 33.3 * number, number
        image.domain, image.profile = rs.timestamp_domain.hardware_clock, (
            profile.as_video_stream_profile())
        sensor.on_video_frame(image)
        return queue.wait_for_frame()

    temporal, spatial, holes = (
        rs.temporal_filter(), rs.spatial_filter(), rs.hole_filling_filter())
    prepared: dict[int, object] = {}

    def run(filter_: object) -> Callable[[np.ndarray], object]:
        def process(depth: np.ndarray) -> object:
            key = id(depth)
            if key not in prepared:
                prepared[key] = frame(depth)
                prepared[key].keep()
            return filter_.process(prepared[key])
        return process

    return {'pyrealsense2 temporal': run(temporal), 'pyrealsense2 spatial': run(spatial),
            'pyrealsense2 holes': run(holes)}


def open3d_filters(
    points: np.ndarray, crop: float, voxel: float,
) -> dict[str, Callable[[], object]]:
    """
    Return filters of Open3D, if it is installed, for a cloud.

    :param points: (N, 3) float32, meters, without NaN, in the frame of the depth camera.
    :param crop: largest x in camera_base, meters.
    :param voxel: size of voxels, meters.
    """
    try:
        import open3d as o3d
    except ImportError:
        return {}
    points = np.ascontiguousarray(points)
    to_depth = base_from_depth().inverse()
    box = o3d.t.geometry.OrientedBoundingBox(*(
        o3d.core.Tensor(np.asarray(values, np.float32)) for values in (
            to_depth.apply(np.array([crop - BOX_M / 2, 0.0, 0.0])), to_depth.rotation,
            np.full(3, BOX_M))))
    cloud = o3d.t.geometry.PointCloud(o3d.core.Tensor.from_numpy(points))
    in_doubles = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points.astype(float)))
    return {
        'Open3D crop, oriented box': lambda: cloud.crop(box),
        'Open3D voxel_down_sample, 2 cm, tensors': lambda: cloud.voxel_down_sample(voxel),
        'Open3D voxel_down_sample, 2 cm, doubles': lambda: in_doubles.voxel_down_sample(voxel)}
