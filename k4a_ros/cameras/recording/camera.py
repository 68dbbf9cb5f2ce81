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

"""An Azure Kinect recording (.mkv), played as if it were the camera that made it."""

from __future__ import annotations

from dataclasses import replace
import os
import time

from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.cameras.base import Camera
from k4a_ros.cameras.base import ControlListener
from k4a_ros.cameras.base import DeviceInfo
from k4a_ros.cameras.base import is_serial
from k4a_ros.cameras.recording.pacing import AtEnd
from k4a_ros.cameras.recording.pacing import Pacer
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import CalibrationError
from k4a_ros.errors import ConfigError
from k4a_ros.errors import DeviceNotFoundError
from k4a_ros.errors import EndOfRecording
from k4a_ros.errors import ReadTimeout
from k4a_ros.errors import RecordingError
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.sdk.imu_samples import IMU_DTYPE
from k4a_ros.sdk.imu_samples import imu_samples
import numpy as np

_CAPTURES = 'captures'
_IMU = 'imu'
#: seconds by which inertial samples are gathered, as the device delivers them in bursts, too
_IMU_BURST = 0.008
#: most samples that are read at a time: 0.6 s at the device's 1666 Hz
_IMU_BATCH = 1024


class RecordingCamera(Camera):
    """
    Plays a recording, in the order and at the pace of its timestamps.

    What ``config``, ``info`` and ``calibration`` say is what the file says. Controls, to be
    changed at any time by ``set_control``: ``playback_rate`` and ``playback_paused``.

    Nothing is skipped when a reader is late. At rate 0 captures and inertial samples are handed
    out in one common order, each as soon as the other thread has taken all that is older; so both
    must then be read (where ``config.imu``), or the other waits.

    After ``stop`` and ``close`` the reads raise EndOfRecording; ``start`` after ``stop`` goes on
    where it was stopped. Timestamps never go back, also when the file is played again: each pass
    through it continues one frame period after the last timestamp of the one before.

    :param path: the file; ``~`` is expanded.
    :param serial: serial number that the recorded camera must have, '' for any.
    :param loop: play the file again and again; goes before ``at_end``.
    :param rate: 1 real time, 2 twice as fast, 0 as fast as it is read.
    :param paused: begin paused.
    :param at_end: what comes after the last item: 'exit' raises EndOfRecording from then on;
        'pause' raises ReadTimeout until ``playback_paused`` is set to False, which plays it again.
    :param on_control: called with ('playback_paused', True) when playback pauses at its end.
    :raises ConfigError: ``rate`` or ``at_end`` is none of these.
    :raises RecordingError: the file is not a complete Azure Kinect recording with a calibration.
    :raises DeviceNotFoundError: it is of another camera.
    """

    lossless = True

    def __init__(
        self, path: str | os.PathLike[str], *, serial: str = '', loop: bool = False,
        rate: float = 1.0, paused: bool = False, at_end: AtEnd | str = AtEnd.EXIT,
        on_control: ControlListener | None = None,
    ) -> None:
        """Open the file; it is played from ``start`` on."""
        super().__init__(on_control)
        source = os.path.expanduser(os.fspath(path))
        self._captures = RecordingReader(source)
        self._imu: RecordingReader | None = None
        try:
            self._describe(source, serial)
            if self._captures.config.imu:
                # A handle of its own: its reader shares neither lock nor position with the other,
                # nor loads what the other has let go of (`RecordingReader.rewind` has why).
                self._imu = RecordingReader(source)
            self._streams = self._load_first()
            ending = _ending(at_end)
            # The next pass begins one frame period after the end of this one.
            span_us = self._captures.end_us - self._captures.start_us + self.config.period_us
            self._pacer = Pacer(
                self._streams, self._captures.start_us, span_us, rate, paused,
                AtEnd.LOOP if loop else ending)
        except BaseException:
            self._close_files()
            raise

    def _describe(self, source: str, serial: str) -> None:
        file = self._captures
        try:
            self.calibration = FactoryCalibration.from_raw(file.calibration)
        except CalibrationError as error:
            raise RecordingError(f'cannot open recording {source}: {error}') from error
        self.config = file.config
        self.info = DeviceInfo(
            kind='recording', serial=file.serial or self.calibration.serial, source=source,
            firmware=file.firmware)
        if serial and not is_serial(serial, self.info.serial):
            raise DeviceNotFoundError(
                f'recording {source} is of the camera {self.info.serial or "(unknown)"}, not of '
                f'{serial}; give the right serial number, or none')

    def _load_first(self) -> list[str]:
        """Read the first items, and return which streams have any."""
        self._shift = {_CAPTURES: 0, _IMU: 0}
        self._at_end = {_CAPTURES: False, _IMU: False}
        self._told_shift = -1
        self._capture = self._captures.next_capture()
        self._buffer = np.zeros(_IMU_BATCH, IMU_DTYPE)
        self._samples = imu_samples(self._buffer[:0], 0)
        if self._imu is not None:
            self._samples = self._next_samples(self._imu)
        self.config = replace(self.config, imu=len(self._samples) > 0)
        streams = [_CAPTURES] * (self._capture is not None) + [_IMU] * self.config.imu
        if not streams:
            raise RecordingError(
                f'cannot open recording {self.info.source}: it has neither images nor '
                'inertial samples')
        return streams

    def start(self) -> None:
        """
        Start or go on playing.

        :raises RecordingError: the camera has been closed.
        """
        if self._captures.closed:
            raise RecordingError(f'cannot play recording {self.info.source}: it has been closed')
        self._pacer.start()

    def read(self, timeout: float) -> Capture:
        """
        Return the next capture when it is due.

        :raises ReadTimeout: it is not due yet, or playback is paused.
        :raises EndOfRecording: that was the last one, or the camera has been stopped.
        :raises CameraLostError: the file is damaged here; captures before it were delivered.
        """
        deadline = time.monotonic() + timeout
        if _CAPTURES not in self._streams:
            raise EndOfRecording(f'recording {self.info.source} has no images')
        while self._capture is None:
            if not self._at_end[_CAPTURES]:
                self._capture = self._captures.next_capture()
            if self._capture is None:
                self._next_pass(_CAPTURES, self._captures, deadline)
        capture = _shifted(self._capture, self._shift[_CAPTURES])
        self._pacer.wait(_CAPTURES, capture.device_us, _left(deadline))
        self._capture = None
        return capture

    def read_imu(self, timeout: float) -> ImuSamples:
        """
        Return the inertial samples that are due, a few milliseconds of them.

        :raises ReadTimeout: none is due yet, or playback is paused.
        :raises EndOfRecording: those were the last ones, there are none, or the camera has been
            stopped.
        :raises CameraLostError: the file is damaged here; samples before it were delivered.
        """
        deadline = time.monotonic() + timeout
        if self._imu is None or _IMU not in self._streams:
            raise EndOfRecording(f'recording {self.info.source} has no inertial samples')
        while not len(self._samples):
            if not self._at_end[_IMU]:
                self._samples = self._next_samples(self._imu)
            if not len(self._samples):
                self._next_pass(_IMU, self._imu, deadline)
        waiting = self._samples
        limit = self._pacer.wait(_IMU, int(waiting.acc_us[0]), _left(deadline), _IMU_BURST)
        count = max(1, int(waiting.acc_us.searchsorted(limit, side='right')))
        self._samples = waiting[count:]
        return waiting[:count]

    def _next_samples(self, file: RecordingReader) -> ImuSamples:
        """Return many samples at once, none at the end of a pass."""
        count = file.read_imu(self._buffer)
        return imu_samples(self._buffer[:count], self._shift[_IMU])

    def _next_pass(self, stream: str, file: RecordingReader, deadline: float) -> None:
        """Go to the start of the file, where it is to be played again."""
        self._at_end[stream] = True
        try:
            shift = self._pacer.end_of_pass(stream, _left(deadline))
        except ReadTimeout:
            self._say_paused(stream)
            raise
        file.rewind()
        self._shift[stream] = shift
        self._at_end[stream] = False

    def _say_paused(self, stream: str) -> None:
        """Tell once for each pass that playback has paused itself at its end."""
        end = self._shift[stream]
        if self._pacer.paused and self._told_shift != end:
            self._told_shift = end
            self._report_control('playback_paused', True)

    @property
    def lockstep(self) -> bool:  # type: ignore[override]
        """Whether the rate is 0."""
        return self._pacer.rate == 0

    def set_control(self, name: str, value: float | bool) -> float | bool:
        """
        Change how the recording is played.

        :param name: playback_rate, a number as ``rate``; or playback_paused, True or False.
        :raises ConfigError: there is no such control, or it cannot have that value.
        """
        if name == 'playback_rate':
            self._pacer.rate = value
            return self._pacer.rate
        if name == 'playback_paused':
            if not isinstance(value, bool):
                raise ConfigError(f'playback_paused cannot be {value!r}: it is True or False')
            self._pacer.paused = value
            return value
        return super().set_control(name, value)

    def stop(self) -> None:
        """Hold playback and wake the readers."""
        self._pacer.stop()

    def close(self) -> None:
        """Stop, and close the file; images that were handed out stay valid."""
        self._pacer.stop()
        self._close_files()

    def _close_files(self) -> None:
        self._captures.close()
        if self._imu is not None:
            self._imu.close()


def _ending(at_end: AtEnd | str) -> AtEnd:
    try:
        return AtEnd(at_end)
    except ValueError as error:
        raise ConfigError(
            f"at_end cannot be {at_end!r}: it is 'exit', 'pause' or 'loop'") from error


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())


def _shifted(capture: Capture, shift_us: int) -> Capture:
    """Return the capture with this added to all its timestamps."""
    if not shift_us:
        return capture

    def moved(image: Image | None) -> Image | None:
        return image and replace(image, device_us=image.device_us + shift_us)
    return Capture(moved(capture.depth), moved(capture.ir), moved(capture.color))
