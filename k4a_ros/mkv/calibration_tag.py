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
The tag K4A_CALIBRATION_FILE of a recording, which points to the attachment with the calibration.

libk4arecord writes this tag if it gets the calibration from a device, but has no function that
writes it for a calibration from elsewhere (record.cpp, k4a_record_create). So it is added when the
recording is complete: the element Void behind the tags, which libk4arecord reserves for editing,
gets shorter by the length of the tag, and nothing else in the file moves.
Structure: RFC 8794 (EBML) and RFC 9559 (Matroska).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import zlib

_NAME = b'K4A_CALIBRATION_FILE'
_FILE = b'calibration.json'

_SEGMENT = 0x18538067
_CLUSTER = 0x1F43B675
_VOID = 0xEC
_CRC32 = 0xBF
_ATTACHMENTS = 0x1941A469
_ATTACHED_FILE = 0x61A7
_FILE_NAME = 0x466E
_FILE_UID = 0x46AE
_TAGS = 0x1254C367
_TAG = 0x7373
_TARGETS = 0x63C0
_TARGET_TYPE = 0x63CA
_ATTACHMENT_UID = 0x63C6
_SIMPLE_TAG = 0x67C8
_TAG_NAME = 0x45A3
_TAG_STRING = 0x4487

#: maximum size of everything before the first cluster
_MAX_HEAD_BYTES = 1 << 20


@dataclass(frozen=True)
class _Element:
    """An element: its EBML id, and the positions of its header, its content and its end."""

    kind: int
    start: int
    content: int
    end: int


def add_calibration_tag(path: str) -> bool:
    """
    Add the tag to a complete recording of libk4arecord.

    :return: false if the file has the tag, or not the expected structure; it is unchanged then.
    :raises OSError: the file cannot be read or written.
    """
    with open(path, 'r+b') as file:
        head = file.read(_MAX_HEAD_BYTES)
        try:
            edit = _edit(head)
        except IndexError:  # an element extends beyond the head
            return False
        if edit is None:
            return False
        position, data = edit
        file.seek(position)
        file.write(data)
    return True


def _edit(head: bytes) -> tuple[int, bytes] | None:
    """Return the position and the bytes to write; None for an unexpected structure."""
    segment = next((part for part in _elements(head, 0, len(head)) if part.kind == _SEGMENT), None)
    if segment is None:
        return None
    parts = []
    for part in _elements(head, segment.content, segment.end):
        if part.kind == _CLUSTER:
            break
        parts.append(part)
    tags = next((part for part in parts if part.kind == _TAGS), None)
    void = next((part for part in parts if tags is not None and part.start == tags.end), None)
    uid = next((_calibration_uid(head, part) for part in parts if part.kind == _ATTACHMENTS), None)
    if tags is None or void is None or void.kind != _VOID or uid is None:
        return None
    crc = next(_elements(head, tags.content, tags.end))
    if crc.kind != _CRC32 or _NAME in head[tags.content:tags.end]:
        return None
    children = head[crc.end:tags.end] + _tag(uid)
    added = len(children) - (tags.end - crc.end)
    if added > void.end - void.content:
        return None
    checksum = zlib.crc32(children).to_bytes(4, 'little')
    content = _element(_CRC32, checksum) + children
    return tags.start, (
        _header(_TAGS, len(content), tags.content - tags.start) + content
        + _header(_VOID, void.end - void.content - added, void.content - void.start))


def _calibration_uid(head: bytes, attachments: _Element) -> bytes | None:
    """Return the content of the element that identifies the attachment calibration.json."""
    for attached in _elements(head, attachments.content, attachments.end):
        if attached.kind == _ATTACHED_FILE:
            values = {part.kind: head[part.content:part.end]
                      for part in _elements(head, attached.content, attached.end)}
            if values.get(_FILE_NAME) == _FILE:
                return values.get(_FILE_UID)
    return None


def _tag(uid: bytes) -> bytes:
    """Return the tag as k4arecorder writes it."""
    targets = _element(_TARGET_TYPE, b'ATTACHMENT') + _element(_ATTACHMENT_UID, uid)
    simple = _element(_TAG_NAME, _NAME) + _element(_TAG_STRING, _FILE)
    return _element(_TAG, _element(_TARGETS, targets) + _element(_SIMPLE_TAG, simple))


def _elements(head: bytes, position: int, end: int) -> Iterator[_Element]:
    """
    Yield the elements of a range.

    :raises IndexError: the range extends beyond the head.
    """
    while position < end:
        element, length_position = _number(head, position, keep_marker=True)
        length, content = _number(head, length_position, keep_marker=False)
        yield _Element(element, position, content, content + length)
        position = content + length


def _number(head: bytes, position: int, keep_marker: bool) -> tuple[int, int]:
    """Return a variable-length integer and the position behind it."""
    width = 9 - head[position].bit_length()
    value = int.from_bytes(head[position:position + width], 'big')
    return value if keep_marker else value & ((1 << 7 * width) - 1), position + width


def _element(element: int, content: bytes) -> bytes:
    """Return an element with a header that is as short as possible."""
    return _header(element, len(content)) + content


def _header(element: int, length: int, size: int | None = None) -> bytes:
    """
    Return the header of an element.

    :param size: of the header, bytes; None for the shortest.
    """
    identifier = element.to_bytes((element.bit_length() + 7) // 8, 'big')
    if size is None:
        width = next(width for width in range(1, 9) if length < (1 << 7 * width) - 1)
    else:
        width = size - len(identifier)
    return identifier + ((1 << 7 * width) | length).to_bytes(width, 'big')
