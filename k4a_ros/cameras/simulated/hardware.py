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


"""The simulated hardware: what is there whether or not a program has opened it."""

from __future__ import annotations

import math
import threading
import time

from k4a_ros.cameras.controls import ColorControls
from k4a_ros.cameras.simulated.faults import Fault
from k4a_ros.cameras.simulated.frames import IMU_BURST_US

_KEEP_NS = 60_000_000_000


class SimulatedClock:
    """
    The device's clock, set against the host's.

    ``elapsed`` is the time from the start of streaming by the device's crystal; its stamps are
    the same until it is reset.
    """

    def __init__(self) -> None:
        self._rate = 1.0  # device seconds in a host second
        self._host_ns = 0
        self._elapsed_us = 0.0
        self._zeros = [(0, 0)]  # from which elapsed time on, what is subtracted

    def start(self, now_ns: int) -> None:
        """Begin at 0."""
        self._host_ns, self._elapsed_us, self._zeros = now_ns, 0.0, [(0, 0)]

    def host_ns(self, elapsed_us: float) -> int:
        """Return the host's time at which this much has elapsed."""
        return self._host_ns + round((elapsed_us - self._elapsed_us) * 1000 / self._rate)

    def elapsed_us(self, now_ns: int) -> float:
        """Return what has elapsed at this host's time."""
        return self._elapsed_us + (now_ns - self._host_ns) / 1000 * self._rate

    def drift(self, ppm: float, now_ns: int) -> None:
        """Run faster than the host's clock by this many parts per million from now on."""
        self._elapsed_us, self._host_ns = self.elapsed_us(now_ns), now_ns
        self._rate = 1 + ppm * 1e-6

    def reset(self, now_ns: int) -> None:
        """Stamp with 0 again, from the next burst of inertial samples on."""
        begin = math.ceil(self.elapsed_us(now_ns) / IMU_BURST_US) * IMU_BURST_US
        self._zeros.append((begin, begin))

    def zero_us(self, elapsed_us: int) -> int:
        """Return what to subtract from an elapsed time to get its stamp."""
        return next(zero for begin, zero in reversed(self._zeros) if begin <= elapsed_us)

    def last_us(self, stamp_us: int, now_ns: int) -> int:
        """Return the elapsed time of a stamp: the last one that is not to come yet."""
        elapsed = self.elapsed_us(now_ns)
        times = [zero + stamp_us for _, zero in self._zeros]
        return next((time for time in reversed(times) if time <= elapsed), times[0])


class _Spans:
    """Spans of host time, nanoseconds."""

    def __init__(self) -> None:
        self._spans: list[tuple[int, float]] = []

    def add(self, begin_ns: int, seconds: float) -> None:
        """Add a span from now on."""
        self._spans = [(b, e) for b, e in self._spans if e > begin_ns - _KEEP_NS]
        self._spans.append((begin_ns, begin_ns + seconds * 1e9))

    def end(self, now_ns: int) -> None:
        """End every span now."""
        self._spans = [(b, min(e, now_ns)) for b, e in self._spans]

    def after(self, when_ns: int) -> int:
        """Return the time itself, or the end of the span that it is in."""
        for begin, end in sorted(self._spans):
            if begin <= when_ns < end:
                when_ns = int(end)
        return when_ns

    def __contains__(self, when_ns: int) -> bool:
        """Return whether a time is in a span."""
        return any(begin <= when_ns < end for begin, end in self._spans)


class SimulatedDevice:
    """
    A simulated Azure Kinect that can be plugged in and out, and has faults.

    Hold ``changed`` while using the other members; it is notified of every fault.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.controls = ColorControls()
        self.clock = SimulatedClock()
        #: counts how often the device was unplugged: a handle of before is lost for ever
        self.unplugged = 0
        #: seconds that images take longer, on average
        self.latency = 0.0
        self.stalled = _Spans()
        self.no_captures = _Spans()
        self.no_imu = _Spans()
        self.no_pulse = _Spans()
        self._absent = _Spans()
        self._counts: dict[str, int] = {}

    def plugged(self) -> bool:
        """Return whether the device is on the bus."""
        return time.monotonic_ns() not in self._absent

    def take(self, name: str) -> bool:
        """Return whether a counted fault is due, and use it up once."""
        left = self._counts.get(name, 0)
        self._counts[name] = max(0, left - 1)
        return left > 0

    def inject(self, fault: Fault) -> None:
        """Have a fault from now on."""
        with self.changed:
            self._inject(fault, time.monotonic_ns())
            self.changed.notify_all()

    def _inject(self, fault: Fault, now: int) -> None:
        name, amount = fault.name, fault.amount
        if name == 'unplug':
            self._absent.add(now, amount)
            self.unplugged += 1
        elif name == 'replug':
            self._absent.end(now)
        elif name == 'stall':
            self.stalled.add(now, amount)
        elif name == 'silent':
            self.no_captures.add(now, amount)
            self.no_imu.add(now, amount)
        elif name == 'no sync pulse':
            self.no_pulse.add(now, amount)
        elif name == 'imu gap':
            self.no_imu.add(now, amount)
        elif name == 'drift':
            self.clock.drift(amount, now)
        elif name == 'latency':
            self.latency = amount
        elif name == 'reset timestamps':
            self.clock.reset(now)
        elif name == 'none':
            self._end_all(now)
        else:
            self._counts[name] = self._counts.get(name, 0) + int(amount)

    def _end_all(self, now: int) -> None:
        for spans in (self.stalled, self.no_captures, self.no_imu, self.no_pulse):
            spans.end(now)
        self._counts.clear()
        self.latency = 0.0
        self.clock.drift(0.0, now)
