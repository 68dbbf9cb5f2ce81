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

"""What takes the place of a publisher where messages are kept instead of sent, as in a bag."""

from __future__ import annotations

import abc
from typing import Any

import numpy as np
import numpy.typing as npt
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Imu


class MessageSink(abc.ABC):
    """
    The messages of one topic, with the methods of a rclpy Publisher that streams call.

    A sink takes each message in the thread that renders it. It may raise any exception, which
    reaches whoever offers the capture.

    :param qos_profile: of the publisher that the sink stands for.
    :param wanted: whether to render messages of the topic.
    """

    def __init__(self, qos_profile: QoSProfile, wanted: bool) -> None:
        self.qos_profile = qos_profile
        self.wanted = wanted

    def get_subscription_count(self) -> int:
        """Return 1 if messages of the topic are rendered, otherwise 0."""
        return int(self.wanted)

    @abc.abstractmethod
    def publish(self, message: Any) -> None:
        """Take a ROS message; it may be reused afterwards."""

    @abc.abstractmethod
    def publish_with_data(self, message: Any, data: npt.NDArray[np.uint8]) -> None:
        """
        Take a ROS message whose data is an array.

        :param message: all fields but ``data``, which is empty; it may be reused afterwards.
        :param data: (N,) its bytes, valid until this method returns.
        """

    @abc.abstractmethod
    def publish_imu(
        self, message: Imu, stamps_ns: npt.NDArray[np.int64], acc: npt.NDArray[np.float64],
        gyro: npt.NDArray[np.float64],
    ) -> None:
        """
        Take messages that differ only in stamp, acceleration and angular velocity.

        :param message: the common fields.
        :param stamps_ns: (N,) ROS time.
        :param acc: (N, 3) acceleration, m/s².
        :param gyro: (N, 3) angular velocity, rad/s.
        """
