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

"""Damage that crashes libk4arecord, or makes it hang, is found before it opens a file."""

from __future__ import annotations

import io
from pathlib import Path

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.errors import RecordingError
from k4a_ros.mkv import reader
from k4a_ros.mkv.ebml import Malformed
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.mkv.segment import SegmentCheck
import pytest
from support.recordings import write_recording

CONFIG = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.R720P)


@pytest.fixture(scope='module')
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the bytes of a recording with color."""
    return write_recording(
        tmp_path_factory.mktemp('content') / 'a.mkv', CONFIG, count=1).path.read_bytes()


def with_laced_image(content: bytes) -> bytes:
    """Return a recording with an image whose block claims to have many frames."""
    at = content.index(b'\x82\x00\x00\x80', content.index(b'\x1f\x43\xb6\x75'))
    return content[:at + 3] + b'\x04\xff' + content[at + 5:]


@pytest.mark.parametrize(('damage', 'reason'), [
    (lambda data: data.replace(b'\xd7\x81\x01', b'\xd7\xff\x01', 1), 'inconsistent'),
    (lambda data: data.replace(b'\x46\x5c', b'\x46\x7e', 1), 'one of its attachments is empty'),
    (with_laced_image, 'inconsistent'),
    (lambda data: data.replace(b'MJPG', b'b16g', 1), r'its ColorFormat \(code 4\) is not one of'),
], ids=['integer of unknown length', 'attachment without data', 'lacing', 'unknown fourcc'])
def test_damaged_recording_is_rejected_in_one_line(
    content: bytes, tmp_path: Path, damage, reason: str,
) -> None:
    damaged = damage(content)
    assert damaged != content
    path = tmp_path / 'a.mkv'
    path.write_bytes(damaged)
    with pytest.raises(RecordingError, match=f'cannot open recording {path}: .*{reason}'):
        RecordingReader(str(path))


def test_unknown_frame_rate_is_rejected_in_one_line(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / 'a.mkv'
    path.write_bytes(content)
    monkeypatch.setattr(reader, '_FPS', {})
    with pytest.raises(RecordingError, match=r'its frame rate \(code 2\) is not one of the Azure'):
        RecordingReader(str(path))


def element(name: str, content: bytes) -> bytes:
    return bytes.fromhex(name) + (0x4000 | len(content)).to_bytes(2, 'big') + content


def check(content: bytes) -> str:
    return SegmentCheck(io.BytesIO(content), 0, len(content)).defect()


def cluster(flags: int, content: bytes) -> bytes:
    return element('1f43b675', element('a3', b'\x81\0\0' + bytes([flags]) + content))


@pytest.mark.parametrize(('flags', 'content'), [
    (0x00, b'abc'),
    (0x04, b'\x02abcdef'),  # fixed: three frames of two bytes
    (0x02, b'\x01\x03abcde'),  # Xiph: three bytes, and the rest
    (0x02, b'\x01\xff\x01' + bytes(260)),  # 256 bytes, and the rest
    (0x06, b'\x01\x83abcde'),  # EBML: three bytes, and the rest
    (0x06, b'\x02\x83\xc0abcdefgh'),  # three, one more than that, and the rest
])
def test_valid_lacing_is_accepted(flags: int, content: bytes) -> None:
    assert check(cluster(flags, content)) == ''


@pytest.mark.parametrize(('flags', 'content'), [
    (0x04, b'\x02abcde'), (0x04, b''), (0x02, b'\x01\x09abc'), (0x02, b'\x01\xff'),
    (0x06, b'\x01\x89abc'), (0x06, b'\x02\x83\x80abc'), (0x06, b'\x01\xffabc')])
def test_invalid_lacing_raises(flags: int, content: bytes) -> None:
    with pytest.raises(Malformed):
        check(cluster(flags, content))


def test_integer_that_is_too_long_raises() -> None:
    assert check(element('1654ae6b', element('ae', element('d7', bytes(8))))) == ''
    with pytest.raises(Malformed):
        check(element('1654ae6b', element('ae', element('d7', bytes(9)))))


def test_child_that_exceeds_its_parent_raises() -> None:
    tags = element('1254c367', element('7373', b'\x67\xc8\x90'))
    with pytest.raises(Malformed):
        check(tags + bytes(100))


def test_endless_nesting_raises() -> None:
    nested = b''
    for _ in range(50):
        nested = element('67c8', nested)
    with pytest.raises(Malformed):
        check(element('1254c367', nested))


def test_elements_after_many_clusters_are_found_by_seek_head() -> None:
    clusters = cluster(0x00, b'abc') * 300
    attachment = element('1941a469', element('61a7', element('465c', b'x')))
    bad = element('1c53bb6b', element('bb', element('b3', bytes(9))))

    def seek_head(position: int) -> bytes:
        return element('114d9b74', element('4dbb', element('53ac', position.to_bytes(8, 'big'))))

    start = len(seek_head(0)) + len(attachment) + len(clusters)
    assert check(seek_head(0) + attachment + clusters + bad) == ''
    with pytest.raises(Malformed):
        check(seek_head(start) + attachment + clusters + bad)
