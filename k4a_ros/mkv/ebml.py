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

"""Read headers of EBML elements (RFC 8794)."""

from __future__ import annotations

from typing import BinaryIO


class Malformed(Exception):
    """The bytes are not valid EBML, or not a valid element of a recording."""


def read_header(file: BinaryIO) -> tuple[int, int | None, int]:
    """Read an element header; return id, length (None if unknown) and position of its content."""
    element = read_vint(file, longest=4, keep_marker=True)
    length = read_vint(file, longest=8)
    return element if element is not None else -1, length, file.tell()


def read_vint(file: BinaryIO, longest: int = 8, keep_marker: bool = False) -> int | None:
    """Read a variable-length integer; None if all its bits are set, which means unknown."""
    first = file.read(1)
    width = 9 - first[0].bit_length() if first else 0
    if not 1 <= width <= longest:
        raise Malformed
    rest = file.read(width - 1)
    if len(rest) != width - 1:
        raise Malformed
    value = int.from_bytes(first + rest, 'big')
    if keep_marker:
        return value
    value &= (1 << 7 * width) - 1
    return None if value == (1 << 7 * width) - 1 else value
