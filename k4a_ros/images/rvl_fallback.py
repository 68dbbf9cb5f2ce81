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

"""The kernels of ``rvl_kernels`` in numpy, slower, for installations without numba."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_NIBBLES_PER_WORD = 8
#: from the top of a word
_NIBBLE_SHIFTS = np.arange(28, -4, -4)
#: nibbles of the longest number that is valid
_MAX_NIBBLES = 11


def encode(depth: Array, words: Array) -> int:
    """Do the same as ``rvl_kernels.encode``."""
    nonzero = depth != 0
    deltas = np.diff(depth[nonzero].astype(np.int64), prepend=0)
    # where runs of zeros and of non-zero pixels start, alternating; the first may be empty
    changes = np.flatnonzero(np.diff(nonzero, prepend=False, append=False))
    bounds = np.concatenate(([0], changes))
    if not nonzero[-1]:
        bounds = np.concatenate((bounds, [depth.size, depth.size]))
    lengths = np.diff(bounds)
    # both lengths precede the first value of their block
    values_before = np.cumsum(lengths[1::2]) - lengths[1::2]
    numbers = np.insert((deltas << 1) ^ (deltas >> 63), np.repeat(values_before, 2), lengths)
    return _pack(numbers, words)


def decode(words: Array, depth: Array) -> bool:
    """Do the same as ``rvl_kernels.decode``."""
    numbers = _unpack(words)
    nonzero = np.zeros(depth.size, bool)
    is_delta = np.zeros(len(numbers), bool)
    at, i = 0, 0
    while i < depth.size:
        if at + 1 >= len(numbers):
            return False
        i += int(numbers[at])
        values = int(numbers[at + 1])
        at += 2
        if i + values > depth.size or at + values > len(numbers):
            return False
        nonzero[i:i + values] = True
        is_delta[at:at + values] = True
        i += values
        at += values
    deltas = numbers[is_delta]
    depth[nonzero] = (np.cumsum((deltas >> 1) ^ -(deltas & 1)) & 0xffff).astype(np.uint16)
    return True


def _pack(numbers: Array, words: Array) -> int:
    """Write numbers as nibbles into words, and return the number of words."""
    nibble_counts = np.ones(len(numbers), np.int64)
    for shift in range(3, 3 * _MAX_NIBBLES, 3):
        nibble_counts += numbers >> shift > 0
    ends = np.cumsum(nibble_counts)
    # of each nibble within its number
    position = np.arange(ends[-1]) - np.repeat(ends - nibble_counts, nibble_counts)
    nibbles = (np.repeat(numbers, nibble_counts) >> 3 * position) & 7
    nibbles[position < np.repeat(nibble_counts, nibble_counts) - 1] |= 8
    count = -(-len(nibbles) // _NIBBLES_PER_WORD)
    padded = np.zeros((count, _NIBBLES_PER_WORD), np.int64)
    padded.reshape(-1)[:len(nibbles)] = nibbles
    words[:count] = (padded << _NIBBLE_SHIFTS).sum(axis=1)
    return count


def _unpack(words: Array) -> Array:
    """Return the numbers in words, up to the first one with too many nibbles to be valid."""
    nibbles = ((words[:, np.newaxis].astype(np.int64) >> _NIBBLE_SHIFTS) & 15).reshape(-1)
    ends = np.flatnonzero(nibbles < 8) + 1
    if not len(ends):
        return np.zeros(0, np.int64)
    starts = np.concatenate(([0], ends[:-1]))
    too_long = np.flatnonzero(ends - starts > _MAX_NIBBLES)
    if len(too_long):
        starts, ends = starts[:too_long[0]], ends[:too_long[0]]
        if not len(ends):
            return np.zeros(0, np.int64)
    position = np.arange(ends[-1]) - np.repeat(starts, ends - starts)
    numbers: Array = np.add.reduceat((nibbles[:ends[-1]] & 7) << 3 * position, starts)
    return numbers
