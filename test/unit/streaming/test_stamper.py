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

"""Stamps of images and IMU samples, with hypothesis over faults of camera, host and clocks."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace

from hypothesis import given
from hypothesis import Phase
from hypothesis import settings
from hypothesis import strategies
from hypothesis.stateful import initialize
from hypothesis.stateful import rule
from hypothesis.stateful import RuleBasedStateMachine
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.capture import ImuSamples
from k4a_ros.streaming.device_clock import LiveClock
from k4a_ros.streaming.device_clock import MAX_AHEAD_NS
from k4a_ros.streaming.host_clock import HostClock
from k4a_ros.streaming.stamper import StampedCapture
from k4a_ros.streaming.stamper import Stamper
import numpy as np
import pytest

MS = 1_000_000
S = 1_000_000_000
EPOCH_NS = 1_790_000_000 * S
PIXELS = np.zeros((1, 1), np.uint16)


@dataclass
class Host:
    """A host whose clocks tests set."""

    monotonic_ns: int = 10**12
    offset_ns: int = EPOCH_NS
    steps: list[int] = field(default_factory=list)

    @property
    def ros_ns(self) -> int:
        return self.monotonic_ns + self.offset_ns

    def stamper(self, exact: bool = False, simulated: bool = False) -> Stamper:
        stamper = Stamper(
            HostClock(lambda: self.ros_ns, lambda: simulated, lambda: self.monotonic_ns),
            self.steps.append)
        stamper.start_timeline(exact)
        return stamper


def image(device_us: int, host_ns: int = 0) -> Image:
    return Image(PIXELS, device_us, host_ns)


def samples(device_us: list[int]) -> ImuSamples:
    times = np.array(device_us, np.int64)
    axes = np.zeros((len(times), 3), np.float32)
    return ImuSamples(axes, times, axes, times, np.zeros(len(times), np.float32))


def stamps_of_imu(stamper: Stamper, device_us: list[int]) -> list[int]:
    stamper.observe_imu(samples(device_us))
    return stamper.imu(np.array(device_us, np.int64)).tolist()


def test_stamp_of_an_image_does_not_change_while_its_topics_are_made() -> None:
    """IMU samples, which arrive with less delay, move the clock between two topics."""
    host = Host()
    stamper = host.stamper()
    to_ros = stamper.capture(Capture(image(1_000_000), image(1_000_000)))
    first = to_ros(1_000_000)
    for number in range(1, 200):
        host.monotonic_ns += 4_800_000 - 1000
        stamps_of_imu(stamper, [1_000_000 + number * 4800])
    assert to_ros(1_000_000) == first
    device_us = 1_000_000 + number * 4800 - 2000
    to_ros = stamper.capture(Capture(image(device_us), image(device_us)))
    first = to_ros(device_us)
    host.monotonic_ns -= 20 * MS
    stamps_of_imu(stamper, [device_us + 1])
    assert to_ros(device_us) == first != stamper.clock.to_ros(device_us)


def test_step_of_the_host_clock_and_back_is_followed_both_times() -> None:
    """The clock of the host is wrong by 600 s for 4 s, as seen with a bad time server."""
    host = Host()
    stamper = host.stamper()
    errors_ms: dict[str, list[float]] = {'before': [], 'wrong': [], 'after': []}
    device_us = 0
    for phase, offset_s in (('before', 0), ('wrong', 600), ('after', 0)):
        host.offset_ns = EPOCH_NS + offset_s * S
        for _ in range(120):
            host.monotonic_ns += 33_333_000
            device_us += 33_333
            stamp = stamper.capture(Capture(image(device_us, host.monotonic_ns)))(device_us)
            errors_ms[phase].append((host.ros_ns - stamp) / MS)
    assert host.steps == [600 * S, -600 * S]
    assert stamper.steps == 2 and stamper.corrections == 0
    assert all(np.abs(errors).max() < 10 for errors in errors_ms.values())


@pytest.mark.parametrize('step_ms', [-8, 8])
def test_small_step_of_the_host_clock_is_followed_without_going_back(step_ms: int) -> None:
    """It is taken for a change of the delay of arrivals."""
    host = Host()
    stamper = host.stamper()
    stamps, device_us = [], 0
    for frame in range(3000):
        host.monotonic_ns += 33_333_000
        device_us += 33_333
        host.offset_ns += step_ms * MS if frame == 1500 else 0
        stamps.append(stamper.capture(Capture(image(device_us)))(device_us))
    assert stamper.steps == 0
    assert (np.diff(stamps) > 0).all()
    assert abs(host.ros_ns - stamps[-1]) < 2 * MS


def test_jump_of_simulated_time_is_followed_from_the_next_arrival() -> None:
    host = Host()
    stamper = host.stamper(simulated=True)
    before = stamps_of_imu(stamper, [1000, 2000])
    stamper.follow_time_jump()
    assert stamper.imu(np.array([2600]))[0] > before[-1]
    host.offset_ns = 0
    after = stamps_of_imu(stamper, [3000, 4000])
    assert after[-1] == host.ros_ns and not host.steps and not stamper.steps


def test_reopened_camera_is_stamped_later_even_if_played_faster_than_real_time() -> None:
    """Also a source that another one follows: registered images may be stamped with either."""
    host = Host()
    stamper = host.stamper(exact=True)
    first = stamper.capture(Capture(depth=image(0), color=image(60_000_000)))
    stamper.start_timeline(exact=True)
    second = stamper.capture(Capture(depth=image(33_333)))
    assert second(33_333) > first(60_000_000) > first(0)
    assert stamper.capture(Capture(depth=image(66_666)))(66_666) - second(33_333) == 33_333_000
    assert stamper.corrections == 0


def test_stamps_of_a_recording_go_back_only_with_its_sections() -> None:
    """Each source follows when its own data has gone back; the same time has the same stamp."""
    host = Host()
    stamper = host.stamper(exact=True)
    assert not stamper.maps_playback
    first = Capture(depth=image(5_000_000), color=image(5_000_100))
    assert stamper.capture(first)(5_000_000) == host.ros_ns
    before = stamps_of_imu(stamper, [5_000_000, 6_000_000])
    assert stamper.playback_ns(6_000_000) == before[-1]
    for section, device_us in ((1, 5_000_000), (2, 1_000_000), (3, 1_000_000)):
        again = Capture(depth=image(device_us), color=image(device_us + 100), section=section)
        to_ros = stamper.capture(again)
        assert [to_ros(device_us), to_ros(device_us + 100)] == [
            stamper.playback_ns(device_us), stamper.playback_ns(device_us + 100)]
    assert stamps_of_imu(stamper, [6_000_000]) == [before[-1] + 1000]
    stamper.observe_imu(replace(samples([2_000_000]), section=3))
    assert stamper.imu(np.array([2_000_000])).tolist() == [stamper.playback_ns(2_000_000)]
    assert stamper.corrections == 1


def test_origin_determines_all_stamps_of_a_recording() -> None:
    """Also after an earlier timeline, and before anything was played."""
    host = Host()
    stamper = host.stamper(exact=True)
    stamper.capture(Capture(depth=image(0)))
    stamper.start_timeline(True, 7 * S)
    assert stamper.maps_playback
    assert stamper.capture(Capture(depth=image(1_500)))(1_500) == 7 * S + 1_500_000
    assert [stamper.playback_us(7 * S + ns) for ns in (0, 1, 1000, 1001)] == [0, 1, 1, 2]


def test_position_in_a_recording_is_now_if_nothing_was_played() -> None:
    host = Host()
    stamper = host.stamper(exact=True)
    assert stamper.playback_ns(3_000_000, now_us=1_000_000) == host.ros_ns + 2 * S
    now_ns = host.ros_ns
    host.monotonic_ns += S
    assert stamper.capture(Capture(depth=image(1_000_000)))(1_000_000) == now_ns
    assert stamper.playback_us(now_ns) == 1_000_000


def test_repeated_timestamps_are_corrected_and_counted() -> None:
    host = Host()
    stamper = host.stamper(exact=True)
    stamps = [stamper.capture(Capture(image(us), image(us)))(us) for us in (100, 100, 50, 200)]
    assert np.diff(stamps).tolist() == [1000, 1000, 98_000]
    assert np.diff(stamps_of_imu(stamper, [300, 300, 290, 400])).tolist() == [1000, 1000, 98_000]
    assert stamper.corrections == 4


def test_ages_are_those_of_the_latest_stamps() -> None:
    host = Host()
    stamper = host.stamper(exact=True)
    stamper.capture(Capture(image(1000)))
    host.monotonic_ns += 5 * MS
    stamper.capture(Capture(image(3000), color=image(6000)))
    assert stamper.ages_ns == {'depth': 3 * MS, 'color': 0}


@given(delay_ms=strategies.integers(0, 950))
def test_delayed_start_does_not_stamp_in_the_future(delay_ms: int) -> None:
    """The first images wait in a queue; the following ones are on time."""
    host = Host()
    stamper = host.stamper()
    start_ns, last = host.monotonic_ns, 0
    for number in range(90):
        device_us = number * 33_333
        taken_ns = start_ns + device_us * 1000
        host.monotonic_ns = max(host.monotonic_ns, taken_ns + 2 * MS, start_ns + delay_ms * MS)
        stamp = stamper.capture(Capture(image(device_us, host.monotonic_ns)))(device_us)
        assert last < stamp < host.ros_ns + MAX_AHEAD_NS + MS
        last = stamp
    assert abs(stamp - taken_ns - EPOCH_NS) < 4 * MS


class Walk(RuleBasedStateMachine):
    """
    A camera with two images and an IMU, under faults in any order.

    Every stamp of a source is later than the one before, except after a step of the host clock,
    and not in the future. In the end the stamps converge.
    """

    def __init__(self) -> None:
        super().__init__()
        self.host = Host()
        self.stamper = self.host.stamper()
        self.last: dict[str, int] = {}
        self.drift_ppm = 0.0
        self.device_zero_ns = self.host.monotonic_ns
        self.error_ns = 0
        self.random = np.random.default_rng(0)

    @initialize(seed=strategies.integers(0, 2**32), drift=strategies.floats(-400, 400))
    def begin(self, seed: int, drift: float) -> None:
        self.random = np.random.default_rng(seed)
        self.drift_ppm = drift

    def device_us(self, monotonic_ns: int) -> int:
        return round((monotonic_ns - self.device_zero_ns) * (1 - self.drift_ppm * 1e-6) / 1000)

    def stream(self, seconds: float, image_delay_ms: float, stall_ms: float = 0.0) -> None:
        """Stream; everything that is measured within the stall arrives at its end."""
        start = self.host.monotonic_ns
        end = start + int(seconds * S)
        stalled = start + int(stall_ms * MS)
        events = []
        for name, period_ns, delay_ms in (
                ('image', 33_333_333, image_delay_ms), ('imu', 8 * MS, 2.0)):
            taken = np.arange(start, end, period_ns)
            delay_ns = (self.random.exponential(delay_ms, len(taken)) + 1) * MS
            arrived = np.maximum(np.maximum.accumulate(taken + delay_ns), stalled)
            events += list(zip(arrived.astype(np.int64).tolist(), taken.tolist(),
                               [name] * len(taken), strict=True))
        for arrived_ns, taken_ns, name in sorted(events):
            late_ns = int(self.random.exponential(0.2) * MS)  # until a thread stamps it
            self.host.monotonic_ns = max(self.host.monotonic_ns, arrived_ns + late_ns)
            self.arrive(name, self.device_us(taken_ns), taken_ns, arrived_ns)
        self.host.monotonic_ns = max(self.host.monotonic_ns, end)

    def arrive(self, name: str, device_us: int, taken_ns: int, arrived_ns: int) -> None:
        steps = self.stamper.steps
        if name == 'imu':
            times = [device_us + apart for apart in range(-7200, 1, 1800)]
            stamps = {'imu': stamps_of_imu(self.stamper, times)}
        else:
            color_us = device_us - 160
            to_ros = self.stamper.capture(Capture(
                image(device_us, arrived_ns), color=image(color_us, arrived_ns)))
            stamps = {'depth': [to_ros(device_us)], 'color': [to_ros(color_us)]}
        if self.stamper.steps > steps:
            self.last.clear()
        for source, values in stamps.items():
            for stamp in values:
                assert stamp > self.last.get(source, 0), source
                assert stamp <= self.host.ros_ns + MAX_AHEAD_NS + 10 * MS, source
                self.last[source] = stamp
        self.error_ns = self.last['imu' if name == 'imu' else 'depth'] - (
            taken_ns + self.host.offset_ns)

    @rule(seconds=strategies.floats(0.05, 4), delay=strategies.sampled_from([0.5, 5.0, 60.0]))
    def streams(self, seconds: float, delay: float) -> None:
        self.stream(seconds, delay)

    @rule(stall_ms=strategies.integers(50, 3000))
    def stalls(self, stall_ms: int) -> None:
        self.stream(stall_ms / 1000 + 0.3, 5.0, stall_ms)

    @rule(seconds=strategies.floats(0, 3), opened=strategies.booleans(),
          stall_ms=strategies.sampled_from([0, 700]))
    def resets(self, seconds: float, opened: bool, stall_ms: int) -> None:
        """Restart the device clock, with or without reopening the camera."""
        self.host.monotonic_ns += int(seconds * S)
        self.device_zero_ns = self.host.monotonic_ns - self.random.integers(0, S)
        if opened:
            self.stamper.start_timeline(exact=False)
        self.stream(0.8, 5.0, stall_ms)

    @rule(step_ms=strategies.one_of(
        strategies.integers(150, 10**6), strategies.integers(-10**6, -150)))
    def host_clock_steps(self, step_ms: int) -> None:
        self.host.offset_ns += step_ms * MS
        self.stream(0.1, 5.0)

    @rule(drift=strategies.floats(-400, 400))
    def drift_changes(self, drift: float) -> None:
        now = self.device_us(self.host.monotonic_ns)
        self.drift_ppm = drift
        self.device_zero_ns += (self.device_us(self.host.monotonic_ns) - now) * 1000

    def teardown(self) -> None:
        self.stream(10, 2.0)
        assert abs(self.error_ns) < 5 * MS
        assert isinstance(self.stamper.clock, LiveClock)


TestWalk = Walk.TestCase
TestWalk.settings = settings(
    max_examples=30, stateful_step_count=12, deadline=None, phases=(Phase.generate,))


def test_stamped_capture_keeps_its_stamps() -> None:
    stamper = Host().stamper()
    stamped = StampedCapture(image(1000), to_ros=lambda device_us: 7 * device_us)
    assert stamper.capture(stamped)(1000) == 7000
