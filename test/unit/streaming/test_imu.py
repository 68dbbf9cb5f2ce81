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

"""Synchronization and averaging of IMU samples."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies
from k4a_ros.capture import ImuSamples
from k4a_ros.streaming.imu import ImuRate
from k4a_ros.streaming.imu import ImuReadings
from k4a_ros.streaming.imu import synchronize
import numpy as np
import pytest


def samples(acc_us, gyro_us, gyro=None) -> ImuSamples:
    count = len(acc_us)
    random = np.random.default_rng(count)
    return ImuSamples(
        acc=random.normal(size=(count, 3)).astype(np.float32),
        acc_us=np.asarray(acc_us, np.int64),
        gyro=random.normal(size=(count, 3)).astype(np.float32) if gyro is None else gyro,
        gyro_us=np.asarray(gyro_us, np.int64), temperature=np.zeros(count, np.float32))


def test_equal_timestamps_leave_values_unchanged() -> None:
    given_ = samples([10, 20, 30], [10, 20, 30])
    result = synchronize(given_)
    np.testing.assert_array_equal(result.acc, given_.acc)
    np.testing.assert_array_equal(result.gyro, given_.gyro)
    np.testing.assert_array_equal(result.device_us, given_.acc_us)


def test_gyroscope_is_interpolated_at_accelerometer_timestamps() -> None:
    """An angular velocity that is linear in time is interpolated exactly."""
    def rate(us):
        return (np.asarray(us)[:, None] * np.array([1.0, -2.0, 0.5])).astype(np.float32)

    before = samples([600], [589], rate([589]))
    now = samples([1200, 1800, 2400], [1189, 1789, 2410], rate([1189, 1789, 2410]))
    result = synchronize(now, before)
    np.testing.assert_allclose(result.gyro, rate([1200, 1800, 2400]), rtol=1e-6)
    alone = synchronize(samples([1200], [1250], rate([1250])))
    np.testing.assert_allclose(alone.gyro, rate([1250]), rtol=1e-6)


def readings(times) -> ImuReadings:
    times = np.asarray(times, np.int64)
    random = np.random.default_rng(len(times))
    return ImuReadings(times, random.normal(size=(len(times), 3)),
                       random.normal(size=(len(times), 3)))


def joined(parts: list[ImuReadings]) -> ImuReadings:
    return ImuReadings(*(np.concatenate([getattr(p, name) for p in parts])
                         for name in ('device_us', 'acc', 'gyro')))


@given(strategies.lists(strategies.integers(1, 4000), min_size=1, max_size=200),
       strategies.integers(1, 1666), strategies.data())
def test_averaging_preserves_mean_order_and_intervals(steps, rate, data) -> None:
    all_ = readings(np.cumsum(steps))
    cuts = sorted(data.draw(strategies.lists(strategies.integers(0, len(steps)), max_size=5)))
    averager = ImuRate(rate)
    out = []
    for start, end in zip([0, *cuts], [*cuts, len(steps)], strict=True):
        out.append(averager.feed(ImuReadings(
            all_.device_us[start:end], all_.acc[start:end], all_.gyro[start:end])))
    rest = averager.flush()
    result = joined([*out, *([rest] if rest is not None else [])])
    interval = all_.device_us * rate // 1_000_000
    intervals, counts = np.unique(interval, return_counts=True)
    assert len(result) == len(intervals)
    assert (np.diff(result.device_us) > 0).all()
    np.testing.assert_array_equal(result.device_us * rate // 1_000_000, intervals)
    for got, want in ((result.acc, all_.acc), (result.gyro, all_.gyro)):
        np.testing.assert_allclose((got * counts[:, None]).sum(0), want.sum(0), atol=1e-9)
    assert averager.flush() is None


def test_rate_0_passes_readings_through() -> None:
    given_ = readings([1, 2, 3])
    averager = ImuRate(0)
    assert averager.feed(given_) is given_
    assert averager.flush() is None


@pytest.mark.parametrize('rate', [100, 200, 500])
def test_averaging_reaches_the_rate(rate) -> None:
    """One second of readings at the 1666 Hz of the device."""
    out = ImuRate(rate).feed(readings(np.arange(1666) * 600 + 7))
    assert rate - 2 <= len(out) <= rate
