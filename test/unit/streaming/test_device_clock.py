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

"""Conversion from device time to ROS time."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies
from k4a_ros.streaming.device_clock import FixedClock
from k4a_ros.streaming.device_clock import LiveClock
import numpy as np
import pytest

EPOCH_NS = 1_790_000_000_000_000_000


@given(strategies.integers(0, 2**62), strategies.lists(strategies.integers(0, 2**50), min_size=1))
def test_fixed_clock_keeps_intervals_exactly(now: int, times: list[int]) -> None:
    clock = FixedClock()
    for i, us in enumerate(times):
        clock.observe(us, now + i * 7919)
    mapped = [clock.to_ros(us) for us in times]
    assert mapped[0] == now
    assert [b - mapped[0] for b in mapped] == [(us - times[0]) * 1000 for us in times]


@pytest.mark.parametrize('kind', [FixedClock, LiveClock])
def test_conversion_before_any_observation_raises(kind) -> None:
    with pytest.raises(ValueError):
        kind().to_ros(1)


@pytest.mark.parametrize('kind', [FixedClock, LiveClock])
def test_threads_share_one_timeline(kind) -> None:
    clock = kind()
    start = threading.Barrier(4)
    seen: list[int] = []

    def work(number: int) -> None:
        start.wait()
        clock.observe(1000, number * 1_000_000)
        seen.append(clock.to_ros(1000))

    threads = [threading.Thread(target=work, args=[n]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 1


def truth(device_us: np.ndarray, drift_ppm: float) -> np.ndarray:
    """Return the true ROS time of device timestamps, without any delay."""
    return EPOCH_NS + device_us * 1000 + np.rint(device_us * drift_ppm * 1e-3).astype(np.int64)


def arrivals(device_us, drift_ppm, mean_ms, stall_every_s, seed) -> np.ndarray:
    """Return arrival times with exponential delays, and stalls of 200 ms that then resolve."""
    random = np.random.default_rng(seed)
    delay = random.exponential(mean_ms * 1e6, len(device_us))
    if stall_every_s:
        phase = (device_us - device_us[0]) / 1e6 % stall_every_s
        delay += np.maximum(200e6 - phase * 1e9, 0)
    return np.maximum.accumulate(truth(device_us, drift_ppm) + delay.astype(np.int64))


def convert_all(clock: LiveClock, device_us: np.ndarray, arrival_ns: np.ndarray) -> np.ndarray:
    """Return the ROS time of each timestamp, converted right after its observation."""
    out = np.empty(len(device_us), np.int64)
    for i, (us, ns) in enumerate(zip(device_us.tolist(), arrival_ns.tolist(), strict=True)):
        clock.observe(us, ns)
        out[i] = clock.to_ros(us)
    return out


def frames(seconds: float, fps: int = 30, start_us: int = 500_000) -> np.ndarray:
    return start_us + np.arange(int(seconds * fps), dtype=np.int64) * (1_000_000 // fps)


@settings(max_examples=25, deadline=None)
@given(drift=strategies.floats(-500, 500), mean_ms=strategies.floats(0.1, 5),
       stall=strategies.sampled_from([0, 3, 7]), seed=strategies.integers(0, 2**32),
       fps=strategies.sampled_from([15, 30]), start=strategies.integers(0, 2**52))
def test_error_is_below_1_ms_after_10_s(
        drift, mean_ms, stall, seed, fps, start) -> None:
    device_us = frames(40, fps, start)
    clock = LiveClock()
    out = convert_all(clock, device_us, arrivals(device_us, drift, mean_ms, stall, seed))
    error_ms = (out - truth(device_us, drift)) / 1e6
    late = error_ms[device_us > start + 10_000_000]
    assert np.percentile(np.abs(late), 99) < 1.0
    assert (np.diff(out) > 0).all()
    assert clock.resets == 0
    assert clock.drift_ppm == pytest.approx(drift, abs=30)


def test_stamps_of_an_hour_never_step_back() -> None:
    device_us = frames(3600)
    clock = LiveClock()
    out = convert_all(clock, device_us, arrivals(device_us, 400, 5, 60, 1))
    assert (np.diff(out) > 0).all()
    error_ms = np.abs(out - truth(device_us, 400))[300:] / 1e6
    assert np.percentile(error_ms, 99) < 1.0
    assert clock.resets == 0


@settings(max_examples=50, deadline=None)
@given(strategies.lists(strategies.tuples(
    strategies.integers(0, 2**40), strategies.integers(0, 10**12)), min_size=1, max_size=200))
def test_stamps_of_a_timeline_never_step_back(steps) -> None:
    """Order is kept within a timeline for arbitrary timestamps and arrivals."""
    clock = LiveClock()
    last: tuple[int, int, int] | None = None
    for us, ns in steps:
        clock.observe(us, EPOCH_NS + ns)
        out = clock.to_ros(us)
        if last is not None and last[0] == clock.resets and us > last[1]:
            assert out >= last[2]
        last = (clock.resets, us, out)


def test_imu_samples_are_in_order_with_images() -> None:
    """Samples that are older and newer than the last image are in order with it."""
    device_us = frames(20)
    arrived_ns = arrivals(device_us, 300, 5, 0, 3)
    clock = LiveClock()
    for us, ns in zip(device_us.tolist(), arrived_ns.tolist(), strict=True):
        clock.observe(us, ns)
        clock.observe(us + 30_000, ns + 30_000_000, 'imu')
        around = [clock.to_ros(us + apart) for apart in range(-30_000, 30_000, 600)]
        assert (np.diff(around) > 0).all()


def test_device_reset_starts_a_later_timeline() -> None:
    clock = LiveClock()
    first = frames(15)
    out = convert_all(clock, first, arrivals(first, 100, 2, 0, 1))
    again = frames(15, start_us=0)
    arrived_ns = arrivals(again, 100, 2, 0, 2) + 16_000_000_000
    restarted = convert_all(clock, again, arrived_ns)
    assert clock.resets == 1
    assert restarted[0] > out[-1]
    assert (np.diff(restarted) > 0).all()
    error_ms = np.abs(restarted - truth(again, 100) - 16_000_000_000)[300:] / 1e6
    assert error_ms.max() < 1.0


@pytest.mark.parametrize('jump_s', [3600, -3600])
def test_jump_of_ros_time_is_followed(jump_s: int) -> None:
    clock = LiveClock()
    device_us = frames(20)
    arrived_ns = arrivals(device_us, 0, 1, 0, 1)
    half = len(device_us) // 2
    out = convert_all(clock, device_us[:half], arrived_ns[:half])
    clock.follow_time_jump()
    after = convert_all(clock, device_us[half:], arrived_ns[half:] + jump_s * 1_000_000_000)
    assert clock.resets == 1
    assert np.abs(after - truth(device_us[half:], 0) - jump_s * 1_000_000_000).max() < 20_000_000
    assert (after[0] > out[-1]) == (jump_s > 0)


def test_reset_does_not_step_back() -> None:
    clock = LiveClock()
    device_us = frames(5)
    arrived_ns = arrivals(device_us, 0, 1, 0, 1)
    out = convert_all(clock, device_us, arrived_ns)
    clock.reset()
    clock.observe(0, int(out[-1]) - 3_000_000)
    assert clock.to_ros(0) > out[-1]


@given(*[strategies.integers(0, most) for most in (2000, 2000, 300)])
def test_images_after_a_reset_are_later_than_before(
    late_ms: int, gap_ms: int, older_ms: int,
) -> None:
    """The first timeline started late; the second with IMU samples newer than the images."""
    clock = LiveClock()
    clock.observe(1_000_000, late_ms * 1_000_000 + 10**9)
    clock.observe(1_300_000, late_ms * 1_000_000 + 13 * 10**8)
    before = max(clock.to_ros(us) for us in range(1_000_000, 1_300_000, 33_333))
    clock.reset()
    clock.observe(500_000, 10**9 + (late_ms + 300 + gap_ms) * 1_000_000)
    first = 500_000 - older_ms * 1000
    clock.observe(
        first + 1_000_000, 2 * 10**9 + (late_ms + 300 + gap_ms - older_ms) * 1_000_000)
    stamps = [clock.to_ros(us) for us in range(first, first + 1_000_000, 33_333)]
    assert stamps[0] > before
    assert stamps == sorted(set(stamps))


@given(strategies.integers(2, 60))
def test_device_reset_soon_after_its_start_is_detected(frames_before: int) -> None:
    """A step back of less than a second is a reset only within the images of one source."""
    clock = LiveClock()
    out = []
    for number, us in enumerate([*range(frames_before), *range(30)]):
        clock.observe(us * 33_333, number * 33_333_000 + 10**9, 'depth')
        out.append(clock.to_ros(us * 33_333))
    assert out == sorted(set(out))
    assert abs(out[-1] - (number * 33_333_000 + 10**9)) < 2_000_000


def test_single_late_arrival_is_ignored() -> None:
    clock = LiveClock()
    device_us = frames(30)
    arrived_ns = arrivals(device_us, 0, 1, 0, 1)
    arrived_ns[450] += 5_000_000_000
    out = convert_all(clock, device_us, arrived_ns)
    assert clock.resets == 0
    assert np.abs(out - truth(device_us, 0))[300:].max() < 1_000_000


def test_converting_an_absurd_timestamp_does_not_affect_later_ones():
    clock = LiveClock()
    for index in range(60):
        clock.observe(index * 33_333, index * 33_333_000)
        clock.to_ros(index * 33_333)
    clock.to_ros(2**63)
    now = 60 * 33_333_000
    clock.observe(0, now)  # the device clock restarts
    assert now <= clock.to_ros(0) < now + 1_100_000_000
