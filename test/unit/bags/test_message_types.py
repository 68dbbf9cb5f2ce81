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

"""Definitions of messages from the ROS installation are those that rosbags has."""

from __future__ import annotations

from k4a_ros.bags.message_types import add_type
from k4a_ros.errors import BagError
import pytest
from rosbags import typesys

KINDS = (
    'sensor_msgs/msg/CameraInfo', 'sensor_msgs/msg/CompressedImage', 'sensor_msgs/msg/Image',
    'sensor_msgs/msg/Imu', 'sensor_msgs/msg/PointCloud2', 'sensor_msgs/msg/TimeReference',
    'geometry_msgs/msg/PoseStamped', 'std_msgs/msg/String', 'std_msgs/msg/UInt8MultiArray',
    'tf2_msgs/msg/TFMessage')


def test_types_are_those_of_rosbags() -> None:
    expected = typesys.get_typestore(typesys.Stores.ROS2_HUMBLE)
    types = typesys.get_typestore(typesys.Stores.EMPTY)
    for name in (*KINDS, *KINDS):
        add_type(typesys, types, name)
        assert types.generate_msgdef(name, ros_version=2) == expected.generate_msgdef(
            name, ros_version=2)
        assert types.hash_rihs01(name) == expected.hash_rihs01(name)
    assert len(types.fielddefs) < 30


@pytest.mark.parametrize('name', ['sensor_msgs/msg/NoSuchType', 'no_such_msgs/msg/Type'])
def test_missing_definition_is_named(name: str) -> None:
    with pytest.raises(BagError, match=name):
        add_type(typesys, typesys.get_typestore(typesys.Stores.EMPTY), name)
