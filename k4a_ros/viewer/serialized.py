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
Serialized messages (CDR, little endian): stamps, smaller images, RVL, and samples of the IMU.

Messages are passed on to pages as they arrive. Only what is needed here is read from them; to
deserialize a depth image with rclpy takes longer than all the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
import struct

from k4a_ros.images.arrays import read_only_view
from k4a_ros.images.kernels import rvl_kernels
from k4a_ros.jit.kernels import use_numba
import numpy as np

#: after the encapsulation: seconds, nanoseconds, length of frame_id with its NUL
_STAMP, _STRING = 4, 12
_LITTLE_ENDIAN = b'\x00\x01'
#: bytes of a sample in a batch: stamp, angular velocity and acceleration as float64
IMU_SAMPLE_BYTES = 56
#: what a pixel takes, bytes, in the encodings that can be made smaller
PIXEL_BYTES = {
    '16UC1': 2, 'mono16': 2, '32FC1': 4, 'mono8': 1, '8UC1': 1, 'bgra8': 4, 'rgba8': 4, 'bgr8': 3,
    'rgb8': 3}


def stamp_ns(message: bytes) -> int | None:
    """Return the stamp of a message that begins with a header, ns; None if it cannot."""
    if len(message) < _STRING + 4 or message[:2] != _LITTLE_ENDIAN:
        return None
    seconds, nanoseconds = struct.unpack_from('<iI', message, _STAMP)
    return int(seconds) * 1_000_000_000 + int(nanoseconds)


def _after_header(message: bytes, alignment: int) -> int:
    """Return where the field after a header begins, aligned to its size."""
    length: int = struct.unpack_from('<I', message, _STRING)[0]
    end = _STRING + length  # relative to the end of the encapsulation, where alignment counts
    return 4 + -(-end // alignment) * alignment


@dataclass(frozen=True)
class ImageLayout:
    """Positions of the fields of a serialized sensor_msgs/Image, and their values."""

    size_at: int
    step_at: int
    data_at: int
    height: int
    width: int
    step: int
    encoding: str

    @classmethod
    def of(cls, message: bytes) -> ImageLayout | None:
        """Return the layout of a message; None if it is not a complete image."""
        try:
            size_at = _after_header(message, 4)
            height, width, length = struct.unpack_from('<III', message, size_at)
            encoding = message[size_at + 12:size_at + 11 + length].decode('ascii')
            step_at = 4 + -(-(size_at + 12 + length + 1 - 4) // 4) * 4
            step, count = struct.unpack_from('<II', message, step_at)
        except (struct.error, UnicodeDecodeError):
            return None
        data_at = step_at + 8
        if message[:2] != _LITTLE_ENDIAN or count != step * height or (
                len(message) < data_at + count):
            return None
        return cls(size_at, step_at, data_at, height, width, step, encoding)


def decimated(message: bytes, factor: int) -> bytes:
    """
    Return an image with every Nth row and column; what cannot be made smaller is returned as is.

    :param message: a serialized sensor_msgs/Image.
    """
    layout = ImageLayout.of(message) if factor > 1 else None
    pixel = PIXEL_BYTES.get(layout.encoding, 0) if layout is not None else 0
    if layout is None or not pixel or layout.step < layout.width * pixel or not layout.width:
        return message
    data = np.frombuffer(message, np.uint8, layout.step * layout.height, layout.data_at)
    rows = data.reshape(layout.height, layout.step)[::factor, :layout.width * pixel]
    small = rows.reshape(len(rows), layout.width, pixel)[:, ::factor]
    head = bytearray(message[:layout.data_at])
    struct.pack_into('<II', head, layout.size_at, small.shape[0], small.shape[1])
    struct.pack_into('<II', head, layout.step_at, small.shape[1] * pixel, small.size)
    return bytes(head) + small.tobytes()


def compressed(message: bytes) -> bytes | None:
    """
    Return an image of 16 bits per pixel with its pixels in RVL, without loss (`rvl_kernels`).

    The fields before the pixels stay, also the length of the pixels before they were compressed.

    :param message: a serialized sensor_msgs/Image.
    :return: None if RVL would not make the message smaller, or it is no such image.
    """
    layout = ImageLayout.of(message)
    if layout is None or layout.encoding not in ('16UC1', 'mono16') or (
            layout.step != 2 * layout.width):
        return None
    pixels = np.frombuffer(message, '<u2', layout.width * layout.height, layout.data_at)
    words = np.empty(pixels.size + 3, np.uint32)
    count = rvl_kernels().encode(read_only_view(pixels), words)
    if 4 * count >= layout.step * layout.height:
        return None
    return message[:layout.data_at] + words[:count].astype('<u4').tobytes()


def prepare_compression() -> bool:
    """Load the kernel of `compressed`, which can take seconds; return whether it is fast."""
    if not use_numba():
        return False
    rvl_kernels().encode(read_only_view(np.zeros(1, np.uint16)), np.empty(4, np.uint32))
    return True


def imu_sample(message: bytes) -> bytes | None:
    """
    Return stamp, angular velocity and linear acceleration of a serialized sensor_msgs/Imu.

    :return: `IMU_SAMPLE_BYTES`: int32, uint32, and six float64, rad/s and m/s²; None if the
        message is not complete.
    """
    if len(message) < _STRING + 4 or message[:2] != _LITTLE_ENDIAN:
        return None
    gyro = _after_header(message, 8) + (4 + 9) * 8  # orientation and its covariance
    acceleration = gyro + (3 + 9) * 8
    if len(message) < acceleration + 24:
        return None
    return message[_STAMP:_STAMP + 8] + message[gyro:gyro + 24] + (
        message[acceleration:acceleration + 24])
