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

"""The tables of the state machine are complete."""

from __future__ import annotations

from k4a_ros.streaming.states import Command
from k4a_ros.streaming.states import COMMANDED
from k4a_ros.streaming.states import Goal
from k4a_ros.streaming.states import REFUSALS
from k4a_ros.streaming.states import Step
from k4a_ros.streaming.states import STEPS
from k4a_ros.streaming.states import StreamState


def test_every_state_has_a_next_step() -> None:
    assert set(STEPS) == {(state, goal) for state in StreamState for goal in Goal}
    reached = {goal for (_, goal), step in STEPS.items() if step in (Step.WAIT, Step.FINISH)}
    assert {Goal.CLOSED, Goal.OPEN} <= reached


def test_refusals_say_what_to_do() -> None:
    for (state, _), refusal in REFUSALS.items():
        assert state is StreamState.ENDED or any(
            word in refusal for word in ('~/', 'configure', 'open already', 'subscribe'))


def test_every_state_but_the_end_accepts_a_command() -> None:
    for state in set(StreamState) - {StreamState.ENDED}:
        assert any((state, command) not in REFUSALS for command in Command)


def test_stop_is_accepted_exactly_where_start_is_refused_once_open() -> None:
    for state in set(StreamState) - {StreamState.CLOSED, StreamState.ENDED}:
        assert ((state, Command.START) in REFUSALS) != ((state, Command.STOP) in REFUSALS)


def test_states_that_count_for_the_next_command_are_where_the_goal_leads() -> None:
    for (_, goal), state in COMMANDED.items():
        assert STEPS[state, goal] in (Step.WAIT, Step.WATCH, Step.RETRY)
