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

"""One file of a recording: what belongs into it, by device time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from k4a_ros.camera_config import CameraConfig
from k4a_ros.cameras.base import Camera
from k4a_ros.capture import Capture
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import RecordingError
from k4a_ros.mkv.writer import OutOfOrderError
from k4a_ros.mkv.writer import RecordingWriter
from k4a_ros.mkv.writer import ToRos
from k4a_ros.recorder.files import numbered
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Source:
    """
    What a recording says about its camera.

    :param calibration: factory calibration, JSON.
    :param firmware: versions by component.
    """

    config: CameraConfig
    calibration: bytes
    serial: str
    firmware: dict[str, str]

    @classmethod
    def of(cls, camera: Camera) -> Source:
        """Return what a recording says about an open camera."""
        return cls(camera.config, camera.calibration.raw, camera.info.serial,
                   camera.info.firmware)


class Part:
    """
    A file, which begins with its first capture.

    ``start_us`` is the device time at which it begins, ``end_us`` that at which it ends, None
    while that is open; ``imu_us`` is that of the last inertial sample that was offered, also if it
    is not in the file. ``captures`` and ``samples`` count what was written, ``late_samples`` what
    came too late for that.

    :param path: the file; if there is one, a variant with a number is made.
    :raises RecordingError: the file cannot be created.
    """

    def __init__(self, path: Path, source: Source, start_us: int) -> None:
        self.source = source
        self.start_us = self.last_us = start_us
        self.end_us: int | None = None
        self.imu_us = -1
        self.captures = self.samples = self.late_samples = self._size = 0
        self._writer: RecordingWriter | None = None
        for candidate in numbered(path):
            try:
                self._writer = RecordingWriter(
                    candidate, source.config, source.calibration, source.serial, source.firmware,
                    ros_time=True, durable=True)
            except RecordingError as error:
                if isinstance(error.__cause__, FileExistsError):
                    continue
                raise
            self.path = candidate
            return

    @property
    def size(self) -> int:
        """Return the number of bytes that were written."""
        return self._writer.size if self._writer is not None else self._size

    @property
    def seconds(self) -> float:
        """Return the time from the first to the end of the last capture."""
        return (self.last_us - self.start_us + self.source.config.period_us) * 1e-6

    def is_over(self) -> bool:
        """Return whether the part has an end, and all samples up to there."""
        return self.end_us is not None and (
            not self.source.config.imu or self.imu_us >= self.end_us)

    def write(self, capture: Capture, to_ros: ToRos) -> None:
        """Write a capture; raises as `RecordingWriter.write`."""
        self._open_writer.write(capture, to_ros)
        self.captures += 1
        self.last_us = capture.device_us

    def write_imu(self, samples: ImuSamples, ros_ns: npt.NDArray[np.int64]) -> None:
        """
        Write those samples that belong into the file.

        Those that are two seconds late are counted only: on a busy computer, a thread may stand
        still for so long.

        :raises RecordingError: they cannot be written.
        """
        times, writer = samples.acc_us, self._open_writer
        self.imu_us = int(times[-1])
        first = int(np.searchsorted(times, self.start_us))
        begin = max(first, int(np.searchsorted(times, writer.written_us)))
        end = len(times) if self.end_us is None else int(np.searchsorted(times, self.end_us))
        self.late_samples += max(0, min(begin, end) - first)
        if begin >= end:
            return
        try:
            writer.write_imu(samples[begin:end], ros_ns[begin:end])
            self.samples += end - begin
        except OutOfOrderError:
            self.late_samples += end - begin

    def close(self) -> None:
        """Complete the file; raises as `RecordingWriter.close`."""
        writer = self._open_writer
        try:
            writer.close()
        finally:
            self._size, self._writer = writer.size, None  # which has large buffers

    @property
    def _open_writer(self) -> RecordingWriter:
        assert self._writer is not None
        return self._writer
