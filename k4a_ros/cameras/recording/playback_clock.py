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

"""The clock of playback: it runs at a rate, from a position that can be set."""

from __future__ import annotations

from collections.abc import Callable
import math

from k4a_ros.errors import ConfigError


class PlaybackClock:
    """
    A position in the timestamps of a recording that advances with time. Not thread-safe.

    ``us`` is the position at which it was set last, microseconds: where it stands while playback
    does not run. ``holds`` counts those who keep it there although playback runs. ``rate`` is
    playback seconds per second, see `set_rate`.

    :param us: position at the start, microseconds.
    :param rate: playback seconds per second; 0 for no clock.
    :param clock: monotonic time, seconds.
    :raises ConfigError: the rate is not a number from 0.
    """

    def __init__(self, us: float, rate: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.holds = 0
        self.set_rate(rate)
        self.move_to(us)

    def set_rate(self, value: float) -> None:
        """
        Set the rate.

        :raises ConfigError: it is not a number from 0.
        """
        self.rate = _checked_rate(value)

    @property
    def held(self) -> bool:
        """Return whether there is a clock, and somebody keeps it where it is."""
        return bool(self.holds and self.rate)

    def move_to(self, us: float) -> None:
        """Continue at a position from now on."""
        self.us = float(us)
        self._since_s = self._clock()

    def running_us(self) -> float:
        """Return the position of the clock, which has been running, or held, since it was set."""
        if self.holds and self.rate:
            return self.us
        return self.us + (self._clock() - self._since_s) * 1e6 * self.rate

    def duration_s(self, us: float) -> float:
        """Return the time that it takes for a distance; 0 or infinity without a clock, or held."""
        if self.rate and not self.holds:
            return us / (1e6 * self.rate)
        return 0.0 if us <= 0 else math.inf


def _checked_rate(value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not (
            0 <= value < math.inf):
        raise ConfigError(
            f'playback_rate is {value!r}; it must be a number: 1 for real time, 2 for twice as '
            'fast, 0 for as fast as possible')
    return float(value)
