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

"""The simulated device: state that persists whether or not a camera is open on it."""

from __future__ import annotations

import math
import threading
import time

from k4a_ros.cameras.controls import ColorControls
from k4a_ros.cameras.simulated.faults import Fault
from k4a_ros.cameras.simulated.frames import IMU_BURST_US

#: how long after its end an interval is remembered
_RETENTION_NS = 60_000_000_000


class HostTime:
    """The host's monotonic clock, and waiting by it; tests replace it to control time."""

    def now_ns(self) -> int:
        """Return the time, nanoseconds."""
        return time.monotonic_ns()

    def wait(self, condition: threading.Condition, timeout_s: float) -> None:
        """Wait until a condition is notified, or for the timeout."""
        condition.wait(timeout_s)


class SimulatedClock:
    """
    The device clock, relative to the host's monotonic clock.

    Elapsed time is counted by the device's crystal from the start of streaming. Device timestamps
    equal it until the clock is reset.
    """

    def __init__(self) -> None:
        self._rate = self._own_rate = 1.0  # device seconds per host second
        self._host_ns = 0
        self._elapsed_us = 0.0
        self._resets = [(0, 0)]  # (elapsed time of a reset, offset subtracted from then on), us

    @property
    def rate(self) -> float:
        """Return the seconds of the device in a second of the host."""
        return self._rate

    def start(self, now_ns: int) -> None:
        """Restart at elapsed time 0."""
        self._host_ns, self._elapsed_us, self._resets = now_ns, 0.0, [(0, 0)]
        self._rate = self._own_rate

    def follow(self, start_ns: int, rate: float, first_us: int) -> None:
        """
        Follow the pulses of a master: elapsed time is that of its clock from now on.

        :param start_ns: host time of elapsed time 0, nanoseconds.
        :param rate: of the master's clock.
        :param first_us: elapsed time at which timestamps are 0.
        """
        self._host_ns, self._elapsed_us, self._rate = start_ns, 0.0, rate
        self._resets = [(0, first_us)]

    def host_ns(self, elapsed_us: float) -> int:
        """Return the host time at an elapsed time."""
        return self._host_ns + round((elapsed_us - self._elapsed_us) * 1000 / self._rate)

    def elapsed_us(self, now_ns: int) -> float:
        """Return the elapsed time at a host time."""
        return self._elapsed_us + (now_ns - self._host_ns) / 1000 * self._rate

    def set_drift(self, ppm: float, now_ns: int) -> None:
        """Run faster than the host's clock by this many parts per million from now on."""
        self._elapsed_us, self._host_ns = self.elapsed_us(now_ns), now_ns
        self._rate = self._own_rate = 1 + ppm * 1e-6

    def reset(self, now_ns: int) -> None:
        """Restart timestamps at 0, from the next burst of inertial samples on."""
        begin = math.ceil(self.elapsed_us(now_ns) / IMU_BURST_US) * IMU_BURST_US
        self._resets.append((begin, begin))

    def stamp_offset_us(self, elapsed_us: int) -> int:
        """Return what to subtract from an elapsed time to get its device timestamp."""
        return next(offset for begin, offset in reversed(self._resets) if begin <= elapsed_us)

    def elapsed_of_stamp(self, stamp_us: int, now_ns: int) -> int:
        """Return the most recent elapsed time with a device timestamp, ignoring the future."""
        elapsed = self.elapsed_us(now_ns)
        candidates = [offset + stamp_us for _, offset in self._resets]
        return next((time for time in reversed(candidates) if time <= elapsed), candidates[0])


class HostIntervals:
    """Intervals of host time, nanoseconds."""

    def __init__(self) -> None:
        self._intervals: list[tuple[int, float]] = []

    def add(self, begin_ns: int, seconds: float) -> None:
        """Add an interval that begins now, and forget those that ended long ago."""
        self._intervals = [(b, e) for b, e in self._intervals if e > begin_ns - _RETENTION_NS]
        self._intervals.append((begin_ns, begin_ns + seconds * 1e9))

    def end(self, now_ns: int) -> None:
        """End all intervals now."""
        self._intervals = [(b, min(e, now_ns)) for b, e in self._intervals]

    def postpone(self, when_ns: int) -> int:
        """Return a time, moved to the end of the interval that contains it, if any does."""
        for begin, end in sorted(self._intervals):
            if begin <= when_ns < end:
                when_ns = int(end)
        return when_ns

    def __contains__(self, when_ns: int) -> bool:
        """Return whether an interval contains a time."""
        return any(begin <= when_ns < end for begin, end in self._intervals)


class SimulatedDevice:
    """
    A simulated Azure Kinect that can be unplugged and have faults.

    Hold ``changed`` while using the other members; it is notified of every fault.

    :param host_time: by which captures arrive and faults last.
    """

    def __init__(self, host_time: HostTime | None = None) -> None:
        self.host_time = host_time or HostTime()
        self.changed = threading.Condition()
        self.controls = ColorControls()
        self.clock = SimulatedClock()
        #: how often the device was unplugged: a camera opened before the last time stays lost
        self.unplug_count = 0
        #: additional mean latency of images, seconds
        self.latency_s = 0.0
        #: times at which arriving data is held back
        self.stalls = HostIntervals()
        #: times at which arriving captures are lost
        self.capture_gaps = HostIntervals()
        #: times at which arriving inertial samples are lost
        self.imu_gaps = HostIntervals()
        #: times at which a subordinate receives no sync pulses
        self.sync_pulse_gaps = HostIntervals()
        self._unplugged = HostIntervals()
        self._pending_counts: dict[str, int] = {}

    def is_plugged_in(self) -> bool:
        """Return whether the device is connected."""
        return self.host_time.now_ns() not in self._unplugged

    def consume(self, name: str) -> bool:
        """Return whether a counted fault is pending, and decrement its count."""
        count = self._pending_counts.get(name, 0)
        self._pending_counts[name] = max(0, count - 1)
        return count > 0

    def inject(self, fault: Fault) -> None:
        """Apply a fault from now on."""
        with self.changed:
            self._apply(fault, self.host_time.now_ns())
            self.changed.notify_all()

    def _apply(self, fault: Fault, now: int) -> None:
        name, amount = fault.name, fault.amount
        if name == 'unplug':
            self._unplugged.add(now, amount)
            self.unplug_count += 1
        elif name == 'replug':
            self._unplugged.end(now)
        elif name == 'stall':
            self.stalls.add(now, amount)
        elif name == 'silent':
            self.capture_gaps.add(now, amount)
            self.imu_gaps.add(now, amount)
        elif name == 'no sync pulse':
            self.sync_pulse_gaps.add(now, amount)
        elif name == 'imu gap':
            self.imu_gaps.add(now, amount)
        elif name == 'drift':
            self.clock.set_drift(amount, now)
        elif name == 'latency':
            self.latency_s = amount
        elif name == 'reset timestamps':
            self.clock.reset(now)
        elif name == 'none':
            self._end_all(now)
        else:
            self._pending_counts[name] = self._pending_counts.get(name, 0) + int(amount)

    def _end_all(self, now: int) -> None:
        """End all faults except an unplugged cable."""
        for intervals in (self.stalls, self.capture_gaps, self.imu_gaps, self.sync_pulse_gaps):
            intervals.end(now)
        self._pending_counts.clear()
        self.latency_s = 0.0
        self.clock.set_drift(0.0, now)
