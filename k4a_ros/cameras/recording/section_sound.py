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

"""The sound of a recording that a section of playback consists of, in step with the images."""

from __future__ import annotations

import logging

from k4a_ros.audio.microphones import RATE
from k4a_ros.audio.sound_file import SoundFile
from k4a_ros.audio.source import RecordedAudio
from k4a_ros.cameras.recording.section import Section
from k4a_ros.errors import AudioError
from k4a_ros.errors import CameraLostError
from k4a_ros.mkv.ros_times import RosTimes

#: samples of a block, as of the microphones
_BLOCK = RATE // 50
#: device time after which the difference to ROS time is looked up again; the clock of a camera
#: drifts by less than 0.1 ms in it
_REFRESH_US = 1_000_000
#: step of device time that does not come from drift
_MAX_STEP_US = 5_000

_log = logging.getLogger(__name__)


class SectionSound:
    """
    The sound of the present section; for one thread.

    Samples have ROS times, and so have images, which also have device times: so the device time
    of a sample follows from images near it. Clocks of microphones, camera and computer may drift.

    :param sound: the sound beside the recording.
    :param times: the ROS times in the recording.
    :param start_us: device time of the first data that is played.
    :param end_us: device time of the last data that is played.
    :param recorded: whether it is played with the stamps that it has.
    :raises AudioError: the recording has no ROS times.
    :raises CameraLostError: they cannot be read.
    """

    def __init__(
        self, sound: SoundFile, times: RosTimes, start_us: int, end_us: int, *, recorded: bool,
    ) -> None:
        self._sound = sound
        self._times = times
        self._end_us = end_us
        self._recorded = recorded
        self._section: Section | None = None
        self._next: RecordedAudio | None = None
        self._offset_ns = self._refresh_us = 0
        self._ended = False
        self._move(start_us)

    def peek(self, section: Section) -> RecordedAudio | None:
        """
        Return the next samples of a section; None at its end.

        Sound that cannot be read has ended, with a line in the log: images go on.
        """
        if section != self._section:
            self._section, self._next, self._ended = section, None, False
            self._sample = -1
        if self._next is None and not self._ended:
            try:
                if self._sample < 0:
                    self._move(section.from_us)
                self._next = self._read(section)
            except (AudioError, CameraLostError) as error:
                _log.warning('%s; the sound ends here', error)
            self._ended = self._next is None
        return self._next

    def pop(self) -> None:
        """Go on to the samples after those that `peek` has returned."""
        assert self._next is not None
        self._sample += len(self._next.samples)
        self._next = None

    def _move(self, device_us: int) -> None:
        """Go to the sample that was taken at a device time."""
        self._look_up(device_us)
        self._sample = max(0, self._sound.sample_at(device_us * 1000 + self._offset_ns))
        self._expected_us = self._device_us()

    def _look_up(self, device_us: int) -> None:
        offset_ns = self._times.offset_ns(device_us)
        if offset_ns is None:
            raise AudioError('it has no ROS times of its images')
        self._offset_ns, self._refresh_us = offset_ns, device_us + _REFRESH_US

    def _device_us(self) -> int:
        """Return the device time of the next sample."""
        return (self._sound.stamp_of(self._sample) - self._offset_ns + 500) // 1000

    def _read(self, section: Section) -> RecordedAudio | None:
        device_us = self._device_us()
        if self._steps_to(device_us):
            device_us = self._after_step(device_us)
        elif device_us >= self._refresh_us:
            self._look_up(device_us)
            device_us = self._device_us()
        samples = self._sound.read(self._sample, _BLOCK)
        if not len(samples) or device_us > self._end_us:
            return None
        self._expected_us = device_us + len(samples) * 1_000_000 // RATE
        stamp_ns = self._sound.stamp_of(self._sample) + section.shift_us * 1000
        return RecordedAudio(self._sample, samples, device_us + section.shift_us,
                             stamp_ns if self._recorded else 0, section.number)

    def _after_step(self, device_us: int) -> int:
        """Return the device time of the next sample, whose ROS time does not follow."""
        if device_us > self._expected_us:
            before_ns = self._offset_ns
            self._look_up(device_us)
            if abs(self._offset_ns - before_ns) < _MAX_STEP_US * 1000:
                return self._device_us()  # the microphones were gone for a while
        self._look_up(self._expected_us)
        device_us = self._device_us()
        # ROS time was set, and images may not have followed yet
        return self._expected_us if self._steps_to(device_us) else device_us

    def _steps_to(self, device_us: int) -> bool:
        return abs(device_us - self._expected_us) > _MAX_STEP_US

    def close(self) -> None:
        """Close the file."""
        self._sound.close()
