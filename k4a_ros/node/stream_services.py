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

"""Services that start, stop and reconnect the stream."""

from __future__ import annotations

from collections.abc import Callable

from k4a_ros.streaming.supervisor import CameraSupervisor
from k4a_ros.streaming.supervisor import StreamState
from rclpy.node import Node
from std_srvs.srv import Trigger


class StreamServices:
    """
    The std_srvs/Trigger services ``~/start``, ``~/stop`` and ``~/reconnect``.

    They require an open camera, which lifecycle transitions open and close.
    """

    def __init__(self, node: Node, supervisor: CameraSupervisor) -> None:
        self._supervisor = supervisor
        for name, action in (('start', self._start), ('stop', self._stop),
                             ('reconnect', self._reconnect)):
            node.create_service(Trigger, f'~/{name}', self._callback(action))

    @staticmethod
    def _callback(action: Callable[[], str]) -> Callable[
            [Trigger.Request, Trigger.Response], Trigger.Response]:
        """Return the service callback of an action that returns why it failed, or ''."""
        def respond(_: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            problem = action()
            response.success = not problem
            response.message = problem or 'done'
            return response
        return respond

    def _start(self) -> str:
        state = self._supervisor.state
        if state is StreamState.CLOSED:
            return 'cannot start: the camera is closed; configure and activate the node first'
        if state is not StreamState.READY:
            return f'cannot start: the stream is not stopped, its state is: {state.value}'
        self._supervisor.start()
        return ''

    def _stop(self) -> str:
        if self._supervisor.state in (StreamState.CLOSED, StreamState.READY):
            return 'cannot stop: the camera is not streaming'
        self._supervisor.stop()
        return ''

    def _reconnect(self) -> str:
        if self._supervisor.state not in (StreamState.STREAMING, StreamState.LOST):
            return 'cannot reconnect: the camera is not streaming; call start'
        self._supervisor.restart()
        return ''
