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
Manage the cameras of a rig: start order, recording of all, poses.

    k4a_rig --ros-args -p config:=cameras.yaml

multi_camera.launch.py starts it together with the drivers of the cameras.
"""

from __future__ import annotations

from collections.abc import Awaitable
from collections.abc import Callable
import sys
import threading
from typing import Any
from typing import NoReturn

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import TransformStamped
from k4a_ros.calibration.tf_frames import CAMERA_BASE
from k4a_ros.node.diagnostics import Level
from k4a_ros.node.diagnostics import Status
from k4a_ros.node.diagnostics_topic import DiagnosticsTopic
from k4a_ros.process.bounded import abandonable_thread
from k4a_ros.process.shutdown import end_process
from k4a_ros.process.shutdown import Shutdown
from k4a_ros.rig.rig import RigCamera
from k4a_ros.rig.rig_launch import rig_of
from k4a_ros.rig_nodes.driver_client import ANSWER_S
from k4a_ros.rig_nodes.driver_client import DriverClient
from k4a_ros.rig_nodes.driver_client import gather
from k4a_ros.rig_nodes.run_node import run
from k4a_ros.rig_nodes.start_order import StartOrder
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.task import Future
from std_srvs.srv import Trigger
from tf2_ros import StaticTransformBroadcaster

NAME = 'k4a_rig'
#: time that the thread has to end after a signal
_MAX_TIDY_S = 1.0
#: interval at which it is checked whether cameras have to be started again
_WATCH_S = 0.5


class RigManager(Node):
    """
    Starts the cameras of a rig, records with all of them, and publishes their poses.

    Its services (std_srvs/Trigger) are ``~/start``, ``~/stop``, ``~/restart``,
    ``~/start_recording`` and ``~/stop_recording``.

    :param shutdown: ends waiting.
    :raises ConfigError: the rig file cannot be used.
    """

    def __init__(self, shutdown: Shutdown) -> None:
        super().__init__(NAME)
        self.declare_parameter('config', '', ParameterDescriptor(
            description='Rig file; config/multi_camera.yaml describes the format.',
            read_only=True))
        self.declare_parameter('recordings', '', ParameterDescriptor(
            description='Folder with recordings that are played instead of opening the cameras.',
            read_only=True))
        self.rig = rig_of({name: str(self.get_parameter(name).value)
                           for name in ('config', 'recordings')})
        self._cancel = shutdown.requested
        self._changed = threading.Condition()
        self._requested = '' if self.rig.plays else 'the rig is started'
        self._stopped = False
        self._drivers = [DriverClient(self, self.rig, camera, self._notify)
                         for camera in self.rig.cameras]
        self.order = StartOrder(
            self.rig, self._drivers, self._changed, self._cancel,
            self._log_info, self._log_warning)
        self._broadcaster = StaticTransformBroadcaster(self)
        self._publish_poses()
        self.create_subscription(DiagnosticArray, '/diagnostics', self._read_diagnostics, 100)
        self._diagnostics = DiagnosticsTopic(self, self._status)
        group = ReentrantCallbackGroup()
        for name, action in (
                ('start', self._start), ('stop', self._stop), ('restart', self._restart),
                ('start_recording', self._start_recording),
                ('stop_recording', self._stop_recording)):
            self.create_service(
                Trigger, f'~/{name}', self._service(name, action), callback_group=group)
        self._thread = abandonable_thread('rig', self._run)

    def _log_info(self, text: str) -> None:
        self.get_logger().info(text)

    def _log_warning(self, text: str) -> None:
        self.get_logger().warning(text)

    def start(self) -> None:
        """Start the cameras, in a thread."""
        if not self.rig.plays:
            self._thread.start()

    def finish(self) -> None:
        """Wait for the thread, which a signal has asked to end; the drivers end themselves."""
        if self._thread.ident is not None:
            self._thread.join(_MAX_TIDY_S)

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _read_diagnostics(self, message: DiagnosticArray) -> None:
        for driver in self._drivers:
            driver.read_diagnostics(message)

    # the thread

    def _run(self) -> None:
        stopped = False
        while not self._cancel.is_set():
            with self._changed:
                if not self._requested and self._stopped == stopped:
                    self._changed.wait(_WATCH_S)
                reason, self._requested = self._requested, ''
                stop = self._stopped
            if stop:
                if not stopped:
                    self.order.stop()
                    stopped = True
                continue
            stopped = False
            reason = reason or self.order.reason_to_start()
            if reason and not self._cancel.is_set():
                self.get_logger().info(f'Starting the cameras, because {reason}')
                self.order.start()

    # services

    def _service(
        self, name: str, action: Callable[[], tuple[bool, str]],
    ) -> Callable[[Trigger.Request, Trigger.Response], Awaitable[Trigger.Response]]:
        """Return the callback of a service whose action runs in a thread."""
        async def respond(_: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            future: Future[Any] = Future(executor=self.executor)

            def work() -> None:
                try:
                    future.set_result(action())
                except Exception as error:  # for the caller, and with its traceback in the log
                    future.set_exception(error)

            abandonable_thread(name, work).start()
            result: Any = await future
            response.success, response.message = result
            line = f'~/{name}: {response.message}'
            if response.success:  # rclpy allows one level at one place
                self.get_logger().info(line)
            else:
                self.get_logger().warning(line)
            return response
        return respond

    def _start(self) -> tuple[bool, str]:
        return self._request('the service ~/start was called', stop=False)

    def _restart(self) -> tuple[bool, str]:
        return self._request('the service ~/restart was called', stop=False)

    def _stop(self) -> tuple[bool, str]:
        return self._request('', stop=True)

    def _request(self, reason: str, *, stop: bool) -> tuple[bool, str]:
        if self.rig.plays:
            return False, 'this rig plays recordings, which start themselves'
        with self._changed:
            self._requested, self._stopped = reason, stop
            self._changed.notify_all()
        return True, ('stopping all cameras, the master first' if stop else
                      'starting all cameras, the master last')

    def _start_recording(self) -> tuple[bool, str]:
        """Start recording with all cameras, or with none of them."""
        answers = self._trigger_all('start_recording')
        failed = {name: message for name, (success, message) in answers.items() if not success}
        if not failed:
            return True, '; '.join(f'{name}: {text}' for name, (_, text) in answers.items())
        started = [name for name, (success, _) in answers.items() if success]
        self._trigger_all('stop_recording', started)
        return False, 'nothing is recorded: ' + '; '.join(
            f'{name}: {message}' for name, message in failed.items())

    def _stop_recording(self) -> tuple[bool, str]:
        answers = self._trigger_all('stop_recording')
        return all(success for success, _ in answers.values()), '; '.join(
            f'{name}: {text}' for name, (_, text) in answers.items())

    def _trigger_all(
        self, service: str, names: list[str] | None = None,
    ) -> dict[str, tuple[bool, str]]:
        """Call a service of drivers at the same time; return success and message by camera."""
        drivers = [d for d in self._drivers if names is None or d.name in names]
        there = [driver for driver in drivers if driver.runs]
        answers = gather([driver.trigger(service) for driver in there], ANSWER_S, self._cancel)
        found = {driver.name: (answer.success, answer.message) if answer is not None
                 else (False, 'no answer') for driver, answer in zip(there, answers, strict=True)}
        return {driver.name: found.get(driver.name, (False, 'its driver does not run'))
                for driver in drivers}

    # what is published

    def _publish_poses(self) -> None:
        now = self.get_clock().now().to_msg()
        transforms = [_transform(camera, now) for camera in self.rig.cameras
                      if camera.pose is not None]
        if transforms:
            self._broadcaster.sendTransform(transforms)

    def _status(self) -> list[Status]:
        order = self.order
        problems = [] if self.rig.plays else list(order.problems)
        phase = 'playing' if self.rig.plays else order.phase
        return [Status(
            'rig', Level.WARN if problems else Level.OK, '; '.join([phase, *problems]),
            {driver.name: ', '.join(filter(None, (
                order.roles[driver.name].value if driver.name in order.roles else '',
                driver.state or 'unknown'))) for driver in self._drivers})]


def _transform(camera: RigCamera, now: Any) -> TransformStamped:
    assert camera.pose is not None
    message = TransformStamped(child_frame_id=f'{camera.name}_{CAMERA_BASE}')
    message.header.frame_id = camera.pose.parent
    message.header.stamp = now
    x, y, z = camera.pose.xyz
    translation, rotation = message.transform.translation, message.transform.rotation
    translation.x, translation.y, translation.z = x, y, z
    rotation.x, rotation.y, rotation.z, rotation.w = camera.pose.quaternion
    return message


def _make(shutdown: Shutdown) -> tuple[Node, RigManager]:
    node = RigManager(shutdown)
    return node, node


def main() -> NoReturn:
    """Run the command line."""
    end_process(run(sys.argv, NAME, _make))
