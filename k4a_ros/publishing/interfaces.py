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

"""What the topics of a camera are connected with: a recorder, recorded sound, a body tracker."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from typing import NamedTuple
from typing import Protocol

from k4a_ros.audio.source import RecordedAudio
from k4a_ros.body.tracker import BodyTracker
from k4a_ros.cameras.base import Camera
from k4a_ros.capture import Capture
from k4a_ros.capture import ImuSamples
from k4a_ros.publishing.publishers import LazyPublisher
from k4a_ros.streaming.device_clock import Times
from k4a_ros.streaming.stamper import ToRos


class TrackerChoice(NamedTuple):
    """The body tracker backend to use, by name, and a function that opens it for a camera."""

    backend: str
    open_tracker: Callable[[Camera], BodyTracker]


class Tap(Protocol):
    """Gets what a live camera delivers with its stamps, such as a recorder; must not take long."""

    @property
    def active(self) -> bool:
        """Return whether it takes data now."""

    def capture(self, capture: Capture, to_ros: ToRos) -> None:
        """Take a capture, also one that is dropped before it is published."""

    def imu(self, samples: ImuSamples, ros_ns: Times) -> None:
        """Take IMU samples and the stamps of their accelerometer readings, nanoseconds."""

    def end_session(self) -> None:
        """Note that the camera has stopped."""


class SoundPlayer(Protocol):
    """Publishes the sound of a recording."""

    @property
    def topics(self) -> Iterable[LazyPublisher]:
        """Return its topics, also those of the sound of a live camera."""

    def play(self, sound: RecordedAudio) -> None:
        """Publish sound."""
