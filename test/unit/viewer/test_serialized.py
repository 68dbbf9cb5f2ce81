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

"""Serialized messages, compared with those of rclpy."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st
from k4a_ros.images.kernels import rvl_kernels
from k4a_ros.viewer import serialized
import numpy as np
import pytest
from rclpy.serialization import deserialize_message
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image
from sensor_msgs.msg import Imu

FRAMES = st.text(st.characters(codec='ascii', exclude_characters='\0'), max_size=30)


def image(height: int, width: int, encoding: str, frame: str, padding: int = 0) -> Image:
    """Return an image of random bytes."""
    step = width * serialized.PIXEL_BYTES[encoding] + padding
    message = Image(height=height, width=width, encoding=encoding, step=step, data=np.random.
                    default_rng(0).integers(0, 256, height * step, np.uint8).tobytes())
    message.header.frame_id = frame
    message.header.stamp.sec, message.header.stamp.nanosec = 12, 345
    return message


@given(FRAMES, st.sampled_from(sorted(serialized.PIXEL_BYTES)), st.integers(1, 9),
       st.integers(1, 9), st.integers(1, 5), st.integers(0, 3))
def test_decimated_image_has_every_nth_pixel(
    frame: str, encoding: str, height: int, width: int, factor: int, padding: int,
) -> None:
    message = image(height, width, encoding, frame, padding)
    raw = serialize_message(message)
    result = deserialize_message(serialized.decimated(raw, factor), Image)
    pixel = serialized.PIXEL_BYTES[encoding]
    rows = np.array(message.data, np.uint8).reshape(height, -1)[:, :width * pixel]
    expected = rows.reshape(height, width, pixel)[::factor, ::factor]
    assert result.header == message.header and result.encoding == encoding
    assert (result.height, result.width) == expected.shape[:2]
    pixels = np.array(result.data, np.uint8).reshape(result.height, result.step)
    assert np.array_equal(pixels[:, :result.width * pixel].reshape(expected.shape), expected)
    assert serialized.stamp_ns(raw) == 12 * 10 ** 9 + 345


def test_decimated_returns_what_cannot_be_made_smaller() -> None:
    raw = serialize_message(image(4, 4, 'mono8', 'a'))
    assert serialized.decimated(raw, 1) is raw
    assert serialized.decimated(raw[:-1], 2) == raw[:-1]
    unknown = image(4, 4, 'mono8', 'a')
    unknown.encoding = 'nv12'
    raw = serialize_message(unknown)
    assert serialized.decimated(raw, 2) is raw


@given(FRAMES, st.sampled_from(['16UC1', 'mono16']), st.integers(1, 9), st.integers(1, 40),
       st.integers(0, 9))
def test_compressed_image_keeps_every_pixel(
    frame: str, encoding: str, height: int, width: int, seed: int,
) -> None:
    message = image(height, width, encoding, frame)
    random = np.random.default_rng(seed)
    depth = random.integers(500, 508, (height, width), '<u2')
    depth[random.random(depth.shape) < 0.2] = 0
    message.data = depth.tobytes()
    raw = serialize_message(message)
    layout = serialized.ImageLayout.of(raw)
    small = serialized.compressed(raw)
    assert layout is not None
    if small is None:
        assert depth.size < 20
        return
    assert len(small) < len(raw) and small[:layout.data_at] == raw[:layout.data_at]
    decoded = np.zeros(depth.size, np.uint16)
    assert rvl_kernels().decode(np.frombuffer(small, '<u4', offset=layout.data_at), decoded)
    assert np.array_equal(decoded.reshape(depth.shape), depth)


@pytest.mark.parametrize(('encoding', 'padding'), [('bgra8', 0), ('32FC1', 0), ('16UC1', 2),
                                                   ('16UC1', 0)])
def test_compressed_returns_none_for_other_images_and_noise(encoding: str, padding: int) -> None:
    assert serialized.compressed(serialize_message(image(9, 9, encoding, 'a', padding))) is None


@given(st.binary(max_size=200), st.integers(1, 8))
def test_any_bytes_raise_nothing(data: bytes, factor: int) -> None:
    for message in (data, b'\0\1\0\0' + data):
        assert serialized.decimated(message, factor) is not None
        serialized.compressed(message)
        serialized.imu_sample(message)
        serialized.stamp_ns(message)


@given(FRAMES, st.lists(st.floats(-1e3, 1e3), min_size=6, max_size=6))
def test_imu_sample(frame: str, values: list[float]) -> None:
    message = Imu()
    message.header.frame_id = frame
    message.header.stamp.sec, message.header.stamp.nanosec = -3, 999_999_999
    for vector, part in (
            (message.angular_velocity, values[:3]), (message.linear_acceleration, values[3:])):
        vector.x, vector.y, vector.z = part
    sample = serialized.imu_sample(serialize_message(message))
    assert sample is not None and len(sample) == serialized.IMU_SAMPLE_BYTES
    assert struct.unpack('<iI6d', sample) == (-3, 999_999_999, *values)


@pytest.mark.parametrize('cut', [0, 4, 15, 100, 200])
def test_imu_sample_of_an_incomplete_message_is_none(cut: int) -> None:
    assert serialized.imu_sample(serialize_message(Imu())[:cut]) is None
