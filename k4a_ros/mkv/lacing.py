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

"""The sizes of the frames of a laced Matroska block (RFC 9559, section 10)."""

from __future__ import annotations

from k4a_ros.mkv.ebml import Malformed
from k4a_ros.mkv.ebml import parse_number

NO_LACING, XIPH, FIXED, EBML = range(4)
#: bytes of the longest table of sizes that is accepted; 255 frames of 40 bytes have 257
MAX_TABLE_BYTES = 4096


def frame_sizes(data: bytes, lacing: int, size: int) -> tuple[int, tuple[int, ...]]:
    """
    Parse the table at the start of a laced block.

    :param data: the block behind its flags, at least MAX_TABLE_BYTES or all of it.
    :param lacing: XIPH, FIXED or EBML.
    :param size: of the block behind its flags, bytes.
    :return: size of the table, and sizes of the frames, which fill the rest.
    :raises Malformed: they do not.
    """
    if not data:
        raise Malformed
    count, position = data[0] + 1, 1
    if lacing == FIXED:
        if (size - 1) % count:
            raise Malformed
        return 1, ((size - 1) // count,) * count
    sizes: list[int] = []
    for _ in range(count - 1):
        if lacing == XIPH:
            value, position = _xiph_size(data, position)
        elif not sizes:
            value, position = parse_number(data, position)
        else:  # difference to the one before, with an offset
            start = position
            value, position = parse_number(data, position)
            value += sizes[-1] - ((1 << 7 * (position - start) - 1) - 1)
        if value < 0:
            raise Malformed
        sizes.append(value)
    last = size - position - sum(sizes)
    if last < 0:
        raise Malformed
    return position, (*sizes, last)


def _xiph_size(data: bytes, position: int) -> tuple[int, int]:
    """Parse a sum of bytes that ends with the first below 255; return it and what follows."""
    size = 0
    for index in range(position, len(data)):
        size += data[index]
        if data[index] < 255:
            return size, index + 1
    raise Malformed
