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

"""The calibration that a user has instead of that of the factory: of the camera, or of a lens."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from k4a_ros.calibration.calibration_file import check_serial
from k4a_ros.calibration.calibration_file import read_calibration
from k4a_ros.calibration.camera_info import CameraInfoValues
from k4a_ros.calibration.camera_info import read_camera_info
from k4a_ros.calibration.camera_info import write_camera_info
from k4a_ros.calibration.camera_info_url import camera_name
from k4a_ros.calibration.camera_info_url import FACTORY
from k4a_ros.calibration.camera_info_url import resolve
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.calibration.own_lens import difference_px
from k4a_ros.camera_config import CameraConfig
from k4a_ros.cameras.base import Camera
from k4a_ros.errors import CalibrationError
from k4a_ros.errors import FileError
from k4a_ros.parameters.settings import Settings
from k4a_ros.process.files import check_regular
from rclpy.impl.rcutils_logger import RcutilsLogger

#: topics of a lens -> name in its file: depth and infrared are images of one sensor
LENSES = {'depth': 'ir', 'ir': 'ir', 'rgb': 'rgb'}


class Saved(NamedTuple):
    """A file that was written, and how far its lens is from that of the factory, pixels."""

    path: Path
    difference_px: float


class _Camera(NamedTuple):
    """A camera: its calibration without own lenses, its modes and its serial number."""

    calibration: FactoryCalibration
    config: CameraConfig
    serial: str

    def name(self, lens: str) -> str:
        """Return the name of a lens in its mode, '' if it is off."""
        if LENSES[lens] == 'rgb':
            mode = self.config.color_resolution.label if self.config.color else ''
        else:
            mode = self.config.depth_mode.name if self.config.depth or self.config.ir else ''
        return camera_name(LENSES[lens], self.serial, mode) if mode else ''

    def lens(self, calibration: FactoryCalibration, lens: str) -> Intrinsics:
        """Return a lens of a calibration in its mode."""
        if LENSES[lens] == 'rgb':
            return calibration.color(self.config.color_resolution)
        return calibration.depth(self.config.depth_mode)

    def with_lens(
        self, calibration: FactoryCalibration, lens: str, values: CameraInfoValues,
    ) -> FactoryCalibration:
        """Return a calibration with another lens in its mode."""
        if LENSES[lens] == 'rgb':
            return calibration.with_color_lens(self.config.color_resolution, values)
        return calibration.with_depth_lens(self.config.depth_mode, values)


class OwnCalibration:
    """
    Replaces the factory calibration of cameras by that of the user, and saves lenses.

    ``in_use`` says for diagnostics where the calibration, and each lens that is not of it, are
    from. ``calibration_file`` is read once. The files of lenses are read whenever a camera is
    opened: `save` may have written them meanwhile.

    :param settings: returns the values of all parameters.
    """

    def __init__(self, settings: Callable[[], Settings], log: RcutilsLogger) -> None:
        self._settings = settings
        self._log = log
        self._file: FactoryCalibration | None = None
        #: the camera that was opened last
        self._camera: _Camera | None = None
        self._reported: set[str] = set()
        self.in_use: Mapping[str, str] = {}

    def apply(self, camera: Camera) -> None:
        """
        Give a camera that has just been opened its calibration.

        :raises CalibrationError: a file cannot be used; says why, and what to do.
        :raises ConfigError: a URL cannot be resolved.
        """
        path = self._settings().calibration_file
        if path:
            self._file = self._file or read_calibration(path)
            check_serial(self._file, path, camera.info.serial)
            self._report(f'Using the calibration in {path} instead of that of the '
                         f'{camera.info.kind}')
        self._camera = _Camera(
            self._file or camera.calibration, camera.config, camera.info.serial)
        in_use = {'calibration': path or FACTORY}
        camera.calibration = self._with_lenses(self._camera, in_use)
        self.in_use = in_use

    def check(self, config: CameraConfig) -> None:
        """
        Check that the camera that is open can be opened in other modes.

        :raises CalibrationError: a file is not for that mode.
        :raises ConfigError: a URL cannot be resolved.
        """
        if self._camera is not None:
            self._with_lenses(self._camera._replace(config=config), {})

    def save(self, lens: str, values: CameraInfoValues) -> Saved:
        """
        Save the calibration of a lens of the open camera, in its mode.

        It is for the images of the topics; the file is for those of the camera, which may be
        mounted turned.

        :param lens: name of its topics, a key of `LENSES`.
        :return: the file, which is used when the camera is opened again.
        :raises CalibrationError: the values are not for this camera or mode, the camera has no
            such lens, or the file cannot be written.
        :raises ConfigError: a URL cannot be resolved.
        """
        camera = self._camera
        if camera is None:
            raise CalibrationError('there is no camera yet: configure the driver first')
        name = camera.name(lens)
        if not name:
            raise CalibrationError(
                f'the camera streams no {lens} images; choose a mode with them first')
        path = self._file_of(lens, name)
        if path is None:
            raise CalibrationError(
                f'the parameter {self._parameter(lens)} is {FACTORY}; start the driver without it')
        rotation = self._settings().camera_rotation
        base = camera.calibration.rotated(rotation)
        own = camera.with_lens(base, lens, values)
        write_camera_info(path, name, values.rotated((360 - rotation) % 360))
        return Saved(path, difference_px(camera.lens(own, lens), camera.lens(base, lens)))

    def _with_lenses(self, camera: _Camera, in_use: dict[str, str]) -> FactoryCalibration:
        """
        Return the calibration with the lenses in the files for the modes of the camera.

        :param in_use: the files are added to it.
        """
        calibration = camera.calibration
        for lens in ('ir', 'rgb'):
            name = camera.name(lens)
            path = self._file_of(lens, name) if name else None
            if path is None:
                continue
            try:
                if not self._exists(path, lens):
                    continue
                calibration = camera.with_lens(calibration, lens, read_camera_info(path))
            except CalibrationError as error:
                raise CalibrationError(
                    f'cannot use {path}, the calibration of the {lens} camera: {error}; or '
                    f'remove the file, or set {self._parameter(lens)} to {FACTORY}, to use that '
                    'of the factory') from error
            in_use[f'calibration of the {lens} camera'] = str(path)
            self._report(f'Using the calibration of the {lens} camera in {path}; remove the file, '
                         f'or set {self._parameter(lens)} to {FACTORY}, for that of the factory')
        return calibration

    def _exists(self, path: Path, lens: str) -> bool:
        """Return whether a file exists; say so if it does not although a parameter names it."""
        try:
            check_regular(path)
        except FileError as error:
            if path.exists():
                raise CalibrationError(str(error)) from error
            if self._url(lens):
                self._report(f'There is no {path} yet, so the {lens} camera has the calibration '
                             f'of the factory; {lens}/set_camera_info writes it')
            return False
        return True

    def _report(self, text: str) -> None:
        """Log a text once."""
        if text not in self._reported:
            self._reported.add(text)
            self._log.info(text)

    def _url(self, lens: str) -> str:
        settings = self._settings()
        if LENSES[lens] == 'rgb':
            return settings.rgb_camera_info_url
        return settings.ir_camera_info_url or settings.depth_camera_info_url

    def _parameter(self, lens: str) -> str:
        """Return the name of the parameter that has the URL of a lens."""
        if LENSES[lens] == 'ir' and not self._settings().ir_camera_info_url:
            return 'depth_camera_info_url'
        return f'{LENSES[lens]}_camera_info_url'

    def _file_of(self, lens: str, name: str) -> Path | None:
        """Return the file of a lens in its mode, None for the calibration of the factory."""
        url = self._url(lens)
        return None if url == FACTORY else resolve(url, name)
