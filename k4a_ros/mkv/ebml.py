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

"""EBML elements and their numbers (RFC 8794), parsed from bytes; nothing is trusted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

#: bytes of the longest header of an element: id and length
HEADER_BYTES = 12


class Malformed(Exception):
    """The bytes are not valid EBML, or not a valid element of a recording."""


class Element(NamedTuple):
    """
    The header of an element.

    ``kind``: its EBML id. ``length`` of the content, bytes; None if unknown. ``content``: position
    of the content.
    """

    kind: int
    length: int | None
    content: int


def parse_header(data: bytes, position: int = 0) -> Element:
    """
    Parse the header of an element.

    :raises Malformed: there is no valid one.
    """
    try:
        width = 9 - data[position].bit_length()
        start = position + width
        first = data[start]
        size = 9 - first.bit_length()
    except IndexError as error:
        raise Malformed from error
    content = start + size
    if width > 4 or size > 8 or content > len(data):
        raise Malformed
    marked = int.from_bytes(data[start:content], 'big')
    unknown = (1 << 7 * size) - 1
    length = marked & unknown
    return Element(int.from_bytes(data[position:start], 'big'),
                   None if length == unknown else length, content)


def parse_number(data: bytes, position: int) -> tuple[int, int]:
    """
    Parse an integer of variable size; return it and the position behind it.

    :raises Malformed: there is none, or all its bits are set, which means unknown.
    """
    if position >= len(data):
        raise Malformed
    width = 9 - data[position].bit_length()
    end = position + width
    if width > 8 or end > len(data):
        raise Malformed
    value = int.from_bytes(data[position:end], 'big') & ((1 << 7 * width) - 1)
    if value == (1 << 7 * width) - 1:
        raise Malformed
    return value, end


def children(data: bytes, most: int = 20_000) -> Iterator[tuple[int, bytes]]:
    """
    Yield id and content of the elements that the content of an element consists of.

    :param most: maximum number of elements.
    :raises Malformed: they do not fill it, or are too many; those before have been yielded.
    """
    position = 0
    while position < len(data):
        kind, length, content = parse_header(data, position)
        most -= 1
        if length is None or content + length > len(data) or most < 0:
            raise Malformed
        position = content + length
        yield kind, data[content:position]


def unsigned(content: bytes) -> int:
    """
    Return the value of an unsigned integer element.

    :raises Malformed: it has more than 8 bytes.
    """
    if len(content) > 8:
        raise Malformed
    return int.from_bytes(content, 'big')


def text(content: bytes) -> str:
    """Return the value of a string element."""
    return content.partition(b'\0')[0].decode(errors='replace')
