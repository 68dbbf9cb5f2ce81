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
A sensor_msgs/Imu in its serialized form, in which stamp and reading are replaced.

rcl publishes it as it is, while it serializes the C structure of a message each time.

The form is plain CDR (OMG DDS-RTPS 2.3, 10.2): four bytes of encapsulation, then all members in
order, numbers aligned to their size. Only the frame_id, near the beginning, has a length that
varies, so the vectors are found from the end.
"""

from __future__ import annotations

import ctypes

from k4a_ros.publishing.raw.structs import SerializedStruct
import numpy as np
from rclpy.serialization import deserialize_message
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Imu

_WORD = 8
#: words from the end: each vector is followed by its covariance, acceleration is the last one
_ACC_FROM_END, _GYRO_FROM_END = 3 + 9, 2 * (3 + 9)


class SerializedImu:
    """
    The serialized form of a message, in an array of words of 8 bytes.

    ``words`` is (N,) int64. In it, ``stamp`` is the index of the stamp, one word: seconds in the
    lower half, nanoseconds in the upper one; ``acc`` and ``gyro`` are those of acceleration and
    angular velocity, three float64 each. ``octets`` are the bytes of the message, and ``struct``
    refers to them.

    :param message: all fields.
    :param before: number of words to leave free, as 0, before the message.
    """

    def __init__(self, message: Imu, before: int = 0) -> None:
        data = np.frombuffer(serialize_message(message), np.uint8)
        # the encapsulation is the upper half of a word, so that what follows is aligned
        self.words = np.zeros(before + -(-data.size // _WORD), np.int64)
        self.octets = self.words.view(np.uint8)[-data.size:]
        self.octets[:] = data
        self.stamp = before + 1
        self.acc = self.words.size - _ACC_FROM_END
        self.gyro = self.words.size - _GYRO_FROM_END
        self.struct = SerializedStruct(self.octets.ctypes.data, data.size, data.size)

    @property
    def address(self) -> int:
        """Return the address of the rcl_serialized_message_t."""
        return ctypes.addressof(self.struct)


def reads_back() -> bool:
    """Return whether ROS reads messages, in which stamp and reading are replaced, as expected."""
    for frame_id in ('', 'imu', 'camera_imu_link'):
        expected, message = Imu(), Imu()
        for each in (expected, message):
            each.header.frame_id = frame_id
            for name in 'xyzw':
                setattr(each.orientation, name, ord(name) / 8)
            each.orientation_covariance = np.arange(1.0, 10.0)
            each.angular_velocity_covariance = np.arange(11.0, 20.0)
            each.linear_acceleration_covariance = np.arange(21.0, 30.0)
        expected.header.stamp.sec, expected.header.stamp.nanosec = 7, 999_999_999
        serialized = SerializedImu(message)
        serialized.words[serialized.stamp] = 7 | 999_999_999 << 32
        for begin, vector in ((serialized.acc, expected.linear_acceleration),
                              (serialized.gyro, expected.angular_velocity)):
            vector.x, vector.y, vector.z = begin / 2, -1.5, 1e-300
            serialized.words[begin:begin + 3].view(np.float64)[:] = vector.x, vector.y, vector.z
        if deserialize_message(serialized.octets.tobytes(), Imu) != expected:
            return False
    return True
