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
What a camera tells beside its images: temperature, exposure, white balance, ISO speed.

rgb/metadata is a diagnostic_msgs/DiagnosticArray: of the types that come with ROS, it is the only
one with a header, to be matched with the image by its stamp, and with named values. The
realsense2_camera_msgs/Metadata of other drivers is JSON in a string, and needs its package.
"""

from __future__ import annotations

import math

from diagnostic_msgs.msg import DiagnosticArray
from diagnostic_msgs.msg import DiagnosticStatus
from diagnostic_msgs.msg import KeyValue
from k4a_ros.calibration.tf_frames import CAMERA_BASE
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.publishing import image_sources as sources
from k4a_ros.publishing.topic_builder import TopicBuilder
from sensor_msgs.msg import Temperature


def add_color_metadata(builder: TopicBuilder) -> None:
    """Add rgb/metadata, with the stamp of each color image; keys are named as the parameters."""
    status = DiagnosticStatus(
        name='rgb', hardware_id=builder.camera.info.serial, level=DiagnosticStatus.OK)
    message = DiagnosticArray(status=[status])
    message.header.frame_id = builder.color_frame

    def render(_: Capture, image: Image) -> DiagnosticArray:
        # as the SDK reports them, 0 is unknown
        status.values = [KeyValue(key=key, value=str(value)) for key, value in (
            ('exposure_time_us', image.exposure_us), ('whitebalance', image.white_balance),
            ('iso_speed', image.iso_speed)) if value]
        return message

    builder.add('rgb/metadata', DiagnosticArray, sources.color, render, light=True)


def add_temperature(builder: TopicBuilder) -> None:
    """
    Add temperature, degrees Celsius, with one capture a second.

    Cameras that do not measure it, such as some of the first ones, publish nothing.
    """
    message = Temperature()
    message.header.frame_id = builder.options.tf_prefix + CAMERA_BASE
    # captures are half a frame early or late at most
    period_us = 1e6 - 0.5e6 / builder.camera.config.fps
    last_us = -math.inf

    def source(capture: Capture) -> Image | None:
        if math.isnan(capture.temperature):
            return None
        image = min((i for i in (capture.depth, capture.ir, capture.color) if i is not None),
                    key=lambda i: i.device_us)
        is_due = image.device_us >= last_us + period_us
        is_reset = image.device_us < last_us  # the device clock
        return image if is_due or is_reset else None

    def render(capture: Capture, image: Image) -> Temperature:
        nonlocal last_us
        last_us = image.device_us
        message.temperature = capture.temperature
        return message

    builder.add('temperature', Temperature, source, render, light=True)
