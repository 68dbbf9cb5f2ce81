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

"""The loop that publishes IMU readings in bursts, with a simulated clock and publisher."""

from __future__ import annotations

from collections.abc import Callable
import ctypes
from typing import Any

from k4a_ros.jit import native
from k4a_ros.publishing.raw import imu_kernels as kernels
import numpy as np
import pytest

PERIOD_US = 600
PERIOD_S = PERIOD_US * 1e-6
#: indices of the parts of the message after the words of the kernel
STAMP, ACC, GYRO, MESSAGE_WORDS = 0, 1, 4, 7
NS = 1_000_000_000


class Host:
    """
    Functions in C for the kernel: a clock that only advances in a sleep, and a publisher.

    :param run: the kernel.
    """

    def __init__(self, run: Callable[..., int]) -> None:
        self.now_ns = 100 * NS
        self.late_ns: list[int] = []  # additional time of sleeps, the next one last
        self.rejected: set[int] = set()
        self.attempts = 0
        self.published: list[tuple[int, int, list[float]]] = []
        self.words = np.zeros(kernels.WORDS + MESSAGE_WORDS, np.int64)
        self._floats = self.words.view(np.float64)
        self._run = run
        self._functions: list[Any] = []
        message = self.words[kernels.WORDS:]
        for index, value in (
                (kernels.PUBLISH, self._address(self._publish)), (kernels.PUBLISHER, 1234),
                (kernels.CLOCK_GETTIME, self._address(self._gettime)),
                (kernels.CLOCK_NANOSLEEP, self._address(self._nanosleep)),
                (kernels.MESSAGE, message.ctypes.data), (kernels.STAMP, kernels.WORDS + STAMP),
                (kernels.ACC, kernels.WORDS + ACC), (kernels.GYRO, kernels.WORDS + GYRO)):
            self.words[index] = value

    def _address(self, function: Callable[..., int]) -> int:
        count = function.__code__.co_argcount - 1
        kind = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_ssize_t] * count)
        self._functions.append(kind(function))
        return ctypes.cast(self._functions[-1], ctypes.c_void_p).value or 0

    def _publish(self, publisher: int, message: int, allocation: int) -> int:
        assert publisher == 1234 and allocation == 0
        self.attempts += 1
        if self.attempts - 1 in self.rejected:
            return 1
        words = np.frombuffer(ctypes.string_at(message, 8 * MESSAGE_WORDS), np.int64)
        sec, nanosec = words[:1].view(np.uint32).tolist()
        self.published.append(
            (self.now_ns, sec * NS + nanosec, words[ACC:].view(np.float64).tolist()))
        return 0

    def _gettime(self, clock: int, timespec: int) -> int:
        assert clock == 1
        (ctypes.c_int64 * 2).from_address(timespec)[:] = divmod(self.now_ns, NS)
        return 0

    def _nanosleep(self, clock: int, flags: int, timespec: int, rest: int) -> int:
        assert (clock, flags, rest) == (1, 1, 0)
        sec, nanosec = (ctypes.c_int64 * 2).from_address(timespec)[:]
        self.now_ns = max(self.now_ns, sec * NS + nanosec)
        self.now_ns += self.late_ns.pop() if self.late_ns else 0
        return 0

    def publish(self, device_us: Any, *, begin: int = 0, speed: float = 1.0) -> int:
        """Publish readings whose stamps and values are made from their device times."""
        device_us = np.asarray(device_us, np.int64)
        return self._run(
            self.words, self._floats, begin, speed, stamps_ns(device_us), device_us,
            *vectors(device_us))


def stamps_ns(device_us: Any) -> Any:
    return 1_700_000_000 * NS + np.asarray(device_us, np.int64) * 1000


def vectors(device_us: Any) -> tuple[Any, Any]:
    values = np.asarray(device_us)[:, np.newaxis] * np.arange(1.0, 7.0)
    return np.ascontiguousarray(values[:, :3]), np.ascontiguousarray(values[:, 3:])


@pytest.fixture
def host() -> Host:
    """Return a host for the kernel, which is compiled where numba is installed."""
    return Host(kernels.publish_readings)


def paced(
    host: Host, total: int, count: int, rate: float = 1.0, stall_s: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """
    Return time in seconds and size of each burst of samples at 1667 Hz.

    :param total: number of samples.
    :param count: number of samples that the camera delivers at a time, or more if it is not asked.
    :param rate: device seconds per second.
    :param stall_s: time in which the camera is not asked, after half of the samples.
    """
    start_ns, first = host.now_ns, 0
    while first < total:
        if stall_s and first > total / 2:
            host.now_ns, stall_s = host.now_ns + round(stall_s * NS), 0.0
        due_ns = start_ns + round((first + count) * PERIOD_S / rate * NS)
        host.now_ns = max(host.now_ns, due_ns)
        passed_s = (host.now_ns - start_ns) / NS
        arrived = int(passed_s * rate / PERIOD_S + 1e-6) // count * count
        readings = np.arange(first, arrived) * PERIOD_US
        assert host.publish(readings, speed=rate) == arrived - first
        first = arrived
    times = np.array([entry[0] for entry in host.published])
    begins = np.flatnonzero(np.diff(times, prepend=times[0] - 1))
    assert [entry[1] for entry in host.published] == stamps_ns(
        np.arange(first) * PERIOD_US).tolist()
    return (times[begins] - start_ns) / NS, np.diff(begins, append=len(times))


@pytest.mark.parametrize('count', [8, 13, 14])
def test_bursts_have_at_most_five_samples_at_their_own_pace(host: Host, count: int) -> None:
    """8 is what the device delivers at a time, 13 and 14 are those of recordings."""
    times, sizes = paced(host, 1000, count)
    assert sizes.max() <= 5
    gaps = np.diff(times) / (sizes[:-1] * PERIOD_S)
    assert gaps.min() > 0.8
    assert gaps.max() < 1.4
    # there are never more than ten in nearly five milliseconds
    assert max(sizes[(times >= t) & (times < t + 0.0045)].sum() for t in times) <= 10


@pytest.mark.parametrize('rate', [0.5, 1.0, 2.0, 4.0, 20.0])
def test_pacing_keeps_up_at_any_playback_rate(host: Host, rate: float) -> None:
    times, sizes = paced(host, 5000, 13, rate)
    assert times[-1] < sizes.sum() * PERIOD_S / rate + 0.01
    assert (np.diff(times) / sizes[:-1]).min() > 0.4 * PERIOD_S / max(rate, 1.0)


@pytest.mark.parametrize(('stall_s', 'fastest'), [
    (0.02, 0.8), (0.05, 0.8), (0.4, 0.5), (0.9, 0.25)])
def test_backlog_is_worked_off_without_large_bursts(
    host: Host, stall_s: float, fastest: float,
) -> None:
    """A second after the longest stall without a loss, samples are up to date again."""
    times, sizes = paced(host, 7000, 13, stall_s=stall_s)
    assert sizes.max() == 5
    assert fastest < (np.diff(times) / sizes[:-1]).min() / PERIOD_S < fastest + 0.1
    late = times - np.cumsum(sizes) * PERIOD_S
    assert late.max() > 0.8 * stall_s
    stall_end = times[late.argmax()]
    assert late[times > stall_end + 1.0].max() < 0.02


def test_groups_between_slow_images_are_no_backlog(host: Host) -> None:
    """A recording whose images take long to publish delivers the samples of a frame at once."""
    for number in range(10):
        device_us = np.arange(number * 111, (number + 1) * 111) * PERIOD_US
        assert host.publish(device_us) == 111
        host.now_ns += NS // 2
    times = np.array([entry[0] for entry in host.published])
    begins = np.flatnonzero(np.diff(times, prepend=0))
    gaps = np.diff(times[begins]) / NS / np.diff(begins)
    assert gaps[np.flatnonzero(begins > 111)[0]:].min() > 0.8 * PERIOD_S


def test_recording_that_is_late_does_not_hurry_more_than_twice(host: Host) -> None:
    """Its samples are not dropped if they wait, but by subscribers with short queues."""
    host.words[kernels.LOSSLESS] = 1
    times, sizes = paced(host, 7000, 13, stall_s=0.9)
    assert (np.diff(times) / sizes[:-1]).min() > 0.5 * PERIOD_S


@pytest.mark.parametrize('rate', [0.5, 1.0, 4.0])
def test_late_playback_keeps_the_distance_of_bursts(host: Host, rate: float) -> None:
    """Batches that are late follow each other without delay: that is no higher playback rate."""
    for number in range(100):
        host.late_ns = [round(300_000 / rate) * (number % 7 == 0)] * 2
        device_us = np.arange(number * 13, (number + 1) * 13) * PERIOD_US
        assert host.publish(device_us, speed=rate) == 13
    times = np.array([entry[0] for entry in host.published]) / NS
    begins = np.flatnonzero(np.diff(times, prepend=0))
    assert (np.diff(times[begins]) / np.diff(begins)).min() > 0.6 * PERIOD_S / rate


def test_late_wake_up_is_not_followed_by_a_burst_at_once(host: Host) -> None:
    """Delays are made up for, a quarter of the distance at a time."""
    host.late_ns = [6_000_000] * 3 + [0] * 20
    times, sizes = paced(host, 1000, 13)
    assert (np.diff(times) / sizes[:-1]).min() > 0.6 * PERIOD_S


def test_loop_without_numba_does_the_same(
    host: Host, monkeypatch: pytest.MonkeyPatch,
) -> None:
    host.late_ns = [0, 2_000_000] * 50
    paced(host, 200, 13, stall_s=0.1)
    for name in ('begin_batch', 'burst_due_ns', '_now_ns', '_sleep_until', 'publish_readings'):
        function = getattr(kernels, name)
        monkeypatch.setattr(kernels, name, getattr(function, 'py_func', function))
    monkeypatch.setattr(kernels, 'call_native', native.call_from_python)
    other = Host(kernels.publish_readings)
    other.late_ns = [0, 2_000_000] * 50
    paced(other, 200, 13, stall_s=0.1)
    assert other.published == host.published
    for tried in (host, other):
        tried.rejected = {tried.attempts + 1}
        assert tried.publish(np.arange(4) * PERIOD_US) == 1


def test_short_delays_do_not_add_up(host: Host) -> None:
    """Each sleep takes half a millisecond too long, as on a busy machine."""
    host.late_ns = [500_000] * 2000
    times, sizes = paced(host, 5000, 13)
    assert times[-1] < sizes.sum() * PERIOD_S + 0.02


def test_gap_or_reset_of_timestamps_is_not_waited_for(host: Host) -> None:
    for jump in (60_000_000, -60_000_000):
        device_us = np.arange(10) * PERIOD_US
        device_us[5:] += jump
        assert host.publish(device_us) == 10
    assert host.now_ns - 100 * NS < 0.1 * NS


def test_without_pacing_nothing_is_waited_for(host: Host) -> None:
    assert host.publish(np.arange(100) * PERIOD_US, speed=0.0) == 100
    assert host.now_ns == 100 * NS and len(host.published) == 100


def test_values_are_those_of_the_readings(host: Host) -> None:
    """Also those of one that follows a rejected one."""
    host.rejected = {3}
    device_us = np.arange(7) * PERIOD_US + 999_000
    assert host.publish(device_us) == 3
    assert host.publish(device_us, begin=4) == 7
    kept = np.delete(device_us, 3)
    assert [entry[1] for entry in host.published] == stamps_ns(kept).tolist()
    assert [entry[2] for entry in host.published] == np.hstack(vectors(kept)).tolist()


def test_time_of_publishing_excludes_waiting(host: Host) -> None:
    assert host.publish(np.arange(15) * PERIOD_US) == 15
    assert host.publish(np.arange(15, 30) * PERIOD_US) == 15
    assert host.words[kernels.BATCHES] == 2
    assert host.now_ns > 100 * NS + 9_000_000
    assert host.words[kernels.BUSY] == host.words[kernels.LONGEST] == 0


def test_without_a_publishing_function_every_reading_is_returned(host: Host) -> None:
    host.words[kernels.PUBLISH] = 0
    assert [host.publish([0, 600], begin=begin) for begin in range(3)] == [0, 1, 2]
