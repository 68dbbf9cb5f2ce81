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

"""The control of a recording that is played."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from contextlib import nullcontext

from k4a_ros.cameras.playback import Playback
from k4a_ros.cameras.playback import Position
from k4a_ros.cameras.recording.pacing import Pacer
from k4a_ros.cameras.recording.recorded_stamps import RecordedStamps
from k4a_ros.errors import ConfigError

#: maximum time that a seek while paused waits for the reader of the capture
_SHOW_S = 2.0


class RecordingPlayback(Playback):
    """
    Controls the pacer of a recording.

    :param pacer: whose first stream are the captures.
    :param start_us: device time at which each pass through the file starts, microseconds.
    :param end_us: device time of the last data that is played.
    :param stamps: those of the recording, if it is played with them.
    :param keeps_up: `hold` does nothing, because others play at the same time.
    """

    def __init__(
        self, pacer: Pacer, start_us: int, end_us: int, stamps: RecordedStamps | None = None, *,
        keeps_up: bool = False,
    ) -> None:
        self._pacer = pacer
        self._keeps_up = keeps_up
        self._start_us = start_us
        self._end_us = end_us
        self._stamps = stamps
        self._ros_range_ns: tuple[int, int] | None = None
        if stamps is not None:
            self._ros_range_ns = stamps.ros_ns(start_us), stamps.ros_ns(end_us)

    @property
    def range_us(self) -> tuple[int, int]:
        """Return the times of the first and of the last data in this pass through the file."""
        shift_us = self._pacer.section.shift_us
        return self._start_us + shift_us, self._end_us + shift_us

    @property
    def paused(self) -> bool:
        """Return whether playback is paused."""
        return self._pacer.paused

    def position(self) -> Position:
        """Return the position of the playback clock."""
        return self._pacer.position()

    def ros_range_ns(self) -> tuple[int, int] | None:
        """Return the ROS times of the range, if the recording has them."""
        if self._ros_range_ns is None:
            return None
        shift_ns = self._pacer.section.shift_us * 1000
        return self._ros_range_ns[0] + shift_ns, self._ros_range_ns[1] + shift_ns

    @property
    def origin_ns(self) -> int | None:
        """Return the ROS time of device time 0, if the recording has ROS times."""
        return None if self._stamps is None else self._stamps.origin_ns

    def find_us(self, ros_ns: int) -> int:
        """Return the position of a ROS time that the recording has."""
        assert self._stamps is not None
        shift_us = self._pacer.section.shift_us
        return self._stamps.find_us(ros_ns - shift_us * 1000) + shift_us

    def hold(self) -> AbstractContextManager[Callable[[], bool]]:
        """Let playback stand still in a ``with`` block, see `Playback.hold`."""
        return nullcontext(lambda: self._pacer.running) if self._keeps_up else self._pacer.hold()

    def seek(self, device_us: int) -> None:
        """Go to another position, see `Playback.seek`."""
        start_us, end_us = self.range_us
        if not start_us <= device_us <= end_us:
            raise ConfigError(
                f'cannot seek to device time {device_us} us; this pass is from {start_us} to '
                f'{end_us} us')
        self._pacer.seek(device_us)
        self._pacer.shown(_SHOW_S)

    def play_next(self, count: int) -> int:
        """Play the next captures while paused, see `Playback.play_next`."""
        return self._pacer.step(count)

    def finish(self) -> None:
        """End playback, as at the end of a recording that is not looped."""
        self._pacer.finish()
