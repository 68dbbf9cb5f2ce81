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

"""Images of recordings that were made together, at the same times."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import math

import cv2
from k4a_ros.calibration.calibration_file import check_serial
from k4a_ros.calibration.calibration_file import read_calibration
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.capture import Capture
from k4a_ros.errors import CameraLostError
from k4a_ros.errors import RecordingError
from k4a_ros.images.color import ColorConverter
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.rig.rig import Rig
from k4a_ros.rig.rig import RigCamera
from k4a_ros.rig_calibration.observations import CameraModel
from k4a_ros.rig_calibration.views import Frame
import numpy as np


class RecordedRig(contextlib.AbstractContextManager['RecordedRig']):
    """
    The recordings of a rig, which are read at common times.

    These are device times if all cameras were on a sync cable, otherwise ROS times if all files
    have them, and device times if not.

    ``cameras`` are the models of the cameras, in the order of the rig.

    :param rig: its cameras are recordings.
    :raises RecordingError: a file cannot be read, or they were not made together.
    :raises CalibrationError: a calibration cannot be used.
    """

    def __init__(self, rig: Rig) -> None:
        with contextlib.ExitStack() as stack:
            self._readers = [
                stack.enter_context(RecordingReader(camera.source)) for camera in rig.cameras]
            self.cameras = tuple(
                CameraModel.of(camera.name, _calibration(camera, reader), reader.config)
                for camera, reader in zip(rig.cameras, self._readers, strict=True))
            self._converters = [_converter(reader) for reader in self._readers]
            self._uses_ros_time = any(
                reader.config.wired_sync_mode is WiredSyncMode.STANDALONE
                for reader in self._readers) and all(
                    reader.ros_times is not None for reader in self._readers)
            self._stack = stack.pop_all()

    def __exit__(self, *_: object) -> None:
        """Close the files."""
        self._stack.close()

    def moments(self, rate: float) -> Iterator[tuple[float, Mapping[int, Frame]]]:
        """
        Yield the images of all cameras at common times.

        :param rate: times per second, or the frame rate if that is lower.
        :return: progress from 0 to 1, and images by the index of the camera.
        :raises RecordingError: the recordings do not overlap in time, or one is damaged.
        """
        streams = [self._timed(reader) for reader in self._readers]
        period_us = max(reader.config.period_us for reader in self._readers)
        step_us = period_us * max(1, round(1e6 / (rate * period_us)))
        waiting = [next(stream, None) for stream in streams]
        starts = [item[0] for item in waiting if item is not None]
        duration_us = max(reader.end_us - reader.start_us for reader in self._readers)
        if len(starts) < len(streams) or max(starts) - min(starts) > duration_us:
            raise RecordingError(
                f'{self._readers[0].path} and the other recordings were not made together: their '
                'times do not overlap; record with all cameras at once, as k4a_rig does')
        first_us = max(starts)
        for number in range(math.ceil((duration_us + period_us) / step_us)):
            now_us = first_us + number * step_us
            frames = {}
            for i, stream in enumerate(streams):
                item = waiting[i]
                while item is not None and item[0] < now_us - period_us / 2:
                    item = next(stream, None)
                waiting[i] = item
                if item is not None and item[0] < now_us + period_us / 2:
                    frames[i] = self._frame(i, item[1])
            if all(item is None for item in waiting):
                return
            yield min(1.0, number * step_us / max(duration_us, 1)), frames

    def _timed(self, reader: RecordingReader) -> Iterator[tuple[float, Capture]]:
        """Yield captures with their times, microseconds."""
        for capture in reader.captures:
            image = capture.ir or capture.depth or capture.color
            if image is None:
                continue
            if not self._uses_ros_time:
                yield image.device_us, capture
            elif image.device_us in capture.stamps:
                yield capture.stamps[image.device_us] / 1000, capture

    def _frame(self, camera: int, capture: Capture) -> Frame:
        try:
            color = None if capture.color is None else capture.color.data
            infrared = None if capture.ir is None else capture.ir.data
            depth = None if capture.depth is None else capture.depth.data
        except CameraLostError as error:
            raise RecordingError(str(error)) from error
        converter = self._converters[camera]
        gray = None
        if color is not None and converter is not None:
            pixels = np.empty(converter.shape, np.uint8)
            try:
                converter.convert(color, pixels)
                gray = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)
            except ValueError:
                gray = None  # a corrupt JPEG, as cameras deliver now and then
        return Frame(gray, infrared, depth)


def _converter(reader: RecordingReader) -> ColorConverter | None:
    config = reader.config
    if not config.color:
        return None
    return ColorConverter(config.color_format, config.color_resolution.size, 'bgr8')


def _calibration(camera: RigCamera, reader: RecordingReader) -> FactoryCalibration:
    path = camera.settings.calibration_file
    if not path:
        return FactoryCalibration.from_raw(reader.calibration)
    calibration = read_calibration(path)
    check_serial(calibration, path, reader.serial)
    return calibration
