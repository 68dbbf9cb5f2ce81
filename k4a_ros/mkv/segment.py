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
Check the elements of a Matroska segment that libk4arecord reads when it opens a file.

It trusts them: an integer of unknown length, an attachment without content, or a block whose
frames do not fill it crash the process, or hang. Structure: RFC 9559.
"""

from __future__ import annotations

from typing import BinaryIO

from k4a_ros.mkv.ebml import Malformed
from k4a_ros.mkv.ebml import read_header
from k4a_ros.mkv.ebml import read_vint

_CLUSTER, _BLOCK_GROUP, _BLOCK, _SIMPLE_BLOCK = 0x1F43B675, 0xA0, 0xA1, 0xA3
_ATTACHMENTS, _ATTACHED_FILE, _FILE_DATA = 0x1941A469, 0x61A7, 0x465C
_SEEK_POSITION = 0x53AC
_MASTERS = frozenset({
    _ATTACHMENTS, _ATTACHED_FILE,
    0x1549A966,  # Info
    0x1654AE6B, 0xAE, 0xE0, 0xE1,  # Tracks, TrackEntry, Video, Audio
    0x1254C367, 0x7373, 0x63C0, 0x67C8,  # Tags, Tag, Targets, SimpleTag
    0x114D9B74, 0x4DBB,  # SeekHead, Seek
    0x1C53BB6B, 0xBB, 0xB7})  # Cues, CuePoint, CueTrackPositions
_INTEGERS = (
    0xD7, 0x73C5, 0x83, 0xB9, 0x88, 0x55AA, 0x9C, 0x23E383, 0x55EE, 0x56AA, 0x56BB,  # TrackEntry
    0xB0, 0xBA, 0x54B0, 0x54BA, 0x9A,  # Video
    0x2AD7B1,  # TimestampScale
    0x46AE,  # FileUID
    0x63C5, 0x63C9, 0x63C4, 0x63C6, 0x68CA,  # Targets
    0xB3, 0xF7, 0xF1, 0xF0, 0x5378,  # Cues
    _SEEK_POSITION)
#: sizes that numbers may have; SamplingFrequency and Duration are floats, DateUTC is a date
_SIZES = dict.fromkeys(_INTEGERS, range(9)) | dict.fromkeys(
    (0x4489, 0xB5, 0x78B5), (0, 4, 8)) | {0x4461: (0, 8)}

#: deepest nesting of elements; only tags nest without limit
_MAX_DEPTH = 12
#: Number of elements and of clusters that are checked, so that hours are opened as fast as
#: seconds: a cluster has 32 ms.
_MAX_ELEMENTS, _MAX_CLUSTERS = 20_000, 200
#: kinds of lacing, in the flags of a block
_XIPH, _FIXED = 1, 2


class SegmentCheck:
    """
    One check of a segment.

    :param file: seekable.
    :param start: position of the content of the segment.
    :param end: position after it, within the file.
    """

    def __init__(self, file: BinaryIO, start: int, end: int) -> None:
        self._file = file
        self._start = start
        self._end = end
        self._elements = 0
        self._positions: list[int] = []

    def defect(self) -> str:
        """
        Return why libk4arecord must not open the file; empty if it can.

        :raises Malformed: elements are inconsistent.
        """
        position, clusters, has_attachments = self._start, 0, False
        while position < self._end:
            element, end = self._header(position, self._end, _CLUSTER)
            if element == _CLUSTER:
                clusters += 1
                if end is None or (clusters > _MAX_CLUSTERS and has_attachments):
                    break  # what follows is found by the positions in SeekHead
                if clusters <= _MAX_CLUSTERS:
                    self._check_blocks(self._file.tell(), end)
            elif element in _MASTERS:
                has_attachments |= element == _ATTACHMENTS
                if problem := self._check_master(element, self._file.tell(), end or 0, 0):
                    return problem
            position = end or self._end
        return self._check_from_seek_head(position)

    def _check_from_seek_head(self, checked: int) -> str:
        """Check the elements after a position that SeekHead points to."""
        for offset in self._positions:
            position = self._start + offset
            if not checked <= position < self._end:
                continue
            element, end = self._header(position, self._end, _CLUSTER)
            if element in _MASTERS and end is not None and (
                    problem := self._check_master(element, self._file.tell(), end, 0)):
                return problem
        return ''

    def _header(self, position: int, limit: int, unbounded: int = 0) -> tuple[int, int | None]:
        """
        Read the header of an element, and leave the file at its content.

        :param unbounded: element whose length may be unknown.
        :return: id, and position after the element, None if unknown.
        """
        self._file.seek(position)
        element, length, start = read_header(self._file)
        if length is None:
            if element != unbounded:
                raise Malformed
            return element, None
        if start + length > limit:
            raise Malformed
        return element, start + length

    def _check_master(self, parent: int, position: int, limit: int, depth: int) -> str:
        """Return the defect of an element with children; empty if it has none."""
        if depth > _MAX_DEPTH:
            raise Malformed
        has_content = False
        while position < limit and self._elements < _MAX_ELEMENTS:
            self._elements += 1
            element, end = self._header(position, limit)
            start = self._file.tell()
            assert end is not None
            size = end - start
            if size not in _SIZES.get(element, (size,)):
                raise Malformed
            if element == _SEEK_POSITION:
                self._positions.append(int.from_bytes(self._file.read(size), 'big'))
            has_content |= element == _FILE_DATA and size > 0
            if element in _MASTERS and (
                    problem := self._check_master(element, start, end, depth + 1)):
                return problem
            position = end
        if parent == _ATTACHED_FILE and not has_content:
            return 'one of its attachments is empty, probably the factory calibration'
        return ''

    def _check_blocks(self, position: int, limit: int) -> None:
        """Check the blocks of a cluster or of a group."""
        while position < limit:
            element, end = self._header(position, limit)
            assert end is not None
            if element == _BLOCK_GROUP:
                self._check_blocks(self._file.tell(), end)
            elif element in (_BLOCK, _SIMPLE_BLOCK):
                self._check_lacing(end)
            position = end

    def _check_lacing(self, end: int) -> None:
        """Check that the frames of a block fill it; the file is positioned at its content."""
        file = self._file
        read_vint(file)  # track
        header = file.read(3)  # time and flags
        if len(header) != 3:
            raise Malformed
        lacing = header[2] >> 1 & 3
        if not lacing:
            return
        frames = self._byte() + 1
        if lacing == _FIXED:
            if (end - file.tell()) % frames:
                raise Malformed
            return
        total = 0
        size = 0
        for index in range(frames - 1):
            size = self._xiph_size() if lacing == _XIPH else self._ebml_size(index, size)
            total += size
        if file.tell() + total > end:
            raise Malformed

    def _byte(self) -> int:
        data = self._file.read(1)
        if not data:
            raise Malformed
        return data[0]

    def _xiph_size(self) -> int:
        size = last = self._byte()
        while last == 255:
            last = self._byte()
            size += last
        return size

    def _ebml_size(self, index: int, before: int) -> int:
        """Read a frame size, all but the first of which are differences with an offset."""
        position = self._file.tell()
        value = read_vint(self._file)
        width = self._file.tell() - position
        if value is None:
            raise Malformed
        size = value if index == 0 else before + value - ((1 << 7 * width - 1) - 1)
        if size < 0:
            raise Malformed
        return size
