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

"""Read the sound beside a recording; `k4a_ros.audio.side_file` writes it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
import struct
from typing import BinaryIO

from k4a_ros.audio.microphones import CHANNELS
from k4a_ros.audio.microphones import RATE
from k4a_ros.audio.side_file import HEADER_BYTES
from k4a_ros.audio.side_file import read_stamps
from k4a_ros.audio.side_file import SAMPLE_BYTES
from k4a_ros.audio.side_file import sound_path
from k4a_ros.audio.side_file import stamp_of
from k4a_ros.audio.source import Samples
from k4a_ros.errors import AudioError
import numpy as np

#: format tags: integers, and "see the extension", which has the same fields in front
_PCM, _EXTENSIBLE = 1, 0xFFFE
_UNKNOWN_32 = 0xFFFFFFFF
_MAX_CHUNKS = 100


class SoundFile(contextlib.AbstractContextManager['SoundFile']):
    """
    The sound of a recording, with its ROS times; also one that other programs have rewritten.

    ``samples`` is the number of samples that can be read. Methods may be called from any thread.

    :param recording: path of the .mkv file.
    :raises AudioError: there is no sound beside it, or it cannot be read.
    """

    def __init__(self, recording: str | os.PathLike[str]) -> None:
        self.path = sound_path(Path(recording))
        if not self.path.exists():
            raise AudioError(f'there is no sound beside {recording}: {self.path} does not exist')
        self.stamps = read_stamps(self.path)
        try:
            self._file = self.path.open('rb')
        except OSError as error:
            raise AudioError(f'cannot read {self.path}: {error.strerror}') from error
        try:
            self._begin, size = _find_data(self._file)
        except (OSError, ValueError, struct.error) as error:
            self._file.close()
            raise AudioError(f'cannot read {self.path}: {error}') from error
        self.samples = size // SAMPLE_BYTES

    def read(self, first: int, count: int) -> Samples:
        """
        Return samples, (N, 7) int16; fewer than ``count`` at the end.

        :raises AudioError: they cannot be read.
        """
        count = max(0, min(count, self.samples - first))
        try:
            data = os.pread(self._file.fileno(), count * SAMPLE_BYTES,
                            self._begin + first * SAMPLE_BYTES)
        except (OSError, ValueError) as error:
            raise AudioError(f'cannot read {self.path}: {error}') from error
        if len(data) < count * SAMPLE_BYTES:
            raise AudioError(f'cannot read {self.path}: it has become shorter')
        return np.frombuffer(data, '<i2').reshape(-1, CHANNELS)

    def stamp_of(self, sample: int) -> int:
        """Return the ROS time of a sample, nanoseconds."""
        return stamp_of(sample, self.stamps)

    def sample_at(self, ros_ns: int) -> int:
        """
        Return the sample that was taken at a ROS time; negative before the first one.

        If ROS time was set back meanwhile, the result is one of the samples of that time.
        """
        samples, times = self.stamps[:, 0], np.maximum.accumulate(self.stamps[:, 1])
        for at in (0, -1):
            if len(times) == 1 or (ros_ns < times[0], ros_ns > times[-1])[at]:
                return int(samples[at]) + round((ros_ns - int(times[at])) * RATE / 1e9)
        # differences, which a float has exactly
        return round(float(np.interp(
            ros_ns - int(times[0]), (times - times[0]).astype(np.float64), samples)))

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._file.close()

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()


def _find_data(file: BinaryIO) -> tuple[int, int]:
    """
    Return where the samples begin, and their number of bytes.

    :raises ValueError: it is not a file of seven channels of 16 bit at 48 kHz.
    """
    length = file.seek(0, os.SEEK_END)
    file.seek(0)
    form, _, kind = struct.unpack('<4sI4s', file.read(12))
    if form not in (b'RIFF', b'RF64') or kind != b'WAVE':
        raise ValueError('it is not a WAV file')
    large_size, has_format = None, False
    for _ in range(_MAX_CHUNKS):
        name, size = struct.unpack('<4sI', file.read(8))
        begin = file.tell()
        if name == b'ds64':
            large_size, = struct.unpack('<8xQ', file.read(16))
        elif name == b'fmt ':
            tag, channels, rate, _, _, bits = struct.unpack('<HHIIHH', file.read(16))
            if tag not in (_PCM, _EXTENSIBLE) or (channels, rate, bits) != (CHANNELS, RATE, 16):
                raise ValueError(
                    f'it has {channels} channels of {bits} bit at {rate} Hz (format {tag}), not '
                    f'{CHANNELS} of 16 bit at {RATE} Hz')
            has_format = True
        elif name == b'data':
            if not has_format:
                break
            if size == _UNKNOWN_32 and large_size is not None:
                size = large_size
            # a driver that was killed has not noted the last second
            return begin, length - begin if begin == HEADER_BYTES else min(size, length - begin)
        file.seek(begin + size + size % 2)
    raise ValueError('it has no samples')
