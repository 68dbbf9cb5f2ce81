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


"""Comparison of firmware versions."""

from __future__ import annotations

from k4a_ros.cameras.device.firmware import NEWEST
from k4a_ros.cameras.device.firmware import outdated
import pytest


@pytest.mark.parametrize('firmware, expected', [
    # of a camera in Microsoft's documentation, "Azure Kinect DK firmware tool"
    ({'color': '1.5.92', 'depth': '1.5.66', 'audio': '1.5.14', 'depth_sensor': '6109.7'}, NEWEST),
    (NEWEST, {}),
    ({**NEWEST, 'color': '1.6.98'}, {'color': '1.6.110'}),
    # the factory's of 2021
    ({**NEWEST, 'depth': '1.6.80'}, {}),
    ({**NEWEST, 'color': '2.0.0'}, {}),
    ({}, {}),
    ({'color': 'unknown', 'depth': '', 'audio': '1.x.14'}, {}),
])
def test_only_older_versions_are_outdated(firmware, expected):
    assert outdated(firmware) == expected
