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

"""State and goal of a stream, shared by threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from k4a_ros.process.native_calls import NATIVE_CALLS
from k4a_ros.streaming import progress as module
from k4a_ros.streaming.progress import Progress
from k4a_ros.streaming.states import Command
from k4a_ros.streaming.states import Goal
from k4a_ros.streaming.states import StreamState
import pytest


def test_wait_ends_when_the_state_is_reached() -> None:
    progress = Progress()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(progress.wait, lambda: progress.state is StreamState.READY)
        progress.state = StreamState.READY
        assert waiting.result() is True


def test_wait_ends_when_a_native_call_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, '_HANG_POLL_S', 0.001)
    monkeypatch.setattr(NATIVE_CALLS, 'hung', NATIVE_CALLS.oldest)
    progress = Progress()
    with NATIVE_CALLS.running('k4a_device_open'):
        assert progress.wait(lambda: False) is False
        assert module.hang().startswith('k4a_device_open has not returned for')
    assert module.hang() == ''


def test_not_streaming_follows_the_goal() -> None:
    progress = Progress()
    assert progress.not_streaming.is_set()
    progress.goal = Goal.STREAMING
    assert not progress.not_streaming.is_set()
    progress.goal = Goal.OPEN
    assert progress.not_streaming.is_set()


def test_refusal_counts_the_goal_that_is_not_reached_yet() -> None:
    progress = Progress()
    assert 'configure' in progress.refusal(Command.START)
    progress.state = StreamState.READY
    assert progress.refusal(Command.START) == ''
    progress.goal = Goal.STREAMING
    assert 'started already' in progress.refusal(Command.START)
