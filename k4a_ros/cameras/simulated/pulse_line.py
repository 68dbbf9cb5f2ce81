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

"""What a simulated camera does with its sync cable: jacks, pulses, and whose clock it follows."""

from __future__ import annotations

import random

from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.cameras.base import SyncJacks
from k4a_ros.cameras.simulated.frames import FrameRenderer
from k4a_ros.cameras.simulated.hardware import SimulatedClock
from k4a_ros.cameras.simulated.sync_cable import MasterEnd
from k4a_ros.cameras.simulated.sync_cable import Pulses
from k4a_ros.cameras.simulated.sync_cable import SubordinateEnd
from k4a_ros.errors import CameraError
from k4a_ros.errors import CameraErrorReason

#: interval at which a subordinate looks for a master, seconds
POLL_S = 0.01
#: ticks of the clock that stamps images, 90 kHz, in 100 us
_TICKS = 9


class PulseLine:
    """
    The sync cable of a camera while it streams.

    A master gives pulses. A subordinate exposes its frames at those pulses, and its timestamps
    count from the first pulse after its start: they agree with those of the master if it was
    started before the master, and differ by whole frame periods otherwise, as those of a real
    camera do (Azure-Kinect-Sensor-SDK issue 1435). Without a group, and standalone, the camera
    exposes its frames by its own clock.

    :param group: name of the cable, '' for none.
    :param clock: of the camera; that of a subordinate follows the master.
    :param renderer: knows when frames are exposed.
    :param now_ns: host time of the start.
    :param seed: of the phase of the clock's ticks, which is another one in each camera.
    """

    def __init__(
        self, group: str, role: WiredSyncMode, clock: SimulatedClock, renderer: FrameRenderer,
        now_ns: int, seed: int,
    ) -> None:
        self._clock = clock
        self._renderer = renderer
        self._started_ns = now_ns
        self._phase = random.Random(seed).randrange(100)
        self._end: MasterEnd | SubordinateEnd | None = None
        self._pulses: Pulses | None = None
        self._first = 0
        if group and role is WiredSyncMode.MASTER:
            self._end = MasterEnd(group, self._own_pulses())
        elif group and role is WiredSyncMode.SUBORDINATE:
            self._end = SubordinateEnd(group)

    @property
    def has_pulses(self) -> bool:
        """Return whether frames are exposed."""
        return not isinstance(self._end, SubordinateEnd) or self._end.pulses is not None

    def _own_pulses(self) -> Pulses:
        return Pulses(self._clock.host_ns(0), self._clock.rate, self._started_ns)

    def update(self) -> int | None:
        """
        Give pulses to subordinates that have been plugged in, or follow those of the master.

        :return: the number of the first capture, if pulses of another master have begun.
        """
        if isinstance(self._end, MasterEnd):
            self._end.update(self._own_pulses())
        if not isinstance(self._end, SubordinateEnd):
            return None
        pulses, before = self._end.poll(), self._pulses
        if pulses is None or pulses == before:
            return None
        self._pulses = pulses
        is_new = before is None or pulses.session != before.session
        if is_new:
            self._clock.follow(pulses.start_ns, pulses.rate, 0)
            self._first = max(0, self._renderer.pulse_after(
                self._clock.elapsed_us(self._started_ns)))
        offset_us = self._renderer.pulse_us(self._first) - self._renderer.pulse_us(0)
        self._clock.follow(pulses.start_ns, pulses.rate, offset_us)
        return self._first if is_new else None

    def stamp_us(self, device_us: int) -> int:
        """
        Return the timestamp of an image: of a subordinate, whole ticks of its own clock.

        The pulses set that clock; its ticks come when they come.
        """
        if not isinstance(self._end, SubordinateEnd):
            return device_us
        return (device_us * _TICKS + self._phase) // 100 * 100 // _TICKS

    def close(self) -> None:
        """Unplug the cable."""
        if self._end is not None:
            self._end.close()


def jacks_of(cables: str, role: WiredSyncMode) -> SyncJacks:
    """
    Return which jacks have a cable.

    :param cables: auto (those that the role requires), none, in, out or both.
    """
    if cables == 'auto':
        return SyncJacks(role is WiredSyncMode.SUBORDINATE, role is WiredSyncMode.MASTER)
    return SyncJacks(cables in ('in', 'both'), cables in ('out', 'both'))


def check_jacks(jacks: SyncJacks, role: WiredSyncMode) -> None:
    """
    Check cables as the SDK does when a camera is started (k4a.c, validate_configuration).

    :raises CameraError: the role requires another cable.
    """
    if role is WiredSyncMode.SUBORDINATE and not jacks.sync_in:
        raise CameraError(
            'cannot start the simulated camera: no cable is plugged into its Sync in jack, and '
            'wired_sync_mode is 2 (subordinate); plug it in (simulation_sync_cables), or set '
            'wired_sync_mode to 0', [CameraErrorReason.NO_SYNC_IN_CABLE])
    if role is WiredSyncMode.MASTER and not jacks.sync_out:
        raise CameraError(
            'cannot start the simulated camera: no cable is plugged into its Sync out jack, and '
            'wired_sync_mode is 1 (master); plug it in (simulation_sync_cables), or set '
            'wired_sync_mode to 0', [CameraErrorReason.NO_SYNC_OUT_CABLE])
