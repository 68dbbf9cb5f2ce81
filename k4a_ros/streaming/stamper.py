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

"""Stamp images and IMU samples: one stamp for each image, and never one that goes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
import threading

from k4a_ros.capture import Capture
from k4a_ros.capture import ImuSamples
from k4a_ros.streaming.device_clock import FixedClock
from k4a_ros.streaming.device_clock import IMU_SOURCE
from k4a_ros.streaming.device_clock import LiveClock
from k4a_ros.streaming.device_clock import MIN_STEP_NS
from k4a_ros.streaming.device_clock import Times
from k4a_ros.streaming.host_clock import HostClock
from k4a_ros.streaming.host_clock import HostTime
from k4a_ros.streaming.synchronized_clock import ClockPlan
from k4a_ros.streaming.synchronized_clock import SynchronizedClock
import numpy as np

#: maps device microseconds to ROS nanoseconds
ToRos = Callable[[int], int]


@dataclass(frozen=True)
class StampedCapture(Capture):
    """
    A capture whose stamps are assigned.

    :param to_ros: maps the timestamps of its images to ROS time.
    """

    to_ros: ToRos = field(kw_only=True)


@dataclass(frozen=True)
class StampedImuSamples(ImuSamples):
    """
    IMU samples whose stamps are assigned.

    ``ros_ns`` (N,) is the ROS time of the accelerometer's timestamps.
    """

    ros_ns: Times = field(kw_only=True)


class Stamper:
    """
    Assigns stamps in ROS time, nanoseconds, to what a camera measures. Thread-safe.

    The stamps of a source (depth, ir, color, imu) always increase, also when the camera is
    reopened. Stamps of the clock that do not are corrected, which ``corrections`` counts. Stamps
    only go back with ROS time, when it is set back or simulated time is reset, and with the device
    time of a recording, when playback is moved back.

    ``clock`` maps device time. ``steps`` counts the steps of ROS time.

    :param host: the host's clocks.
    :param on_step: called with the size of a step of ROS time, nanoseconds.
    :param plan: clock of the sync cable that a live camera is on; None for none.
    """

    def __init__(
        self, host: HostClock, on_step: Callable[[int], None], plan: ClockPlan | None = None,
    ) -> None:
        self._plan = plan
        self._host = host
        self._on_step = on_step
        self._lock = threading.Lock()
        self._latest_ns: dict[str, int] = {}
        self._section: dict[str, int] = {}  # of a recording, by source
        # IMU samples with recorded stamps: their device times, microseconds, and their stamps
        self._recorded_imu: tuple[Times, Times] | None = None
        self._floor_ns = 0
        self._time_jumped = False
        self.clock: FixedClock | LiveClock = FixedClock()
        self.corrections = 0
        self.steps = 0
        self._ages_ns: dict[str, int] = {}
        self._now_ns = 0

    @property
    def ages_ns(self) -> dict[str, int]:
        """Return how much older than ROS time the last stamp of each source was on arrival."""
        with self._lock:
            return dict(self._ages_ns)

    def start_timeline(self, exact: bool, origin_ns: int | None = None) -> None:
        """
        Start a timeline for a camera that has been opened, later than all stamps so far.

        :param exact: keep the distances of the timestamps, as for a recording.
        :param origin_ns: ROS time of its device time 0, which may be earlier than stamps so far;
            None for one after them.
        """
        with self._lock:
            self._floor_ns = max(self._latest_ns.values(), default=self._floor_ns)
            self._latest_ns.clear()
            self._section.clear()
            self._ages_ns.clear()
            if exact:
                if origin_ns is not None:
                    self._floor_ns = 0
                self.clock = FixedClock(self._floor_ns, origin_ns)
            elif isinstance(self.clock, LiveClock):
                self.clock.reset()
            else:
                self.clock = (
                    SynchronizedClock(self._plan) if self._plan is not None else LiveClock())

    def follow_time_jump(self) -> None:
        """Start a timeline of a live camera at the current ROS time, which has jumped."""
        with self._lock:
            self._time_jumped = True  # with the next arrival, which the timeline starts at

    @property
    def maps_playback(self) -> bool:
        """Return whether the ROS time of positions in a recording is known."""
        return isinstance(self.clock, FixedClock) and self.clock.is_anchored

    def playback_ns(self, device_us: int, now_us: int | None = None) -> int:
        """
        Return the ROS time of a position in a recording.

        :param now_us: position whose time is now, if nothing was stamped and no time was asked for
            before; default: this one.
        """
        with self._lock:
            if isinstance(self.clock, FixedClock):
                self.clock.observe(device_us if now_us is None else now_us, self._read().ros_ns)
            return self.clock.to_ros(device_us)

    def playback_us(self, ros_ns: int) -> int:
        """
        Return the first position in a recording that is not before a ROS time.

        :raises ValueError: there is no recording, or no time was asked for before.
        """
        if not isinstance(self.clock, FixedClock):
            raise ValueError('there is no recording')
        return self.clock.to_device(ros_ns)

    def capture(self, capture: Capture) -> ToRos:
        """
        Return the stamps of the images of a capture, by their device timestamps.

        Each is assigned here once, so that everything that is made of an image has its stamp;
        those of a `StampedCapture` are assigned already.
        """
        if isinstance(capture, StampedCapture):
            return capture.to_ros
        sources: dict[int, list[str]] = {}  # by timestamp
        stamps: dict[int, int] = {}
        with self._lock:
            now = self._read()
            for name, image in (
                    ('depth', capture.depth), ('ir', capture.ir), ('color', capture.color)):
                if image is not None:
                    self._observe(name, capture.section, image.device_us, image.host_ns, now)
                    sources.setdefault(image.device_us, []).append(name)
            for device_us in sorted(sources):
                if device_us in capture.stamps and isinstance(self.clock, FixedClock):
                    self.clock.move(device_us, capture.stamps[device_us])
                stamps[device_us] = self._assign(sources[device_us], device_us)
        self._report(now)
        return stamps.__getitem__

    def observe_imu(self, samples: ImuSamples) -> None:
        """Record the arrival of IMU samples."""
        device_us = int(samples.acc_us[-1])
        with self._lock:
            now = self._read()
            self._observe(IMU_SOURCE, samples.section, device_us, 0, now)
            self._recorded_imu = None
            if samples.stamps is not None and (known := samples.stamps > 0).any():
                self._recorded_imu = samples.acc_us[known], samples.stamps[known]
        self._report(now)

    def imu(self, device_us: Times) -> Times:
        """Return the stamps of IMU readings with these timestamps, in their order."""
        if not len(device_us):
            return device_us
        stamps = []
        with self._lock:
            stamp_ns = self._latest_ns.get(IMU_SOURCE, self._floor_ns)
            for mapped_ns in self._map_imu(device_us).tolist():
                lowest_ns = stamp_ns + MIN_STEP_NS
                if mapped_ns < lowest_ns:
                    self.corrections += 1
                stamp_ns = max(mapped_ns, lowest_ns)
                stamps.append(stamp_ns)
            self._latest_ns[IMU_SOURCE] = stamp_ns
            self._ages_ns[IMU_SOURCE] = self._now_ns - stamp_ns
        return np.array(stamps, np.int64)

    def expect_imu(self, device_us: Times) -> Times:
        """Return the stamps that IMU readings with these timestamps would get, uncorrected."""
        with self._lock:
            return self._map_imu(device_us)

    def _map_imu(self, device_us: Times) -> Times:
        """Return the stamps of IMU readings, uncorrected: recorded ones, or those of the clock."""
        if self._recorded_imu is None:
            return self.clock.to_ros_array(device_us)
        known_us, known_ns = self._recorded_imu
        offsets_ns = known_ns - known_us * 1000
        # small differences, which a float has exactly
        between_ns = np.interp(device_us, known_us, offsets_ns - offsets_ns[0])
        result: Times = device_us * 1000 + offsets_ns[0] + np.rint(between_ns).astype(np.int64)
        return result

    def _read(self) -> HostTime:
        """Read the host's clocks; if ROS time has stepped, start a timeline of a live camera."""
        now = self._host.read()
        self._now_ns = now.ros_ns
        if (now.step_ns or self._time_jumped) and isinstance(self.clock, LiveClock):
            self.clock.follow_time_jump()
            self._latest_ns.clear()
            self._floor_ns = 0
            self.steps += bool(now.step_ns)
        self._time_jumped = False
        return now

    def _report(self, now: HostTime) -> None:
        if now.step_ns and isinstance(self.clock, LiveClock):
            self._on_step(now.step_ns)

    def _observe(
        self, source: str, section: int, device_us: int, arrival_ns: int, now: HostTime,
    ) -> None:
        """
        Add the arrival of an image or sample to the observations of the clock.

        :param section: of a recording; in another one, the stamps of the source may go back.
        :param arrival_ns: arrival on the monotonic clock; 0 for now.
        """
        if section != self._section.get(source, section):
            self._latest_ns.pop(source, None)
            self._floor_ns = 0
        self._section[source] = section
        age_ns = now.monotonic_ns - arrival_ns if arrival_ns else 0
        self.clock.observe(device_us, now.ros_ns - age_ns, source)

    def _assign(self, sources: list[str], device_us: int) -> int:
        """Return the stamp of images that were taken at the same time."""
        lowest_ns = MIN_STEP_NS + max(
            [self._latest_ns.get(source, self._floor_ns) for source in sources])
        mapped_ns = self.clock.to_ros(device_us)
        self.corrections += mapped_ns < lowest_ns
        stamp_ns = max(mapped_ns, lowest_ns)
        for source in sources:
            self._latest_ns[source] = stamp_ns
            self._ages_ns[source] = self._now_ns - stamp_ns
        return stamp_ns
