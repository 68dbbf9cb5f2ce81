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

"""Which topics of images, clouds and inertial samples a camera has: wherever they go."""

from __future__ import annotations

from k4a_ros.calibration.tf_frames import IMU
from k4a_ros.images.color_cache import ColorCache
from k4a_ros.images.filters.cache import FilteredDepth
from k4a_ros.publishing import messages
from k4a_ros.publishing.color_topics import add_color
from k4a_ros.publishing.depth_topics import add_depth
from k4a_ros.publishing.depth_topics import add_filtered_depth
from k4a_ros.publishing.depth_topics import add_infrared
from k4a_ros.publishing.metadata_topics import add_color_metadata
from k4a_ros.publishing.metadata_topics import add_temperature
from k4a_ros.publishing.options import LiveOptions
from k4a_ros.publishing.point_topics import add_points
from k4a_ros.publishing.point_topics import Frames
from k4a_ros.publishing.publishers import IMU_DEPTH
from k4a_ros.publishing.rectified_topics import RectifiedTopics
from k4a_ros.publishing.registered_topics import add_registered
from k4a_ros.publishing.registered_topics import registration_cache
from k4a_ros.publishing.streams import ImuStream
from k4a_ros.publishing.topic_builder import TopicBuilder
import numpy as np
import numpy.typing as npt
import sensor_msgs.msg


def add_images(
    builder: TopicBuilder, live: LiveOptions, frames: Frames | None = None,
) -> FilteredDepth:
    """
    Add all topics of images and clouds that the modes and options select.

    :param live: read for each image.
    :param frames: looks up frames that are not those of the camera; None if there is no TF.
    :return: the filtered depth images that all topics share, if there is depth at all.
    """
    options, config = builder.options, builder.camera.config
    infrared = options.depth_enabled and config.ir
    depth = options.depth_enabled and config.depth
    color = options.color_enabled and config.color

    def infrared_scale() -> float:
        return live.infrared_scale

    colors = ColorCache(config, options.camera_rotation)
    filtered = FilteredDepth(lambda: builder.depth_lens.rays(), lambda: live.depth_filters)
    registered = registration_cache(builder, colors, filtered) if depth and color else None
    if infrared:
        add_infrared(builder, infrared_scale)
    if depth:
        add_depth(builder)
        add_filtered_depth(builder, filtered)
    if depth and options.point_cloud:
        add_points(builder, filtered, registered, lambda: live.points, frames)
    if color:
        add_color(builder, colors)
    if registered is not None:
        add_registered(builder, registered, filtered, infrared_scale)
    if builder.camera.reports_metadata:
        add_temperature(builder)
        if color:
            add_color_metadata(builder)
    rectified = RectifiedTopics(builder)
    if infrared:
        rectified.add_infrared(infrared_scale)
    if depth:
        rectified.add_depth(filtered)
    if color:
        rectified.add_color(colors)
    if depth and color:
        rectified.add_depth_to_color(filtered)
    return filtered


def imu_stream(builder: TopicBuilder) -> ImuStream | None:
    """Return the topic of IMU samples, if the camera has them and the options select it."""
    camera, options = builder.camera, builder.options
    if not (options.imu_enabled and camera.config.imu):
        return None
    calibration = camera.calibration
    message = messages.imu_message(
        options.tf_prefix + IMU, _covariance(calibration.accel_sigma),
        _covariance(calibration.gyro_sigma))
    publisher = builder.publisher(sensor_msgs.msg.Imu, 'imu', IMU_DEPTH)
    return ImuStream('imu', publisher, message, options.imu_rate_target, builder.warn,
                     builder.counters('imu'), builder.wait)


def _covariance(sigma: npt.NDArray[np.float64] | None) -> tuple[float, ...]:
    """Return the row-major 3x3 covariance of independent axes with standard deviations (3,)."""
    if sigma is None:
        return messages.UNKNOWN_COVARIANCE
    return tuple(float(v) for v in np.diag(np.square(sigma)).ravel())
