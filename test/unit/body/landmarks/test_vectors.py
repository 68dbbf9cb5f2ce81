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

"""Unit tests of vector operations."""

from __future__ import annotations

from k4a_ros.body.landmarks.vectors import perpendicular_part
from k4a_ros.body.landmarks.vectors import unit
import numpy as np
import pytest


def test_unit_has_length_one():
    assert unit(np.array([3.0, 0.0, 4.0])) == pytest.approx([0.6, 0.0, 0.8])


def test_unit_of_zero_is_zero():
    assert np.array_equal(unit(np.zeros(3)), np.zeros(3))


def test_perpendicular_part_has_no_component_along_the_axis():
    part = perpendicular_part(np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 0.0]))
    assert part == pytest.approx([1.0, 0.0, 3.0])
