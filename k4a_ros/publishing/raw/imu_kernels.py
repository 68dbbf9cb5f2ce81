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

"""
Publish IMU readings in paced bursts, in a loop compiled with numba.

Waking up the interpreter for each burst, and each operation of numpy in it, costs as much as
publishing two messages, because their code and data have left the caches of the processor by then.
"""

from __future__ import annotations

from typing import Any

from k4a_ros.jit.native import call_native
from k4a_ros.jit.numba_jit import compiled

#: readings of a burst, at most
BURST = 5
#: What ``words`` has, int64: addresses of functions in C, of the publisher and of the message; the
#: indices of stamp, acceleration and angular velocity, which are parts of the message ...
PUBLISH, PUBLISHER, CLOCK_GETTIME, CLOCK_NANOSLEEP, MESSAGE, STAMP, ACC, GYRO = range(8)
#: ... 1 if all readings wait until they are published, 0 if they are dropped at some time ...
LOSSLESS = 8
#: ... a struct timespec; when the last batch and the last burst began, nanoseconds; device time
#: of the first reading of the last burst, microseconds; nanoseconds between bursts per microsecond
#: between their readings ...
SECONDS, NANOSECONDS, BATCH, BEGAN, FIRST_US, PACE = range(9, 15)
#: ... number of batches, the time that publishing them took without waiting, and that of the one
#: that took longest, nanoseconds, since the caller set them to 0; what of the last batch was slept
BATCHES, BUSY, LONGEST, SLEPT = range(15, 19)
WORDS = 19

_CLOCK_MONOTONIC, _TIMER_ABSTIME = 1, 1
_NS_PER_S = 1_000_000_000
#: Nanoseconds between bursts per microsecond between their readings: a little faster than they
#: were measured, so that delays do not add up ...
_NORMAL_PACE = 850
#: ... while more waits than a recording delivers at once between slow images at 15 fps ...
_BACKLOG_PACE, _BACKLOG_NS = 510, 100_000_000
#: ... and while half of the samples wait that may, if what is not published soon is dropped
_LARGE_BACKLOG_PACE, _LARGE_BACKLOG_NS = 255, 500_000_000
#: share of the time between two bursts, as a divisor, that is made up for after a late one
_CATCH_UP_OF = 4
#: bursts are not further apart than this, nanoseconds: timestamps may have gaps
_LONGEST_GAP_NS = 20_000_000


@compiled
def begin_batch(words: Any, device_us: Any, speed: float) -> None:
    """
    Set the pace of the bursts of a batch.

    :param words: (`WORDS`,) int64: modified.
    :param device_us: (N,) int64 device time of its readings, microseconds.
    :param speed: device seconds per second, above 0.
    """
    count, pace = device_us.size, _NORMAL_PACE
    if count > 1:
        waiting_ns = (device_us[count - 1] - device_us[0]) * 1000 // (count - 1) * count
        if waiting_ns > _LARGE_BACKLOG_NS * speed and not words[LOSSLESS]:
            pace = _LARGE_BACKLOG_PACE
        elif waiting_ns > _BACKLOG_NS * speed:
            pace = _BACKLOG_PACE
    words[PACE] = int(pace / speed)


@compiled
def burst_due_ns(words: Any, first_us: int) -> int:
    """Return when the burst that begins with a reading is due, monotonic time."""
    gap_ns = (first_us - words[FIRST_US]) * words[PACE]
    due_ns: int = words[BEGAN] + min(max(gap_ns, 0), _LONGEST_GAP_NS)
    return due_ns


@compiled
def _now_ns(words: Any) -> int:
    call_native(words[CLOCK_GETTIME], (_CLOCK_MONOTONIC, words[SECONDS:].ctypes.data))
    now_ns: int = words[SECONDS] * _NS_PER_S + words[NANOSECONDS]
    return now_ns


@compiled
def _sleep_until(words: Any, due_ns: int) -> None:
    words[SECONDS], words[NANOSECONDS] = due_ns // _NS_PER_S, due_ns % _NS_PER_S
    call_native(words[CLOCK_NANOSLEEP],
                (_CLOCK_MONOTONIC, _TIMER_ABSTIME, words[SECONDS:].ctypes.data, 0))


@compiled
def publish_readings(
    words: Any, floats: Any, begin: int, speed: float,
    stamps_ns: Any, device_us: Any, acc: Any, gyro: Any,
) -> int:
    """
    Write each reading of a batch to the message and publish it, in bursts that are due.

    :param words: int64, with the message after the first `WORDS`: modified. Address 0 of the
        publishing function publishes nothing.
    :param floats: the same memory as float64.
    :param begin: number of the first reading to publish; 0 begins a batch.
    :param speed: device seconds per second, sets when bursts are due; 0 waits for nothing.
    :param stamps_ns: (N,) int64 ROS time.
    :param device_us: (N,) int64 device time, microseconds.
    :param acc: (N, 3) float64 acceleration, m/s².
    :param gyro: (N, 3) float64 angular velocity, rad/s.
    :return: number of the reading that the middleware has rejected; it is in the message. N if
        all have been published.
    """
    if begin == 0:
        words[SLEPT], words[BATCH] = 0, _now_ns(words)
        if speed > 0.0:
            begin_batch(words, device_us, speed)
    count = stamps_ns.size
    bursts = (count + BURST - 1) // BURST  # of nearly equal size
    for index in range(begin, count):
        if speed > 0.0 and index * bursts % count < bursts:
            due_ns, now_ns = burst_due_ns(words, device_us[index]), _now_ns(words)
            if now_ns < due_ns:
                before_ns = now_ns
                _sleep_until(words, due_ns)
                now_ns = _now_ns(words)
                words[SLEPT] += now_ns - before_ns
                # make up for a late wake-up, in part
                now_ns = max(due_ns, now_ns - (due_ns - words[BEGAN]) // _CATCH_UP_OF)
            words[BEGAN], words[FIRST_US] = now_ns, device_us[index]
        # two numbers of 32 bits: seconds, and nanoseconds in the upper half
        words[words[STAMP]] = (
            stamps_ns[index] // _NS_PER_S | (stamps_ns[index] % _NS_PER_S) << 32)
        for axis in range(3):
            floats[words[ACC] + axis] = acc[index, axis]
            floats[words[GYRO] + axis] = gyro[index, axis]
        if words[PUBLISH] == 0 or call_native(
                words[PUBLISH], (words[PUBLISHER], words[MESSAGE], 0)) != 0:
            return index
    busy_ns = _now_ns(words) - words[BATCH] - words[SLEPT]
    words[BATCHES] += 1
    words[BUSY] += busy_ns
    words[LONGEST] = max(words[LONGEST], busy_ns)
    return int(count)
