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

from collections.abc import Callable
from dataclasses import replace
import logging
import os
import threading
import time
import traceback

from k4a_ros.calibration.tf_frames import static_transforms
from k4a_ros.cameras.base import Camera
from k4a_ros.errors import K4aRosError
from k4a_ros.node.backends import check_tracker_change
from k4a_ros.node.backends import choose_tracker
from k4a_ros.node.backends import inject_faults
from k4a_ros.node.backends import open_camera
from k4a_ros.node.backends import topic_options
from k4a_ros.node.diagnostics_publisher import DiagnosticsPublisher
from k4a_ros.node.stream_services import StreamServices
from k4a_ros.parameters.live_parameters import LiveParameters
from k4a_ros.parameters.ros_declaration import declare
from k4a_ros.parameters.ros_declaration import warn_of_unknown
from k4a_ros.parameters.settings import Settings
from k4a_ros.parameters.spec import LiveTarget
from k4a_ros.parameters.spec import Value
from k4a_ros.parameters.table import SPECS
from k4a_ros.process.fastdds import select_fastdds_profile
from k4a_ros.process.ros_log_handler import RosLogHandler
from k4a_ros.process.shutdown import Shutdown
from k4a_ros.process.spinner import Spinner
from k4a_ros.publishing.messages import transform_message
from k4a_ros.publishing.topics import Topics
from k4a_ros.streaming.supervisor import CameraSupervisor
from k4a_ros.streaming.supervisor import State
import rclpy
from rclpy.clock import JumpThreshold
from rclpy.clock import TimeJump
from rclpy.duration import Duration
from rclpy.exceptions import NameValidationException
from rclpy.exceptions import ParameterException
from rclpy.lifecycle import LifecycleNode
from rclpy.lifecycle import LifecycleState
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.logging import get_logger
from rclpy.signals import SignalHandlerOptions
from tf2_ros import StaticTransformBroadcaster

NAME = 'k4a_driver'
#: a difference of ROS time that is a jump, not an adjustment
_JUMP_NS = 100_000_000


class DriverNode(LifecycleNode):
    """
    Publishes one camera: configured it is open, active it streams.

    :param shutdown: told when the camera has ended; ends waits when it is requested.
    :raises K4aRosError: a parameter is unusable.
    """

    def __init__(self, shutdown: Shutdown) -> None:
        super().__init__(NAME)
        self._shutdown = shutdown
        self.error: BaseException | None = None
        try:
            self._settings = declare(self)
            inject_faults(self._settings, self._settings.simulation_fault)
        except BaseException:
            self.destroy_node()
            raise
        self._topics = Topics(self, shutdown.requested)
        self._broadcaster = StaticTransformBroadcaster(self)
        self._supervisor = CameraSupervisor(self._open_camera, self)
        self._serial = ''
        self._live = LiveParameters(self, self)
        self._monitor = DiagnosticsPublisher(self, self._supervisor, self._topics)
        self._triggers = StreamServices(self, self._supervisor)
        self._targets: dict[LiveTarget, Callable[[str, Value], Value]] = {
            LiveTarget.CAMERA: self._set_control, LiveTarget.FAULTS: self._inject_faults,
            LiveTarget.INFRARED_SCALE: self._set_infrared_scale,
            LiveTarget.BODY_SMOOTHING: self._set_body_smoothing}
        self._jumps = self.get_clock().create_jump_callback(
            JumpThreshold(
                min_forward=Duration(nanoseconds=_JUMP_NS),
                min_backward=Duration(nanoseconds=-_JUMP_NS), on_clock_change=True),
            post_callback=self._on_time_jump)
        warn_of_unknown(self, qos=False)
        self._qos_checked = False
        for sentence in self._settings.unused_parameters():
            self.get_logger().warning(sentence)

    @property
    def settings(self) -> Settings:
        """Give the values of all parameters."""
        return self._settings

    # what the standard lifecycle does

    def autostart(self) -> bool:
        """Configure and activate, if that is wanted; return whether it succeeded or was not."""
        if not self._settings.autostart:
            return True
        return (self.trigger_configure() is TransitionCallbackReturn.SUCCESS
                and self.trigger_activate() is TransitionCallbackReturn.SUCCESS)

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Open the camera and make its topics."""
        try:
            self._supervisor.connect()
        except Exception as error:  # rclpy would swallow what is a defect
            self.error = error
            if not self._settings.autostart:
                known = isinstance(error, K4aRosError)
                self.get_logger().error(str(error) if known else traceback.format_exc())
            return TransitionCallbackReturn.FAILURE
        self.error = None
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stream."""
        self._supervisor.start()
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop streaming; the camera is idle, its lasers are off."""
        self._supervisor.stop()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Close the camera; parameters keep their values."""
        self._supervisor.close()
        self._serial = ''
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """End the process."""
        self._supervisor.close()
        self._shutdown.finish()
        return super().on_shutdown(state)

    def close(self) -> None:
        """Stop streaming and release everything; what was published last still arrives."""
        self._supervisor.stop()
        if self._supervisor.state is State.ENDED and self.error is None:
            self._topics.finish()
            self.get_logger().info(self._summary())
        self._supervisor.close()
        self.destroy_node()

    # what the driver tells (driver.Events)

    def opened(self, camera: Camera) -> Topics:
        """Prepare for a camera: topics, transforms, controls."""
        info = camera.info
        self._serial = self._serial or info.serial
        self._topics.bind_camera(
            camera, topic_options(self._settings), lambda: choose_tracker(self._settings))
        if not self._qos_checked:
            self._qos_checked = True
            warn_of_unknown(self, qos=True)
        now = self.get_clock().now().to_msg()
        self._broadcaster.sendTransform([transform_message(t, now) for t in static_transforms(
            camera.calibration, self._settings.tf_prefix)])
        self._live.apply_to_camera(camera)
        self.get_logger().info(
            f'Opened {info.kind} {info.source}: camera {info.serial}, {camera.config}')
        return self._topics

    def await_readers(self, canceled: threading.Event) -> None:
        """Give subscribers of a camera that waits for them time to be discovered."""
        if self._supervisor.camera is None or not self._supervisor.camera.lossless:
            return
        delay = self._settings.playback_start_delay
        begin = time.monotonic()
        seen, since = self._topics.subscribers(), begin
        while not canceled.wait(0.05) and not self._shutdown.requested.is_set():
            now, current = time.monotonic(), self._topics.subscribers()
            if current != seen:
                seen, since = current, now
            anybody = any(current.values())
            settled = anybody and now - since >= min(1.0, delay)
            if settled or now - begin >= delay + (5.0 if anybody else 0.0):
                return

    def lost(self, error: BaseException) -> None:
        """Say that the camera is gone."""
        self._monitor.error = str(error)
        self.get_logger().error(f'Camera {self._serial} is lost: {error}; trying again until it '
                                'is back')

    def regained(self) -> None:
        """Say that the camera is back."""
        self._monitor.error = ''
        self.get_logger().info(f'Camera {self._serial} is back')

    def ended(self, error: BaseException | None) -> None:
        """End the process."""
        self.error = error
        self._shutdown.finish()

    # what parameters do (live_parameters.ParameterHost)

    def apply(self, name: str, value: Value) -> Value:
        """Make a live parameter's new value effective; return the value that it then has."""
        target = SPECS[name].target
        if target is not None:
            value = self._targets[target](name, value)
        self._settings = self._settings.replace({name: value})
        return value

    def reconfigure(self, settings: Settings) -> None:
        """
        Replace the settings, and restart the streams if the node is configured.

        :raises ConfigError: no body tracker is available for the settings; nothing has changed.
        """
        check_tracker_change(self._settings, settings)
        self._settings = settings
        if self.configured:
            self._supervisor.restart()

    @property
    def configured(self) -> bool:
        """Return whether a camera is open or being reconnected."""
        return self._supervisor.state is not State.CLOSED

    @property
    def restartable(self) -> bool:
        """Return whether the streams can restart; a recording would start from the beginning."""
        return self._settings.camera_kind != 'recording'

    # the rest

    def _open_camera(self) -> Camera:
        wanted = self._settings
        if self._serial:
            wanted = replace(wanted, sensor_sn=self._serial)
        return open_camera(wanted, self._on_control)

    def _set_control(self, name: str, value: Value) -> Value:
        camera = self._supervisor.camera
        if camera is None or isinstance(value, str):
            return value
        return camera.set_control(name, value)

    def _inject_faults(self, _: str, value: Value) -> Value:
        inject_faults(self._settings, str(value))
        return value

    def _set_infrared_scale(self, _: str, value: Value) -> Value:
        self._topics.infrared_scale = float(value)
        return value

    def _set_body_smoothing(self, _: str, value: Value) -> Value:
        self._topics.set_smoothing(float(value))
        return value

    def _on_control(self, name: str, value: float | bool) -> None:
        if self._supervisor.camera is None:
            return  # still in `opened`: apply_to_camera shows all controls when it has set them
        self.get_logger().info(f'{name} is now {str(value).lower()}')
        self._live.set_silently({name: value})

    def _on_time_jump(self, jump: TimeJump) -> None:
        self._topics.time_jumped()

    def _summary(self) -> str:
        sent = ', '.join(f'{topic} {counters.published}'
                         for topic, counters in self._topics.counters().items())
        counts = self._supervisor.counts
        return (f'End of the recording: {counts.captures} captures and {counts.samples} inertial '
                f'samples were played; published: {sent}')


def run(args: list[str] | None, shutdown: Shutdown) -> int:
    """
    Run a node until its end.

    :return: exit code: 0, or 1 after an error, which has been logged as one line.
    """
    transport = select_fastdds_profile(os.environ)
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:  # arguments that are no ROS arguments, a file that is missing
        get_logger(NAME).fatal(str(error).splitlines()[0])
        return 1
    get_logger(NAME).debug(transport)
    log = RosLogHandler(NAME)
    modules = logging.getLogger('k4a_ros')
    modules.addHandler(log)
    modules.setLevel(logging.INFO)
    try:
        return _run_node(shutdown)
    except (K4aRosError, NameValidationException, ParameterException) as error:
        get_logger(NAME).fatal(str(error))
        return 1
    finally:
        modules.setLevel(logging.NOTSET)
        modules.removeHandler(log)
        rclpy.try_shutdown()


def _run_node(shutdown: Shutdown) -> int:
    node = DriverNode(shutdown)
    spinner = Spinner(node, node.ended)  # rather no node than one that hears nothing any more
    try:
        if not shutdown.requested.is_set() and not node.autostart():
            shutdown.finish()
        spinner.start()
        shutdown.wait()
    finally:
        spinner.stop()
        node.close()
    if node.error is None:
        return 0
    if isinstance(node.error, K4aRosError):
        get_logger(NAME).fatal(str(node.error))
        return 1
    raise node.error
