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

"""Messages that are serialized without rclpy's copy of their data read back as they were."""

from __future__ import annotations

from typing import Any

from k4a_ros.bags.cdr import Serializer
from k4a_ros.publishing.messages import imu_message
from k4a_ros.publishing.messages import UNKNOWN_COVARIANCE
import numpy as np
import pytest
from rclpy.serialization import deserialize_message
from rosbags.typesys import get_typestore
from rosbags.typesys import Stores
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from sensor_msgs.msg import Imu
from sensor_msgs.msg import PointCloud2
from sensor_msgs.msg import PointField

SERIALIZER = Serializer(get_typestore(Stores.ROS2_HUMBLE))


@pytest.mark.parametrize('size', [0, 1, 7, 1000])
@pytest.mark.parametrize('message', [
    Image(height=3, width=5, encoding='mono8', step=5),
    CompressedImage(format='jpeg'),
    PointCloud2(height=1, width=2, is_dense=True, fields=[PointField(name='x', offset=4)]),
], ids=lambda message: type(message).__name__)
def test_message_with_data_reads_back(message: Any, size: int) -> None:
    message.header.frame_id = 'a_frame'
    message.header.stamp.sec = 7
    data = np.arange(size, dtype=np.uint8)
    found = deserialize_message(bytes(SERIALIZER.serialize(message, data)), type(message))
    assert bytes(found.data) == data.tobytes()
    found.data = b''
    assert found == message


@pytest.mark.parametrize('frame', ['', 'imu_link', 'left_imu_link'])
def test_imu_messages_read_back(frame: str) -> None:
    message = imu_message(frame, UNKNOWN_COVARIANCE, (0.5,) * 9)
    random = np.random.default_rng(0)
    acc, gyro = random.normal(0, 9, (3, 3)), random.normal(0, 1, (3, 3))
    stamps = np.array([1, 10**9 - 1, 5 * 10**9 + 3])
    found = [deserialize_message(data, Imu)
             for data in SERIALIZER.serialize_imu(message, stamps, acc, gyro)]
    for number, each in enumerate(found):
        assert each.header.stamp.sec * 10**9 + each.header.stamp.nanosec == stamps[number]
        assert [getattr(each.linear_acceleration, axis) for axis in 'xyz'] == [*acc[number]]
        assert [getattr(each.angular_velocity, axis) for axis in 'xyz'] == [*gyro[number]]
        assert each.header.frame_id == frame
        assert each.orientation_covariance[0] == -1
        assert each.angular_velocity_covariance[8] == 0.5
