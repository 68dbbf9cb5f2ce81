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


"""What the makers of topics share: the camera, the settings, and the list that they add to."""

from __future__ import annotations

from collections.abc import Callable
import threading
from typing import Any

from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.calibration.tf_frames import DEPTH_CAMERA
from k4a_ros.calibration.tf_frames import RGB_CAMERA
from k4a_ros.cameras.base import Camera
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.jit.lazy import Lazy
from k4a_ros.publishing import messages
from k4a_ros.publishing.image_sources import Source
from k4a_ros.publishing.options import TopicOptions
from k4a_ros.publishing.streams import IMAGE_DEPTH
from k4a_ros.publishing.streams import Publishers
from k4a_ros.publishing.streams import Stream
import sensor_msgs.msg

Render = Callable[[Capture, Image], Any]


class TopicBuilder:
    """
    The topics of one camera while they are made.

    ``streams`` grows; ``depth_frame`` and ``color_frame`` are names of frames.

    :param warn: told of settings that have no effect, and of what cannot be published.
    :param cancel: set when nothing is to be waited for any more.
    """

    def __init__(
        self, camera: Camera, options: TopicOptions, publishers: Publishers,
        warn: Callable[[str], None], cancel: threading.Event,
    ) -> None:
        self.camera = camera
        self.options = options
        self.warn = warn
        self.streams: list[Stream] = []
        self.depth_frame = options.tf_prefix + DEPTH_CAMERA
        self.color_frame = options.tf_prefix + RGB_CAMERA
        self._publishers = publishers
        self._cancel = cancel

    @property
    def depth_lens(self) -> Intrinsics:
        """Give the lens of the depth camera."""
        return self.camera.calibration.depth(self.camera.config.depth_mode)

    @property
    def color_lens(self) -> Intrinsics:
        """Give the lens of the color camera."""
        return self.camera.calibration.color(self.camera.config.color_resolution)

    def publisher(self, kind: Any, topic: str, depth: int) -> Any:
        """Return the publisher of a topic that is none of the captures'."""
        return self._publishers.get(kind, topic, depth)

    def subscriber_check(self, topic: str, kind: Any) -> Callable[[], bool]:
        """Return a function that returns whether a topic of captures has subscribers."""
        publisher = self.publisher(kind, topic, IMAGE_DEPTH)
        return lambda: publisher.get_subscription_count() > 0

    def add(
        self, topic: str, kind: Any, source: Source, render: Render,
        needs: Lazy[Any] | None = None,
    ) -> Stream:
        """
        Add a topic.

        :param needs: what rendering needs, and takes long to make. A camera that does not wait
            is published without this topic until it is there; one that does wait waits.
        """
        stream = Stream(
            topic, self.publisher(kind, topic, IMAGE_DEPTH), source, render, self.warn)
        stream.needs = needs
        stream.cancel = self._cancel if self.camera.lossless else None
        self.streams.append(stream)
        return stream

    def add_images(
        self, name: str, lens: Intrinsics, frame: str, source: Source, render: Render,
        needs: Lazy[Any] | None = None,
    ) -> Stream:
        """
        Add NAME/image_raw and its NAME/camera_info; return the former.

        :param needs: of the images, see `add`.
        """
        stream = self.add(f'{name}/image_raw', sensor_msgs.msg.Image, source, render, needs)
        message = messages.camera_info(lens, frame)
        self.add(f'{name}/camera_info', sensor_msgs.msg.CameraInfo, source, lambda *_: message)
        return stream
