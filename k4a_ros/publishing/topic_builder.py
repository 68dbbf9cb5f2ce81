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

"""Context shared by the functions that add topics."""

from __future__ import annotations

from collections.abc import Callable
import threading
from typing import Any

from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.calibration.tf_frames import DEPTH_CAMERA
from k4a_ros.calibration.tf_frames import RGB_CAMERA
from k4a_ros.cameras.base import Camera
from k4a_ros.jit.lazy import BuildWait
from k4a_ros.jit.lazy import Startable
from k4a_ros.publishing import messages
from k4a_ros.publishing.image_sources import Source
from k4a_ros.publishing.options import TopicOptions
from k4a_ros.publishing.publishers import Counters
from k4a_ros.publishing.publishers import IMAGE_DEPTH
from k4a_ros.publishing.publishers import TopicOutputs
from k4a_ros.publishing.publishers import Warn
from k4a_ros.publishing.streams import Render
from k4a_ros.publishing.streams import Stream
import sensor_msgs.msg

#: A topic is slow if publishing a message takes more than this part of the frame period.
_SLOW_PERIODS = 0.5


class TopicBuilder:
    """
    Builds the streams of one camera.

    ``streams`` are those added so far, in the order of publishing; ``depth_frame`` and
    ``color_frame`` are the TF frames of the cameras.

    :param warn: called with settings that have no effect, and by the streams.
    :param cancel: set to stop streams from waiting for their resources.
    """

    def __init__(
        self, camera: Camera, options: TopicOptions, outputs: TopicOutputs, warn: Warn,
        cancel: threading.Event,
    ) -> None:
        self.camera = camera
        self.options = options
        self.warn = warn
        self.streams: list[Stream] = []
        self._light_count = 0
        self.depth_frame = options.tf_prefix + DEPTH_CAMERA
        self.color_frame = options.tf_prefix + RGB_CAMERA
        self._outputs = outputs
        #: for `is_built`: recordings wait for what takes long to build, other cameras do not
        self.wait = _build_wait(camera, cancel)

    @property
    def calibration(self) -> FactoryCalibration:
        """Return the calibration for the images of the topics, which are upright."""
        return self.camera.calibration.rotated(self.options.camera_rotation)

    @property
    def depth_lens(self) -> Intrinsics:
        """Return the intrinsics of the depth camera in its mode."""
        return self.calibration.depth(self.camera.config.depth_mode)

    @property
    def color_lens(self) -> Intrinsics:
        """Return the intrinsics of the color camera in its resolution."""
        return self.calibration.color(self.camera.config.color_resolution)

    def publisher(self, kind: Any, topic: str, depth: int) -> Any:
        """Return the publisher of a topic; see `TopicOutputs.get`."""
        return self._outputs.get(kind, topic, depth)

    def counters(self, topic: str) -> Counters:
        """Return the counters of a topic."""
        return self._outputs.counters(topic)

    def subscriber_check(self, kind: Any, topic: str) -> Callable[[], bool]:
        """Return a function that returns whether a topic has subscribers, added yet or not."""
        publisher = self.publisher(kind, topic, IMAGE_DEPTH)
        return lambda: publisher.get_subscription_count() > 0

    def add(
        self, topic: str, kind: Any, source: Source, render: Render,
        requires: Startable | None = None, light: bool = False,
        admit: Callable[[int], bool] | None = None,
    ) -> None:
        """
        Add a topic.

        :param requires: resources of ``render`` that take long to build. While they are being
            built, lossless cameras wait, and other cameras skip this topic.
        :param admit: see `Stream`.
        :param light: publish this topic before those that are not, because that takes no time.
        """
        stream = Stream(
            topic, self.publisher(kind, topic, IMAGE_DEPTH), source, render, self.warn,
            self.counters(topic), requires=requires, wait=self.wait,
            slow_s=_SLOW_PERIODS / self.camera.config.fps, admit=admit)
        if light:
            self.streams.insert(self._light_count, stream)
            self._light_count += 1
        else:
            self.streams.append(stream)

    @staticmethod
    def image_topic(name: str, *, rectified: bool = False) -> str:
        """Return the topic of the images of a camera NAME: NAME/image_raw or NAME/image_rect."""
        return f'{name}/image_rect' if rectified else f'{name}/image_raw'

    def add_images(
        self, name: str, lens: Intrinsics, frame: str, source: Source, render: Render,
        requires: Startable | None = None, *, rectified: bool = False,
    ) -> None:
        """
        Add the topics NAME/image_raw and NAME/camera_info.

        :param requires: resources of the images; see `add`.
        :param rectified: the lens is one without distortion: the images are NAME/image_rect.
        """
        self.add(self.image_topic(name, rectified=rectified), sensor_msgs.msg.Image, source,
                 render, requires)
        message = messages.camera_info(lens, frame, rectified=rectified)
        self.add(f'{name}/camera_info', sensor_msgs.msg.CameraInfo, source, lambda *_: message,
                 light=True)


def _build_wait(camera: Camera, cancel: threading.Event) -> BuildWait | None:
    if not camera.lossless:
        return None
    return BuildWait(cancel) if camera.playback is None else BuildWait(
        cancel, camera.playback.hold)
