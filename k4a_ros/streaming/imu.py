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

"""Inertial samples on one time line, at the rate that is asked for (pure)."""

from __future__ import annotations

from dataclasses import dataclass

from k4a_ros.capture import ImuSamples
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ImuReadings:
    """
    M readings: ``device_us`` (M,) int64, ``acc`` (M, 3) m/s², ``gyro`` (M, 3) rad/s, float64.

    Acceleration and angular velocity are both of the time ``device_us``.
    """

    device_us: npt.NDArray[np.int64]
    acc: Vectors
    gyro: Vectors

    def __len__(self) -> int:
        """Return the number of readings."""
        return len(self.device_us)


def synchronize(samples: ImuSamples, before: ImuSamples | None = None) -> ImuReadings:
    """
    Bring the gyroscope to the times of the accelerometer.

    Both sensors have timestamps of their own. Where they agree, values are passed on untouched;
    where not, angular velocity is interpolated linearly between the two samples around the
    accelerometer's time, and the nearest is taken where one of them is missing.

    :param before: the samples that came before these, of which the last one is used.
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
    Averages readings down to a rate.

    The time line of the device is cut into pieces of 1 / rate; the readings of one piece become
    one, their mean, at the mean of their times. So the mean of what comes out is the mean of
    what went in, and nothing is delayed by more than one piece.

    :param rate: Hz; 0 passes every reading on.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._open: list[ImuReadings] = []

    def feed(self, readings: ImuReadings) -> ImuReadings:
        """Take readings and return those that are complete, possibly none."""
        if self._rate == 0 or not len(readings):
            return readings
        joined = _join([*self._open, readings])
        piece = joined.device_us * self._rate // 1_000_000
        starts = np.flatnonzero(np.diff(piece, prepend=piece[0] - 1))
        last = starts[-1]
        self._open = [_slice(joined, slice(last, None))]
        return _mean(_slice(joined, slice(0, last)), starts[:-1])

    def flush(self) -> ImuReadings | None:
        """Return the mean of the readings that wait for their piece to end, if there are any."""
        if not self._open:
            return None
        waiting, self._open = _join(self._open), []
        return _mean(waiting, np.array([0]))


def _join(parts: list[ImuReadings]) -> ImuReadings:
    return ImuReadings(
        np.concatenate([p.device_us for p in parts]), np.concatenate([p.acc for p in parts]),
        np.concatenate([p.gyro for p in parts]))


def _slice(readings: ImuReadings, part: slice) -> ImuReadings:
    return ImuReadings(readings.device_us[part], readings.acc[part], readings.gyro[part])


def _mean(readings: ImuReadings, starts: npt.NDArray[np.intp]) -> ImuReadings:
    """Return the mean of each run of readings that begins at one of ``starts``."""
    if not len(starts):
        return readings
    counts = np.diff(starts, append=len(readings))
    time = np.add.reduceat(readings.device_us, starts) // counts
    acc = np.add.reduceat(readings.acc, starts, axis=0) / counts[:, None]
    gyro = np.add.reduceat(readings.gyro, starts, axis=0) / counts[:, None]
    return ImuReadings(time, acc, gyro)
