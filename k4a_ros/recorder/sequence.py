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

"""The files of a recording, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
import logging
from pathlib import Path

from k4a_ros.capture import Capture
from k4a_ros.capture import ImuSamples
from k4a_ros.mkv.writer import OutOfOrderError
from k4a_ros.mkv.writer import ToRos
from k4a_ros.recorder.part import Part
from k4a_ros.recorder.part import Source
from k4a_ros.recorder.sound import Sound
from k4a_ros.recorder.sound import SoundFiles
import numpy as np
import numpy.typing as npt

#: device time by which samples may be older or newer than captures that arrive at the same time
_MAX_LAG_US = 1_000_000
#: later than every device time
_NEVER_US = 1 << 62

#: inertial samples, and the ROS time of each
_Batch = tuple[ImuSamples, npt.NDArray[np.int64]]

_log = logging.getLogger('k4a_ros.recorder')


@dataclass(frozen=True)
class RecordingOptions:
    """
    Where and how long to record.

    :param file: path of the file, see `dated_path`.
    :param split_bytes: size of a file at which the next one is begun, 0 for any.
    :param split_us: device time after which the next file is begun, 0 for none.
    :param length_us: device time after which recording ends, 0 for none.
    """

    file: str
    split_bytes: int = 0
    split_us: int = 0
    length_us: int = 0


class PartSequence:
    """
    Writes captures and samples to one file after the other; not thread-safe.

    The first file begins as soon as samples arrive, too, but no more than a second later. A file
    ends with the session of the camera, if its clock starts again, or by the options.
    Images arrive later than samples of the same time, but samples are read in batches. So samples
    are held until a capture has passed them, and a file that has ended stays open until its last
    samples come.

    ``files`` are the paths of all files so far. ``finished`` is whether everything has come that
    belongs to the recording: it has been stopped, or is long enough.

    :param path: of the first file.
    """

    def __init__(self, options: RecordingOptions, path: Path) -> None:
        self._options = options
        self._path = path
        self._part: Part | None = None
        self._ending: Part | None = None
        self._closed: list[Part] = []
        self._stopped = False
        self._held: list[_Batch] = []
        self._captured_us = self._imu_us = -1
        #: whether samples of a clock that has started again are held
        self._clock_reset = False
        #: time of the first sample and of the first capture of the session
        self._samples_from_us: int | None = None
        self._captures_from_us: int | None = None
        self._sound = SoundFiles()
        #: ROS time at the end of the last capture
        self._end_ns = 0
        self.files: list[Path] = []

    @property
    def finished(self) -> bool:
        """Return whether everything has come that belongs to the recording."""
        return self._stopped and self._part is None and self._ending is None and (
            self._sound.has_reached(self._end_ns))

    @property
    def seconds(self) -> float:
        """Return the length of the recording."""
        return sum(part.seconds for part in self._parts())

    @property
    def captures(self) -> int:
        """Return the number of captures that were written."""
        return sum(part.captures for part in self._parts())

    @property
    def samples(self) -> int:
        """Return the number of inertial samples that were written."""
        return sum(part.samples for part in self._parts())

    @property
    def late_samples(self) -> int:
        """Return the number of inertial samples that came too late to be written."""
        return sum(part.late_samples for part in self._parts())

    @property
    def size(self) -> int:
        """Return the number of bytes that were written."""
        return sum(part.size for part in self._parts())

    def _parts(self) -> list[Part]:
        return self._closed + [part for part in (self._ending, self._part) if part is not None]

    def write(self, source: Source, capture: Capture, to_ros: ToRos) -> None:
        """
        Write a capture.

        :raises RecordingError: it cannot be written, or a file cannot be created.
        """
        self._split_if_due(capture.device_us)
        if self._stopped:
            return
        if self._part is None:
            if source.config.imu and not self._has_samples(capture.device_us):
                return
            self._begin(source, capture.device_us, to_ros)
        try:
            self._current.write(capture, to_ros)
        except OutOfOrderError:  # the clock of the camera has started again
            self._end_files(keep_samples=self._clock_reset)
            self._begin(source, capture.device_us, to_ros)
            self._current.write(capture, to_ros)
        self._captured_us = capture.device_us
        captured_ns = to_ros(capture.device_us)
        self._end_ns = captured_ns + source.config.period_us * 1000
        self._sound.passed(captured_ns)
        if not self._clock_reset:
            self._give_samples(self._captured_us)

    def write_imu(self, samples: ImuSamples, ros_ns: npt.NDArray[np.int64]) -> None:
        """
        Write inertial samples, or hold them until a capture has passed them.

        :raises RecordingError: they cannot be written.
        """
        if samples.acc_us[0] <= self._imu_us:  # the clock of the camera has started again
            self._give_samples(_NEVER_US)
            self._clock_reset = True
        self._imu_us = int(samples.acc_us[-1])
        if self._samples_from_us is None:
            self._samples_from_us = int(samples.acc_us[0])
        self._held.append((samples, ros_ns))
        oldest_us = self._imu_us - _MAX_LAG_US
        if self._stopped:
            self._give_samples(_NEVER_US)
        elif not self._clock_reset:
            self._give_samples(max(self._captured_us, oldest_us))
        elif self._held[0][0].acc_us[0] < oldest_us:
            self._held.pop(0)

    def write_sound(self, sound: Sound) -> None:
        """Write sound, or hold it until a capture has passed it."""
        self._sound.write(sound)

    def _has_samples(self, device_us: int) -> bool:
        """Return whether samples from a time on have been received, or have been waited for."""
        if self._captures_from_us is None:
            self._captures_from_us = device_us
        return (self._samples_from_us is not None and self._samples_from_us <= device_us) or (
            device_us - self._captures_from_us > _MAX_LAG_US)

    def end_session(self) -> None:
        """
        Complete the files; the next capture begins another one.

        :raises RecordingError: the end of a file cannot be written.
        """
        self._end_files(keep_samples=False)

    def _end_files(self, *, keep_samples: bool) -> None:
        if self._part is not None and self._part.end_us is None:
            self._part.end_us = self._part.last_us + self._part.source.config.period_us
        if not keep_samples:
            self._give_samples(_NEVER_US)
            self._imu_us = -1
            self._samples_from_us = self._captures_from_us = None
        self._captured_us = -1
        self._clock_reset = False
        self._sound.end(self._end_ns)
        ending, self._ending = self._ending, None
        part, self._part = self._part, None
        try:
            self._close(ending)
        finally:
            self._close(part)

    def _give_samples(self, until_us: int) -> None:
        """Write the samples that are older than a time into the files that they belong to."""
        held, self._held = self._held, []
        for samples, ros_ns in held:
            count = int(np.searchsorted(samples.acc_us, until_us))
            for part in (self._ending, self._part):
                if part is not None and count:
                    part.write_imu(samples[:count], ros_ns[:count])
            if count < len(samples):
                self._held.append((samples[count:], ros_ns[count:]))
        self._close_ended()

    def stop(self) -> None:
        """
        Take no more captures, but the inertial samples up to the end of the last one.

        :raises RecordingError: the end of a file cannot be written.
        """
        self._stopped = True
        if self._part is not None:
            self._end(self._part.last_us + self._part.source.config.period_us)
        self._give_samples(_NEVER_US)

    @property
    def _current(self) -> Part:
        assert self._part is not None
        return self._part

    def _split_if_due(self, device_us: int) -> None:
        """End the present file before a capture, if it is long or large enough."""
        part, ending, options = self._part, self._ending, self._options
        if ending is not None and device_us > (ending.end_us or 0) + _MAX_LAG_US:
            self._ending = None
            self._close(ending)  # its last samples do not come any more
        if part is None:
            return
        age_us = device_us - part.start_us
        before_us = sum(round(part.seconds * 1e6) for part in self._parts()[:-1])
        if options.length_us and before_us + age_us >= options.length_us:
            self._stopped = True
            self._end(part.start_us + options.length_us - before_us)
            self._give_samples(_NEVER_US)
        elif (options.split_us and age_us >= options.split_us) or (
                options.split_bytes and part.size >= options.split_bytes):
            self._end(device_us)

    def _begin(self, source: Source, start_us: int, to_ros: ToRos) -> None:
        self._part = Part(self._path, source, start_us)
        if self.files:
            _log.info('Recording goes on in %s', self._part.path)
        self.files.append(self._part.path)
        self._sound.begin(self._part.path, to_ros(start_us))

    def _end(self, end_us: int) -> None:
        """End the present file at a time, but keep it open for samples that have not come yet."""
        ending, self._ending = self._ending, self._part
        self._part = None
        if self._ending is not None:
            self._ending.end_us = end_us
        self._close(ending)
        self._close_ended()

    def _close_ended(self) -> None:
        if self._ending is not None and self._ending.is_over():
            ending, self._ending = self._ending, None
            self._close(ending)

    def _close(self, part: Part | None) -> None:
        if part is not None:
            self._closed.append(part)
            part.close()
