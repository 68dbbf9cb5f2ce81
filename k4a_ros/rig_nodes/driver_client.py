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

"""The driver of one camera of a rig, as its manager sees it: services, state, facts."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import threading
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from k4a_ros.node.synchronization import STATE_TOPIC
from k4a_ros.node.synchronization import STATES
from k4a_ros.parameters.spec import Value
from k4a_ros.rig.checks import Facts
from k4a_ros.rig.rig import DRIVER_NAME
from k4a_ros.rig.rig import Rig
from k4a_ros.rig.rig import RigCamera
from k4a_ros.streaming.states import StreamState
from k4a_ros.streaming.states import WAITING_FOR_PULSE
from lifecycle_msgs.msg import State
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from lifecycle_msgs.srv import GetState
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.client import Client
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.task import Future
from std_msgs.msg import String
from std_srvs.srv import Trigger

UNCONFIGURED, INACTIVE, ACTIVE = (
    State.PRIMARY_STATE_UNCONFIGURED, State.PRIMARY_STATE_INACTIVE, State.PRIMARY_STATE_ACTIVE)
CONFIGURE, ACTIVATE, DEACTIVATE = (
    Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE,
    Transition.TRANSITION_DEACTIVATE)
#: states of a stream that matter here, besides `WAITING_FOR_PULSE`
FIRST_CAPTURE, STREAMING, CLOSED = (
    state.value for state in (StreamState.STARTING, StreamState.STREAMING, StreamState.CLOSED))
#: time for an answer; opening a camera takes seconds
ANSWER_S = 30.0
#: time after which a question without an answer is asked again
_ASK_S = 2.0


class DriverClient:
    """
    Services and topics of one driver. Nothing here waits.

    ``state``: of its stream, '' if unknown. ``starts``: how often the camera was started.
    ``facts``: None until the camera was open.

    :param on_state: called with each new state.
    """

    def __init__(
        self, node: Node, rig: Rig, camera: RigCamera, on_state: Callable[[], None],
    ) -> None:
        self.camera = camera
        self.name = camera.name
        self.state = ''
        self.starts = 0
        self.facts: Facts | None = None
        self._on_state = on_state
        self._driver = f'{rig.camera_namespace(camera)}/{DRIVER_NAME}'

        def client(kind: Any, name: str) -> Client[Any, Any]:
            return node.create_client(kind, f'{self._driver}/{name}')

        self._get_state = client(GetState, 'get_state')
        self._change_state = client(ChangeState, 'change_state')
        self._set = client(SetParametersAtomically, 'set_parameters_atomically')
        self._triggers = {name: client(Trigger, name)
                          for name in ('start_recording', 'stop_recording')}
        node.create_subscription(String, f'{self._driver}/{STATE_TOPIC}', self._receive, STATES)

    @property
    def runs(self) -> bool:
        """Return whether the driver is there."""
        return bool(self._get_state.service_is_ready())

    def _receive(self, message: String) -> None:
        if message.data in (WAITING_FOR_PULSE, FIRST_CAPTURE):
            self.starts += 1
        self.state = message.data
        self._on_state()

    def read_diagnostics(self, message: DiagnosticArray) -> None:
        """Remember what the driver says about its camera."""
        for status in message.status:
            if status.name == f'{self._driver.strip("/")}: camera':
                values = {pair.key: pair.value for pair in status.values}
                if 'kind' in values and values.get('synchronization') != 'unknown':
                    self.facts = Facts.of_status(status.hardware_id, values)
                    self._on_state()

    def ask_state(self) -> Future[Any]:
        """Ask for the lifecycle state."""
        return self._get_state.call_async(GetState.Request())

    def change_state(self, transition: int) -> Future[Any]:
        """Ask for a transition."""
        return self._change_state.call_async(ChangeState.Request(
            transition=Transition(id=transition)))

    def set_parameters(self, values: Mapping[str, Value]) -> Future[Any]:
        """Set parameters, all or none."""
        return self._set.call_async(SetParametersAtomically.Request(parameters=[
            Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]))

    def trigger(self, name: str) -> Future[Any]:
        """Call a service without arguments."""
        return self._triggers[name].call_async(Trigger.Request())


def gather(
    futures: Sequence[Future[Any]], timeout_s: float, cancel: threading.Event,
) -> list[Any]:
    """Return the results of calls, None for those without one in time."""
    done = threading.Event()
    for future in futures:
        future.add_done_callback(lambda _: done.set())
    deadline_s = time.monotonic() + timeout_s
    while not all(future.done() for future in futures):
        left_s = deadline_s - time.monotonic()
        if left_s <= 0 or cancel.is_set():
            break
        done.wait(min(left_s, 0.2))
        done.clear()
    return [future.result() if future.done() and future.exception() is None else None
            for future in futures]


def lifecycle_state(driver: DriverClient, cancel: threading.Event) -> int | None:
    """
    Return the lifecycle state of a driver, None if it does not answer.

    An answer to a client that the driver has not discovered yet is lost, so it is asked again.
    """
    deadline_s = time.monotonic() + ANSWER_S
    while driver.runs and time.monotonic() < deadline_s and not cancel.is_set():
        answer, = gather([driver.ask_state()], _ASK_S, cancel)
        if answer is not None:
            return int(answer.current_state.id)
    return None
