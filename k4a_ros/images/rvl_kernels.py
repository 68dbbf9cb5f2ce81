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
Inner loops of RVL, compiled with numba.

An image is a sequence of blocks: a run of zeros and a run of non-zero pixels. A block consists of
both lengths and, for each non-zero pixel, the difference to the previous non-zero pixel, zigzag
encoded (0, -1, 1, -2, 2 become 0, 1, 2, 3, 4). Numbers are written as nibbles of three bits, least
significant first; the fourth bit says that another nibble follows. Nibbles fill 32-bit words from
the top (Wilson 2017).
"""

from __future__ import annotations

from typing import Any

from k4a_ros.jit.numba_jit import compiled
import numpy as np

_WORD_BITS = 32
#: bits of a nibble that hold a part of the number
_PAYLOAD = np.uint64(7)
_PAYLOAD_BITS = np.uint64(3)
#: bit of a nibble that says that another one follows
_CONTINUED = np.uint64(8)
_NIBBLE_BITS = np.uint64(4)


@compiled
def encode(depth: Any, words: Any) -> int:
    """
    Compress an image.

    :param depth: (N,) uint16.
    :param words: uint32: written; N + 3 words are always enough.
    :return: number of words written.
    """
    size = depth.size
    count, pending_bits, pending = 0, 0, np.uint64(0)
    previous = 0
    i = 0
    while i < size:
        zeros_start = i
        while i < size and depth[i] == 0:
            i += 1
        values_start = i
        while i < size and depth[i] != 0:
            i += 1
        # the two lengths come first, as numbers -2 and -1 of the block
        for k in range(values_start - 2, i):
            if k == values_start - 2:
                rest = np.uint64(values_start - zeros_start)
            elif k == values_start - 1:
                rest = np.uint64(i - values_start)
            else:
                delta = int(depth[k]) - previous
                previous = int(depth[k])
                rest = np.uint64((delta << 1) ^ (delta >> 63))
            while rest > _PAYLOAD:
                pending = (pending << _NIBBLE_BITS) | (rest & _PAYLOAD) | _CONTINUED
                rest >>= _PAYLOAD_BITS
                pending_bits += 4
            pending = (pending << _NIBBLE_BITS) | rest
            pending_bits += 4
            if pending_bits >= _WORD_BITS:
                pending_bits -= _WORD_BITS
                words[count] = np.uint32(pending >> np.uint64(pending_bits))
                count += 1
    if pending_bits:
        words[count] = np.uint32(pending << np.uint64(_WORD_BITS - pending_bits))
        count += 1
    return count


@compiled
def decode(words: Any, depth: Any) -> bool:
    """
    Decompress an image.

    :param words: (M,) uint32.
    :param depth: (N,) uint16, all 0: written.
    :return: whether the words describe an image of this size.
    """
    size, nibble_count = depth.size, 8 * words.size
    nibble_index = 0
    previous = 0
    i = 0
    expect_zeros = True
    values_left = 0
    while i < size or values_left:
        value, shift = 0, 0
        while True:
            if nibble_index >= nibble_count or shift > 30:
                return False
            nibble = ((words[nibble_index >> 3] >> np.uint32(28 - 4 * (nibble_index & 7)))
                      & np.uint32(15))
            nibble_index += 1
            value |= (int(nibble) & 7) << shift
            shift += 3
            if nibble < 8:
                break
        if values_left:
            previous = (previous + ((value >> 1) ^ -(value & 1))) & 0xffff
            depth[i] = previous
            i += 1
            values_left -= 1
            expect_zeros = True
        elif expect_zeros:
            if value > size - i:
                return False
            i += value
            expect_zeros = False
        else:
            if value > size - i:
                return False
            values_left = value
            expect_zeros = True
    return True
