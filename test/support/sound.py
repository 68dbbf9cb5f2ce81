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

"""Sound beside recordings, of clocks that drift."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from k4a_ros.audio.microphones import CHANNELS
from k4a_ros.audio.microphones import RATE
from k4a_ros.audio.side_file import sound_path
from k4a_ros.audio.side_file import SoundWriter
import numpy as np
import numpy.typing as npt

ROS_NS = 1_790_000_000_123_456_789
BLOCK = RATE // 50


@dataclass(frozen=True)
class Clocks:
    """
    Clocks of camera and microphones that are faster than ROS time by parts per million.

    The first sample was taken at ``begin_us`` of the camera's clock, and `ROS_NS` is the ROS time
    at device time 0.
    """

    begin_us: int = 500_000
    camera_ppm: float = 0.0
    microphones_ppm: float = 0.0

    def ros_ns(self, device_us: int) -> int:
        """Return the ROS time of a device time."""
        return ROS_NS + round(device_us * 1000 / (1 + self.camera_ppm * 1e-6))

    def sample_ns(self, sample: int) -> int:
        """Return the ROS time of a sample."""
        return self.ros_ns(self.begin_us) + round(
            sample * 1e9 / (RATE * (1 + self.microphones_ppm * 1e-6)))

    def sample_us(self, sample: int) -> float:
        """Return the device time of a sample."""
        return (self.sample_ns(sample) - ROS_NS) * (1 + self.camera_ppm * 1e-6) / 1000


def numbered_samples(first: int, count: int) -> npt.NDArray[np.int16]:
    """Return samples that tell their number, modulo 32768, in the first channel."""
    samples = np.zeros((count, CHANNELS), np.int16)
    samples[:, 0] = np.arange(first, first + count) % 32768
    return samples


def write_sound(recording: Path, seconds: float, clocks: Clocks) -> Path:
    """Write numbered samples beside a recording, and return the path."""
    path = sound_path(recording)
    writer = SoundWriter(path)
    for first in range(0, round(seconds * RATE), BLOCK):
        writer.write(numbered_samples(first, BLOCK), clocks.sample_ns(first))
    writer.close()
    return path
