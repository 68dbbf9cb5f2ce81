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

"""Cameras that have moved are told from those that have not."""

from __future__ import annotations

import math

from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.calibration.rigid_transform import rotation_z
from k4a_ros.rig_calibration.movement import Limits
from k4a_ros.rig_calibration.movement import movements
import pytest
from support.boards import arc
from support.boards import looking_at

LIMITS = Limits(0.005, 0.3)
ELSEWHERE = looking_at((3, 2, 1), (0, 1, 0))


@pytest.mark.parametrize('moved', [0, 1, 3])
def test_camera_that_moved_is_found_also_if_it_is_the_first(moved):
    before = arc(4)
    now = [ELSEWHERE @ pose for pose in before]
    now[moved] = now[moved] @ RigidTransform(rotation_z(math.radians(0.5)), (0.0, 0.02, 0.0))
    found = movements(before, now, LIMITS)
    assert [each.moved for each in found] == [i == moved for i in range(4)]
    assert found[moved].meters == pytest.approx(0.02, abs=1e-6)
    assert found[moved].degrees == pytest.approx(0.5, abs=1e-6)


def test_noise_is_no_movement():
    before = arc(5)
    now = [ELSEWHERE @ pose @ RigidTransform(rotation_z(1e-4 * i), (0.0, 0.0005 * i, 0.0))
           for i, pose in enumerate(before)]
    found = movements(before, now, LIMITS)
    assert not any(each.moved for each in found)
    assert max(each.meters for each in found) < 0.003
