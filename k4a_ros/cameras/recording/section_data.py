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

"""The data of a recording that a section of playback consists of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from k4a_ros.cameras.recording.recorded_stamps import RecordedStamps
from k4a_ros.cameras.recording.section import Section
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.capture import ImuSamples
from k4a_ros.capture import LazyImage
from k4a_ros.mkv.reader import RecordingReader
import numpy as np

#: number of IMU samples that are read from the file at once: 0.6 s at 1666 Hz
_IMU_BATCH = 1024
#: Limit of the distance of the images of a capture, in frame periods: the delay between depth and
#: color, which is at most one, and half of one (see `CaptureCursor`).
_MAX_SPREAD = 2


class SectionCaptures:
    """
    The captures of the present section; for one thread.

    :param reader: the recording.
    :param end_us: latest device time of a capture that is played.
    :param complete_only: leave out captures that lack the depth (or infrared) or the color image.
    :param stamps: those of the recording, if it is played with them.
    """

    def __init__(
        self, reader: RecordingReader, end_us: float, complete_only: bool,
        stamps: RecordedStamps | None = None,
    ) -> None:
        self._reader = reader
        self._end_us = end_us
        self._complete_only = complete_only
        self._stamps = stamps
        self._spread_us = _MAX_SPREAD * reader.config.period_us
        self._section: Section | None = None
        self._next: Capture | None = None
        self._ended = False

    def peek(self, section: Section) -> Capture | None:
        """
        Return the next capture of a section; None at its end.

        A section begins with the first capture that has an image at its start or later.

        :raises CameraLostError: the file is damaged at this position.
        :raises EndOfRecording: the recording is closed.
        """
        cursor = self._reader.captures
        if section != self._section:
            self._section, self._next, self._ended = section, None, False
            if section.from_us <= self._reader.start_us:
                cursor.rewind()
            else:
                cursor.seek(section.from_us - self._spread_us)
        while self._next is None and not self._ended:
            capture = cursor.read()
            if capture is None or capture.device_us > self._end_us:
                self._ended = True
            elif self._is_played(capture, section.from_us):
                known = self._stamps.of_capture(capture) if self._stamps is not None else {}
                self._next = _shifted(capture, section, known)
        return self._next

    def pop(self) -> None:
        """Go on to the capture after the one that `peek` has returned."""
        self._next = None

    def _is_played(self, capture: Capture, from_us: int) -> bool:
        images = (capture.depth, capture.ir, capture.color)
        if max([image.device_us for image in images if image is not None]) < from_us:
            return False
        infrared = capture.depth if self._reader.config.depth else capture.ir
        return not self._complete_only or (infrared is not None and capture.color is not None)


class SectionImu:
    """
    The IMU samples of the present section; for one thread.

    :param reader: the recording.
    :param end_us: latest device time of a sample that is played.
    :param stamps: those of the recording, if it is played with them.
    """

    def __init__(
        self, reader: RecordingReader, end_us: float, stamps: RecordedStamps | None = None,
    ) -> None:
        self._reader = reader
        self._end_us = end_us
        self._stamps = stamps
        self._section: Section | None = None
        self._next: ImuSamples | None = None
        self._ended = False

    def peek(self, section: Section) -> ImuSamples | None:
        """
        Return the next samples of a section, at least one; None at its end.

        :raises CameraLostError: the file is damaged at this position.
        :raises EndOfRecording: the recording is closed.
        """
        cursor = self._reader.imu
        if section != self._section:
            self._section, self._next, self._ended = section, None, False
            if section.from_us <= self._reader.start_us:
                cursor.rewind()
            else:
                cursor.seek(section.from_us)
        if self._next is None and not self._ended:
            samples = cursor.read(_IMU_BATCH)
            count = 0 if samples is None else int(
                samples.acc_us.searchsorted(self._end_us, side='right'))
            if samples is None or not count:
                self._ended = True
            else:
                samples = samples[:count]
                if self._stamps is not None:
                    samples = replace(samples, stamps=self._stamps.of_samples(samples))
                self._next = _later(samples, section)
        return self._next

    def pop(self, count: int) -> ImuSamples:
        """Return the first samples of those that `peek` has returned, and go on after them."""
        assert self._next is not None
        samples = self._next
        self._next = samples[count:] if count < len(samples) else None
        return samples[:count]


def _shifted(capture: Capture, section: Section, stamps: Mapping[int, int]) -> Capture:
    """Return the capture with the timestamps, and the stamps, that it has in a section."""
    us = section.shift_us

    def shifted(image: Image | None) -> Image | None:
        assert image is None or isinstance(image, LazyImage)
        return image and image.shifted(us)

    depth, ir, color = capture.depth, capture.ir, capture.color
    if us:
        depth, ir, color = shifted(depth), shifted(ir), shifted(color)
    return Capture(depth, ir, color, section=section.number, stamps={
        device_us + us: ros_ns + us * 1000 for device_us, ros_ns in stamps.items()})


def _later(samples: ImuSamples, section: Section) -> ImuSamples:
    """Return the samples with the timestamps that they have in a section."""
    shift_us = section.shift_us
    stamps = samples.stamps
    if stamps is not None:
        stamps = np.where(stamps > 0, stamps + shift_us * 1000, 0)
    return replace(samples, acc_us=samples.acc_us + shift_us, gyro_us=samples.gyro_us + shift_us,
                   section=section.number, stamps=stamps)
