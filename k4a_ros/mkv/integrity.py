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
This reads only the headers of elements; `segment` has those within the segment.
Structure: RFC 8794 (EBML) and RFC 9559 (Matroska).
"""

from __future__ import annotations

import os
from typing import BinaryIO

from k4a_ros.errors import FileError
from k4a_ros.errors import RecordingError
from k4a_ros.mkv.ebml import Malformed
from k4a_ros.mkv.ebml import read_header
from k4a_ros.mkv.segment import SegmentCheck
from k4a_ros.process.files import open_regular

_EBML = 0x1A45DFA3
_DOC_TYPE = 0x4282
_SEGMENT = 0x18538067
#: elements allowed between the EBML header and the segment: Void and CRC-32
_FILLERS = (0xEC, 0xBF)
#: maximum length of an EBML header; far more than any real file needs
_MAX_EBML_BYTES = 4096


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
        element, length, header_end = read_header(file)
        if element != _EBML or length is None or length > _MAX_EBML_BYTES:
            return 'it is not a Matroska file'
        if header_end + length > size:
            return 'it is truncated within its header'
        if _doc_type(file, header_end + length) != b'matroska':
            return 'it is not a Matroska file'
        file.seek(header_end + length)
        element, length, start = read_header(file)
        while element in _FILLERS and length is not None:
            file.seek(start + length)
            element, length, start = read_header(file)
    except Malformed:
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
        return SegmentCheck(file, start, start + length).defect()
    except Malformed:
        return 'it is damaged: the sizes of its elements are inconsistent'


def _doc_type(file: BinaryIO, end: int) -> bytes:
    """Return the document type; the file is positioned at the content of the EBML header."""
    while file.tell() < end:
        element, length, start = read_header(file)
        if length is None or start + length > end:
            raise Malformed
        if element == _DOC_TYPE:
            return file.read(length).rstrip(b'\0')
        file.seek(start + length)
    return b''
