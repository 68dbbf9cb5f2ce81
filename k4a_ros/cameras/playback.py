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
The control of a camera that plays a recording: position, seek, steps, end.

A section begins with each pass through the recording, and wherever playback is moved to. Device
time increases within a section, and may go back from one to the next.
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple


class Position(NamedTuple):
    """
    Position of the playback clock: number of the section, and device time, microseconds.

    The clock never goes back within a section.
    """

    section: int
    us: int


class Playback(abc.ABC):
    """
    Controls playback; its rate and pause are controls of the camera (`Camera.set_control`).

    All times are in device time as the images have it, microseconds. Methods may be called from
    any thread; `seek`, `play_next` and `finish` wait for the thread that reads captures.
    """

    @property
    @abc.abstractmethod
    def range_us(self) -> tuple[int, int]:
        """Return the times of the first and of the last data in this pass through the file."""

    @property
    @abc.abstractmethod
    def paused(self) -> bool:
        """Return whether playback is paused."""

    @abc.abstractmethod
    def position(self) -> Position:
        """Return the position of the playback clock."""

    def ros_range_ns(self) -> tuple[int, int] | None:
        """Return the ROS times of the range, if the recording has them; None if it has not."""
        return None

    @property
    def origin_ns(self) -> int | None:
        """Return the ROS time of device time 0, if the recording has ROS times."""
        return None

    def find_us(self, ros_ns: int) -> int:
        """Return the position of a ROS time that the recording has; see `ros_range_ns`."""
        raise NotImplementedError

    @abc.abstractmethod
    def hold(self) -> AbstractContextManager[Callable[[], bool]]:
        """
        Let playback stand still in a ``with`` block, as if no time passed.

        For whoever cannot take captures for a while, and would otherwise get all of those that
        become due meanwhile at once. At rate 0, and where playback must keep up with another one,
        it goes on. Blocks may overlap.

        :return: a function that returns whether the camera is streaming; leave the block when it
            is not.
        """

    @abc.abstractmethod
    def seek(self, device_us: int) -> None:
        """
        Continue with the first capture that has an image at or after a time.

        While paused, this capture is played.

        :raises ConfigError: the time is not in the range; says what that is.
        :raises CameraLostError: the file is damaged there.
        """

    @abc.abstractmethod
    def play_next(self, count: int) -> int:
        """
        While paused, play the next captures as fast as their reader.

        :param count: number of captures; 0 for all up to the end of the file.
        :return: number of captures that were played.
        """

    @abc.abstractmethod
    def finish(self) -> None:
        """End playback, as at the end of a recording that is not looped."""
