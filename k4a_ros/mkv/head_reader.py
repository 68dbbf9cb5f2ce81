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
The head of a Matroska file (RFC 9559): information, tracks, tags and attachments.

What can be read of a damaged head is returned. The number of elements and the bytes that are read
are limited, whatever the file says.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
import re
from typing import TypeVar

from k4a_ros.mkv import ebml
from k4a_ros.mkv.ebml import children
from k4a_ros.mkv.ebml import Malformed
from k4a_ros.mkv.ebml import text
from k4a_ros.mkv.ebml import unsigned
from k4a_ros.mkv.source import Source

T = TypeVar('T')

SEGMENT, CLUSTER = 0x18538067, 0x1F43B675
SEEK_HEAD, INFO, TRACKS, TAGS = 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1254C367
ATTACHMENTS, CUES, CHAPTERS = 0x1941A469, 0x1C53BB6B, 0x1043A770
VOID, CRC32 = 0xEC, 0xBF
#: what a segment consists of
TOP_LEVEL = frozenset({
    CLUSTER, SEEK_HEAD, INFO, TRACKS, TAGS, ATTACHMENTS, CUES, CHAPTERS, VOID, CRC32})
_FIRST_IN_CLUSTER = (CRC32, VOID, 0xE7, 0xA7, 0xAB)
_EBML, _DOC_TYPE = 0x1A45DFA3, 0x4282
_TOP_LEVEL_IDS = re.compile(b'|'.join(
    re.escape(kind.to_bytes(4, 'big')) for kind in TOP_LEVEL - {VOID, CRC32}))
#: unit of times in the files of libk4arecord
LIBK4ARECORD_SCALE_NS = 1000
#: maximum sizes: of the EBML header, and of each element of the head that is read
_MAX_EBML_BYTES, _MAX_HEAD_BYTES = 4096, 1 << 24
#: maximum number of elements before the first cluster
_MAX_ELEMENTS = 1000
#: maximum number of places with damage among them
_MAX_DAMAGES = 16
#: maximum number of tracks that are considered
_MAX_TRACKS = 256


class NotMatroska(Exception):
    """The file is not a Matroska file, or nothing of it can be read; the message says why."""


@dataclass
class Track:
    """
    A track as its header describes it; 0 or empty for what it does not say.

    ``period_ns``: distance of its frames. ``fourcc`` of its images: 'MJPG', 'b16g' ...
    compressed or encrypted.
    """

    number: int = 0
    uid: int = 0
    kind: int = 0
    name: str = ''
    codec: str = ''
    private: bytes = b''
    period_ns: int = 0
    width: int = 0
    height: int = 0
    fourcc: str = ''
    encoded: bool = False


@dataclass(frozen=True)
class Tag:
    """One value, and the ids of the track and of the attachment that it belongs to; 0 for none."""

    name: str
    value: str
    track_uid: int = 0
    attachment_uid: int = 0


@dataclass(frozen=True)
class Attachment:
    """An attached file."""

    name: str
    uid: int
    content: bytes


@dataclass
class Head:
    """
    The head of a file.

    ``scale_ns``: unit of its times. ``start``, ``end``: range of its clusters, to the end of the
    file; data behind the segment is of a program that was killed before it corrected its size.
    ``segment_end``: where the segment should end, None if it does not say. ``damaged``: some
    elements could not be read.
    """

    start: int = 0
    end: int = 0
    segment_end: int | None = None
    scale_ns: int = 1_000_000
    writer: str = ''
    tracks: list[Track] = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    damaged: bool = False


def read_head(source: Source) -> Head:
    """
    Read the head of a file, up to its first cluster and what it refers to.

    :raises NotMatroska: it has none.
    :raises CameraLostError: the file cannot be read.
    """
    return _HeadReader(source).read()


class _HeadReader:
    """Reads one head."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._head = Head(end=source.size)
        self._seen: set[int] = set()
        self._resumed = 0
        self._references: list[tuple[int, int]] = []

    def read(self) -> Head:
        source, head = self._source, self._head
        if not source.size:
            raise NotMatroska('the file is empty')
        position = self._after_ebml_header()
        kind, length, content = self._header(position)
        while kind in (VOID, CRC32) and length is not None:
            kind, length, content = self._header(content + length)
        if kind != SEGMENT:
            raise NotMatroska('it is a damaged Matroska file: no segment follows its header')
        if length:
            head.segment_end = content + length
        head.start = self._read_elements(content)
        for kind, offset in self._references:
            if kind not in self._seen and head.start <= content + offset < head.end:
                self._read_element(kind, content + offset)
        if INFO not in self._seen:  # libk4arecord writes it at the end
            head.scale_ns = LIBK4ARECORD_SCALE_NS
        return head

    def _after_ebml_header(self) -> int:
        """Check the EBML header, and return the position behind it."""
        kind, length, content = self._header(0)
        if kind != _EBML or length is None or length > _MAX_EBML_BYTES:
            raise NotMatroska('it is not a Matroska file')
        data = self._source.read(content, length)
        if len(data) < length:
            raise NotMatroska('it is truncated within its header')
        try:
            document = dict(children(data)).get(_DOC_TYPE, b'')
        except Malformed:
            document = b''
        if text(document) != 'matroska':
            raise NotMatroska('it is not a Matroska file')
        return content + length

    def _header(self, position: int) -> ebml.Element:
        """Return the header of an element of the top levels."""
        data = self._source.read(position, ebml.HEADER_BYTES)
        try:
            kind, length, content = ebml.parse_header(data)
        except Malformed as error:
            raise NotMatroska(
                'it is truncated within its header, or not a Matroska file') from error
        return ebml.Element(kind, length, position + content)

    def _read_elements(self, position: int) -> int:
        """Read the elements of the segment up to the first cluster; return its position."""
        for _ in range(_MAX_ELEMENTS):
            if position >= self._head.end:
                break
            try:
                kind, length, content = self._header(position)
            except NotMatroska:
                kind, length, content = 0, None, position + 1
            if kind == CLUSTER:
                break
            if kind not in TOP_LEVEL or length is None:
                position = self._resume(position + 1)
                continue
            self._read_element(kind, position)
            position = content + length
            if position > self._head.end:  # cut, or its length is wrong
                position = self._resume(content)
        return min(position, self._head.end)

    def _resume(self, position: int) -> int:
        """Return the position of the next element of the segment after damage."""
        self._head.damaged = True
        self._resumed += 1
        if self._resumed > _MAX_DAMAGES:
            return self._head.end
        data = self._source.read(position, _MAX_HEAD_BYTES)
        for found in _TOP_LEVEL_IDS.finditer(data):
            if _is_element(data, found.start()):
                return position + found.start()
        return self._head.end

    def _read_element(self, kind: int, position: int) -> None:
        """Read an element of the head, as far as it is valid."""
        parsers = {INFO: self._info, TRACKS: self._tracks, TAGS: self._tags,
                   ATTACHMENTS: self._attachments, SEEK_HEAD: self._seek_head}
        head = self._head
        try:
            found, length, content = self._header(position)
        except NotMatroska:
            head.damaged = True
            return
        if found != kind or kind not in parsers:
            return
        if length is None or length > _MAX_HEAD_BYTES:
            head.damaged = True
            return
        data = self._source.read(content, min(length, max(0, head.end - content)))
        self._seen.add(kind)
        parsers[kind](data)
        if len(data) < length:
            head.damaged = True

    def _children(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield id and content of the children of an element, up to one that is malformed."""
        try:
            yield from children(data)
        except Malformed:
            self._head.damaged = True

    def _info(self, data: bytes) -> None:
        for kind, content in self._children(data):
            if kind == 0x2AD7B1 and 0 < len(content) <= 8:  # TimestampScale
                self._head.scale_ns = unsigned(content)
            elif kind == 0x5741:  # WritingApp
                self._head.writer = text(content)

    def _tracks(self, data: bytes) -> None:
        for kind, content in self._children(data):
            if kind == 0xAE and len(self._head.tracks) < _MAX_TRACKS:
                self._add_all(self._head.tracks, _track, content)

    def _tags(self, data: bytes) -> None:
        for kind, content in self._children(data):
            if kind == 0x7373:
                self._add_all(self._head.tags, _tag_values, content)

    def _attachments(self, data: bytes) -> None:
        for kind, content in self._children(data):
            if kind == 0x61A7:
                self._add_all(self._head.attachments, _attachment, content)

    def _seek_head(self, data: bytes) -> None:
        for kind, content in self._children(data):
            if kind == 0x4DBB:
                self._add_all(self._references, _reference, content)

    def _add_all(
        self, out: list[T], parse: Callable[[bytes], Iterable[T]], data: bytes,
    ) -> None:
        """Add what an element has, unless it is malformed."""
        try:
            out.extend(parse(data))
        except Malformed:
            self._head.damaged = True


def _is_element(data: bytes, position: int) -> bool:
    """Whether an element of the segment begins here, to judge by what it consists of."""
    try:
        kind, length, content = ebml.parse_header(data, position)
        if kind == CLUSTER:
            return ebml.parse_header(data, content).kind in _FIRST_IN_CLUSTER
        if length is None or content + length > len(data):
            return False
        return len(list(children(data[content:content + length]))) > 0
    except Malformed:
        return False


def _track(data: bytes) -> Iterator[Track]:
    """Yield the track that an element describes."""
    values = dict(children(data))

    def number(kind: int, among: dict[int, bytes] = values) -> int:
        return unsigned(among.get(kind, b''))
    video = dict(children(values.get(0xE0, b'')))
    track = Track(
        number(0xD7), number(0x73C5), number(0x83), text(values.get(0x536E, b'')),
        text(values.get(0x86, b'')), values.get(0x63A2, b''), number(0x23E383),
        number(0xB0, video), number(0xBA, video), encoded=0x6D80 in values)
    if track.codec == 'V_MS/VFW/FOURCC':  # private data is a BITMAPINFOHEADER
        track.fourcc = track.private[16:20].decode('latin-1')
    elif track.codec == 'V_UNCOMPRESSED':  # as FFmpeg writes it; ColourSpace
        track.fourcc = video.get(0x2EB524, b'').decode('latin-1')
    elif track.codec == 'V_MJPEG':
        track.fourcc = 'MJPG'
    yield track


def _attachment(data: bytes) -> Iterator[Attachment]:
    values = dict(children(data))
    yield Attachment(text(values.get(0x466E, b'')), unsigned(values.get(0x46AE, b'')),
                     values.get(0x465C, b''))


def _reference(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield kind and offset of the element that an entry of the index of elements refers to."""
    values = dict(children(data))
    yield unsigned(values.get(0x53AB, b'')), unsigned(values.get(0x53AC, b''))


def _tag_values(data: bytes) -> Iterator[Tag]:
    """Yield the values of a tag, which all have the same target."""
    elements = list(children(data))
    targets = dict(children(dict(elements).get(0x63C0, b'')))
    for kind, content in elements:
        if kind == 0x67C8:  # SimpleTag
            values = dict(children(content))
            yield Tag(text(values.get(0x45A3, b'')), text(values.get(0x4487, b'')),
                      unsigned(targets.get(0x63C5, b'')), unsigned(targets.get(0x63C6, b'')))
