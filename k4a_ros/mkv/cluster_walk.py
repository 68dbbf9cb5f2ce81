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
Walk through the blocks of a Matroska file (RFC 9559) without reading the data in them.

A walk can start at any byte: it goes to the next cluster, recognized by its id and what follows.
Thus a file without an index, that was cut, or that is damaged somewhere, is walked like any other.
Sizes in the file are checked before they are used.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from typing import NamedTuple

from k4a_ros.mkv import ebml
from k4a_ros.mkv.ebml import Malformed
from k4a_ros.mkv.ebml import parse_header
from k4a_ros.mkv.ebml import parse_number
from k4a_ros.mkv.head_reader import CLUSTER
from k4a_ros.mkv.head_reader import CRC32
from k4a_ros.mkv.head_reader import Head
from k4a_ros.mkv.head_reader import TOP_LEVEL
from k4a_ros.mkv.head_reader import VOID
from k4a_ros.mkv.lacing import frame_sizes
from k4a_ros.mkv.lacing import MAX_TABLE_BYTES
from k4a_ros.mkv.lacing import NO_LACING
from k4a_ros.mkv.source import Source

_TIMESTAMP, _BLOCK_GROUP, _BLOCK, _SIMPLE_BLOCK = 0xE7, 0xA0, 0xA1, 0xA3
_DURATION = 0x9B
#: elements that may precede the timestamp of a cluster: position, size of the previous cluster
_BEFORE_TIMESTAMP = (CRC32, VOID, 0xA7, 0xAB, 0x5854)
_CLUSTER_ID = CLUSTER.to_bytes(4, 'big')
#: bytes that are read to parse the header of a cluster, and of an element with a block
_CLUSTER_BYTES, _ELEMENT_BYTES = 256, 64
#: bytes that are searched at once for a cluster
_SEARCH_BYTES = 1 << 18
#: bytes within which `locate` goes from cluster to cluster instead of halving the range
_NEAR_BYTES = 1 << 22
#: Maximum number of elements in succession that have no block of interest, if they are small: only
#: a file that is made to waste time has more.
_MAX_IDLE_ELEMENTS, _SMALL_BYTES = 100_000, 200
#: How far before the last cluster the last block is searched for: the file may have been cut.
_CUT_NS = (0, 1_000_000_000, 10_000_000_000)
#: maximum number of elements in the group of a block
_MAX_GROUP_ELEMENTS = 16


def _ignore(start: int, end: int) -> None:
    """Do nothing."""


class Block(NamedTuple):
    """
    A block of a track.

    ``time_ns`` since the start of the file, with ``duration_ns`` of its frames, 0 if not stored.
    ``position`` and ``size`` of the data of its frames, bytes; ``frames``: the size of each.
    ``cluster``: position of its cluster.
    """

    track: int
    time_ns: int
    duration_ns: int
    position: int
    size: int
    frames: tuple[int, ...]
    cluster: int


class Cluster(NamedTuple):
    """The position of a cluster, of its content and behind it (None if unknown), and its time."""

    position: int
    content: int
    end: int | None
    time_ns: int


class Clusters:
    """
    The clusters of a file.

    :param source: the file.
    :param head: its head.
    :param on_damage: called with the range of positions that a walk skips because of damage.
    """

    def __init__(
        self, source: Source, head: Head, on_damage: Callable[[int, int], None] = _ignore,
    ) -> None:
        self._source = source
        self._on_damage = on_damage
        self._scale_ns = head.scale_ns
        self._start, self._end = head.start, head.end
        self._is_cut = head.segment_end != head.end

    @property
    def start(self) -> int:
        """Where the first cluster is."""
        return self._start

    def blocks(self, position: int, tracks: Collection[int] | None) -> Iterator[Block]:
        """
        Yield the blocks of some tracks, or of all for None, in the order of the file.

        :param position: start of a cluster, or any other position, to start at the next one.
        :raises CameraLostError: the file cannot be read.
        """
        cluster = self._find(position, self._end)
        idle = 0
        while cluster is not None:
            position = cluster.content
            end = self._end if cluster.end is None else min(cluster.end, self._end)
            intact = True
            while position < end:
                try:
                    kind, block, after = self._element(cluster, position, tracks)
                except Malformed:
                    intact = False
                    break
                idle = idle + 1 if after - position < _SMALL_BYTES else 0
                if kind in TOP_LEVEL and kind not in (VOID, CRC32):
                    break  # the size of the cluster is unknown, or wrong
                if block is not None:
                    idle = 0
                    yield block
                if idle > _MAX_IDLE_ELEMENTS:
                    return
                position = after
            cluster = self._next(position) if intact else self._resume(position)

    def last_time_ns(self) -> int:
        """Return the time of the end of the last block, nanoseconds after the start."""
        last = self.locate(None)
        if last is None:
            return 0
        for back_ns in _CUT_NS:
            cluster = self.locate(last.time_ns - back_ns) if back_ns else last
            assert cluster is not None
            end = max((block.time_ns + max(0, block.duration_ns - 1)
                       for block in self.blocks(cluster.position, None)), default=None)
            if end is not None:
                break
        return end or 0

    def locate(self, time_ns: int | None) -> Cluster | None:
        """
        Return the last cluster that starts at a time or earlier, or the first; None without any.

        :param time_ns: nanoseconds since the start of the file; None for the last cluster.
        :raises CameraLostError: the file cannot be read.
        """
        low, high = self._find(self._start, self._end), self._end
        if low is None or (time_ns is not None and low.time_ns > time_ns):
            return low

        def is_earlier(cluster: Cluster | None) -> bool:
            return cluster is not None and (time_ns is None or cluster.time_ns <= time_ns)
        while high - low.position > _NEAR_BYTES:
            middle = (low.position + high) // 2
            found = self._find(middle, high)
            if found is not None and is_earlier(found):
                low = found
            else:
                high = middle
        while True:
            found = self._next(low.content if low.end is None else low.end)
            if found is None or not is_earlier(found):
                return low
            low = found

    def _next(self, position: int) -> Cluster | None:
        """Return the cluster at a position or behind the other elements there."""
        while position < self._end:
            try:
                kind, length, content = parse_header(
                    self._source.read(position, ebml.HEADER_BYTES))
            except Malformed:
                break
            if kind == CLUSTER:
                return self._cluster(position) or self._resume(position + 1)
            if kind not in TOP_LEVEL or length is None:
                break
            position += content + length
        return self._resume(position) if position < self._end else None

    def _resume(self, position: int) -> Cluster | None:
        """Return the next cluster after damage, which is reported; None if there is none."""
        cluster = self._find(position, self._end)
        if cluster is not None:
            self._on_damage(position, cluster.position)
        elif not self._is_cut:
            self._on_damage(position, self._end)
        return cluster

    def _find(self, position: int, limit: int) -> Cluster | None:
        """Return the first cluster that starts in a range of positions; None if there is none."""
        while position < limit:
            data = self._source.read(position, _SEARCH_BYTES + len(_CLUSTER_ID) - 1)
            at = data.find(_CLUSTER_ID)
            while 0 <= at < limit - position:
                cluster = self._cluster(position + at)
                if cluster is not None:
                    return cluster
                at = data.find(_CLUSTER_ID, at + 1)
            position += _SEARCH_BYTES
        return None

    def _cluster(self, position: int) -> Cluster | None:
        """Return the cluster at a position; None if there is none, or its start is damaged."""
        data = self._source.read(position, min(_CLUSTER_BYTES, self._end - position))
        try:
            kind, length, content = parse_header(data)
            at = content
            for _ in range(len(_BEFORE_TIMESTAMP) + 1):
                child, size, start = parse_header(data, at)
                if size is None or kind != CLUSTER:
                    return None
                at = start + size
                if child == _TIMESTAMP and at <= len(data):
                    end = None if length is None else position + content + length
                    return Cluster(position, position + content, end,
                                   ebml.unsigned(data[start:at]) * self._scale_ns)
                if child not in _BEFORE_TIMESTAMP:
                    return None
        except Malformed:
            pass
        return None

    def _element(
        self, cluster: Cluster, position: int, tracks: Collection[int] | None,
    ) -> tuple[int, Block | None, int]:
        """
        Read an element of a cluster.

        :return: its kind, the block in it if it belongs to one of the tracks, and its end.
        :raises Malformed: it is damaged, or goes beyond the end of the cluster or the file.
        """
        data = self._source.read(position, _ELEMENT_BYTES)
        kind, length, content = parse_header(data)
        if kind == CLUSTER:
            return kind, None, position
        if length is None:
            raise Malformed
        end = position + content + length
        if end > self._end or (cluster.end is not None and end > cluster.end):
            raise Malformed
        block = None
        try:
            if kind == _SIMPLE_BLOCK:
                block = self._block(cluster, position + content, end, data[content:], tracks)
            elif kind == _BLOCK_GROUP:
                block = self._group(cluster, position + content, end, tracks)
        except Malformed:
            self._on_damage(position, end)
        return kind, block, end

    def _group(
        self, cluster: Cluster, position: int, end: int, tracks: Collection[int] | None,
    ) -> Block | None:
        """Read a group: a block, and its duration in an element of its own."""
        block = None
        duration = 0
        for _ in range(_MAX_GROUP_ELEMENTS):
            if position >= end:
                break
            data = self._source.read(position, min(_ELEMENT_BYTES, end - position))
            kind, length, content = parse_header(data)
            if length is None or position + content + length > end:
                raise Malformed
            if kind == _BLOCK:
                block = self._block(cluster, position + content, position + content + length,
                                    data[content:], tracks)
                if block is None:
                    return None
            elif kind == _DURATION:
                duration = ebml.unsigned(data[content:content + length]) * self._scale_ns
            position += content + length
        return block and block._replace(duration_ns=duration)

    def _block(
        self, cluster: Cluster, position: int, end: int, data: bytes,
        tracks: Collection[int] | None,
    ) -> Block | None:
        """
        Parse the header of a block; return None if it belongs to another track.

        :param data: at least its first bytes.
        """
        track, at = parse_number(data, 0)
        if at + 3 > min(len(data), end - position):
            raise Malformed
        if tracks is not None and track not in tracks:
            return None
        time = int.from_bytes(data[at:at + 2], 'big', signed=True)
        lacing = data[at + 2] >> 1 & 3
        position += at + 3
        size = end - position
        frames: tuple[int, ...] = (size,)
        if lacing != NO_LACING:
            table, frames = frame_sizes(
                self._source.read(position, min(size, MAX_TABLE_BYTES)), lacing, size)
            position += table
            size -= table
        return Block(track, cluster.time_ns + time * self._scale_ns, 0, position, size, frames,
                     cluster.position)
