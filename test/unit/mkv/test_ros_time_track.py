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

"""The entries of the track of ROS times."""

from __future__ import annotations

from k4a_ros.mkv.ros_time_track import decode
from k4a_ros.mkv.ros_time_track import encode
from k4a_ros.mkv.ros_time_track import TimedStream
import numpy as np
import pytest


def test_entries_round_trip():
    block = encode(TimedStream.DEPTH, np.array([5]), np.array([1_700_000_000_123_456_789]))
    block += encode(TimedStream.IMU, np.array([6, 7]), np.array([8, 9]))
    assert decode(block).tolist() == [
        (0, 5, 1_700_000_000_123_456_789), (3, 6, 8), (3, 7, 9)]


def test_unknown_times_have_no_entry():
    block = encode(TimedStream.IMU, np.array([5, 6]), np.array([0, 7]))
    assert decode(block).tolist() == [(3, 6, 7)]


def test_layout_is_that_of_the_documentation():
    block = encode(TimedStream.COLOR, np.array([0x0102]), np.array([-1]))
    assert block == b'\x02' + b'\x02\x01' + bytes(6) + b'\xff' * 8


def test_part_of_an_entry_is_rejected():
    with pytest.raises(ValueError, match='18 bytes'):
        decode(bytes(18))
