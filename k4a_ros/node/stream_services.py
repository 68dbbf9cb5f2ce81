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

"""Services of the node: start, stop, reconnect."""

from __future__ import annotations

from collections.abc import Callable

from k4a_ros.streaming.supervisor import CameraSupervisor
from k4a_ros.streaming.supervisor import State
from rclpy.node import Node
from std_srvs.srv import Trigger


class StreamServices:
    """
    The services ``~/start``, ``~/stop`` and ``~/reconnect``, each a std_srvs/Trigger.

    They act on an active node only; to open and close the camera there is the lifecycle.
    """

    def __init__(self, node: Node, supervisor: CameraSupervisor) -> None:
        self._supervisor = supervisor
        for name, action in (('start', self._start), ('stop', self._stop),
                             ('reconnect', self._reconnect)):
            node.create_service(Trigger, f'~/{name}', self._answer(action))

    @staticmethod
    def _answer(action: Callable[[], str]) -> Callable[
            [Trigger.Request, Trigger.Response], Trigger.Response]:
        def answer(_: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            problem = action()
            response.success = not problem
            response.message = problem or 'done'
            return response
        return answer

    def _start(self) -> str:
        if self._supervisor.state is State.CLOSED:
            return 'the camera is closed: configure and activate the node first'
        if self._supervisor.state is not State.READY:
            return f'the camera is not stopped, but {self._supervisor.state.value}'
        self._supervisor.start()
        return ''

    def _stop(self) -> str:
        if self._supervisor.state in (State.CLOSED, State.READY):
            return 'the camera does not stream'
        self._supervisor.stop()
        return ''

    def _reconnect(self) -> str:
        if self._supervisor.state not in (State.STREAMING, State.LOST):
            return 'the camera does not stream: start it'
        self._supervisor.restart()
        return ''
