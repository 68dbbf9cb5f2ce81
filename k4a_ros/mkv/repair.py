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

"""Rewrite what can be read of a recording that was cut, killed or damaged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

from k4a_ros.capture import Capture
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import CameraLostError
from k4a_ros.mkv.header import CALIBRATION_FILE
from k4a_ros.mkv.header import DERIVED_TAGS
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.mkv.ros_time_track import TimedStream
from k4a_ros.mkv.writer import OutOfOrderError
from k4a_ros.mkv.writer import RecordingWriter
import numpy as np


@dataclass
class Repaired:
    """
    What has been kept, and what is lost.

    :param seconds: time from the first to the last data.
    :param attachments: names of the attached files.
    :param losses: what is lost and why, one clause each; empty if the file was complete.
    """

    path: Path
    seconds: float = 0.0
    captures: int = 0
    samples: int = 0
    ros_times: int = 0
    tags: int = 0
    attachments: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)


def repair(
    source: str, target: str | Path, progress: Callable[[int], None] = lambda device_us: None,
) -> Repaired:
    """
    Write a complete recording with all that can be read of another.

    Captures and samples keep their device times, bit for bit; tags, attached files and ROS times
    are kept. Tracks that are not of an Azure Kinect are not.

    :param target: the new file; it must not exist.
    :param progress: called with the device time that has been reached, microseconds.
    :raises RecordingError: nothing can be read of the source, or the target cannot be written.
    """
    with RecordingReader(source) as reader:
        result = Repaired(Path(target), tags=len(reader.tags),
                          attachments=list(reader.attachments))
        others = {name: value for name, value in reader.tags.items()
                  if name not in DERIVED_TAGS}
        files = {name: content for name, content in reader.attachments.items()
                 if name != CALIBRATION_FILE}
        with RecordingWriter(
                target, reader.config, reader.calibration, reader.serial, reader.firmware,
                ros_time=reader.ros_times is not None, tags=others, attachments=files) as writer:
            _copy(reader, writer, result, progress)
        result.seconds = writer.length_us * 1e-6
        if reader.missing:
            result.losses.insert(0, reader.missing)
    return result


def _copy(
    reader: RecordingReader, writer: RecordingWriter, result: Repaired,
    progress: Callable[[int], None],
) -> None:
    """Copy all captures and samples; those that cannot be used are lost."""
    damaged = rejected = 0
    while True:
        try:
            item = reader.read()
            if item is None:
                break
            if isinstance(item, Capture):
                progress(item.device_us)
                _copy_capture(reader, writer, item, result)
            else:
                _copy_samples(reader, writer, item, result)
        except CameraLostError:
            damaged += 1
        except OutOfOrderError:
            rejected += 1
    if damaged:
        result.losses.append(f'{damaged} captures or batches of IMU samples are damaged')
    if rejected:
        result.losses.append(f'{rejected} captures or batches of IMU samples are out of order')


def _copy_capture(
    reader: RecordingReader, writer: RecordingWriter, capture: Capture, result: Repaired,
) -> None:
    images = {stream: image for stream, image in (
        (TimedStream.DEPTH, capture.depth), (TimedStream.IR, capture.ir),
        (TimedStream.COLOR, capture.color)) if image is not None}
    ros_ns = {}
    if reader.ros_times is not None:
        for stream, image in images.items():
            ros_ns[stream] = int(reader.ros_times.find(stream, np.array([image.device_us]))[0])
    times = {image.device_us: ros_ns.get(stream, 0) for stream, image in images.items()}
    writer.write(capture, times.__getitem__ if ros_ns else None)
    result.captures += 1
    result.ros_times += sum(ns > 0 for ns in ros_ns.values())


def _copy_samples(
    reader: RecordingReader, writer: RecordingWriter, samples: ImuSamples, result: Repaired,
) -> None:
    ros_ns = None
    if reader.ros_times is not None:
        ros_ns = reader.ros_times.find(TimedStream.IMU, samples.acc_us)
        result.ros_times += int(np.count_nonzero(ros_ns))
    writer.write_imu(samples, ros_ns)
    result.samples += len(samples)
