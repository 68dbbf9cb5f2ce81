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
The topic time_reference: stamp and device time of each capture.

A few bytes for each capture, so that the synchronization of several cameras can be proven without
their images, and so that subordinates can take over the clock of their master.
"""

from __future__ import annotations

from k4a_ros.calibration.tf_frames import CAMERA_BASE
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.publishing import image_sources as sources
from k4a_ros.publishing.messages import stamp_message
from k4a_ros.publishing.topic_builder import TopicBuilder
from sensor_msgs.msg import TimeReference

TOPIC = 'time_reference'
#: first word of ``source``: the image whose times these are
COLOR, DEPTH = 'color', 'depth'


def add_time_reference(builder: TopicBuilder) -> None:
    """
    Add time_reference, of the color image, or of infrared without a color camera.

    ``source`` has four words: 'color' or 'depth', serial number, role on the sync cable, and the
    delay of that image after the pulse, microseconds. Without images there is no topic.
    """
    config = builder.camera.config
    if not (config.color or config.ir or config.depth):
        return
    image = COLOR if config.color else DEPTH
    source = sources.color if config.color else (
        sources.infrared if config.ir else sources.depth)
    delay_us = config.subordinate_delay_off_master_usec + (
        0 if config.color else config.depth_delay_off_color_usec)
    message = TimeReference(source=f'{image} {builder.camera.info.serial or "0"} '
                            f'{config.wired_sync_mode.name.lower()} {delay_us}')
    message.header.frame_id = builder.options.tf_prefix + CAMERA_BASE

    def render(_: Capture, image: Image) -> TimeReference:
        message.time_ref = stamp_message(image.device_us * 1000)
        return message

    builder.add(TOPIC, TimeReference, source, render, light=True)
