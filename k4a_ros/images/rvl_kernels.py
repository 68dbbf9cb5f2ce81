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
The inner loops of RVL, compiled where numba is installed.

An image is turns of a run of zeros and a run of others: the length of the one, of the other, and
the differences of the others, each to the last that was not zero, as 0, -1, 1, -2, 2 and so on.
Numbers are written in nibbles of three bits, the least significant first, the fourth bit saying
that more follow; nibbles fill words of 32 bits from the top (Wilson 2017).
"""

from __future__ import annotations

from typing import Any

from k4a_ros.jit.numba_jit import compiled
import numpy as np

_MORE = np.uint64(8)
_THREE = np.uint64(3)
_FOUR = np.uint64(4)
_SEVEN = np.uint64(7)
_WORD = 32


@compiled
def encode(depth: Any, words: Any) -> int:
    """
    Compress an image.

    :param depth: (N,) uint16.
    :param words: uint32: written; N + 3 are always enough.
    :return: how many words there are.
    """
    size = depth.size
    count, filled, pending = 0, 0, np.uint64(0)
    previous = 0
    i = 0
    while i < size:
        start = i
        while i < size and depth[i] == 0:
            i += 1
        middle = i
        while i < size and depth[i] != 0:
            i += 1
        for k in range(middle - 2, i):
            if k == middle - 2:
                rest = np.uint64(middle - start)
            elif k == middle - 1:
                rest = np.uint64(i - middle)
            else:
                delta = int(depth[k]) - previous
                previous = int(depth[k])
                rest = np.uint64((delta << 1) ^ (delta >> 63))
            while rest > _SEVEN:
                pending = (pending << _FOUR) | (rest & _SEVEN) | _MORE
                rest >>= _THREE
                filled += 4
            pending = (pending << _FOUR) | rest
            filled += 4
            if filled >= _WORD:
                filled -= _WORD
                words[count] = np.uint32(pending >> np.uint64(filled))
                count += 1
    if filled:
        words[count] = np.uint32(pending << np.uint64(_WORD - filled))
        count += 1
    return count


@compiled
def decode(words: Any, depth: Any) -> bool:
    """
    Restore an image.

    :param words: (M,) uint32.
    :param depth: (N,) uint16: written; 0 before.
    :return: False if the words do not describe an image of this size.
    """
    size, end = depth.size, 8 * words.size
    nibble = 0
    previous = 0
    i = 0
    is_zeros = True
    left = 0
    while i < size or left:
        # a number
        value, shift = 0, 0
        while True:
            if nibble >= end or shift > 30:
                return False
            part = (words[nibble >> 3] >> np.uint32(28 - 4 * (nibble & 7))) & np.uint32(15)
            nibble += 1
            value |= (int(part) & 7) << shift
            shift += 3
            if part < 8:
                break
        if left:
            previous = (previous + ((value >> 1) ^ -(value & 1))) & 0xffff
            depth[i] = previous
            i += 1
            left -= 1
            is_zeros = True
        elif is_zeros:
            if value > size - i:
                return False
            i += value
            is_zeros = False
        else:
            if value > size - i:
                return False
            left = value
            is_zeros = True
    return True
