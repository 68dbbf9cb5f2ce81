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

"""Compose elements of EBML (RFC 8794): headers, integers, texts and padding."""

from __future__ import annotations

#: length of a segment that is still being written
UNKNOWN_LENGTH = (1 << 56) - 1

_VOID = 0xEC


def header(kind: int, length: int, width: int = 0) -> bytes:
    """
    Return the ID and the length of an element.

    :param width: bytes of the length, up to 8; 0 for as few as possible.
    """
    if not width:
        width = next(width for width in range(1, 9) if length < (1 << 7 * width) - 1)
    return identifier(kind) + (1 << 7 * width | length).to_bytes(width, 'big')


def identifier(kind: int) -> bytes:
    """Return the bytes of an ID."""
    return kind.to_bytes((kind.bit_length() + 7) // 8, 'big')


def element(kind: int, *contents: bytes) -> bytes:
    """Return an element with these contents, one after the other."""
    content = b''.join(contents)
    return header(kind, len(content)) + content


def integer(kind: int, value: int, width: int = 0) -> bytes:
    """
    Return an element with an unsigned integer.

    :param width: bytes of the value; 0 for as few as possible, at least one.
    """
    return element(kind, value.to_bytes(width or max(1, (value.bit_length() + 7) // 8), 'big'))


def text(kind: int, value: str) -> bytes:
    """Return an element with a text."""
    return element(kind, value.encode())


def void(size: int) -> bytes:
    """Return an element without meaning that takes ``size`` bytes, at least 2."""
    width = 1 if size < 100 else 4
    return header(_VOID, size - 1 - width, width) + bytes(size - 1 - width)
