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

"""Services that start and stop recording, and its status in /diagnostics."""

from __future__ import annotations

from collections.abc import Callable

from k4a_ros.errors import RecordingError
from k4a_ros.node.diagnostics import Level
from k4a_ros.node.diagnostics import Status
from k4a_ros.parameters.settings import Settings
from k4a_ros.recorder.recorder import Recorder
from k4a_ros.recorder.recorder import RecorderStatus
from k4a_ros.recorder.sequence import RecordingOptions
from k4a_ros.streaming.states import Command
from k4a_ros.streaming.states import StreamState
from k4a_ros.streaming.supervisor import CameraSupervisor
from rclpy.node import Node
from std_srvs.srv import Trigger

#: time that a service and the end of the node wait for the last data to be written
_MAX_WAIT_S, _MAX_WAIT_AT_END_S = 5.0, 3.0


class Recording:
    """
    The std_srvs/Trigger services ``~/start_recording`` and ``~/stop_recording``.

    Recording goes on, in another file, when the stream is stopped and started, or the camera is
    reopened. ``recorder`` gets the data.

    :param settings: returns the present parameters.
    """

    def __init__(
        self, node: Node, supervisor: CameraSupervisor, settings: Callable[[], Settings],
    ) -> None:
        self._node = node
        self._supervisor = supervisor
        self._settings = settings
        self.recorder = Recorder(self._on_end)
        node.create_service(Trigger, '~/start_recording', self._start)
        node.create_service(Trigger, '~/stop_recording', self._stop)

    def _start(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        settings = self._settings()
        refusal = self._refusal(settings)
        if refusal:
            response.success, response.message = False, f'cannot record: {refusal}'
            return response
        try:
            path = self.recorder.start(RecordingOptions(
                settings.record_file, split_bytes=settings.record_split_size * 1_000_000,
                split_us=settings.record_split_duration * 1_000_000))
        except RecordingError as error:
            response.success, response.message = False, str(error)
            return response
        response.success, response.message = True, f'recording to {path}'
        self._node.get_logger().info(f'~/start_recording: {response.message}')
        return response

    def _refusal(self, settings: Settings) -> str:
        """Return why recording cannot be started now and what to do, '' if it can."""
        if settings.camera_kind == 'recording':
            return (f'this driver plays a recording; copy {settings.recording_file} instead, or '
                    'start a driver with a live camera')
        if not settings.record_file:
            return ('record_file is empty; restart the driver with a path, such as '
                    "record_file:='~/recordings/%Y-%m-%d_%H-%M-%S.mkv'")
        return self._supervisor.refusal(Command.RECORD)

    def _stop(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if not self.recorder.active:
            before = self.recorder.status()
            response.success = False
            response.message = 'there is no recording; call ~/start_recording' + (
                f' (the last one has stopped by itself: {before.problem})' if before.problem
                else '')
            return response
        status = self.recorder.stop(_MAX_WAIT_S)
        response.success = status is not None and not status.problem
        response.message = (
            'the end of the recording is still being written; /diagnostics shows when that is done'
            if status is None else status.problem or _summary(status))
        line = f'~/stop_recording: {response.message}'
        if response.success:  # rclpy allows one level at one place
            self._node.get_logger().info(line)
        else:
            self._node.get_logger().error(line)
        return response

    def _on_end(self, status: RecorderStatus) -> None:
        self._node.get_logger().error(f'Stopped recording: {status.problem}; streaming goes on')

    def finish(self) -> None:
        """Complete a recording, because the camera is closed."""
        if self.recorder.active:
            status = self.recorder.stop(_MAX_WAIT_AT_END_S)
            if status is None:
                self._node.get_logger().error('The end of the recording could not be written in '
                                              'time; k4a_repair completes the file')
            elif not status.problem:
                self._node.get_logger().info(f'Recording ended: {_summary(status)}')

    def status(self) -> Status | None:
        """Return the status for /diagnostics; None if nothing was recorded."""
        status = self.recorder.status()
        if not status.file:
            return None
        return recording_status(status, self._supervisor.state is StreamState.STREAMING)


def recording_status(status: RecorderStatus, streaming: bool) -> Status:
    """Return the status of a recording for /diagnostics."""
    result = Status('recording', message='recording' if status.active else 'stopped')
    if status.active and not streaming:
        result.message = 'waiting for the camera'
    if status.problem:
        result.add_problem(Level.ERROR, f'stopped: {status.problem}')
    elif status.dropped:
        result.add_problem(
            Level.WARN, f'{status.dropped} captures were not recorded: the disk, or this '
            'computer, is too slow; record to a faster disk, or choose smaller modes')
    result.values |= {
        'file': status.file, 'files': str(len(status.files)), 'time (s)': f'{status.seconds:.1f}',
        'captures': str(status.captures), 'IMU samples': str(status.samples),
        'written (MB)': f'{status.written_bytes / 1e6:.1f}', 'queued captures': str(status.queued),
        'dropped captures': str(status.dropped), 'dropped IMU samples': str(status.late_samples),
        'free disk space (MB)': f'{status.free_bytes / 1e6:.0f}'}
    return result


def _summary(status: RecorderStatus) -> str:
    files = ', '.join(status.files) or 'no file, because no capture arrived'
    return (f'{status.seconds:.1f} s in {files}: {status.captures} captures, {status.samples} IMU '
            f'samples, {status.written_bytes / 1e6:.1f} MB; dropped: {status.dropped} captures, '
            f'{status.late_samples} IMU samples')
