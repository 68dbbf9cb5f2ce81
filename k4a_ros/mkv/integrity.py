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
Whether a Matroska file is complete: asked before libk4arecord opens it.

libk4arecord ends the whole process when a file is cut off in the head of an element (an uncaught
``std::runtime_error: EOF in readFully``) or has an empty calibration attachment (it reads the last
byte of nothing), and says nothing that a program can read when it refuses a file. This reads heads
of elements only: of EBML, of the segment and of what is directly in it. Structure: RFC 8794 (EBML)
and RFC 9559 (Matroska).
"""

from __future__ import annotations

import os
from typing import BinaryIO

from k4a_ros.errors import RecordingError

_EBML = 0x1A45DFA3
_DOC_TYPE = 0x4282
_SEGMENT = 0x18538067
_ATTACHMENTS = 0x1941A469
_ATTACHED_FILE = 0x61A7
_FILE_DATA = 0x465C
#: elements that may stand between the EBML head and the segment: Void and CRC-32
_FILLERS = (0xEC, 0xBF)
#: no EBML head of a real file is longer
_LONGEST_HEAD = 4096


class _Malformed(Exception):
    """The bytes are no EBML."""


def check_complete(path: str) -> None:
    """
    Make sure that a file is a Matroska file with nothing missing at its end.

    :raises RecordingError: it is not, or it cannot be read.
    """
    try:
        with open(path, 'rb') as file:
            size = os.fstat(file.fileno()).st_size
            reason = _what_is_wrong(file, size)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
    if reason:
        raise RecordingError(f'cannot open recording {path}: {reason}')


def _what_is_wrong(file: BinaryIO, size: int) -> str:
    """Return why libk4arecord must not see this file, '' if it may."""
    if size == 0:
        return 'the file is empty'
    try:
        element, length, head_end = _head(file)
        if element != _EBML or length is None or length > _LONGEST_HEAD:
            return 'it is not a Matroska file'
        if head_end + length > size:
            return 'it is cut off in its first bytes'
        if _doc_type(file, head_end + length) != b'matroska':
            return 'it is not a Matroska file'
        file.seek(head_end + length)
        element, length, start = _head(file)
        while element in _FILLERS and length is not None:
            file.seek(start + length)
            element, length, start = _head(file)
    except _Malformed:
        return 'it is cut off in its first bytes, or not a Matroska file'
    if element != _SEGMENT:
        return 'it is a damaged Matroska file: no segment follows the head'
    if not length:
        return ('it was never finished: the program that recorded it was killed before it could '
                'write the index; record again')
    if start + length > size:
        return (f'it is cut off: {size} of {start + length} bytes are there; '
                'copy it again from where it came from')
    try:
        if _has_empty_attachment(file, start + length):
            return 'an attachment of it is empty, probably its factory calibration'
    except _Malformed:
        return 'it is damaged: its elements do not fit into each other'
    return ''


def _has_empty_attachment(file: BinaryIO, end: int) -> bool:
    """Return whether an attached file has no bytes, the file standing in the segment."""
    while file.tell() < end:
        element, length, start = _head(file)
        if element in (_ATTACHMENTS, _ATTACHED_FILE):
            continue  # to its children
        if element == _FILE_DATA and length == 0:
            return True
        if length is None:
            return False  # a cluster of unknown length: what follows cannot be found
        file.seek(start + length)
    return False


def _doc_type(file: BinaryIO, end: int) -> bytes:
    """Return the document type that the EBML head names, the file standing at its first child."""
    while file.tell() < end:
        element, length, start = _head(file)
        if length is None or start + length > end:
            raise _Malformed
        if element == _DOC_TYPE:
            return file.read(length).rstrip(b'\0')
        file.seek(start + length)
    return b''


def _head(file: BinaryIO) -> tuple[int, int | None, int]:
    """Read the head of an element: its id, its length (None: unknown), where its data starts."""
    element = _number(file, longest=4, keep_marker=True)
    length = _number(file, longest=8, keep_marker=False)
    return element if element is not None else -1, length, file.tell()


def _number(file: BinaryIO, longest: int, keep_marker: bool) -> int | None:
    """Read a number of variable length; None if all its bits are one, which means unknown."""
    first = file.read(1)
    width = 9 - first[0].bit_length() if first else 0
    if not 1 <= width <= longest:
        raise _Malformed
    rest = file.read(width - 1)
    if len(rest) != width - 1:
        raise _Malformed
    value = int.from_bytes(first + rest, 'big')
    if keep_marker:
        return value
    value &= (1 << 7 * width) - 1
    return None if value == (1 << 7 * width) - 1 else value
