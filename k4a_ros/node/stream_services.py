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

from k4a_ros.streaming.states import Command
from k4a_ros.streaming.states import StreamState
from k4a_ros.streaming.supervisor import CameraSupervisor
from rclpy.node import Node
from std_srvs.srv import Trigger


class StreamServices:
    """
    The std_srvs/Trigger services ``~/start``, ``~/stop`` and ``~/reconnect``.

    They require a node that is configured; the responses say what was done, or why not and what to
    do. What was done is logged as well.
    """

    def __init__(self, node: Node, supervisor: CameraSupervisor) -> None:
        self._node = node
        self._supervisor = supervisor
        for command, action in ((Command.START, self._start), (Command.STOP, self._stop),
                                (Command.RECONNECT, self._reconnect)):
            node.create_service(
                Trigger, f'~/{command.value}', self._callback(command, action))

    def _callback(self, command: Command, action: Callable[[], tuple[bool, str]]) -> Callable[
            [Trigger.Request, Trigger.Response], Trigger.Response]:
        """Return the service callback of an action that returns its success and what it did."""
        def respond(_: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            refusal = self._supervisor.refusal(command)
            if refusal:
                response.success, response.message = (
                    False, f'cannot {command.value}: {refusal}')
                return response
            response.success, response.message = action()
            text = f'~/{command.value}: {response.message}'
            if response.success:
                self._node.get_logger().info(text)
            else:
                self._node.get_logger().error(text)
            return response
        return respond

    def _start(self) -> tuple[bool, str]:
        connected = self._supervisor.state is not StreamState.DISCONNECTED
        self._supervisor.start()
        return True, 'starting the stream' if connected else 'connecting to the camera'

    def _stop(self) -> tuple[bool, str]:
        if not self._supervisor.stop():
            return False, (f'the stream has not stopped yet: {self._supervisor.hang()}')
        if self._supervisor.state is StreamState.DISCONNECTED:
            return True, 'stopped reconnecting; call ~/start to connect again'
        return True, 'stopped the stream; the camera stays open, call ~/start to go on'

    def _reconnect(self) -> tuple[bool, str]:
        self._supervisor.restart()
        return True, 'reopening the camera'
