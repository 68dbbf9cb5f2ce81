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

"""
Sound beside a recording: RECORDING.wav, and RECORDING.wav.stamps with its ROS times.

The sound is a WAV file of all channels, 16 bit; above 4 GB (100 minutes) it is RF64 (EBU Tech
3306), which FFmpeg, SoX, Audacity and libsndfile read. Samples that were lost are silent, so that
the time of the others is right. The other file is text, a line for each second, and two where ROS
time was set: number of a sample, and the ROS time at which it was taken, nanoseconds. Both are
complete up to the last second at any moment: the header has the length of what was written.
"""

from __future__ import annotations

import os
from pathlib import Path
import struct
from typing import BinaryIO
from typing import TextIO

from k4a_ros.audio.microphones import CHANNELS
from k4a_ros.audio.microphones import RATE
from k4a_ros.audio.source import Samples
from k4a_ros.errors import AudioError
import numpy as np
import numpy.typing as npt

#: 'RF64' or 'RIFF', 'WAVE', a chunk for 64-bit sizes, the format, and the header of the data
_HEADER = struct.Struct('<4sI4s4sIQQQI4sIHHIIHH4sI')
HEADER_BYTES = _HEADER.size
#: bytes of one sample of all channels
SAMPLE_BYTES = 2 * CHANNELS
_MAX_32 = 0xFFFFFFFF
#: limits of what a line can have: 250 days, and a year after 2100
_MAX_SAMPLES, _MAX_NS = 1 << 40, 1 << 62
#: by how much times may differ from those that lines give, before there is another line
_MAX_ERROR_NS = 1_000_000
#: longest gap that is filled with silence, samples: an hour
_MAX_GAP = 3600 * RATE


class SoundWriter:
    """
    Writes sound and its times.

    :param path: of the .wav file, which must not exist.
    :raises AudioError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.samples = 0
        self._line = self._last = (0, 0)  # sample and its time: in the last line, and latest
        try:
            self._sound: BinaryIO = path.open('xb')
            self._stamps: TextIO = stamps_path(path).open('w')
            self._sound.write(_header(0))
        except OSError as error:
            raise AudioError(f'cannot write {path}: {error.strerror}') from error

    def write(self, samples: Samples, stamp_ns: int, lost: int = 0) -> None:
        """
        Append samples.

        :param samples: (N, 7) int16.
        :param stamp_ns: ROS time of the first one.
        :param lost: number of samples that are missing before it; silence is written for them.
        :raises AudioError: the disk is full, or gone.
        """
        try:
            if 0 < lost <= _MAX_GAP:
                self._sound.seek(lost * SAMPLE_BYTES, os.SEEK_CUR)
                self.samples += lost
            self._write_times(stamp_ns)
            self._sound.write(np.ascontiguousarray(samples, '<i2').tobytes())
            self.samples += len(samples)
        except OSError as error:
            raise AudioError(f'cannot write {self.path}: {error.strerror}') from error

    def _write_times(self, stamp_ns: int) -> None:
        """Write the time of the next sample, if it does not follow from the last line."""
        sample, known_ns = self._line
        expected_ns = known_ns + (self.samples - sample) * 1_000_000_000 // RATE
        jumped = abs(stamp_ns - expected_ns) > _MAX_ERROR_NS
        if jumped and self._last[0] > sample:
            self._stamps.write('{} {}\n'.format(*self._last))
        self._last = self.samples, stamp_ns
        if jumped or self.samples >= sample + RATE:
            self._line = self._last
            self._stamps.write('{} {}\n'.format(*self._line))
            self._complete()

    def close(self) -> None:
        """Complete both files; may be called twice."""
        if self._sound.closed:
            return
        try:
            self._complete()
        except OSError as error:
            raise AudioError(f'cannot complete {self.path}: {error.strerror}') from error
        finally:
            self._sound.close()
            self._stamps.close()

    def _complete(self) -> None:
        """Write the length of what was written into the header."""
        end = self._sound.tell()
        self._sound.seek(0)
        self._sound.write(_header(self.samples))
        self._sound.seek(end)
        self._sound.flush()
        self._stamps.flush()


def sound_path(recording: Path) -> Path:
    """Return the path of the sound beside a recording."""
    return recording.with_suffix('.wav')


def stamps_path(sound: Path) -> Path:
    """Return the path of the file with the times of a sound file."""
    return sound.with_name(f'{sound.name}.stamps')


def read_stamps(sound: Path) -> npt.NDArray[np.int64]:
    """
    Return the times of a sound file.

    :return: (N, 2) numbers of samples, increasing, and ROS times, nanoseconds.
    :raises AudioError: there are none, or they are damaged.
    """
    path = stamps_path(sound)
    try:
        text = path.read_text()
        # a power cut may have left a part of the last line
        lines = [line.split() for line in text[:text.rfind('\n') + 1].splitlines()]
        stamps = np.array([(int(sample), int(ns)) for sample, ns in lines], np.int64)
    except (OSError, ValueError, OverflowError) as error:
        raise AudioError(f'cannot read {path}, the times of {sound}: {error}') from error
    if len(stamps) == 0 or stamps[0, 0] < 0 or (np.diff(stamps[:, 0]) <= 0).any():
        raise AudioError(f'cannot read {path}, the times of {sound}: it has no increasing samples')
    if stamps[-1, 0] > _MAX_SAMPLES or not ((stamps[:, 1] > 0) & (stamps[:, 1] < _MAX_NS)).all():
        raise AudioError(f'cannot read {path}, the times of {sound}: a number is out of range')
    return stamps


def stamp_of(sample: int, stamps: npt.NDArray[np.int64]) -> int:
    """
    Return the ROS time of a sample, nanoseconds, interpolated between the ones that are known.

    :param stamps: as `read_stamps` returns them.
    """
    first_sample, first_ns = stamps[0].tolist()
    last_sample, last_ns = stamps[-1].tolist()
    if sample >= last_sample:
        first_sample, first_ns = last_sample, last_ns
    if not first_sample < sample < last_sample:
        return int(first_ns + (sample - first_sample) * 1_000_000_000 // RATE)
    # differences, which a float has exactly
    return int(first_ns) + round(float(np.interp(
        sample, stamps[:, 0], (stamps[:, 1] - first_ns).astype(np.float64))))


def _header(samples: int) -> bytes:
    data = samples * SAMPLE_BYTES
    riff = data + _HEADER.size - 8
    large = riff > _MAX_32
    return _HEADER.pack(
        b'RF64' if large else b'RIFF', _MAX_32 if large else riff, b'WAVE',
        b'ds64' if large else b'JUNK', 28, riff, data, samples, 0,
        b'fmt ', 16, 1, CHANNELS, RATE, RATE * SAMPLE_BYTES, SAMPLE_BYTES, 16,
        b'data', _MAX_32 if large else data)
