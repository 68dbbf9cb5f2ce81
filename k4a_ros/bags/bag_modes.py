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

"""The modes and the calibration of the camera whose messages are in a bag."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any

from k4a_ros.bags import bag_images
from k4a_ros.bags.bag_reader import BagReader
from k4a_ros.bags.bag_topics import CameraTopics
from k4a_ros.bags.bag_topics import COLOR
from k4a_ros.bags.bag_topics import DEPTH
from k4a_ros.bags.bag_topics import IMU
from k4a_ros.bags.bag_topics import INFRARED
from k4a_ros.bags.recording_info import RECORDING_INFO
from k4a_ros.bags.recording_info import RecordingInfo
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.camera_config import FPS_CODES
import numpy as np

#: number of images whose distance gives the frame rate
_MAX_IMAGES = 60
#: frames per second of the Azure Kinect, and another one of Orbbec's cameras
_FRAME_RATES = (*FPS_CODES, 25)
#: device time of the beginning of a bag whose camera's clock is unknown: stamps may be a little
#: older than the time of the first message
_FIRST_NS = 1_000_000_000


def stamp_of(message: Any) -> int:
    """Return the stamp of a message, nanoseconds."""
    stamp = message.header.stamp
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def describe(
    reader: BagReader, topics: CameraTopics, calibration: bytes | None,
    warn: Callable[[str], None],
) -> RecordingInfo:
    """
    Return what a recording has besides images and samples.

    :param topics: those whose images a recording can have.
    :param calibration: instead of that in the bag.
    :param warn: called with what differs from the recording that the bag was made of.
    :raises BagError: the bag lacks it.
    :raises CalibrationError: the calibration cannot be used.
    """
    info = RecordingInfo.from_json(reader.first(topics.info).data) if topics.info else None
    if info is not None and info.camera_rotation:
        raise reader.error(
            f'its images are turned (camera_rotation {info.camera_rotation}), but a recording has '
            'those of the camera; make the bag with camera_rotation 0, and play the recording '
            'with that parameter')
    if calibration is None:
        if info is None:
            raise reader.error(
                f'it has no {RECORDING_INFO}, which k4a_to_bag writes; give the factory '
                'calibration of the camera with --calibration FILE; k4a_info --save-calibration '
                'FILE writes it, from the camera or any of its recordings')
        calibration = info.calibration
    serial = FactoryCalibration.from_raw(calibration).serial
    config = _depth_modes(reader, topics) if info is None else info.config
    config = _with_color(reader, topics, config, warn)
    streams = topics.streams
    config = replace(config, depth=DEPTH in streams, ir=INFRARED in streams,
                     color=COLOR in streams, imu=IMU in streams)
    if info is None:
        return RecordingInfo(config, calibration, reader.start_ns - _FIRST_NS, serial)
    return replace(info, config=config, calibration=calibration, serial=info.serial or serial)


def _depth_modes(reader: BagReader, topics: CameraTopics) -> CameraConfig:
    """Return the frame rate and the depth mode that follow from the messages."""
    config = CameraConfig(fps=_frame_rate(reader, topics))
    streams = topics.streams
    topic = streams.get(DEPTH) or streams.get(INFRARED)
    if not topic:
        return config
    convert = bag_images.depth if DEPTH in streams else bag_images.infrared
    height, width = convert(reader.first(topic)).shape
    modes = [mode for mode in DepthMode if mode.size == (width, height)]
    if not modes:
        raise reader.error(f'{topic}: no depth mode has {width} x {height} pixels; images that '
                           'camera_rotation has turned cannot become a recording')
    if DEPTH not in streams and DepthMode.PASSIVE_IR in modes:
        return replace(config, depth_mode=DepthMode.PASSIVE_IR)
    return replace(config, depth_mode=modes[0])


def _with_color(
    reader: BagReader, topics: CameraTopics, config: CameraConfig, warn: Callable[[str], None],
) -> CameraConfig:
    """Return the modes with those of the color images in the bag."""
    topic = topics.streams.get(COLOR)
    if not topic:
        return replace(
            config, color_resolution=ColorResolution.OFF, color_format=ColorFormat.MJPG)
    message = reader.first(topic)
    found, size = bag_images.color_format(message), config.color_resolution
    if size is ColorResolution.OFF:
        width, height = bag_images.color_size(message)
        sizes = [size for size in ColorResolution if size.size == (width, height)]
        if not sizes:
            raise reader.error(f'{topic}: no color resolution has {width} x {height} pixels')
        return replace(config, color_resolution=sizes[0], color_format=found)
    if found is not config.color_format:
        warn(f'the recording gets {found.name} images, because {topic} has them; the camera '
             f'delivered {config.color_format.name}')
    return replace(config, color_format=found)


def _frame_rate(reader: BagReader, topics: CameraTopics) -> int:
    """Return the frame rate that the stamps of images show; 30 without images."""
    for stream in (DEPTH, INFRARED, COLOR):
        if stream in topics.streams:
            found = islice(reader.messages([topics.streams[stream]]), _MAX_IMAGES)
            steps = np.diff([stamp_of(message) for _, _, message in found])
            if len(steps):
                rate = 1e9 / max(1.0, float(np.median(steps)))
                return min(_FRAME_RATES, key=lambda fps: abs(np.log(fps / rate)))
    return max(FPS_CODES)
