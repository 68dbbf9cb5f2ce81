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

import contextlib
from dataclasses import replace
import enum
import logging
import math
import os
import time
from typing import NoReturn
from typing import TypeVar

from k4a_ros.audio.sound_file import SoundFile
from k4a_ros.audio.source import RecordedAudio
from k4a_ros.calibration.calibration_file import read_calibration
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.cameras.base import Camera
from k4a_ros.cameras.base import ControlListener
from k4a_ros.cameras.base import DeviceInfo
from k4a_ros.cameras.base import is_serial
from k4a_ros.cameras.recording.pacing import Pacer
from k4a_ros.cameras.recording.playback import RecordingPlayback
from k4a_ros.cameras.recording.recorded_stamps import RecordedStamps
from k4a_ros.cameras.recording.section import AtEnd
from k4a_ros.cameras.recording.section import Section
from k4a_ros.cameras.recording.section import SectionItems
from k4a_ros.cameras.recording.section import Sought
from k4a_ros.cameras.recording.section import Timed
from k4a_ros.cameras.recording.section_data import SectionCaptures
from k4a_ros.cameras.recording.section_data import SectionImu
from k4a_ros.cameras.recording.section_sound import SectionSound
from k4a_ros.capture import Capture
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import AudioError
from k4a_ros.errors import CalibrationError
from k4a_ros.errors import CameraLostError
from k4a_ros.errors import ConfigError
from k4a_ros.errors import DeviceNotFoundError
from k4a_ros.errors import EndOfRecording
from k4a_ros.errors import ReadTimeout
from k4a_ros.errors import RecordingError
from k4a_ros.mkv.reader import RecordingReader

E = TypeVar('E', bound=enum.Enum)
T = TypeVar('T', bound=Timed)

_log = logging.getLogger(__name__)

_CAPTURES = 'captures'
_IMU = 'imu'
_SOUND = 'sound'
#: interval in which IMU samples are batched; the device delivers them in bursts, too
_IMU_BURST_S = 0.008
#: maximum time that playback waits for the ROS time of its first data
_MAX_LEAD_S = 60.0


class LoopStamps(enum.Enum):
    """What happens to the timestamps when a recording is played again."""

    CONTINUE = 'continue'
    RESTART = 'restart'


class Stamps(enum.Enum):
    """Which stamps a recording is played with."""

    NOW = 'now'
    RECORDED = 'recorded'


class RecordingCamera(Camera):
    """
    Plays a recording in the order and at the pace of its timestamps.

    ``config``, ``info`` and ``calibration`` are those stored in the file. `set_control` accepts
    ``playback_rate`` and ``playback_paused`` at any time; ``playback`` moves to other positions.

    A slow reader does not lose data. At rate 0, captures, IMU samples and sound are released in
    the order of their timestamps, each as soon as the other threads have read everything older; so
    all streams must be read (if ``config.imu``, and if ``plays_sound``), or the others block.

    After ``stop`` and ``close``, reads raise EndOfRecording; ``start`` after ``stop`` resumes
    playback. Timestamps only decrease where playback is moved back, or is restarted by
    ``loop_stamps``: each pass through the file starts one frame period after the last timestamp of
    the previous one.

    :param path: the file; ``~`` is expanded.
    :param serial: required serial number of the recorded camera, empty for any.
    :param loop: repeat the file forever; overrides ``at_end``.
    :param rate: 1 is real time, 2 twice as fast, 0 as fast as the reader.
    :param paused: start paused.
    :param at_end: after the last data, 'exit' raises EndOfRecording; 'pause' raises ReadTimeout
        until ``playback_paused`` is set to False, which plays the file again.
    :param start_offset: where each pass starts, seconds from the beginning of the file.
    :param duration: length of a pass, seconds; 0 for up to the end of the file.
    :param loop_stamps: 'continue', or 'restart' to give each pass the timestamps of the first one.
    :param loop_period: time from the start of a pass to that of the next one, seconds; 0 for its
        length and one frame period.
    :param time_origin: time of the host's clock, seconds, at device time 0; if that of the first
        data is at most a minute in the future, playback begins then. -1: begin at once.
    :param synchronized_images_only: leave out captures without depth (or infrared) or color.
    :param stamps: 'recorded' to give the stamps that the recording has; 'now' to give none.
    :param calibration: file with the factory calibration to use if the recording has none that can
        be used; '' for none.
    :param sound: play the sound beside the recording, too; without any, a warning is logged.
    :param on_control: called with ('playback_paused', True) when playback pauses at the end.
    :raises ConfigError: ``rate``, ``at_end`` or ``loop_stamps`` is invalid.
    :raises RecordingError: nothing of the file can be played, or there is no calibration, or it
        does not go with the other parameters.
    :raises CalibrationError: ``calibration`` is needed, and cannot be used.
    :raises DeviceNotFoundError: the serial number does not match.
    """

    lossless = True
    #: the format does not store it
    reports_metadata = False

    def __init__(
        self, path: str | os.PathLike[str], *, serial: str = '', loop: bool = False,
        rate: float = 1.0, paused: bool = False, at_end: AtEnd | str = AtEnd.EXIT,
        start_offset: float = 0.0, duration: float = 0.0, loop_stamps: str = 'continue',
        loop_period: float = 0.0, time_origin: float = -1.0,
        synchronized_images_only: bool = False, stamps: str = 'now', sound: bool = False,
        calibration: str = '', on_control: ControlListener | None = None,
    ) -> None:
        """Open the file and read its first data; ``start`` starts playback."""
        super().__init__(on_control)
        source = os.path.expanduser(os.fspath(path))
        self._reader = reader = RecordingReader(source)
        self._describe(source, serial, calibration)
        if reader.missing:
            _log.warning('recording %s: %s', source, reader.missing)
        if synchronized_images_only:
            self._require_both_cameras()
        self._start_us, self._end_us = self._range_us(start_offset, duration)
        recorded = self._recorded_stamps() if (
            _choice(Stamps, 'stamps', stamps) is Stamps.RECORDED) else None
        # in a damaged file, there may be data that is later than the end
        limit_us = self._end_us if duration else math.inf
        self._captures = SectionCaptures(reader, limit_us, synchronized_images_only, recorded)
        self._imu = SectionImu(reader, limit_us, recorded)
        self._sound = self._open_sound(recorded is not None) if sound else None
        self.plays_sound = self._sound is not None
        self._streams = self._find_streams()
        self._pacer = Pacer(
            self._streams, self._start_us, self._span_us(loop_period), rate, paused,
            _choice(AtEnd, 'at_end', at_end), loop=loop,
            restart=_choice(LoopStamps, 'loop_stamps', loop_stamps) is LoopStamps.RESTART)
        self.playback = RecordingPlayback(
            self._pacer, self._start_us, self._end_us, recorded, keeps_up=time_origin >= 0)
        self._time_origin = time_origin
        self._started = False
        #: section in which it was reported that playback has paused at the end of the file
        self._reported_section = -1

    def _describe(self, source: str, serial: str, calibration: str) -> None:
        file = self._reader
        try:
            self.calibration = FactoryCalibration.from_raw(file.calibration)
        except CalibrationError as error:
            if not calibration:
                reason = error if file.calibration else (
                    'it has no factory calibration (attachment calibration.json), which is needed '
                    'to interpret its images')
                raise RecordingError(
                    f'cannot open recording {source}: {reason}; give one, such as that of another '
                    'recording of the camera, as calibration_file') from error
            self.calibration = read_calibration(calibration)
        self.config = file.config
        self.info = DeviceInfo(
            kind='recording', serial=file.serial or self.calibration.serial, source=source,
            firmware=file.firmware)
        if serial and not is_serial(serial, self.info.serial):
            raise DeviceNotFoundError(
                f'cannot open recording {source} as {serial}: the serial number of its camera is '
                f'{self.info.serial or "unknown"}; give that one, or none')

    def _error(self, reason: str) -> RecordingError:
        return RecordingError(f'cannot play recording {self.info.source}: {reason}')

    def _recorded_stamps(self) -> RecordedStamps:
        if self._reader.ros_times is None:
            raise self._error('playback_stamps is recorded, but it has no ROS times, which only '
                              'recordings of this driver have; set it to now')
        return RecordedStamps(self._reader, self._reader.ros_times)

    def _open_sound(self, recorded: bool) -> SectionSound | None:
        """Open the sound beside the recording; warn if there is none that can be played."""
        sound = None
        try:
            sound = SoundFile(self._reader.path)
            if self._reader.ros_times is None:
                raise AudioError('the recording has no ROS times, only those of this driver have')
            return SectionSound(sound, self._reader.ros_times, self._start_us, self._end_us,
                                recorded=recorded)
        except (AudioError, CameraLostError) as error:
            _log.warning('recording %s is played without sound: %s', self.info.source, error)
            if sound is not None:
                sound.close()
            return None

    def _require_both_cameras(self) -> None:
        config = self.config
        missing = [name for name, there in (
            ('depth', config.depth or config.ir), ('color', config.color)) if not there]
        if missing:
            raise self._error(f'synchronized_images_only needs depth and color, but it has no '
                              f'{missing[0]} images; set it to false')
        self.config = replace(config, synchronized_images_only=True)

    def _range_us(self, start_offset: float, duration: float) -> tuple[int, int]:
        """Return the device times at which each pass starts and ends."""
        first_us, last_us = self._reader.start_us, self._reader.end_us
        start_us = first_us + round(start_offset * 1e6)
        if start_us > last_us:
            raise self._error(
                f'playback_start_offset is {start_offset:g} s, but the recording has only '
                f'{(last_us - first_us) / 1e6:.3f} s')
        return start_us, min(last_us, start_us + round(duration * 1e6)) if duration else last_us

    def _span_us(self, loop_period: float) -> int:
        """Return the time from the start of a pass to that of the next one."""
        length_us = self._end_us - self._start_us
        if not loop_period:
            return length_us + self.config.period_us
        if loop_period * 1e6 <= length_us:
            raise self._error(
                f'playback_loop_period is {loop_period:g} s, but a pass takes '
                f'{length_us / 1e6:.3f} s; give a longer one, or 0 for that and one frame period')
        return round(loop_period * 1e6)

    def _find_streams(self) -> list[str]:
        """Read the first data of each stream, and return the streams that have any."""
        first = Section(0, self._start_us, 0)
        streams, problems = [], []
        for stream, data, words in ((_CAPTURES, self._captures, 'images'),
                                    (_IMU, self._imu, 'IMU samples')):
            try:
                if data.peek(first) is not None:
                    streams.append(stream)
            except CameraLostError as error:
                problems.append(f'{error}, so no {words} are played')
        if not streams:
            raise RecordingError('; '.join(problems) or (
                f'cannot open recording {self.info.source}: it has neither images nor IMU samples '
                'to play'))
        for problem in problems:
            _log.warning(problem)
        if self.plays_sound:
            streams.append(_SOUND)
        self.config = replace(self.config, imu=_IMU in streams)
        return streams

    def start(self) -> None:
        """
        Start or resume playback.

        :raises RecordingError: the camera is closed.
        """
        if self._reader.closed:
            raise self._error('it is closed')
        lead_s = 0.0
        if self._time_origin >= 0 and not (self._started or self._pacer.paused):
            lead_s = self._time_origin + self._start_us * 1e-6 - time.time()
        self._started = True
        self._pacer.start(lead_s if 0 < lead_s <= _MAX_LEAD_S else 0.0)

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
        return self._next(_CAPTURES, self._captures, deadline)

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
        while True:
            section = self._pacer.section
            samples = self._imu.peek(section)
            with contextlib.suppress(Sought):
                if samples is None:
                    self._end_of_pass(_IMU, deadline, section.number)
                due_us = self._pacer.wait(
                    _IMU, int(samples.acc_us[0]), _left(deadline), _IMU_BURST_S, section.number)
                count = int(samples.acc_us.searchsorted(due_us, side='right'))
                return self._imu.pop(max(1, count))

    def read_sound(self, timeout: float) -> RecordedAudio:
        """
        Return the next sound as soon as it is due.

        :raises ReadTimeout: it is not due within the timeout, or playback is paused.
        :raises EndOfRecording: there is no more sound, or the camera is stopped.
        """
        deadline = time.monotonic() + timeout
        if self._sound is None:
            return super().read_sound(timeout)
        return self._next(_SOUND, self._sound, deadline)

    def _next(self, stream: str, items: SectionItems[T], deadline: float) -> T:
        """Return the next item of a stream as soon as it is due."""
        while True:
            section = self._pacer.section
            item = items.peek(section)
            try:
                if item is None:
                    self._end_of_pass(stream, deadline, section.number)
                self._pacer.wait(
                    stream, item.device_us, _left(deadline), section=section.number)
            except Sought:
                continue
            items.pop()
            return item

    def _end_of_pass(self, stream: str, deadline: float, section: int) -> NoReturn:
        """Wait for the next pass; report, once per pass, that playback has paused instead."""
        try:
            self._pacer.end_of_pass(stream, _left(deadline), section)
        except ReadTimeout:
            if self._pacer.paused and self._reported_section != section:
                self._reported_section = section
                self._report_control('playback_paused', True)
            raise

    @property
    def lockstep(self) -> bool:
        """Whether playback does not wait for anything but its reader."""
        return self._pacer.lockstep

    @property
    def speed(self) -> float:
        """Playback seconds per second; 0 is as fast as the readers."""
        return self._pacer.rate

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
        if self._sound is not None:
            self._sound.close()


def _choice(kind: type[E], name: str, value: E | str) -> E:
    """Return the member of an enumeration."""
    try:
        return kind(value)
    except ValueError as error:
        choices = ' or '.join(repr(member.value) for member in kind)
        raise ConfigError(f'{name} is {value!r}; it must be {choices}') from error


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())
