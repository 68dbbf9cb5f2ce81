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

"""The options that select the topics and their contents."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import fields
from dataclasses import replace
from typing import Any

from k4a_ros.images.cloud_selection import CloudSelection
from k4a_ros.images.cloud_selection import CROP_LIMIT_M
from k4a_ros.images.filters.options import DepthFilterOptions

#: parameters of depth filters are named as the fields of `DepthFilterOptions`, after this
FILTER_PREFIX = 'depth_filter_'
#: likewise those of points2 and the fields of `CloudSelection`
SELECTION_PREFIX = 'point_cloud_'


@dataclass(frozen=True)
class TopicOptions:
    """Values of the parameters of the same names; docs/parameters.md describes them."""

    tf_prefix: str = ''
    camera_rotation: int = 0
    depth_enabled: bool = True
    color_enabled: bool = True
    imu_enabled: bool = True
    point_cloud: bool = True
    rgb_point_cloud: bool = False
    point_cloud_in_depth_frame: bool = True
    ir_point_cloud: bool = False
    point_cloud_organized: bool = True
    point_cloud_min_depth: float = 0.0
    point_cloud_max_depth: float = 0.0
    point_cloud_decimation: int = 1
    point_cloud_crop_frame: str = 'camera_base'
    point_cloud_crop_min_x: float = -CROP_LIMIT_M
    point_cloud_crop_min_y: float = -CROP_LIMIT_M
    point_cloud_crop_min_z: float = -CROP_LIMIT_M
    point_cloud_crop_max_x: float = CROP_LIMIT_M
    point_cloud_crop_max_y: float = CROP_LIMIT_M
    point_cloud_crop_max_z: float = CROP_LIMIT_M
    point_cloud_voxel_size: float = 0.0
    registration_occlusion: bool = False
    registered_image_stamp: str = 'source'
    depth_filter_flying_angle: float = 0.0
    depth_filter_speckle_size: int = 0
    depth_filter_temporal_frames: int = 0
    depth_filter_temporal_hold: int = 2
    depth_filter_motion_step: float = 0.01
    depth_filter_hole_size: int = 0
    depth_filter_surface_step: float = 0.02
    depth_unit: str = '16UC1'
    compressed_depth_format: str = 'png'
    rescale_ir_to_mono8: bool = False
    ir_mono8_scaling_factor: float = 1.0
    rectified_fov: str = 'auto'
    rectified_size: float = 1.0
    rgb_encoding: str = 'bgra8'
    jpeg_quality: int = 90
    imu_rate_target: int = 0
    audio_channels: int = 7
    audio_format: str = 's16'
    audio_direction: bool = False
    body_tracking_enabled: bool = False
    body_tracking_smoothing_factor: float = 0.0
    body_tracking_filtered_depth: bool = False
    publish_body_tf: bool = False
    playback_time_origin: float = -1.0

    @property
    def playback_origin_ns(self) -> int | None:
        """Return the ROS time of device time 0 of a recording; None if it is not given."""
        if self.playback_time_origin < 0:
            return None
        return round(self.playback_time_origin * 1e6) * 1000

    @property
    def stamps_as_target(self) -> bool:
        """Return whether registered images get the stamp of the image they are registered to."""
        return self.registered_image_stamp == 'target'


@dataclass
class LiveOptions:
    """Values of live parameters, which may be replaced at any time, by any thread."""

    infrared_scale: float
    depth_filters: DepthFilterOptions
    points: CloudSelection

    @classmethod
    def of(cls, options: TopicOptions) -> LiveOptions:
        """Return the values that topics start with."""
        return cls(
            options.ir_mono8_scaling_factor,
            DepthFilterOptions(**_named(options, FILTER_PREFIX, DepthFilterOptions)),
            CloudSelection(**_named(options, SELECTION_PREFIX, CloudSelection)))

    def set_depth_filter(self, name: str, value: Any) -> None:
        """Set the parameter of a depth filter by its full name."""
        self.depth_filters = replace(
            self.depth_filters, **{name.removeprefix(FILTER_PREFIX): value})

    def set_points(self, name: str, value: Any) -> None:
        """Set the parameter of the crop box or the voxel grid by its full name."""
        self.points = replace(self.points, **{name.removeprefix(SELECTION_PREFIX): value})


def _named(options: TopicOptions, prefix: str, kind: Any) -> dict[str, Any]:
    """Return the option ``prefix + name`` for each field name of a dataclass."""
    return {field.name: getattr(options, prefix + field.name) for field in fields(kind)}
