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
import itertools

from k4a_ros.mkv import ebml
from k4a_ros.mkv.ebml import Malformed
from k4a_ros.mkv.ebml import parse_header
from k4a_ros.mkv.element_parser import Block
from k4a_ros.mkv.element_parser import Cluster
from k4a_ros.mkv.element_parser import ElementParser
from k4a_ros.mkv.head_reader import CLUSTER
from k4a_ros.mkv.head_reader import CRC32
from k4a_ros.mkv.head_reader import Head
from k4a_ros.mkv.head_reader import TOP_LEVEL
from k4a_ros.mkv.head_reader import VOID
from k4a_ros.mkv.source import Source

_TIMESTAMP = 0xE7
#: elements that may precede the timestamp of a cluster: position, size of the previous cluster
_BEFORE_TIMESTAMP = (CRC32, VOID, 0xA7, 0xAB, 0x5854)
_CLUSTER_ID = CLUSTER.to_bytes(4, 'big')
#: bytes that are read to parse the start of a cluster
_CLUSTER_BYTES = 256
#: Bytes that are searched for a cluster: at once, at most (a cluster of any program has fewer),
#: and in a search for a time (one of libk4arecord has fewer).
_SEARCH_BYTES, _MAX_SEARCH_BYTES, _PROBE_BYTES = 1 << 18, 1 << 28, 1 << 26
#: maximum number of places in them that look like a cluster
_MAX_CANDIDATES = 100_000
#: later than any time
_END_OF_TIME_NS = 1 << 200
#: distance within which clusters are searched one after the other
_NEAR_BYTES, _NEAR_NS = 1 << 22, 1_000_000_000
#: Maximum number of elements in succession that have no block of interest, if they are small: only
#: a file that is made to waste time has more.
_MAX_IDLE_ELEMENTS, _SMALL_BYTES = 100_000, 200
#: How far before the last cluster the last block is searched for: the file may have been cut.
_CUT_NS = (0, 1_000_000_000, 10_000_000_000)


def _ignore(start: int, end: int) -> None:
    """Do nothing."""


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
        self._last_ns = 0
        self._first: Cluster | None = None
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
        parser = ElementParser(self._source, self._end, self._scale_ns, tracks, self._on_damage)
        cluster = self._find(position, self._end)
        idle = 0
        while cluster is not None:
            position = cluster.content
            idle += 1
            if idle > _MAX_IDLE_ELEMENTS:
                return
            end = self._end if cluster.end is None else min(cluster.end, self._end)
            intact = True
            while position < end:
                try:
                    kind, block, after = parser.parse(cluster, position)
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
        last = self._last()
        if last is None:
            return 0
        self._last_ns = last.time_ns
        for back_ns in _CUT_NS:
            cluster = self.locate(last.time_ns - back_ns) if back_ns else last
            assert cluster is not None
            end = max((block.time_ns + max(0, block.duration_ns - 1)
                       for block in self.blocks(cluster.position, None)), default=None)
            if end is not None:
                break
        return end or 0

    def locate(self, time_ns: int) -> Cluster | None:
        """
        Return the last cluster that starts at a time or earlier, or the first; None without any.

        :param time_ns: nanoseconds since the start of the file.
        :raises CameraLostError: the file cannot be read.
        """
        if self._first is None:
            self._first = self._find(self._start, self._end)
        low = self._first
        if low is None or low.time_ns > time_ns:
            return low
        high, high_ns = self._end, self._last_ns
        for step in itertools.count():
            if high - low.position <= _NEAR_BYTES or time_ns - low.time_ns <= _NEAR_NS:
                break
            share = 0.5
            if step % 2 == 0 and high_ns > low.time_ns:  # as if the rate of data were constant
                share = (time_ns - _NEAR_NS / 2 - low.time_ns) / (high_ns - low.time_ns)
            size = high - low.position
            middle = low.position + min(max(int(size * share), 1), size - 1)
            found = self._find(middle, min(high, middle + _PROBE_BYTES))
            if found is None:  # also if a cluster is larger: the last step is exact
                high = middle
            elif found.time_ns > time_ns:
                high, high_ns = middle, found.time_ns
            else:
                low = found
        return self._last_from(low, time_ns)

    def _last(self) -> Cluster | None:
        """Return the last cluster; None if there is none."""
        for back in (_NEAR_BYTES, _PROBE_BYTES):
            low = self._find(max(self._start, self._end - back), self._end)
            if low is not None:
                return self._last_from(low, None)
        return self.locate(_END_OF_TIME_NS)  # the end of the file has no clusters

    def _last_from(self, low: Cluster, time_ns: int | None) -> Cluster:
        """Return the last cluster that starts at a time or earlier (None: any), after a first."""
        while True:
            found = self._next(low.content if low.end is None else low.end)
            if found is None or (time_ns is not None and found.time_ns > time_ns):
                return low
            low = found

    def _next(self, position: int) -> Cluster | None:
        """Return the cluster at a position or behind the other elements there."""
        while position < self._end:
            cluster = self._cluster(position)
            if cluster is not None:
                return cluster
            try:
                kind, length, content = parse_header(
                    self._source.read(position, ebml.HEADER_BYTES))
            except Malformed:
                break
            if kind == CLUSTER:
                return self._resume(position + 1)
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
        """
        Return the first cluster that starts in a range of positions; None if there is none.

        No more than _MAX_SEARCH_BYTES are searched.
        """
        limit = min(limit, position + _MAX_SEARCH_BYTES)
        candidates = 0
        while position < limit and candidates < _MAX_CANDIDATES:
            data = self._source.read(position, _SEARCH_BYTES + len(_CLUSTER_ID) - 1)
            at = data.find(_CLUSTER_ID)
            while 0 <= at < limit - position and candidates < _MAX_CANDIDATES:
                candidates += 1
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
