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

"""Read recordings with FFmpeg, independently of the package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
import struct

import av


@dataclass
class Recorded:
    """
    The content of a recording, at device times in microseconds.

    ``images`` are the stored bytes by track and time; ``acc_us`` are the times of the inertial
    samples; ``ros_ns`` is the ROS time by stream and time (streams as in the track of ROS times).
    """

    tags: Mapping[str, str]
    images: dict[str, dict[int, bytes]] = field(default_factory=dict)
    acc_us: list[int] = field(default_factory=list)
    ros_ns: dict[tuple[int, int], int] = field(default_factory=dict)

    @property
    def start_us(self) -> int:
        """Return the time of the first image."""
        return min(min(times) for times in self.images.values() if times)

    @property
    def length_us(self) -> int:
        """Return the time from the first to the last image."""
        return max(max(times) for times in self.images.values() if times) - self.start_us


def read_recorded(path: Path | str) -> Recorded:
    """Return all that can be read of a recording."""
    with av.open(str(path)) as file:
        result = Recorded(file.metadata)
        start_us = int(file.metadata['K4A_START_OFFSET_NS']) // 1000
        names = {stream.index: stream.metadata.get('title', '') for stream in file.streams}
        result.images = {name: {} for name in names.values() if name in ('COLOR', 'DEPTH', 'IR')}
        for packet in file.demux():
            data = bytes(packet)
            name = names[packet.stream_index]
            if not data:
                continue
            if name == 'IMU':
                result.acc_us.append(struct.unpack_from('<Q', data)[0] // 1000)
            elif name == 'ROS_TIME':
                for stream, device_us, ros_ns in struct.iter_unpack('<Bqq', data):
                    result.ros_ns[stream, device_us] = ros_ns
            else:
                result.images[name][start_us + packet.pts] = data
        return result
