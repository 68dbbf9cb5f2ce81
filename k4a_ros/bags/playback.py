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

"""Read a recording from start to end in one loop: captures, IMU samples and sound in order."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator

from k4a_ros.audio.source import RecordedAudio
from k4a_ros.cameras.base import Camera
from k4a_ros.capture import Capture
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import EndOfRecording
from k4a_ros.errors import ReadTimeout

Item = Capture | ImuSamples | RecordedAudio


def items(camera: Camera) -> Iterator[Item]:
    """
    Yield all captures, batches of IMU samples and sound of a camera in lockstep, in order.

    Batches are those that a driver at playback rate 0 gets.

    :raises CameraLostError: the recording is damaged at this position.
    """
    camera.start()
    config = camera.config
    readers: list[Callable[[float], Item]] = []
    if config.depth or config.ir or config.color:
        readers.append(camera.read)
    if config.imu:
        readers.append(camera.read_imu)
    if camera.plays_sound:
        readers.append(camera.read_sound)
    while readers:
        for read in list(readers):
            try:
                yield read(0.0)
            except ReadTimeout:
                pass  # another stream has older data
            except EndOfRecording:
                readers.remove(read)
