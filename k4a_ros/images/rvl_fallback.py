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


"""What ``rvl_kernels`` does, for where numba is not installed: with numpy, slower."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_NIBBLES_PER_WORD = 8
_SHIFTS = np.arange(28, -4, -4)
#: numbers take at most so many nibbles
_MOST = 11


def encode(depth: Array, words: Array) -> int:
    """Do as ``rvl_kernels.encode``."""
    known = depth != 0
    deltas = np.diff(depth[known].astype(np.int64), prepend=0)
    # where runs of zeros and of others begin, in turn; the first of either may be empty
    turns = np.flatnonzero(np.diff(known, prepend=False, append=False))
    ends = np.concatenate(([0], turns))
    if not known[-1]:
        ends = np.concatenate((ends, [depth.size, depth.size]))
    lengths = np.diff(ends)
    # both lengths stand before the first of the others
    before = np.cumsum(lengths[1::2]) - lengths[1::2]
    numbers = np.insert((deltas << 1) ^ (deltas >> 63), np.repeat(before, 2), lengths)
    return _pack(numbers, words)


def decode(words: Array, depth: Array) -> bool:
    """Do as ``rvl_kernels.decode``."""
    numbers = _unpack(words)
    known = np.zeros(depth.size, bool)
    kept = np.zeros(len(numbers), bool)
    at, i = 0, 0
    while i < depth.size:
        if at + 1 >= len(numbers):
            return False
        i += int(numbers[at])
        others = int(numbers[at + 1])
        at += 2
        if i + others > depth.size or at + others > len(numbers):
            return False
        known[i:i + others] = True
        kept[at:at + others] = True
        i += others
        at += others
    deltas = numbers[kept]
    depth[known] = (np.cumsum((deltas >> 1) ^ -(deltas & 1)) & 0xffff).astype(np.uint16)
    return True


def _pack(numbers: Array, words: Array) -> int:
    """Write numbers as nibbles into words and return how many words there are."""
    counts = np.ones(len(numbers), np.int64)
    for shift in range(3, 3 * _MOST, 3):
        counts += numbers >> shift > 0
    ends = np.cumsum(counts)
    place = np.arange(ends[-1]) - np.repeat(ends - counts, counts)
    nibbles = (np.repeat(numbers, counts) >> 3 * place) & 7
    nibbles[place < np.repeat(counts, counts) - 1] |= 8
    count = -(-len(nibbles) // _NIBBLES_PER_WORD)
    padded = np.zeros((count, _NIBBLES_PER_WORD), np.int64)
    padded.reshape(-1)[:len(nibbles)] = nibbles
    words[:count] = (padded << _SHIFTS).sum(axis=1)
    return count


def _unpack(words: Array) -> Array:
    """Return the numbers in words; what is longer than any number can be counts as none."""
    nibbles = ((words[:, np.newaxis].astype(np.int64) >> _SHIFTS) & 15).reshape(-1)
    ends = np.flatnonzero(nibbles < 8) + 1
    if not len(ends):
        return np.zeros(0, np.int64)
    starts = np.concatenate(([0], ends[:-1]))
    too_long = np.flatnonzero(ends - starts > _MOST)
    if len(too_long):
        starts, ends = starts[:too_long[0]], ends[:too_long[0]]
        if not len(ends):
            return np.zeros(0, np.int64)
    place = np.arange(ends[-1]) - np.repeat(starts, ends - starts)
    numbers: Array = np.add.reduceat((nibbles[:ends[-1]] & 7) << 3 * place, starts)
    return numbers
