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

"""Check that the timestamps of a recording can be played: they never go back."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

#: Maximum distance from the start of a recording: a year, which keeps stamps within the range of
#: ROS time (2038) and of 64-bit nanoseconds.
_MAX_DISTANCE_US = 366 * 86_400 * 1_000_000


class Timeline:
    """
    The latest timestamp of each stream of a recording.

    :param start_us: device time of the first data, microseconds.
    """

    def __init__(self, start_us: int) -> None:
        self._start_us = start_us
        self._latest_us: dict[str, int] = {}

    def problem(self, stream: str, device_us: int) -> str:
        """
        Return why the next timestamp of a stream is invalid, as a clause; '' if it is valid.

        :param stream: what the timestamp belongs to, in the words of the message.
        """
        latest_us = self._latest_us.get(stream, device_us)
        if device_us < latest_us:
            return f'the time of its {stream} goes back from {latest_us} to {device_us} us'
        if abs(device_us - self._start_us) > _MAX_DISTANCE_US:
            return (f'the time of its {stream}, {device_us} us, is more than a year from its '
                    f'start at {self._start_us} us')
        if device_us < 0:
            return f'the time of its {stream} is negative: {device_us} us'
        self._latest_us[stream] = device_us
        return ''

    def problem_in(self, stream: str, times_us: npt.NDArray[np.int64]) -> tuple[int, str]:
        """
        Check successive timestamps of a stream.

        :param times_us: (N,) microseconds.
        :return: number of those before the first that is invalid, and why it is; N and '' if all
            are valid.
        """
        if not len(times_us):
            return 0, ''
        latest_us = self._latest_us.get(stream, int(times_us[0]))
        valid = (np.diff(times_us, prepend=latest_us) >= 0) & (times_us >= 0) & (
            abs(times_us - self._start_us) <= _MAX_DISTANCE_US)
        if valid.all():
            self._latest_us[stream] = int(times_us[-1])
            return len(times_us), ''
        count = int(valid.argmin())
        if count:
            self._latest_us[stream] = int(times_us[count - 1])
        return count, self.problem(stream, int(times_us[count]))

    def rewind(self) -> None:
        """Return to the start."""
        self._latest_us.clear()
