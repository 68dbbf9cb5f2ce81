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

"""State and goal of a stream, for the threads that command it and the one that acts (no ROS)."""

from __future__ import annotations

from collections.abc import Callable
import threading

from k4a_ros.process.native_calls import NATIVE_CALLS
from k4a_ros.streaming.states import Command
from k4a_ros.streaming.states import COMMANDED
from k4a_ros.streaming.states import Goal
from k4a_ros.streaming.states import REFUSALS
from k4a_ros.streaming.states import StreamState

#: interval at which a caller that waits for the thread checks whether a native call hangs
_HANG_POLL_S = 0.2


def hang() -> str:
    """Return which native call hangs and for how long, '' if none does."""
    return str(NATIVE_CALLS.hung() or '')


class Progress:
    """
    The present state of a stream, and the goal that was set for it; thread-safe.

    ``changed`` is notified when either has changed, and is to be notified of everything else that
    `wait` waits for. ``not_streaming`` is set while the goal is not to stream.

    :param on_state: called with every new state.
    """

    def __init__(self, on_state: Callable[[StreamState], None] = lambda state: None) -> None:
        self._on_state = on_state
        self.changed = threading.Condition()
        self.not_streaming = threading.Event()
        self.not_streaming.set()
        self._goal = Goal.CLOSED
        self._state = StreamState.CLOSED

    @property
    def goal(self) -> Goal:
        """Return the state to reach and to keep."""
        return self._goal

    @goal.setter
    def goal(self, goal: Goal) -> None:
        with self.changed:
            self._goal = goal
            if goal is Goal.STREAMING:
                self.not_streaming.clear()
            else:
                self.not_streaming.set()
            self.changed.notify_all()

    @property
    def state(self) -> StreamState:
        """Return the present state."""
        return self._state

    @state.setter
    def state(self, state: StreamState) -> None:
        with self.changed:
            self._state = state
            self.changed.notify_all()
        self._on_state(state)

    def refusal(self, command: Command) -> str:
        """Return why a command cannot be given now and what to do, '' if it can."""
        with self.changed:
            state = COMMANDED.get((self._state, self._goal), self._state)
        return REFUSALS.get((state, command), '')

    def wait(self, condition: Callable[[], bool]) -> bool:
        """Wait until the acting thread has done something; return False if a native call hangs."""
        with self.changed:
            while not self.changed.wait_for(condition, _HANG_POLL_S):
                if hang():
                    return condition()
        return True
