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


"""Bursts of inertial samples, from their arrival until the simulated camera is read."""

from __future__ import annotations

from k4a_ros.cameras.simulated.frames import IMU_BURST_US
from k4a_ros.cameras.simulated.hardware import SimulatedDevice

#: bursts that are queued before the oldest is dropped, as by the SDK, 0.5 s
QUEUE_SIZE = 500_000 // IMU_BURST_US
#: latency from the last sample of a burst to the host
_LATENCY_NS = 1_500_000


class BurstQueue:
    """
    The numbers of the bursts that have arrived; the caller holds the lock of the device.

    ``dropped``: bursts that were not taken in time.
    """

    def __init__(self, device: SimulatedDevice) -> None:
        self._device = device
        self._next = 0
        self.dropped = 0

    def restart(self, elapsed_us: float = 0.0) -> None:
        """Begin with the burst at an elapsed time of the device."""
        self._next = max(0, int(elapsed_us) // IMU_BURST_US)

    def take(self, now_ns: int) -> list[int]:
        """Remove and return what has arrived, without what was lost or dropped."""
        end = self._next
        while self._arrival(end) <= now_ns:
            end += 1
        arrived = [number for number in range(self._next, end) if not self._is_lost(number)]
        self._next = end
        self.dropped += max(0, len(arrived) - QUEUE_SIZE)
        return arrived[-QUEUE_SIZE:]

    def next_arrival(self) -> int:
        """Return the host time at which the next burst arrives, nanoseconds."""
        return self._arrival(self._next)

    def _arrival(self, number: int) -> int:
        return self._device.stalls.postpone(self._nominal_arrival(number))

    def _is_lost(self, number: int) -> bool:
        return self._nominal_arrival(number) in self._device.imu_gaps

    def _nominal_arrival(self, number: int) -> int:
        """Return the arrival time of a burst without stalls."""
        return self._device.clock.host_ns((number + 1) * IMU_BURST_US) + _LATENCY_NS
