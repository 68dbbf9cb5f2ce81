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

"""Synchronize accelerometer and gyroscope samples, and limit their rate (no ROS)."""

from __future__ import annotations

from dataclasses import dataclass

from k4a_ros.capture import ImuSamples
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ImuReadings:
    """
    M synchronized readings: acceleration and angular velocity at the same times.

    ``device_us`` is (M,) int64, ``acc`` (M, 3) float64 in m/s², ``gyro`` (M, 3) float64 in rad/s.
    """

    device_us: npt.NDArray[np.int64]
    acc: Vectors
    gyro: Vectors

    def __len__(self) -> int:
        """Return the number of readings."""
        return len(self.device_us)


def synchronize(samples: ImuSamples, before: ImuSamples | None = None) -> ImuReadings:
    """
    Resample the gyroscope at the timestamps of the accelerometer.

    If the timestamps of both sensors are equal, values are passed through unchanged. Otherwise
    angular velocity is interpolated linearly; beyond the first and last sample, the nearest value
    is used.

    :param before: the previous batch, whose last sample is used for interpolation.
    """
    gyro = samples.gyro.astype(np.float64)
    if not np.array_equal(samples.acc_us, samples.gyro_us):
        times, values = samples.gyro_us, gyro
        if before is not None and len(before):
            times = np.concatenate([before.gyro_us[-1:], times])
            values = np.concatenate([before.gyro[-1:].astype(np.float64), values])
        gyro = np.stack(
            [np.interp(samples.acc_us, times, values[:, i]) for i in range(3)], axis=-1)
    return ImuReadings(samples.acc_us, samples.acc.astype(np.float64), gyro)


class ImuRate:
    """
    Averages readings down to a maximum rate.

    Device time is divided into intervals of 1 / rate. All readings of an interval are replaced by
    their mean, at the mean of their timestamps. The overall mean is preserved, and the added delay
    is at most one interval.

    :param rate: Hz; 0 passes every reading through.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._pending: list[ImuReadings] = []

    def feed(self, readings: ImuReadings) -> ImuReadings:
        """Add readings, and return the averages of all intervals that are complete, if any."""
        if self._rate == 0 or not len(readings):
            return readings
        joined = _join([*self._pending, readings])
        interval = joined.device_us * self._rate // 1_000_000
        starts = np.flatnonzero(np.diff(interval, prepend=interval[0] - 1))
        last = starts[-1]
        self._pending = [_take(joined, slice(last, None))]
        return _mean(_take(joined, slice(0, last)), starts[:-1])

    def flush(self) -> ImuReadings | None:
        """Return the average of the incomplete interval; None if it has no readings."""
        if not self._pending:
            return None
        pending, self._pending = _join(self._pending), []
        return _mean(pending, np.array([0]))


def _join(parts: list[ImuReadings]) -> ImuReadings:
    return ImuReadings(
        np.concatenate([p.device_us for p in parts]), np.concatenate([p.acc for p in parts]),
        np.concatenate([p.gyro for p in parts]))


def _take(readings: ImuReadings, part: slice) -> ImuReadings:
    return ImuReadings(readings.device_us[part], readings.acc[part], readings.gyro[part])


def _mean(readings: ImuReadings, starts: npt.NDArray[np.intp]) -> ImuReadings:
    """Return the mean of each run of readings; ``starts`` are the indices of their beginnings."""
    if not len(starts):
        return readings
    counts = np.diff(starts, append=len(readings))
    time = np.add.reduceat(readings.device_us, starts) // counts
    acc = np.add.reduceat(readings.acc, starts, axis=0) / counts[:, None]
    gyro = np.add.reduceat(readings.gyro, starts, axis=0) / counts[:, None]
    return ImuReadings(time, acc, gyro)
