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
Whether a subordinate counts device time from the same pulse as its master.

It does if it was started before the master, and got its first pulse after that. Arrivals can only
tell if they are late by less than half a frame period, which is not so on a busy computer. For
cameras of one computer, the times of the starts are certain.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

#: Difference of offsets up to which they are those of one computer: readings of two clocks, at
#: slightly different times.
_MAX_OFFSET_DIFFERENCE_NS = 1_000_000


class MasterStart(NamedTuple):
    """
    When a master was started, as it tells its subordinates.

    :param begun_ns: ROS time before its start, and so before its first pulse.
    :param offset_ns: ROS time minus monotonic time of its computer: the time of its boot, which
        tells computers apart.
    """

    begun_ns: int
    offset_ns: int

    @property
    def text(self) -> str:
        """Return it as words of a message."""
        return f'{self.begun_ns} {self.offset_ns}'

    @classmethod
    def parse(cls, text: str) -> MasterStart | None:
        """Return what the last words of a message say, None if they are of another program."""
        try:
            return cls(*(int(word) for word in text.split()[-2:]))
        except (TypeError, ValueError):
            return None


class CableStart:
    """
    The times, in ROS time, at which a camera was started. Thread-safe.

    ``begun_ns``: before the last start; 0 if there was none.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.begun_ns = 0
        self._confirmed_ns = self._first_image_ns = 0

    def begin(self, ros_ns: int) -> None:
        """Note that the camera will be started now."""
        with self._lock:
            self.begun_ns = ros_ns
            self._confirmed_ns = self._first_image_ns = 0

    def confirm(self, ros_ns: int) -> None:
        """Note that it has been started."""
        with self._lock:
            self._confirmed_ns = ros_ns

    def image(self, ros_ns: int) -> None:
        """Note that an image has arrived."""
        with self._lock:
            self._first_image_ns = self._first_image_ns or ros_ns

    def has_pulses_of(self, master: MasterStart | None, offset_ns: int) -> bool:
        """
        Return whether the device time is that of a master on this computer for certain.

        :param master: None if it is unknown.
        :param offset_ns: ROS time minus monotonic time.
        """
        if master is None or abs(master.offset_ns - offset_ns) > _MAX_OFFSET_DIFFERENCE_NS:
            return False
        with self._lock:
            return 0 < self._confirmed_ns < master.begun_ns and (
                not self._first_image_ns or master.begun_ns < self._first_image_ns)
