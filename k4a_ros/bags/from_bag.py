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
Convert a rosbag2 bag with the topics of this driver to an Azure Kinect recording.

What a recording has besides images and samples is in ``recording_info``, which `k4a_to_bag`
writes. For a bag without it, the caller gives the calibration, and the modes follow from the
messages.
"""

from __future__ import annotations

from collections.abc import Callable
import contextlib
from dataclasses import dataclass
from dataclasses import replace
import os
from typing import Any

from k4a_ros.bags import bag_images
from k4a_ros.bags.bag_modes import describe
from k4a_ros.bags.bag_modes import stamp_of
from k4a_ros.bags.bag_reader import BagReader
from k4a_ros.bags.bag_topics import CameraTopics
from k4a_ros.bags.bag_topics import COLOR
from k4a_ros.bags.bag_topics import DEPTH
from k4a_ros.bags.bag_topics import find_topics
from k4a_ros.bags.bag_topics import IMU
from k4a_ros.bags.bag_topics import INFRARED
from k4a_ros.bags.recorded_times import DeviceTimes
from k4a_ros.bags.recording_info import RecordingInfo
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import RecordingError
from k4a_ros.mkv.ros_time_track import TimedStream
from k4a_ros.mkv.writer import RecordingWriter
from k4a_ros.streaming.device_clock import MIN_STEP_NS
import numpy as np

#: stream -> converts a message to the image that a recording has
_IMAGES: dict[str, Callable[[Any], bag_images.Pixels]] = {
    DEPTH: bag_images.depth, INFRARED: bag_images.infrared, COLOR: bag_images.color}
#: number of samples that are written at once: 0.04 s
_IMU_BATCH = 64
#: called with the time of the last message, nanoseconds
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Converted:
    """Number of images and samples in the recording, by stream."""

    counts: dict[str, int]


def convert(
    bag: str | os.PathLike[str], path: str | os.PathLike[str], *, namespace: str | None = None,
    calibration: bytes | None = None, warn: Callable[[str], None] = lambda text: None,
    progress: Progress = lambda time_ns: None,
) -> Converted:
    """
    Write a recording.

    :param bag: folder of the bag, or a file of it.
    :param path: the .mkv file; it must not exist, and is removed if the bag cannot be read to its
        end.
    :param namespace: of the camera, without slashes in front and at its end; None if the bag has
        one camera only.
    :param calibration: factory calibration, JSON; None for that in the bag.
    :param warn: called with what the recording lacks.
    :raises BagError: the bag cannot be read, or lacks what a recording needs.
    :raises CalibrationError: the calibration cannot be used.
    :raises RecordingError: the recording cannot be written.
    """
    with BagReader(bag) as reader:
        topics = _usable(reader, find_topics(reader, namespace), warn)
        info = describe(reader, topics, calibration, warn)
        streams = {topic: stream for stream, topic in topics.streams.items()}
        recorder = _Recorder(path, info, _device_times(reader, topics, info))
        try:
            with recorder:
                for topic, time_ns, message in reader.messages(streams):
                    try:
                        recorder.write(streams[topic], message)
                    except ValueError as error:
                        raise reader.error(f'{topic}: {error}') from error
                    progress(time_ns)
        except RecordingError:  # says that what has been written can be read
            raise
        except BaseException:
            recorder.remove()
            raise
    return Converted(recorder.counts)


def _device_times(
    reader: BagReader, topics: CameraTopics, info: RecordingInfo,
) -> DeviceTimes:
    messages = reader.messages([topics.times] if topics.times else [])
    try:
        return DeviceTimes((message.data for _, _, message in messages), info.device_zero_ns)
    except ValueError as error:
        raise reader.error(f'{topics.times}: {error}') from error


def _usable(
    reader: BagReader, topics: CameraTopics, warn: Callable[[str], None],
) -> CameraTopics:
    """
    Return the topics whose images a recording can have.

    :param warn: called with the others.
    :raises BagError: there are none.
    """
    streams = dict(topics.streams)
    problems = []
    for stream in _IMAGES.keys() & streams.keys():
        topic = streams[stream]
        try:
            _IMAGES[stream](reader.first(topic))
        except ValueError as error:
            problems.append(f'{topic}: {error}')
            del streams[stream]
    if not streams:
        raise reader.error('; '.join(problems))
    for problem in problems:
        warn(f'left out {problem}')
    return replace(topics, streams=streams)


class _Recorder(contextlib.AbstractContextManager['_Recorder']):
    """
    Writes messages to a recording.

    ``counts`` is the number of images and samples by stream.

    :raises RecordingError: the file cannot be created.
    """

    def __init__(
        self, path: str | os.PathLike[str], info: RecordingInfo, times: DeviceTimes,
    ) -> None:
        self._times = times
        # otherwise stamps are device times
        self._has_ros_time = info.device_zero_ns > MIN_STEP_NS
        self._writer = RecordingWriter(
            path, info.config, info.calibration, info.serial, info.firmware,
            ros_time=self._has_ros_time)
        self._samples: list[tuple[int, list[float], list[float]]] = []
        self.counts: dict[str, int] = {}

    def remove(self) -> None:
        """Remove the file."""
        with contextlib.suppress(OSError):
            os.remove(self._writer.path)

    def write(self, stream: str, message: Any) -> None:
        """Append a message; raise ValueError if a recording cannot have its content."""
        self.counts[stream] = self.counts.get(stream, 0) + 1
        stamp_ns = stamp_of(message)
        if stream == IMU:
            self._write_sample(stamp_ns, message)
            return
        [device_us] = self._times.find(TimedStream[stream.upper()], np.array([stamp_ns]))
        image = Image(_IMAGES[stream](message), int(device_us))
        images: dict[str, Any] = {stream: image}
        capture = Capture(**images)  # the format has no captures: readers assemble them
        self._writer.write(capture, (lambda _: stamp_ns) if self._has_ros_time else None)

    def _write_sample(self, stamp_ns: int, message: Any) -> None:
        acc, gyro = message.linear_acceleration, message.angular_velocity
        self._samples.append((stamp_ns, [acc.x, acc.y, acc.z], [gyro.x, gyro.y, gyro.z]))
        if len(self._samples) >= _IMU_BATCH:
            self._flush()

    def _flush(self) -> None:
        samples, self._samples = self._samples, []
        if not samples:
            return
        stamps = np.array([stamp_ns for stamp_ns, _, _ in samples], np.int64)
        times = self._times.find(TimedStream.IMU, stamps)
        self._writer.write_imu(ImuSamples(
            np.array([acc for _, acc, _ in samples], np.float32), times,
            np.array([gyro for _, _, gyro in samples], np.float32), times,
            np.full(len(samples), np.nan, np.float32)),
            stamps if self._has_ros_time else None)

    def __exit__(self, kind: object, *_: object) -> None:
        """Complete and close the file."""
        try:
            if kind is None:
                self._flush()
        finally:
            self._writer.close()
