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

"""Where sound comes from: the interface of the microphones of a device, a recording or a scene."""

from __future__ import annotations

import abc
import contextlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

#: (N, channels) int16
Samples = npt.NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class AudioBlock:
    """
    Consecutive samples of all microphones.

    ``first`` is the number of the first sample since the source was opened; a gap to the end of
    the block before are samples that were lost. ``arrival_ns`` is when the last sample was
    taken, as far as its arrival tells, on the monotonic clock.
    """

    first: int
    samples: Samples
    arrival_ns: int

    @property
    def end(self) -> int:
        """Return the number of the sample after the last one."""
        return self.first + len(self.samples)


@dataclass(frozen=True, eq=False)
class RecordedAudio:
    """
    Consecutive samples of all microphones in a recording.

    ``first`` is the number of the first one, and ``device_us`` its time on the clock of the
    images. ``stamp_ns`` is its ROS time when it was recorded, 0 if it is to be played with another
    one. ``section`` is that of playback, see `k4a_ros.cameras.playback`.
    """

    first: int
    samples: Samples
    device_us: int
    stamp_ns: int
    section: int


class AudioSource(contextlib.AbstractContextManager['AudioSource']):
    """
    Open microphones.

    ``name`` describes them, for the log. One thread reads; any thread may close.
    """

    name: str

    @abc.abstractmethod
    def read(self, timeout: float) -> AudioBlock:
        """
        Return the next samples.

        :param timeout: maximum time to wait, seconds.
        :raises ReadTimeout: nothing arrived within the timeout.
        :raises EndOfRecording: there is no more sound.
        :raises AudioError: the microphones are gone, or closed.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """Close the microphones; may be called twice."""

    def __exit__(self, *_: object) -> None:
        """Close the microphones."""
        self.close()
