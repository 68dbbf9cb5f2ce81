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
Check that a Matroska file is complete before libk4arecord opens it.

libk4arecord aborts the process if a file is truncated within the header of an element (uncaught
``std::runtime_error: EOF in readFully``) or has an empty calibration attachment (it reads before
the start of an empty buffer), and gives no reason that a program can read when it rejects a file.
This reads only the headers of EBML, of the segment and of the segment's direct children.
Structure: RFC 8794 (EBML) and RFC 9559 (Matroska).
"""

from __future__ import annotations

import os
from typing import BinaryIO

from k4a_ros.errors import FileError
from k4a_ros.errors import RecordingError
from k4a_ros.process.files import open_regular

_EBML = 0x1A45DFA3
_DOC_TYPE = 0x4282
_SEGMENT = 0x18538067
_ATTACHMENTS = 0x1941A469
_ATTACHED_FILE = 0x61A7
_FILE_DATA = 0x465C
#: elements allowed between the EBML header and the segment: Void and CRC-32
_FILLERS = (0xEC, 0xBF)
#: maximum length of an EBML header; far more than any real file needs
_MAX_EBML_BYTES = 4096


class _Malformed(Exception):
    """The bytes are not valid EBML."""


def check_complete(path: str) -> None:
    """
    Check that a file is a Matroska file and that its end is not missing.

    :raises RecordingError: it is not, or it cannot be read.
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            reason = _defect(file, size)
    except FileError as error:
        reason = str(error)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
    if reason:
        raise RecordingError(f'cannot open recording {path}: {reason}')


def _defect(file: BinaryIO, size: int) -> str:
    """Return why libk4arecord must not open this file; empty if it can."""
    if size == 0:
        return 'the file is empty'
    try:
        element, length, header_end = _read_header(file)
        if element != _EBML or length is None or length > _MAX_EBML_BYTES:
            return 'it is not a Matroska file'
        if header_end + length > size:
            return 'it is truncated within its header'
        if _doc_type(file, header_end + length) != b'matroska':
            return 'it is not a Matroska file'
        file.seek(header_end + length)
        element, length, start = _read_header(file)
        while element in _FILLERS and length is not None:
            file.seek(start + length)
            element, length, start = _read_header(file)
    except _Malformed:
        return 'it is truncated within its header, or not a Matroska file'
    if element != _SEGMENT:
        return 'it is a damaged Matroska file: no segment follows its header'
    if not length:
        return ('the recording was not finished: the program was killed before it could write the '
                'index; record again')
    if start + length > size:
        return (f'it is truncated: it has {size} of {start + length} bytes; copy the original '
                'file again')
    try:
        if _has_empty_attachment(file, start + length):
            return 'one of its attachments is empty, probably the factory calibration'
    except _Malformed:
        return 'it is damaged: the sizes of its elements are inconsistent'
    return ''


def _has_empty_attachment(file: BinaryIO, end: int) -> bool:
    """Return whether an attachment is empty; the file is positioned at the segment's content."""
    while file.tell() < end:
        element, length, start = _read_header(file)
        if element in (_ATTACHMENTS, _ATTACHED_FILE):
            continue  # descend to its children
        if element == _FILE_DATA and length == 0:
            return True
        if length is None:
            return False  # a cluster of unknown length, after which nothing can be found
        file.seek(start + length)
    return False


def _doc_type(file: BinaryIO, end: int) -> bytes:
    """Return the document type; the file is positioned at the content of the EBML header."""
    while file.tell() < end:
        element, length, start = _read_header(file)
        if length is None or start + length > end:
            raise _Malformed
        if element == _DOC_TYPE:
            return file.read(length).rstrip(b'\0')
        file.seek(start + length)
    return b''


def _read_header(file: BinaryIO) -> tuple[int, int | None, int]:
    """Read an element header; return id, length (None if unknown) and position of its content."""
    element = _read_vint(file, longest=4, keep_marker=True)
    length = _read_vint(file, longest=8, keep_marker=False)
    return element if element is not None else -1, length, file.tell()


def _read_vint(file: BinaryIO, longest: int, keep_marker: bool) -> int | None:
    """Read a variable-length integer; None if all its bits are set, which means unknown."""
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
