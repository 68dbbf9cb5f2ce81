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

"""The services set_camera_info, which save a calibration of one's own."""

from __future__ import annotations

from collections.abc import Callable

from k4a_ros.calibration.camera_info import CameraInfoValues
from k4a_ros.errors import CalibrationError
from k4a_ros.errors import K4aRosError
from k4a_ros.node.own_calibration import LENSES
from k4a_ros.node.own_calibration import OwnCalibration
from k4a_ros.process.bounded import BoundedCaller
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo
from sensor_msgs.srv import SetCameraInfo


class CameraInfoServices:
    """
    ``depth/set_camera_info``, ``ir/set_camera_info`` and ``rgb/set_camera_info``.

    They are beside the topics of the images, where camera_calibration and others look for them.
    The response says in ``status_message`` what was done, or why not and what to do.

    :param save_in_time: saves a file in a thread.
    :param reopen: opens the camera again, which then uses the file, and returns True; or returns
        False for one that would start anew.
    """

    def __init__(
        self, node: Node, own: OwnCalibration, save_in_time: BoundedCaller,
        reopen: Callable[[], bool],
    ) -> None:
        self._node = node
        self._own = own
        self._save_in_time = save_in_time
        self._reopen = reopen
        for lens in LENSES:
            node.create_service(SetCameraInfo, f'{lens}/set_camera_info', self._callback(lens))

    def _callback(self, lens: str) -> Callable[
            [SetCameraInfo.Request, SetCameraInfo.Response], SetCameraInfo.Response]:
        def respond(
            request: SetCameraInfo.Request, response: SetCameraInfo.Response,
        ) -> SetCameraInfo.Response:
            log = self._node.get_logger()
            try:
                response.status_message = self._set(lens, request.camera_info)
            except (K4aRosError, TimeoutError) as error:
                response.status_message = f'cannot set the calibration of {lens}: {error}'
                log.error(f'{lens}/set_camera_info: {response.status_message}')
            else:
                response.success = True
                log.info(f'{lens}/set_camera_info: {response.status_message}')
            return response
        return respond

    def _set(self, lens: str, message: CameraInfo) -> str:
        """Save a calibration, and use it; return what was done."""
        values = _values(message)
        saved = self._save_in_time(lambda: self._own.save(lens, values))
        done = (f'saved in {saved.path}; directions are {saved.difference_px:.1f} pixels (median) '
                'from where the factory has them; ')
        if self._reopen():
            return done + 'reopening the camera, which then uses it'
        return done + 'start the driver again to use it with this recording'


def _values(message: CameraInfo) -> CameraInfoValues:
    """
    Return the content of a message.

    :raises CalibrationError: it is for a part of the image.
    """
    roi = message.roi
    if max(message.binning_x, message.binning_y) > 1 or any(
            (roi.x_offset, roi.y_offset, roi.width, roi.height)):
        raise CalibrationError(
            'it is for binned images or a region of interest; calibrate with whole images')
    return CameraInfoValues(
        message.width, message.height, message.distortion_model,
        *(tuple(float(v) for v in matrix) for matrix in (
            message.d, message.k, message.r, message.p)))
