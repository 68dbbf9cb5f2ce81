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

"""Parse the elements in a cluster of a Matroska file (RFC 9559), without the data in them."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Collection
from typing import NamedTuple

from k4a_ros.mkv import ebml
from k4a_ros.mkv.ebml import Malformed
from k4a_ros.mkv.ebml import parse_header
from k4a_ros.mkv.ebml import parse_number
from k4a_ros.mkv.head_reader import CLUSTER
from k4a_ros.mkv.lacing import frame_sizes
from k4a_ros.mkv.lacing import MAX_TABLE_BYTES
from k4a_ros.mkv.lacing import NO_LACING
from k4a_ros.mkv.source import Source

_BLOCK_GROUP, _BLOCK, _SIMPLE_BLOCK, _DURATION = 0xA0, 0xA1, 0xA3, 0x9B
#: bytes that are read to parse an element with a block
_ELEMENT_BYTES = 64
#: maximum number of elements in the group of a block
_MAX_GROUP_ELEMENTS = 16


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


class ElementParser:
    """
    Parses the elements of clusters, for one walk through a file.

    :param source: the file.
    :param end: where its clusters end.
    :param scale_ns: unit of its times.
    :param tracks: numbers of the tracks whose blocks are wanted; None for all.
    :param on_damage: called with the range of positions of a block that is damaged.
    """

    def __init__(
        self, source: Source, end: int, scale_ns: int, tracks: Collection[int] | None,
        on_damage: Callable[[int, int], None],
    ) -> None:
        self._source, self._end, self._scale_ns = source, end, scale_ns
        self._tracks, self._on_damage = tracks, on_damage

    def parse(self, cluster: Cluster, position: int) -> tuple[int, Block | None, int]:
        """
        Parse an element of a cluster.

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
                block = self._block(cluster, position + content, end, data[content:])
            elif kind == _BLOCK_GROUP:
                block = self._group(cluster, position + content, end)
        except Malformed:
            self._on_damage(position, end)
        return kind, block, end

    def _group(self, cluster: Cluster, position: int, end: int) -> Block | None:
        """Parse a group: a block, and its duration in an element of its own."""
        block = None
        duration = 0
        for _ in range(_MAX_GROUP_ELEMENTS):
            if position >= end:
                break
            data = self._source.read(position, min(_ELEMENT_BYTES, end - position))
            kind, length, content = parse_header(data)
            after = position + content + (length or 0)
            if length is None or after > end:
                raise Malformed
            if kind == _BLOCK:
                block = self._block(cluster, position + content, after, data[content:])
                if block is None:
                    return None
            elif kind == _DURATION:
                duration = ebml.unsigned(data[content:content + length]) * self._scale_ns
            position = after
        return block and block._replace(duration_ns=duration)

    def _block(self, cluster: Cluster, position: int, end: int, data: bytes) -> Block | None:
        """
        Parse the header of a block; return None if it belongs to a track that is not wanted.

        :param data: at least its first bytes.
        """
        track, at = parse_number(data, 0)
        if at + 3 > min(len(data), end - position):
            raise Malformed
        if self._tracks is not None and track not in self._tracks:
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
