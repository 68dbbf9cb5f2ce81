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

"""
The state machine of a stream, as tables (no ROS).

A command, which a service or a lifecycle transition gives, only sets a goal, or is refused with a
sentence: `REFUSALS`. The thread of the supervisor takes one step after the other from the present
state to the goal: `STEPS`, which has a step for every pair, so that no state is without a way out.
"""

from __future__ import annotations

from collections.abc import Mapping
import enum


class StreamState(enum.Enum):
    """State of the stream."""

    CLOSED = 'closed'
    READY = 'ready'
    WAITING = 'waiting for subscribers'
    STARTING = 'waiting for the first capture'
    STREAMING = 'streaming'
    LOST = 'lost'
    NOT_STARTING = 'does not start'
    DISCONNECTED = 'stopped, and not connected'
    ENDED = 'ended'


#: what a subordinate that was started tells others until its first capture comes
WAITING_FOR_PULSE = 'waiting for the sync pulse'


class Goal(enum.Enum):
    """State that the supervisor tries to reach and to keep."""

    CLOSED = 'closed'
    OPEN = 'open'
    STREAMING = 'streaming'


class Command(enum.Enum):
    """Request of a service or of a lifecycle transition."""

    OPEN = 'open'
    START = 'start'
    STOP = 'stop'
    RECONNECT = 'reconnect'
    RECORD = 'record'


class Step(enum.Enum):
    """What the thread of the supervisor does next."""

    FINISH = 'the goal is reached, and the thread ends'
    WAIT = 'the goal is reached: wait for a command'
    OPEN = 'open the camera for the first time; its error is reported to the caller'
    START = 'start a session'
    STOP = 'stop the session; the camera stays open'
    WATCH = 'wait for the end of the session, a command or a request to restart'
    RETRY = 'pause, and open the camera again'
    GIVE_UP = 'stop trying to open the camera, until the stream is started again'
    CLOSE = 'close the camera'


_S, _G, _C = StreamState, Goal, Command
_SESSION = (_S.WAITING, _S.STARTING, _S.STREAMING)
_RETRYING = (_S.LOST, _S.NOT_STARTING)

STEPS: Mapping[tuple[StreamState, Goal], Step] = {
    (_S.CLOSED, _G.CLOSED): Step.FINISH,
    (_S.CLOSED, _G.OPEN): Step.OPEN,
    (_S.CLOSED, _G.STREAMING): Step.OPEN,
    (_S.READY, _G.CLOSED): Step.CLOSE,
    (_S.READY, _G.OPEN): Step.WAIT,
    (_S.READY, _G.STREAMING): Step.START,
    **{(state, goal): Step.STOP for state in _SESSION for goal in (_G.CLOSED, _G.OPEN)},
    **{(state, _G.STREAMING): Step.WATCH for state in _SESSION},
    **{(state, _G.CLOSED): Step.CLOSE for state in _RETRYING},
    **{(state, _G.OPEN): Step.GIVE_UP for state in _RETRYING},
    **{(state, _G.STREAMING): Step.RETRY for state in _RETRYING},
    (_S.DISCONNECTED, _G.CLOSED): Step.CLOSE,
    (_S.DISCONNECTED, _G.OPEN): Step.WAIT,
    (_S.DISCONNECTED, _G.STREAMING): Step.RETRY,
    (_S.ENDED, _G.CLOSED): Step.CLOSE,
    (_S.ENDED, _G.OPEN): Step.WAIT,
    (_S.ENDED, _G.STREAMING): Step.WAIT,
}

_NOT_OPEN = 'the camera is closed; configure and activate the node first'
_HAS_ENDED = 'the stream has ended, and the driver is about to exit; start the driver again'
_NOT_STREAMING = 'the stream is stopped already; call ~/start to start it'

#: why a command is refused in a state, and what to do; commands that are not listed are accepted
REFUSALS: Mapping[tuple[StreamState, Command], str] = {
    **{(state, _C.OPEN): 'the camera is open already' for state in _S if state is not _S.CLOSED},
    (_S.CLOSED, _C.START): _NOT_OPEN,
    **{(state, _C.START): 'it has been started already; call ~/stop first to start it anew'
       for state in _SESSION},
    **{(state, _C.START): 'it has been started already, and the driver keeps trying to connect; '
       'call ~/reconnect to try at once' for state in _RETRYING},
    (_S.ENDED, _C.START): _HAS_ENDED,
    (_S.CLOSED, _C.STOP): _NOT_OPEN,
    (_S.READY, _C.STOP): _NOT_STREAMING,
    (_S.DISCONNECTED, _C.STOP): _NOT_STREAMING,
    (_S.ENDED, _C.STOP): _HAS_ENDED,
    (_S.CLOSED, _C.RECONNECT): _NOT_OPEN,
    (_S.READY, _C.RECONNECT): 'the stream is stopped; call ~/start',
    (_S.DISCONNECTED, _C.RECONNECT): 'the stream is stopped; call ~/start, which connects',
    (_S.WAITING, _C.RECONNECT): 'playback has not begun; subscribe to a topic',
    (_S.ENDED, _C.RECONNECT): _HAS_ENDED,
    (_S.CLOSED, _C.RECORD): _NOT_OPEN,
    (_S.READY, _C.RECORD): 'the stream is stopped; call ~/start first',
    (_S.DISCONNECTED, _C.RECORD): 'the stream is stopped; call ~/start first, which connects',
    (_S.ENDED, _C.RECORD): _HAS_ENDED,
}

#: state that counts for the next command, where the thread has not got to the goal yet
COMMANDED: Mapping[tuple[StreamState, Goal], StreamState] = {
    (_S.READY, _G.STREAMING): _S.STARTING,
    (_S.DISCONNECTED, _G.STREAMING): _S.LOST,
    (_S.WAITING, _G.OPEN): _S.READY,
    (_S.STARTING, _G.OPEN): _S.READY,
    (_S.STREAMING, _G.OPEN): _S.READY,
    (_S.LOST, _G.OPEN): _S.DISCONNECTED,
    (_S.NOT_STARTING, _G.OPEN): _S.DISCONNECTED,
}
