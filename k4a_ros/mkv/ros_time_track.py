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
The track ROS_TIME of a recording: the ROS time of its images and inertial samples.

It is a custom track, as k4a_record_add_custom_subtitle_track makes one, so that other programs
ignore it. Each block has entries of 17 bytes, little endian: the stream (0 depth, 1 infrared,
2 color, 3 IMU), its device time in microseconds, and its ROS time in nanoseconds. The block has
the time of its first entry, and precedes the images and samples that it is about.
"""

from __future__ import annotations

import enum

import numpy as np
import numpy.typing as npt

TRACK_NAME = 'ROS_TIME'
CODEC_ID = 'S_K4A_ROS/TIME'

#: an entry: ``stream``, ``device_us`` and ``ros_ns``
ENTRY_DTYPE = np.dtype([('stream', 'u1'), ('device_us', '<i8'), ('ros_ns', '<i8')])

Entries = npt.NDArray[np.void]


class TimedStream(enum.IntEnum):
    """What an entry is about."""

    DEPTH = 0
    IR = 1
    COLOR = 2
    IMU = 3


def encode(
    stream: TimedStream, device_us: npt.NDArray[np.int64], ros_ns: npt.NDArray[np.int64],
) -> bytes:
    """
    Return entries of one stream; concatenated, they are the content of a block.

    Where the ROS time is 0, which means that it is unknown, there is no entry.

    :param device_us: (N,) device times, microseconds.
    :param ros_ns: (N,) ROS times, nanoseconds.
    """
    known = ros_ns != 0
    entries = np.empty(np.count_nonzero(known), ENTRY_DTYPE)
    entries['stream'] = stream
    entries['device_us'], entries['ros_ns'] = device_us[known], ros_ns[known]
    return entries.tobytes()


def decode(block: bytes) -> Entries:
    """
    Return the entries of a block, (N,) ENTRY_DTYPE.

    :raises ValueError: the block is not made of whole entries.
    """
    if len(block) % ENTRY_DTYPE.itemsize:
        raise ValueError(f'a block of {TRACK_NAME} has {len(block)} bytes, which is not a '
                         f'multiple of {ENTRY_DTYPE.itemsize}')
    return np.frombuffer(block, ENTRY_DTYPE)
