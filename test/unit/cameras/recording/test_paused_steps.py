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

"""Steps of playback that is paused."""

from __future__ import annotations

import math

from k4a_ros.cameras.recording.paused_steps import PausedSteps


def test_there_are_as_many_steps_as_allowed() -> None:
    steps = PausedSteps()
    assert not steps.take()
    steps.remaining = 2
    assert [steps.take() for _ in range(3)] == [True, True, False]
    assert steps.taken == 2


def test_negative_number_allows_all_steps() -> None:
    steps = PausedSteps()
    steps.remaining = -1
    assert all(steps.take() for _ in range(100))


def test_item_that_was_sought_is_no_step() -> None:
    steps = PausedSteps()
    steps.sought, steps.remaining = True, 1
    assert [steps.take() for _ in range(3)] == [True, True, False]
    assert steps.taken == 1


def test_cancel_keeps_what_other_streams_follow_and_clear_does_not() -> None:
    steps = PausedSteps()
    steps.sought, steps.remaining, steps.shown_us = True, 1, 5.0
    steps.cancel()
    assert (steps.take(), steps.shown_us) == (False, 5.0)
    steps.clear()
    assert steps.shown_us == -math.inf
