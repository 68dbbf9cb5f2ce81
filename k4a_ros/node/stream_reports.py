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


"""Lines of the log about outages of the camera and of its streams."""

from __future__ import annotations

from k4a_ros.errors import CameraError
from k4a_ros.streaming.outage import Report
from k4a_ros.streaming.stream_watch import IMU
from rclpy.impl.rcutils_logger import RcutilsLogger


class StreamReports:
    """
    Reports what happens to the stream of a camera; a part of `SupervisorListener`.

    ``serial``: serial number of the camera, set when it is opened.
    """

    def __init__(self, logger: RcutilsLogger) -> None:
        self._logger = logger
        self.serial = ''

    def on_outage(self, report: Report, error: CameraError) -> None:
        """Report that the camera is lost, or why it cannot be opened or started again."""
        camera = f'camera {self.serial}'
        self._logger.error({
            Report.LOST: f'Lost connection to {camera}: {error}; reconnecting',
            Report.NOT_OPENING: f'Cannot reconnect to {camera}: {error}; trying again',
            Report.NOT_STARTING: f'C{camera[1:]} does not start: {error}; trying again'}[report])

    def on_recovered(self, lost: bool) -> None:
        """Report that the camera delivers."""
        self._logger.info(f'Reconnected to camera {self.serial}' if lost
                          else f'Camera {self.serial} has started')

    def on_stream_problem(self, name: str, reason: str) -> None:
        """Report that one stream has failed while others go on, or that it works again."""
        stream = f'The {name} stream of camera {self.serial}'
        if not reason:
            self._logger.info(f'{stream} works again')
            return
        action = 'restarting it' if name == IMU else 'restarting the camera if that lasts'
        self._logger.warning(f'{stream} fails while others go on: {reason}; {action}')
