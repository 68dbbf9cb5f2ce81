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

"""Play an Azure Kinect recording (.mkv) as a camera."""

from __future__ import annotations

from dataclasses import replace
import logging
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
from k4a_ros.mkv.captures import CaptureCursor
from k4a_ros.mkv.images import RecordedImage
from k4a_ros.mkv.imu_track import ImuCursor
from k4a_ros.mkv.reader import RecordingReader

_log = logging.getLogger(__name__)

_CAPTURES = 'captures'
_IMU = 'imu'
#: interval in which IMU samples are batched; the device delivers them in bursts, too
_IMU_BURST_S = 0.008
#: number of IMU samples that are read from the file at once: 0.6 s at 1666 Hz
_IMU_BATCH = 1024


class RecordingCamera(Camera):
    """
    Plays a recording in the order and at the pace of its timestamps.

    ``config``, ``info`` and ``calibration`` are those stored in the file. `set_control` accepts
    ``playback_rate`` and ``playback_paused`` at any time.

    A slow reader does not lose data. At rate 0, captures and IMU samples are released in the order
    of their timestamps, each as soon as the other thread has read everything older; so both
    streams must be read (if ``config.imu``), or the other one blocks.

    After ``stop`` and ``close``, reads raise EndOfRecording; ``start`` after ``stop`` resumes
    playback. Timestamps never decrease: each pass through the file starts one frame period after
    the last timestamp of the previous one.

    :param path: the file; ``~`` is expanded.
    :param serial: required serial number of the recorded camera, empty for any.
    :param loop: repeat the file forever; overrides ``at_end``.
    :param rate: 1 is real time, 2 twice as fast, 0 as fast as the reader.
    :param paused: start paused.
    :param at_end: after the last data, 'exit' raises EndOfRecording; 'pause' raises ReadTimeout
        until ``playback_paused`` is set to False, which plays the file again.
    :param on_control: called with ('playback_paused', True) when playback pauses at the end.
    :raises ConfigError: ``rate`` or ``at_end`` is invalid.
    :raises RecordingError: nothing of the file can be played, or it has no calibration.
    :raises DeviceNotFoundError: the serial number does not match.
    """

    lossless = True

    def __init__(
        self, path: str | os.PathLike[str], *, serial: str = '', loop: bool = False,
        rate: float = 1.0, paused: bool = False, at_end: AtEnd | str = AtEnd.EXIT,
        on_control: ControlListener | None = None,
    ) -> None:
        """Open the file and read its first data; ``start`` starts playback."""
        super().__init__(on_control)
        source = os.path.expanduser(os.fspath(path))
        self._reader = reader = RecordingReader(source)
        self._describe(source, serial)
        if reader.missing:
            _log.warning('recording %s: %s', source, reader.missing)
        self._streams = self._read_first()
        after_last = _parse_at_end(at_end)
        # The next pass starts one frame period after the end of this one.
        span_us = reader.end_us - reader.start_us + self.config.period_us
        self._pacer = Pacer(self._streams, reader.start_us, span_us, rate, paused,
                            AtEnd.LOOP if loop else after_last)

    def _describe(self, source: str, serial: str) -> None:
        file = self._reader
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
                f'cannot open recording {source} as {serial}: the serial number of its camera is '
                f'{self.info.serial or "unknown"}; give that one, or none')

    def _read_first(self) -> list[str]:
        """Read the first data of each stream, and return the streams that have any."""
        self._shift_us = {_CAPTURES: 0, _IMU: 0}
        self._at_end = {_CAPTURES: False, _IMU: False}
        #: shift of the pass whose pause at the end was reported to the listener
        self._reported_shift_us = -1
        self._capture = self._reader.captures.read()
        self._samples = self._reader.imu.read(_IMU_BATCH)
        self.config = replace(self.config, imu=self._samples is not None)
        streams = [_CAPTURES] * (self._capture is not None) + [_IMU] * self.config.imu
        if not streams:
            raise RecordingError(
                f'cannot open recording {self.info.source}: it has neither images nor IMU samples')
        return streams

    def start(self) -> None:
        """
        Start or resume playback.

        :raises RecordingError: the camera is closed.
        """
        if self._reader.closed:
            raise RecordingError(f'cannot play recording {self.info.source}: it is closed')
        self._pacer.start()

    def read(self, timeout: float) -> Capture:
        """
        Return the next capture as soon as it is due.

        :raises ReadTimeout: it is not due within the timeout, or playback is paused.
        :raises EndOfRecording: there are no more captures, or the camera is stopped.
        :raises CameraLostError: the file is damaged at this position.
        """
        deadline = time.monotonic() + timeout
        if _CAPTURES not in self._streams:
            raise EndOfRecording(f'recording {self.info.source} has no images')
        while self._capture is None:
            if not self._at_end[_CAPTURES]:
                self._capture = self._reader.captures.read()
            if self._capture is None:
                self._next_pass(_CAPTURES, self._reader.captures, deadline)
        capture = _shifted(self._capture, self._shift_us[_CAPTURES])
        self._pacer.wait(_CAPTURES, capture.device_us, _left(deadline))
        self._capture = None
        return capture

    def read_imu(self, timeout: float) -> ImuSamples:
        """
        Return the IMU samples that are due: a batch of a few milliseconds, or more if overdue.

        :raises ReadTimeout: none is due within the timeout, or playback is paused.
        :raises EndOfRecording: there are no more samples, or the camera is stopped.
        :raises CameraLostError: the file is damaged at this position.
        """
        deadline = time.monotonic() + timeout
        if _IMU not in self._streams:
            raise EndOfRecording(f'recording {self.info.source} has no IMU samples')
        while self._samples is None:
            if not self._at_end[_IMU]:
                samples = self._reader.imu.read(_IMU_BATCH)
                self._samples = samples and _later(samples, self._shift_us[_IMU])
            if self._samples is None:
                self._next_pass(_IMU, self._reader.imu, deadline)
        pending = self._samples
        due_us = self._pacer.wait(_IMU, int(pending.acc_us[0]), _left(deadline), _IMU_BURST_S)
        count = max(1, int(pending.acc_us.searchsorted(due_us, side='right')))
        self._samples = pending[count:] if count < len(pending) else None
        return pending[:count]

    def _next_pass(
        self, stream: str, position: CaptureCursor | ImuCursor, deadline: float,
    ) -> None:
        """Return to the start of the file as soon as the next pass may be played."""
        self._at_end[stream] = True
        try:
            shift_us = self._pacer.end_of_pass(stream, _left(deadline))
        except ReadTimeout:
            self._report_pause(stream)
            raise
        position.rewind()
        self._shift_us[stream] = shift_us
        self._at_end[stream] = False

    def _report_pause(self, stream: str) -> None:
        """Report, once per pass, that playback has paused at the end of the file."""
        shift_us = self._shift_us[stream]
        if self._pacer.paused and self._reported_shift_us != shift_us:
            self._reported_shift_us = shift_us
            self._report_control('playback_paused', True)

    @property
    def lockstep(self) -> bool:  # type: ignore[override]
        """Whether the playback rate is 0."""
        return self._pacer.rate == 0

    def set_control(self, name: str, value: float | bool) -> float | bool:
        """
        Set the playback rate or pause playback.

        :param name: playback_rate, with a value like ``rate``; or playback_paused, True or False.
        :raises ConfigError: there is no such control, or the value is invalid.
        """
        if name == 'playback_rate':
            self._pacer.rate = value
            return self._pacer.rate
        if name == 'playback_paused':
            if not isinstance(value, bool):
                raise ConfigError(f'playback_paused is {value!r}; it must be true or false')
            self._pacer.paused = value
            return value
        return super().set_control(name, value)

    def stop(self) -> None:
        """Stop playback; reads in other threads raise EndOfRecording."""
        self._pacer.stop()

    def close(self) -> None:
        """Stop playback and close the file; images that were read remain valid."""
        self._pacer.stop()
        self._reader.close()


def _parse_at_end(at_end: AtEnd | str) -> AtEnd:
    try:
        return AtEnd(at_end)
    except ValueError as error:
        raise ConfigError(
            f"at_end is {at_end!r}; it must be 'exit', 'pause' or 'loop'") from error


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())


def _shifted(capture: Capture, shift_us: int) -> Capture:
    """Return the capture with an offset added to its timestamps."""
    if not shift_us:
        return capture

    def shifted(image: Image | None) -> Image | None:
        assert image is None or isinstance(image, RecordedImage)
        return image and image.shifted(shift_us)
    return Capture(shifted(capture.depth), shifted(capture.ir), shifted(capture.color))


def _later(samples: ImuSamples, shift_us: int) -> ImuSamples:
    """Return the samples with an offset added to their timestamps."""
    return replace(
        samples, acc_us=samples.acc_us + shift_us, gyro_us=samples.gyro_us + shift_us)
