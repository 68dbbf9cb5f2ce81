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

"""The lifecycle node of the driver: connects camera, topics, parameters and diagnostics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
import traceback

from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.cameras.base import Camera
from k4a_ros.errors import CalibrationError
from k4a_ros.errors import CameraError
from k4a_ros.errors import ConfigError
from k4a_ros.errors import K4aRosError
from k4a_ros.node.audio import Audio
from k4a_ros.node.backends import check_tracker_change
from k4a_ros.node.backends import choose_tracker
from k4a_ros.node.backends import inject_faults
from k4a_ros.node.backends import open_camera
from k4a_ros.node.backends import topic_options
from k4a_ros.node.camera_info_services import CameraInfoServices
from k4a_ros.node.clock_publisher import ClockPublisher
from k4a_ros.node.diagnostics_publisher import DiagnosticsPublisher
from k4a_ros.node.live_targets import LiveTargets
from k4a_ros.node.own_calibration import OwnCalibration
from k4a_ros.node.playback_services import PlaybackServices
from k4a_ros.node.recording import Recording
from k4a_ros.node.static_frames import StaticFrames
from k4a_ros.node.stream_reports import StreamReports
from k4a_ros.node.stream_services import StreamServices
from k4a_ros.node.synchronization import SharedClock
from k4a_ros.node.synchronization import StreamStateTopic
from k4a_ros.node.topic_conflicts import TopicConflicts
from k4a_ros.node.wired_sync import sync_problems
from k4a_ros.parameters.live_parameters import LiveParameters
from k4a_ros.parameters.ros_declaration import declare
from k4a_ros.parameters.ros_declaration import warn_of_unknown
from k4a_ros.parameters.settings import mode_values
from k4a_ros.parameters.settings import Settings
from k4a_ros.parameters.spec import Value
from k4a_ros.process.bounded import BoundedCaller
from k4a_ros.process.shutdown import Shutdown
from k4a_ros.publishing.topics import Topics
from k4a_ros.recorder.part import Source
from k4a_ros.streaming.outage import Report
from k4a_ros.streaming.states import StreamState
from k4a_ros.streaming.states import WAITING_FOR_PULSE
from k4a_ros.streaming.supervisor import CameraSupervisor
from rclpy.clock import JumpThreshold
from rclpy.clock import TimeJump
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode
from rclpy.lifecycle import LifecycleState
from rclpy.lifecycle import TransitionCallbackReturn

#: a smaller change of ROS time is a clock adjustment, not a jump
_MIN_JUMP_NS = 100_000_000
#: maximum time that a request to set parameters waits for a check of libraries and files
_MAX_CHECK_S = 10.0


class DriverNode(LifecycleNode):
    """
    Publishes one camera: while inactive the camera is open, while active it streams.

    Implements `SupervisorListener` and `ParameterHost`.

    :param shutdown: finished when streaming has ended; waits are aborted when it is requested.
    :param transport_problem: why the middleware is slow for large messages, '' if it is not.
    :raises ConfigError: lists every invalid parameter.
    """

    def __init__(self, name: str, shutdown: Shutdown, transport_problem: str = '') -> None:
        super().__init__(name)
        self._shutdown = shutdown
        self.error: BaseException | None = None
        try:
            self._settings = declare(self)
            inject_faults(self._settings, self._settings.simulation_fault)
        except BaseException:
            self.destroy_node()
            raise
        self._topics = Topics(self, shutdown.requested)
        self._frames = StaticFrames(self)
        self._stream_state = StreamStateTopic(self)
        self._shared_clock = SharedClock(self, self._topics.clock_plan)
        self._supervisor = CameraSupervisor(
            self._open_camera, self, end_if_permanent=self._settings.autostart)
        self._autostarting = False
        self._logged_sync_problems: set[str] = set()
        self._serial = ''
        self._reports = StreamReports(self.get_logger())
        self._opened = ''
        self._live_parameters = LiveParameters(self, self)
        self._recording = Recording(self, self._supervisor, lambda: self._settings)
        self._topics.tap = self._recording.recorder
        self._audio = Audio(self, self._topics, self._supervisor, self._recording.recorder)
        self._own_calibration = OwnCalibration(lambda: self._settings, self.get_logger())
        self._diagnostics = DiagnosticsPublisher(
            self, self._supervisor, self._topics, transport_problem,
            lambda: self._own_calibration.in_use, (self._recording.status, self._audio.status))
        self._conflicts = TopicConflicts(self, lambda: self._topics.counters())
        self._stream_services = StreamServices(self, self._supervisor)
        self._camera_info_services = CameraInfoServices(
            self, self._own_calibration,
            BoundedCaller('saving of a calibration', _MAX_CHECK_S, shutdown.requested),
            self._reopen)
        self._playback_services = PlaybackServices(
            self, self._supervisor, self._topics.stamper)
        self._playback_services.update(self._settings.camera_kind == 'recording')
        self._playback_clock = ClockPublisher(self, self._topics.stamper)
        self._check_in_time = BoundedCaller('check', _MAX_CHECK_S, shutdown.requested)
        self._live_targets = LiveTargets(
            self._supervisor, self._topics, lambda: self._settings, shutdown.requested)
        self._jump_handle = self.get_clock().create_jump_callback(
            JumpThreshold(
                min_forward=Duration(nanoseconds=_MIN_JUMP_NS),
                min_backward=Duration(nanoseconds=-_MIN_JUMP_NS), on_clock_change=True),
            post_callback=self._on_time_jump)
        warn_of_unknown(self, qos=False)
        self._qos_checked = False
        self._unused_checked = False
        if self.restartable:  # otherwise the modes of a recording are still unknown
            self._warn_of_unused({})

    # lifecycle

    def autostart(self) -> bool:
        """Configure and activate the node if the parameter is set; return False on failure."""
        if not self._settings.autostart:
            return True
        self._autostarting = True
        try:
            return (self.trigger_configure() is TransitionCallbackReturn.SUCCESS
                    and self.trigger_activate() is TransitionCallbackReturn.SUCCESS)
        finally:
            self._autostarting = False

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Open the camera and create its topics."""
        try:
            self._supervisor.connect()
        except Exception as error:  # rclpy would swallow a defect
            if self._shutdown.requested.is_set():
                pass  # the node may have been destroyed meanwhile
            elif self._autostarting:
                self.error = error  # ends the process, with one line
            else:
                known = isinstance(error, K4aRosError)
                self.get_logger().error(
                    f'Cannot configure: {error}' if known else traceback.format_exc())
            return TransitionCallbackReturn.FAILURE
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start streaming."""
        self._supervisor.start()
        self.get_logger().info(
            self._opened if self._autostarting else f'Activated: started camera {self._serial}')
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop streaming; the camera stays open with its lasers off."""
        if not self._supervisor.stop():
            self.get_logger().error(f'Cannot deactivate yet: {self._supervisor.hang()}')
            return TransitionCallbackReturn.FAILURE
        self.get_logger().info(
            f'Deactivated: stopped camera {self._serial}, {self._supervisor.state.value}')
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Close the camera; parameters keep their values."""
        if not self._supervisor.close():
            self.get_logger().error(f'Cannot clean up yet: {self._supervisor.hang()}')
            return TransitionCallbackReturn.FAILURE
        self._release()
        self.get_logger().info(f'Cleaned up: closed camera {self._serial}')
        self._serial = ''
        self._live_parameters.release_camera()
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Close the camera and end the process."""
        self._supervisor.close()
        self._release()
        self._shutdown.finish()
        return super().on_shutdown(state)

    def _release(self) -> None:
        """Stop what depends on the camera, which is closed."""
        self._playback_clock.stop()
        self._audio.release()
        self._recording.finish()

    def close(self) -> None:
        """Stop streaming, deliver the last messages of a recording, and destroy the node."""
        self._supervisor.stop()
        if self._supervisor.state is StreamState.ENDED and self.error is None:
            self._topics.finish()
            self.get_logger().info(self._playback_summary())
        if not self._supervisor.close():
            self.error = self.error or CameraError(
                f'cannot close the camera: {self._supervisor.hang()}, so the driver ends without '
                'that; plug the camera in again before you start it again')
        self._release()
        self.destroy_node()

    def destroy_node(self) -> None:
        """
        Destroy all ROS objects, also if an abandoned thread still refers to the node.

        rclpy leaves those of the lifecycle interface to garbage collection, and as long as there
        is one, the middleware keeps its shared memory.
        """
        super().destroy_node()
        for name in [*vars(self)]:
            if name == '_state_machine' or name.startswith('_service_'):
                delattr(self, name)

    # SupervisorListener

    @property
    def start_delay_s(self) -> float:
        """Return how long a recording waits for its first subscriber."""
        return self._settings.playback_start_delay

    def subscriber_counts(self) -> Mapping[str, int]:
        """Return the number of subscribers by topic."""
        return self._topics.subscribers()

    def on_opened(self, camera: Camera) -> Topics:
        """Create the topics of a camera, publish its transforms and set its controls."""
        info = camera.info
        self._serial = self._reports.serial = self._serial or info.serial
        self._recording.recorder.set_source(Source.of(camera))
        self._shared_clock.take_role(
            camera.config.wired_sync_mode, self._settings.sync_clock_topic)
        options = topic_options(self._settings)
        self._topics.bind_camera(camera, options, lambda: choose_tracker(self._settings))
        self._playback_services.update(camera.playback is not None)
        if camera.playback is not None:
            self._playback_clock.start(camera.playback, self._settings.publish_clock)
        if not self._qos_checked:
            self._qos_checked = True
            warn_of_unknown(self, qos=True)
        self._audio.bind_camera(camera, self._settings, options)
        self._frames.publish(camera.calibration.rotated(self._settings.camera_rotation),
                             self._settings.tf_prefix,
                             microphones=self._settings.audio_enabled)
        self._live_parameters.apply_to_camera(camera)
        self._warn_of_unused(mode_values(camera.config))
        self._opened = (
            f'Opened {info.kind} {info.source}: serial number {info.serial}, {camera.config}')
        if self._supervisor.outage.active:  # that it opens says little: `on_recovered` says more
            self.get_logger().debug(self._opened)
        elif not self._autostarting:  # then it starts first: the first use of a log takes 40 ms
            self.get_logger().info(self._opened)
        return self._topics

    def on_state(self, state: StreamState) -> None:
        """Publish the state; what an open camera waits for is published once it has started."""
        if state is StreamState.STARTING:
            self._shared_clock.begin()
        else:
            self._stream_state.publish(state.value)

    def on_started(self, camera: Camera) -> None:
        """Publish that a live camera was started, and waits for its first capture."""
        self._shared_clock.confirm()
        waits = camera.config.wired_sync_mode is WiredSyncMode.SUBORDINATE
        self._stream_state.publish(WAITING_FOR_PULSE if waits else StreamState.STARTING.value)

    def on_streaming(self, camera: Camera) -> None:
        """Set the controls again, which a camera may lose when it starts; warn of wired sync."""
        self._live_parameters.restore_controls(camera)
        for problem in sync_problems(
                camera.config.wired_sync_mode, self._supervisor.sync_jacks,
                exposure_auto=bool(self.get_parameter('exposure_auto').value)):
            if problem not in self._logged_sync_problems:
                self._logged_sync_problems.add(problem)
                self.get_logger().warning(problem)

    def on_outage(self, report: Report, error: CameraError) -> None:
        """Report that the camera is lost, or why it cannot be opened or started again."""
        self._reports.on_outage(report, error)

    def on_recovered(self, lost: bool) -> None:
        """Report that the camera delivers."""
        self._reports.on_recovered(lost)

    def on_stream_problem(self, name: str, reason: str) -> None:
        """Report that one stream has failed while others go on, or that it works again."""
        self._reports.on_stream_problem(name, reason)

    def on_ended(self, error: BaseException | None) -> None:
        """End the process."""
        self.error = error
        self._shutdown.finish()

    # ParameterHost

    @property
    def settings(self) -> Settings:
        """Return the values of all parameters."""
        return self._settings

    @property
    def configured(self) -> bool:
        """Return whether a camera is open or reconnecting."""
        return self._supervisor.state is not StreamState.CLOSED

    @property
    def restartable(self) -> bool:
        """Return whether the streams can restart; a recording would start from the beginning."""
        return self._settings.camera_kind != 'recording'

    def apply(self, name: str, value: Value) -> Value:
        """Pass a new value of a live parameter to its target; return the value it accepted."""
        value = self._live_targets.apply(name, value)
        self._settings = self._settings.with_value(name, value)
        return value

    def reconfigure(self, settings: Settings) -> None:
        """
        Replace the settings, and restart the streams if the node is configured.

        :raises ConfigError: no body tracker is available for the settings, or the calibration of
            the user is for another mode; nothing has changed.
        """
        try:
            self._check_in_time(lambda: self._check_change(settings))
        except TimeoutError as error:
            raise ConfigError(
                f'cannot tell yet whether a body tracker is available: {error}; try again '
                'later') from error
        except CalibrationError as error:
            raise ConfigError(str(error)) from error
        self._settings = settings
        if self.configured:
            self._supervisor.restart()

    def _check_change(self, settings: Settings) -> None:
        check_tracker_change(self._settings, settings)
        if settings.camera_config != self._settings.camera_config:
            self._own_calibration.check(settings.camera_config)

    # callbacks

    def _open_camera(self) -> Camera:
        settings = self._settings
        if self._serial:  # never reconnect to another camera
            settings = replace(settings, sensor_sn=self._serial)
        camera = open_camera(settings, self._on_control)
        try:
            self._own_calibration.apply(camera)
        except BaseException:
            camera.close()
            raise
        return camera

    def _reopen(self) -> bool:
        """Open the camera again, if that does not play a recording from its beginning."""
        if self.configured and self.restartable:
            self._supervisor.restart()
        return self.restartable

    def _warn_of_unused(self, actual: Mapping[str, Value]) -> None:
        """Warn once of the parameters that this kind of camera ignores."""
        if not self._unused_checked:
            self._unused_checked = True
            for warning in self._settings.unused_parameters(actual):
                self.get_logger().warning(warning)

    def _on_control(self, name: str, value: float | bool) -> None:
        if self._supervisor.camera is None:
            return  # still in on_opened: apply_to_camera updates the parameters at its end
        if self.get_parameter(name).value == value:
            return
        self.get_logger().info(f'{name} is now {str(value).lower()}')
        self._live_parameters.set_silently({name: value})

    def _on_time_jump(self, jump: TimeJump) -> None:
        self._topics.follow_time_jump()

    def _playback_summary(self) -> str:
        published = ', '.join(f'{topic} {counters.published}'
                              for topic, counters in self._topics.counters().items())
        counts = self._supervisor.counts
        return (f'End of the recording: {counts.captures} captures and {counts.samples} IMU '
                f'samples played; published: {published}')
