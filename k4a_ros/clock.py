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

"""From the camera's clock to ROS time."""

from __future__ import annotations

import threading


class DeviceClock:
    """
    Maps the device's microseconds to ROS nanoseconds.

    The first timestamp that is observed is taken to be of that moment; all others keep their
    exact distance to it. So all topics share one time line, images and inertial samples alike,
    and whoever integrates over stamps sees the durations that the camera measured.

    May be used by several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offset_ns: int | None = None

    def observe(self, device_us: int, now_ns: int) -> None:
        """
        Note that something with this timestamp has just come; only the first one counts.

        :param device_us: timestamp of the camera, microseconds.
        :param now_ns: current ROS time, nanoseconds.
        """
        with self._lock:
            if self._offset_ns is None:
                self._offset_ns = now_ns - device_us * 1000

    def to_ros(self, device_us: int) -> int:
        """
        Return the ROS time of a device timestamp, nanoseconds.

        :raises ValueError: nothing has been observed yet.
        """
        with self._lock:
            if self._offset_ns is None:
                raise ValueError('the clock has not seen any timestamp')
            return device_us * 1000 + self._offset_ns
