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

"""Simulated people who touch do not pass through each other."""

from __future__ import annotations

from k4a_ros.simulation.person import Person
import pytest
from support.people.contact import overlap
from support.people.crowded_scenes import dressed_scenes
from support.people.crowded_scenes import simulated_scenes
from support.people.shots import BARE


def test_overlap_is_how_deep_people_are_in_each_other():
    def pair(distance: float) -> list[Person]:
        return [Person('a', ((0.0, 2.0),), 1.1), Person('b', ((distance, 2.0),), 1.1)]

    assert overlap(pair(0.8)) == 0.0
    # shoulders are 184 mm from the middle, and sleeves have a radius of 58 mm
    assert overlap(pair(0.4)) == pytest.approx(2 * (0.184 + 0.058) - 0.4, abs=0.03)
    assert overlap(pair(0.8)[:1]) == 0.0


def test_people_of_crowded_scenes_touch_and_no_more():
    for scenes in (simulated_scenes, dressed_scenes):
        _, scene = next(scenes(601, BARE))
        assert overlap(scene.persons) < 0.081
