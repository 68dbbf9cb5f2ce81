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

"""Walks through the clusters of a file: from any byte, over damage, and to a time."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import HealthCheck
from hypothesis import settings
from hypothesis import strategies as st
from k4a_ros.mkv.cluster_walk import Clusters
from k4a_ros.mkv.element import element
from k4a_ros.mkv.element import header
from k4a_ros.mkv.element import integer
from k4a_ros.mkv.element_parser import Block
from k4a_ros.mkv.head_reader import Head
from k4a_ros.mkv.source import Source
import pytest
from support.time_limits import promptly

MS = 1_000_000
CLUSTER, SIMPLE_BLOCK, GROUP, BLOCK, DURATION, VOID = 0x1F43B675, 0xA3, 0xA0, 0xA1, 0x9B, 0xEC


def simple_block(track: int, time: int, data: bytes, flags: int = 0x80) -> bytes:
    return element(SIMPLE_BLOCK, bytes([0x80 | track]), time.to_bytes(2, 'big', signed=True),
                   bytes([flags]), data)


def cluster(time: int, *content: bytes, known: bool = True) -> bytes:
    body = integer(0xE7, time) + b''.join(content)
    return (header(CLUSTER, len(body)) if known else b'\x1f\x43\xb6\x75\xff') + body


class File:
    """Clusters in a file without a head."""

    def __init__(self, path: Path, *parts: bytes, cut: int = 0) -> None:
        content = b''.join(parts)
        path.write_bytes(content[:len(content) - cut])
        self.damage: list[tuple[int, int]] = []
        self.clusters = Clusters(
            Source(str(path)), Head(end=len(content) - cut, segment_end=len(content),
                                    scale_ns=MS),
            lambda start, end: self.damage.append((start, end)))

    def times(self, position: int = 0, tracks: set[int] | None = None) -> list[int]:
        """Return the times of blocks, milliseconds."""
        return [block.time_ns // MS for block in self.clusters.blocks(position, tracks)]


@pytest.fixture()
def path(tmp_path: Path) -> Path:
    """Return the path of a file."""
    return tmp_path / 'a.mkv'


def test_blocks_have_track_time_and_position(path):
    group = element(GROUP, element(BLOCK, b'\x82\x00\x05\x04\x01abcd'), integer(DURATION, 7))
    content = cluster(100, simple_block(1, 3, b'xyz'), group, simple_block(1, -2, b'uv'))
    file = File(path, content)
    assert list(file.clusters.blocks(0, None)) == [
        Block(1, 103 * MS, 0, content.index(b'xyz'), 3, (3,), 0),
        Block(2, 105 * MS, 7 * MS, content.index(b'abcd'), 4, (2, 2), 0),
        Block(1, 98 * MS, 0, content.index(b'uv'), 2, (2,), 0)]
    assert file.times(tracks={2}) == [105]
    assert file.times(tracks={7}) == []
    assert file.clusters.last_time_ns() == 112 * MS - 1
    assert not file.damage


def test_other_elements_between_and_in_clusters_are_skipped(path):
    void = element(VOID, bytes(20))
    file = File(path, void, cluster(10, void, simple_block(1, 0, b'a'), void),
                element(0x1C53BB6B, bytes(9)), cluster(20, simple_block(1, 0, b'b')), void)
    assert file.times() == [10, 20]
    assert not file.damage


def test_clusters_of_unknown_size_are_read(path):
    file = File(path, *(cluster(time, simple_block(1, 0, b'a'), known=False)
                        for time in (10, 20, 30)))
    assert file.times() == [10, 20, 30]
    assert not file.damage


@pytest.mark.parametrize('damaged', [
    b'\0' * 50, b'\x1f\x43\xb6\x75\x81\x00', b'\x1f\x43\xb6\x75\xff\xa3\x81\x00',
    cluster(15, b'\xa3\xff'), cluster(15, b'\xa3\x90ab')])
def test_damage_is_skipped_and_reported(path, damaged):
    first = cluster(10, simple_block(1, 0, b'a'))
    last = cluster(20, simple_block(1, 0, b'b'))
    file = File(path, first, damaged, last)
    assert file.times() == [10, 20]
    (start, end), *_ = file.damage
    assert len(first) <= start < end <= len(first) + len(damaged)


def test_block_with_broken_lacing_costs_only_itself(path):
    file = File(path, cluster(10, simple_block(1, 0, b'\xff\x09abc', 0x02),
                              simple_block(1, 1, b'b')))
    assert file.times() == [11]
    assert len(file.damage) == 1


def test_cut_file_is_read_to_its_last_block_without_report(path):
    blocks = [simple_block(1, time, bytes(50)) for time in range(3)]
    for cut in range(1, 57):
        file = File(path, cluster(10, *blocks), cut=cut)
        assert file.times() == [10, 11]
        assert file.clusters.last_time_ns() == 11 * MS
        assert not file.damage


@pytest.mark.parametrize('small', [b'\xec\x80', simple_block(2, 0, b'a')], ids=['void', 'block'])
def test_endless_small_elements_end_the_walk(path, small):
    """Each costs microseconds; a file of them would be read for minutes."""
    file = File(path, cluster(10, small * 300_000, simple_block(1, 0, b'a')))
    with promptly(5.0):
        assert file.times(tracks={1}) == []


@pytest.mark.parametrize('unit', [
    b'\x1f\x43\xb6\x75', cluster(10), b'\x1f\x43\xb6\x75\x81\0'], ids=['id', 'empty', 'damaged'])
def test_endless_clusters_without_blocks_end_the_walk(path, unit):
    file = File(path, unit * 300_000)
    with promptly(5.0):
        assert file.times() == []


def test_hole_at_the_end_of_a_file_is_not_searched(path):
    """Of a file system that allocates space in advance, whose program was killed."""
    content = cluster(10, simple_block(1, 0, b'a')) + cluster(20, simple_block(1, 3, b'b'))
    path.write_bytes(content)
    size = 1 << 33
    os.truncate(path, size)
    clusters = Clusters(Source(str(path)), Head(end=size, scale_ns=MS))
    with promptly(8.0):
        assert clusters.last_time_ns() == 23 * MS
        assert [block.time_ns // MS for block in clusters.blocks(0, None)] == [10, 23]


def test_file_without_clusters_has_no_blocks(path):
    file = File(path, bytes(1000))
    assert file.times() == []
    assert file.clusters.locate(0) is None
    assert file.clusters.last_time_ns() == 0


@settings(deadline=None, max_examples=40,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(times=st.lists(st.integers(0, 500), min_size=1, max_size=25).map(sorted),
       sizes=st.lists(st.integers(1, 3000), min_size=25, max_size=25),
       targets=st.lists(st.integers(-5, 510), min_size=1, max_size=6),
       opened=st.booleans())
def test_cluster_of_a_time_is_located(path, monkeypatch, times, sizes, targets, opened):
    """Near and far: also where the range is so small that clusters are not searched one by one."""
    monkeypatch.setattr('k4a_ros.mkv.cluster_walk._NEAR_BYTES', 100)
    monkeypatch.setattr('k4a_ros.mkv.cluster_walk._NEAR_NS', 20 * MS)
    file = File(path, *(cluster(time, simple_block(1, 0, bytes(size)))
                        for time, size in zip(times, sizes, strict=False)))
    if opened:
        assert file.clusters.last_time_ns() == times[-1] * MS
    for target in targets:
        found = file.clusters.locate(target * MS)
        expected = max((time for time in times if time <= target), default=times[0])
        assert found is not None
        assert found.time_ns == expected * MS
        after = file.times(found.position)
        assert after[:1] == [expected]
        assert len(after) == (len(times) if target < times[0] else
                              len([time for time in times if time > target]) + 1)
