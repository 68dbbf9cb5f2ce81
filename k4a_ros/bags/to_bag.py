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
Convert a recording to a rosbag2 bag of what the driver would publish for it.

The topics are those of `k4a_ros.publishing`, with sinks in place of publishers: the same code
renders the messages, and nothing of it is repeated here.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import chain
import os
from pathlib import Path
import threading

from k4a_ros.audio.side_file import sound_path
from k4a_ros.audio.source import RecordedAudio
from k4a_ros.bags.playback import Item
from k4a_ros.bags.playback import items
from k4a_ros.bags.recorded_times import RecordedTimes
from k4a_ros.bags.recorded_times import RECORDING_TIMES
from k4a_ros.bags.recording_info import RECORDING_INFO
from k4a_ros.bags.recording_info import RecordingInfo
from k4a_ros.bags.sinks import BagOutputs
from k4a_ros.bags.storage import BagWriter
from k4a_ros.bags.storage import Storage
from k4a_ros.calibration.calibration_file import check_serial
from k4a_ros.calibration.calibration_file import read_calibration
from k4a_ros.calibration.tf_frames import microphone_transform
from k4a_ros.calibration.tf_frames import static_transforms
from k4a_ros.camera_config import ColorFormat
from k4a_ros.cameras.base import Camera
from k4a_ros.cameras.recording.camera import RecordingCamera
from k4a_ros.capture import Capture
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import CameraLostError
from k4a_ros.errors import ConfigError
from k4a_ros.images.upright import upright_capture
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.publishing.audio_topics import AUDIO
from k4a_ros.publishing.audio_topics import AudioTopics
from k4a_ros.publishing.image_topics import add_images
from k4a_ros.publishing.image_topics import imu_stream
from k4a_ros.publishing.messages import stamp_message
from k4a_ros.publishing.messages import transform_message
from k4a_ros.publishing.options import LiveOptions
from k4a_ros.publishing.options import TopicOptions
from k4a_ros.publishing.publishers import IMU_DEPTH
from k4a_ros.publishing.publishers import publisher_qos
from k4a_ros.publishing.streams import offer_to_subscribers
from k4a_ros.publishing.topic_builder import TopicBuilder
from k4a_ros.streaming.device_clock import MIN_STEP_NS
from k4a_ros.streaming.host_clock import HostClock
from k4a_ros.streaming.stamper import Stamper
import numpy as np
from rclpy.qos import DurabilityPolicy
from rclpy.qos import QoSProfile
from std_msgs.msg import String
from std_msgs.msg import UInt8MultiArray
from tf2_msgs.msg import TFMessage

#: selects the topics that are worth their size
DEFAULT = 'default'
#: selects all topics
ALL = 'all'

_TF_STATIC = 'tf_static'
_ALWAYS_DEFAULT = (
    'depth/image_raw', 'depth/camera_info', 'ir/image_raw', 'ir/camera_info', 'rgb/camera_info',
    'imu', AUDIO, _TF_STATIC, RECORDING_INFO, RECORDING_TIMES)
_LATCHED = (_TF_STATIC, RECORDING_INFO)

#: called with the device time of the last item, microseconds
Progress = Callable[[int], None]


@dataclass(frozen=True)
class BagOptions:
    """
    What to write.

    ``topics`` has names without namespace, patterns with ``*``, DEFAULT and ALL. ``namespace`` has
    neither a slash in front nor at its end. ``start_ns`` is the stamp of the first image or
    sample; with None, stamps are the ROS times in the recording, or else device times.
    ``content`` has the parameters of the topics; with ``native_color``, rgb/image_raw has the
    pixels of the recording if it has no JPEG. ``calibration`` is a file with the calibration to
    use, '' for that of the recording.
    """

    topics: tuple[str, ...] = (DEFAULT,)
    namespace: str = ''
    storage: Storage = 'mcap'
    start_ns: int | None = None
    content: TopicOptions = field(default_factory=TopicOptions)
    native_color: bool = True
    calibration: str = ''


@dataclass(frozen=True)
class Converted:
    """
    The result of a conversion.

    ``messages``: number by topic in the bag; ``failures`` to convert an image by topic;
    ``problem``: why the bag ends before the recording, '' if it does not.
    """

    messages: dict[str, int]
    failures: dict[str, int]
    problem: str


def convert(
    recording: str | os.PathLike[str], path: str | os.PathLike[str], options: BagOptions,
    warn: Callable[[str], None] = lambda text: None,
    progress: Progress = lambda device_us: None,
) -> Converted:
    """
    Write a bag.

    :param recording: the .mkv file.
    :param path: the folder that is to become the bag; it must not exist.
    :param warn: called with what is missing in the bag.
    :raises ConfigError: no topic of this recording has one of the names.
    :raises CalibrationError: the calibration cannot be used, or is that of another camera.
    :raises CameraError: nothing of the recording can be read; there is no bag then.
    :raises BagError: the bag cannot be written.
    """
    source = os.path.expanduser(os.fspath(recording))
    with RecordingReader(source) as reader:
        recorded = options.start_ns is None and reader.ros_times is not None
    with RecordingCamera(source, rate=0, stamps='recorded' if recorded else 'now',
                         sound=sound_path(Path(source)).exists(),
                         calibration=options.calibration) as camera:
        if options.calibration:
            calibration = read_calibration(options.calibration)
            check_serial(calibration, options.calibration, camera.info.serial)
            camera.calibration = calibration
        with BagWriter(path, options.storage) as bag:
            return _Conversion(camera, bag, options, warn).run(progress)


class _Conversion:
    """
    One conversion; parameters as in `convert`.

    :raises ConfigError: no topic of this recording has one of the names.
    """

    def __init__(
        self, camera: Camera, bag: BagWriter, options: BagOptions, warn: Callable[[str], None],
    ) -> None:
        self._camera = camera
        self._bag = bag
        self._options = options
        self._namespace = f'/{options.namespace}/' if options.namespace else '/'
        self._patterns = [*_patterns(options.topics, camera)]
        self._outputs = BagOutputs(bag, self._namespace, self._is_wanted)
        content = options.content
        has_jpeg = camera.config.color_format is ColorFormat.MJPG
        if options.native_color and not has_jpeg:
            content = replace(content, rgb_encoding='native')
        builder = TopicBuilder(camera, content, self._outputs, warn, threading.Event())
        add_images(builder, LiveOptions.of(content))
        self._calibration = builder.calibration
        self._streams = builder.streams
        self._imu = imu_stream(builder)
        self._audio = AudioTopics(self._outputs, content, warn, standard=True, lossless=True) if (
            camera.plays_sound) else None
        self._next_sample = 0
        self._stamper = Stamper(HostClock(lambda: 0, lambda: False), lambda step_ns: None)
        #: ROS time of device time 0 as the recording has it; None for the stamps of the options
        self._recorded_zero_ns = None if camera.playback is None else camera.playback.origin_ns
        self._check_topics()

    def _is_wanted(self, topic: str) -> bool:
        return any(fnmatchcase(topic, pattern) for pattern in self._patterns)

    def _check_topics(self) -> None:
        names = [*self._outputs.topics, *self._outputs.left_out, *_LATCHED, RECORDING_TIMES]
        unknown = [
            pattern for pattern in self._options.topics if pattern not in (DEFAULT, ALL)
            and not any(fnmatchcase(name, pattern) for name in names)]
        if unknown:
            raise ConfigError(
                f'no topic of this recording ({self._camera.config}) is called '
                f'{", ".join(unknown)}; choose from {", ".join(sorted(names))}, {DEFAULT} or '
                f'{ALL}')

    def run(self, progress: Progress) -> Converted:
        """Write everything."""
        source = items(self._camera)
        first = next(source)
        first_us = _first_us(first)
        if self._recorded_zero_ns is None:
            # a stamp of 0 means that there is none
            start_ns = self._options.start_ns or first_us * 1000 or MIN_STEP_NS
            zero_ns = start_ns - first_us * 1000
        else:
            zero_ns = self._recorded_zero_ns
            start_ns = _first_stamp(first) or zero_ns + first_us * 1000
        self._write_latched(zero_ns, start_ns)
        self._stamper.start_timeline(exact=True, origin_ns=zero_ns)
        stamper = self._stamper if self._recorded_zero_ns is None else self._noted_stamps()
        problem = self._write(chain([first], source), stamper, progress)
        if self._imu is not None:
            self._imu.flush(stamper.imu)
        return Converted(
            {topic.name: topic.count for topic in self._topics.values()},
            {stream.topic: stream.counters.failed for stream in self._streams
             if stream.counters.failed}, problem)

    def _noted_stamps(self) -> Stamper | RecordedTimes:
        """Return the stamps of the recording, written for a conversion back if requested."""
        if not self._is_wanted(RECORDING_TIMES):
            return self._stamper
        topic = self._bag.add_topic(
            self._namespace + RECORDING_TIMES, UInt8MultiArray, publisher_qos(IMU_DEPTH))
        self._topics[RECORDING_TIMES] = topic
        message = UInt8MultiArray()
        return RecordedTimes(self._stamper, lambda time_ns, data: self._bag.write(
            topic, time_ns, self._bag.serializer.serialize(
                message, np.frombuffer(data, np.uint8))))

    def _write(
        self, source: Iterator[Item], stamper: Stamper | RecordedTimes, progress: Progress,
    ) -> str:
        """Write all images and samples; return why the rest cannot be read, or ''."""
        while True:
            try:
                item = next(source, None)
            except CameraLostError as error:
                return str(error)
            if item is None:
                return ''
            if isinstance(item, Capture):
                to_ros = stamper.capture(item)
                capture = upright_capture(item, self._options.content.camera_rotation)
                offer_to_subscribers(self._streams, capture, to_ros)
                progress(item.device_us)
            elif isinstance(item, RecordedAudio):
                self._write_sound(item)
            elif self._imu is not None:
                self._stamper.observe_imu(item)
                for samples in self._imu.batches(item):
                    self._imu.offer(samples, stamper.imu, speed=0.0)

    def _write_sound(self, sound: RecordedAudio) -> None:
        if self._audio is not None:
            stamp_ns = sound.stamp_ns or self._stamper.playback_ns(sound.device_us)
            self._audio.publish(
                sound.samples, stamp_ns, continues=sound.first == self._next_sample)
            self._next_sample = sound.first + len(sound.samples)

    def _write_latched(self, zero_ns: int, start_ns: int) -> None:
        """Write the transforms, and what a conversion back needs."""
        camera = self._camera
        self._topics = dict(self._outputs.topics)
        qos = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        if self._is_wanted(_TF_STATIC):
            stamp = stamp_message(start_ns)
            prefix = self._options.content.tf_prefix
            frames = static_transforms(self._calibration, prefix)
            if self._audio is not None:
                frames += (microphone_transform(prefix),)
            transforms = TFMessage(transforms=[transform_message(t, stamp) for t in frames])
            topic = self._topics[_TF_STATIC] = self._bag.add_topic('/tf_static', TFMessage, qos)
            self._bag.write(topic, start_ns, self._bag.serializer.serialize(transforms))
        if self._is_wanted(RECORDING_INFO):
            info = RecordingInfo(camera.config, camera.calibration.raw, zero_ns,
                                 camera.info.serial, camera.info.firmware,
                                 self._calibration.rotation)
            topic = self._topics[RECORDING_INFO] = self._bag.add_topic(
                self._namespace + RECORDING_INFO, String, qos)
            message = self._bag.serializer.serialize(String(data=info.to_json()))
            self._bag.write(topic, start_ns, message)


def _patterns(topics: tuple[str, ...], camera: Camera) -> Iterator[str]:
    """Yield names and patterns of topics."""
    for name in topics:
        if name == ALL:
            yield '*'
        elif name == DEFAULT:
            yield from _ALWAYS_DEFAULT
            has_jpeg = camera.config.color_format is ColorFormat.MJPG
            yield 'rgb/image_raw/compressed' if has_jpeg else 'rgb/image_raw'
        else:
            yield name


def _first_us(item: Item) -> int:
    """Return the device time of the first image or sample of an item, microseconds."""
    return int(item.acc_us[0]) if isinstance(item, ImuSamples) else item.device_us


def _first_stamp(item: Item) -> int:
    """Return the stamp that the recording has for the first image or sample; 0 for none."""
    if isinstance(item, Capture):
        return min(item.stamps.values(), default=0)
    if isinstance(item, RecordedAudio):
        return item.stamp_ns
    return 0 if item.stamps is None else int(item.stamps[0])
