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

"""The sound beside the files of a recording."""

from __future__ import annotations

from collections import deque
import logging
from pathlib import Path
from typing import NamedTuple

from k4a_ros.audio.microphones import RATE
from k4a_ros.audio.side_file import sound_path
from k4a_ros.audio.side_file import SoundWriter
from k4a_ros.audio.source import Samples
from k4a_ros.errors import AudioError

#: time for which sound is held while no capture comes
_MAX_HELD_NS = 2_000_000_000

_log = logging.getLogger('k4a_ros.recorder')


class Sound(NamedTuple):
    """
    Consecutive samples of all microphones, (N, 7) int16.

    ``stamp_ns`` is the ROS time of the first one; ``lost`` is the number of samples that are
    missing before it.
    """

    samples: Samples
    stamp_ns: int
    lost: int

    @property
    def end_ns(self) -> int:
        """Return the ROS time of the end."""
        return self.stamp_ns + len(self.samples) * 1_000_000_000 // RATE


class SoundFiles:
    """
    Writes the sound of each file of a recording beside it; not thread-safe.

    Captures arrive later than sound of the same time. So sound is held until a capture has passed
    it, when it is known which file it belongs to. Without any sound, nothing is written. An error
    ends the sound of the file, with a line in the log; images go on.
    """

    def __init__(self) -> None:
        self._held: deque[Sound] = deque()
        #: start of the files that sound has not reached yet, and their paths
        self._coming: deque[tuple[int, Path]] = deque()
        self._path: Path | None = None
        self._writer: SoundWriter | None = None
        self._passed_ns = 0

    def begin(self, recording: Path, start_ns: int) -> None:
        """Begin the sound of a file that begins at a ROS time."""
        self._coming.append((start_ns, sound_path(recording)))

    def passed(self, ros_ns: int) -> None:
        """Note the ROS time of the last capture."""
        self._passed_ns = ros_ns
        self._write_held()

    def write(self, sound: Sound) -> None:
        """Take sound."""
        self._held.append(sound)
        self._write_held()

    def has_reached(self, ros_ns: int) -> bool:
        """Return whether the sound up to a ROS time has come, or there is none."""
        if not self._held:
            return self._writer is None and self._path is None
        return self._held[-1].end_ns >= ros_ns

    def end(self, ros_ns: int) -> None:
        """Complete the sound of a session, up to a ROS time."""
        self.passed(ros_ns)
        self._held.clear()
        self._coming.clear()
        self._close()
        self._path = None

    def _write_held(self) -> None:
        while self._held and (
                self._held[0].stamp_ns < self._passed_ns
                or abs(self._held[-1].stamp_ns - self._held[0].stamp_ns) > _MAX_HELD_NS):
            self._write(self._held.popleft())

    def _write(self, sound: Sound) -> None:
        while self._coming and sound.end_ns > self._coming[0][0]:
            self._close()
            _, self._path = self._coming.popleft()
            sound = sound._replace(lost=0)
        if self._path is None:
            return  # before the first capture
        try:
            if self._writer is None:
                self._writer = SoundWriter(self._path)
                _log.info('Recording sound to %s', self._path)
            self._writer.write(sound.samples, sound.stamp_ns, sound.lost)
        except AudioError as error:
            _log.error('Sound is not recorded: %s', error)
            self._close()
            self._path = None

    def _close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            try:
                writer.close()
            except AudioError as error:
                _log.error('Sound is not recorded: %s', error)
