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

"""The node: puts the other modules together; no logic of its own."""

from __future__ import annotations

import os
import threading
import time

from geometry_msgs.msg import TransformStamped
from k4a_ros import parameters
from k4a_ros.cameras import open_camera
from k4a_ros.driver import Driver
from k4a_ros.errors import K4aRosError
from k4a_ros.frames import FrameTransform
from k4a_ros.frames import static_transforms
from k4a_ros.settings import Value
from k4a_ros.shutdown import Shutdown
from k4a_ros.topics import Topics
from k4a_ros.transport import prepare
import rclpy
from rclpy.exceptions import NameValidationException
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException
from rclpy.executors import SingleThreadedExecutor
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions
from tf2_ros import StaticTransformBroadcaster

NAME = 'k4a_driver'


class DriverNode(Node):
    """
    Publishes one camera.

    :param shutdown: told when the camera has ended; ends waits when it is requested.
    :raises K4aRosError: there is no such camera, or a parameter is unusable.
    """

    def __init__(self, shutdown: Shutdown) -> None:
        super().__init__(NAME)
        self._shutdown = shutdown
        self.error: BaseException | None = None
        self._ended = False
        try:
            self._settings = parameters.declare(self)
            self._ir_factor = self._settings.ir_mono8_scaling_factor
            self._camera = open_camera(self._settings)
        except BaseException:
            self.destroy_node()
            raise
        try:
            self._topics = Topics(
                self, self._camera, self._settings, lambda: self._ir_factor,
                shutdown.requested)
            self._broadcaster = StaticTransformBroadcaster(self)
            self._broadcaster.sendTransform(
                [self._stamped(t) for t in static_transforms(
                    self._camera.calibration, self._settings.tf_prefix)])
            self._driver = Driver(self._camera, self._topics, self._on_end)
            self._camera.on_control = self._on_control
        except BaseException:
            self._camera.close()
            self.destroy_node()
            raise
        parameters.warn_of_unknown(self)
        self._live = parameters.LiveParameters(self, self._apply)
        info = self._camera.info
        self.get_logger().info(
            f'Opened {info.kind} {info.source}: camera {info.serial}, {self._camera.config}')

    def start(self) -> None:
        """Start streaming; a camera that waits for its readers is given some to wait for."""
        if self._camera.lossless:
            self._await_readers(self._settings.playback_start_delay)
        if not self._shutdown.requested.is_set():
            self._driver.start()

    def close(self) -> None:
        """Stop streaming and release everything; what was published last still arrives."""
        self._driver.stop()
        if self._ended and self.error is None:
            self._topics.finish()
            self.get_logger().info(self._summary())
        self._camera.close()
        self.destroy_node()

    def _await_readers(self, delay: float) -> None:
        """
        Wait for subscribers to be discovered, so that they miss nothing.

        :param delay: seconds to wait for a first one; those of one process come together.
        """
        begin = time.monotonic()
        seen, since = self._topics.subscribers(), begin
        while not self._shutdown.requested.wait(0.05):
            now, current = time.monotonic(), self._topics.subscribers()
            if current != seen:
                seen, since = current, now
            settled = any(current) and now - since >= min(1.0, delay)
            late = now - begin >= delay + (5.0 if any(current) else 0.0)
            if settled or late:
                return

    def _on_end(self, error: BaseException | None) -> None:
        self.error = error
        self._ended = True
        self._shutdown.complete()

    def _on_control(self, name: str, value: float | bool) -> None:
        """Show in the parameter what the camera has done by itself."""
        self.get_logger().info(f'{name} is now {str(value).lower()}')
        self.set_parameters([Parameter(name, value=value)])

    def _summary(self) -> str:
        sent = ', '.join(f'{topic} {counters.published}'
                         for topic, counters in self._topics.counters().items())
        return (f'End of the recording: {self._driver.captures} captures and '
                f'{self._driver.samples} inertial samples were played; published: {sent}')

    def _apply(self, name: str, value: Value) -> None:
        """Make a live parameter's new value effective."""
        if name == 'ir_mono8_scaling_factor':
            self._ir_factor = float(value)
        elif not isinstance(value, str):
            self._camera.set_control(name, value)

    def _stamped(self, item: FrameTransform) -> TransformStamped:
        message = TransformStamped()
        message.header.stamp = self.get_clock().now().to_msg()
        message.header.frame_id = item.parent
        message.child_frame_id = item.child
        x, y, z = item.transform.translation.tolist()
        message.transform.translation.x = x
        message.transform.translation.y = y
        message.transform.translation.z = z
        qx, qy, qz, qw = item.transform.quaternion()
        message.transform.rotation.x = float(qx)
        message.transform.rotation.y = float(qy)
        message.transform.rotation.z = float(qz)
        message.transform.rotation.w = float(qw)
        return message


def run(args: list[str] | None, shutdown: Shutdown) -> int:
    """
    Run a node until its end.

    :return: exit code: 0, or 1 after an error, which has been logged as one line.
    """
    transport = prepare(os.environ)
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:  # arguments that are no ROS arguments, a file that is missing
        get_logger(NAME).fatal(str(error).splitlines()[0])
        return 1
    get_logger(NAME).debug(transport)
    try:
        return _run_node(shutdown)
    except (K4aRosError, NameValidationException, ParameterException) as error:
        get_logger(NAME).fatal(str(error))
        return 1
    finally:
        rclpy.try_shutdown()


def _run_node(shutdown: Shutdown) -> int:
    node = DriverNode(shutdown)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    spinner = threading.Thread(target=_spin, args=[executor], name='executor')
    spinner.start()
    try:
        node.start()
        shutdown.wait()
    finally:
        executor.shutdown()
        spinner.join()
        node.close()
    if node.error is None:
        return 0
    if isinstance(node.error, K4aRosError):
        get_logger(NAME).fatal(str(node.error))
        return 1
    raise node.error


def _spin(executor: SingleThreadedExecutor) -> None:
    try:
        executor.spin()
    except ExternalShutdownException:
        return
