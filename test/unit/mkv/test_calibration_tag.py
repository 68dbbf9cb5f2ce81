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

"""The tag that refers to the calibration: as k4arecorder writes it; nothing else is changed."""

from __future__ import annotations

from pathlib import Path
import re
import zlib

from k4a_ros.errors import RecordingError
from k4a_ros.mkv import writer
from k4a_ros.mkv.calibration_tag import add_calibration_tag
from k4a_ros.mkv.reader import RecordingReader
import pytest
from support.recordings import write_recording

NAME = b'K4A_CALIBRATION_FILE'
#: Targets (ATTACHMENT and its UID) and SimpleTag (name and value) of a tag
TAG = re.compile(
    rb'\x63\xc0(.)\x63\xca\x8aATTACHMENT\x63\xc6(.)(.{1,8})'
    rb'(\x67\xc8.\x45\xa3\x94' + NAME + rb'\x44\x87\x90calibration\.json)', re.DOTALL)
#: UID of an attached file, the last one of its elements, and the tags behind it
UID = re.compile(rb'\x46\xae.(.{1,8})\x12\x54\xc3\x67..\xbf\x84', re.DOTALL)
#: header of the tags, and of their checksum
TAGS = re.compile(rb'\x12\x54\xc3\x67..\xbf\x84', re.DOTALL)
VOID = b'\xec'


def assert_tag_refers_to_attachment(data: bytes) -> bytes:
    """Assert that the tag has the UID of the attachment, and return its SimpleTag."""
    targets_size, uid_size, uid, simple_tag = TAG.search(data).groups()
    assert uid == UID.search(data)[1]
    assert uid_size[0] == 0x80 | len(uid)
    assert targets_size[0] == 0x80 | len(b'..sATTACHMENT..s') + len(uid)
    return simple_tag


def tags_range(data: bytes) -> tuple[int, int]:
    """Return the positions of the content of the tags and of its end."""
    content = TAGS.search(data).end() - 2
    return content, content + (int.from_bytes(data[content - 2:content], 'big') & 0x3fff)


def test_tag_is_that_of_k4arecorder(tmp_path: Path, real_recording: Path) -> None:
    real = real_recording.read_bytes()
    written = write_recording(tmp_path / 'a.mkv').path.read_bytes()
    assert assert_tag_refers_to_attachment(written) == assert_tag_refers_to_attachment(real)


def test_calibration_is_found_by_the_tag(tmp_path: Path) -> None:
    """libk4arecord follows it where the attachment has another name."""
    written = write_recording(tmp_path / 'a.mkv')
    data = written.path.read_bytes()
    assert data.count(NAME) == 1
    renamed = data.replace(b'calibration.json', b'calibration.abcd', 1)
    written.path.write_bytes(renamed)
    with RecordingReader(str(written.path)) as reader:
        assert reader.calibration == written.calibration.rstrip(b'\0')
        assert reader._tag(NAME.decode()) == 'calibration.json'
    written.path.write_bytes(renamed.replace(NAME, NAME[::-1]))
    with pytest.raises(RecordingError, match='no factory calibration'):
        RecordingReader(str(written.path))


def test_only_tags_and_reserved_space_are_changed(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file keeps its size and all other bytes, and the checksum of the tags is right."""
    monkeypatch.setattr(writer, 'add_calibration_tag', lambda path: True)
    path = write_recording(tmp_path / 'a.mkv').path
    before = path.read_bytes()
    assert NAME not in before
    assert add_calibration_tag(str(path))
    after = path.read_bytes()
    assert len(after) == len(before)
    content, end = tags_range(after)
    assert after[:content - 2] == before[:content - 2]
    assert after[content:content + 2] == b'\xbf\x84'
    checksum = int.from_bytes(after[content + 2:content + 6], 'little')
    assert checksum == zlib.crc32(after[content + 6:end])
    assert after[end:end + 1] == VOID
    assert after[end + 3:] == before[end + 3:]
    void_size = int.from_bytes(after[end + 1:end + 3], 'big') & 0x3fff
    assert after[end + 3 + void_size:][:4] == b'\x1f\x43\xb6\x75'  # the first cluster


def test_second_tag_is_not_added(tmp_path: Path) -> None:
    path = write_recording(tmp_path / 'a.mkv').path
    before = path.read_bytes()
    assert not add_calibration_tag(str(path))
    assert path.read_bytes() == before


@pytest.mark.parametrize('damage', [
    lambda data: b'', lambda data: data[:100], lambda data: bytes(2000),
    lambda data: data.replace(b'calibration.json', b'another_fil.json'),
    lambda data: data.replace(b'\xbf\x84', b'\xec\x84'),
    lambda data: data.replace(b'\x12\x54\xc3\x67', b'\x12\x54\xc3\x68')])
def test_file_of_another_structure_is_not_changed(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage) -> None:
    monkeypatch.setattr(writer, 'add_calibration_tag', lambda path: True)
    path = write_recording(tmp_path / 'a.mkv').path
    data = damage(path.read_bytes())
    path.write_bytes(data)
    assert not add_calibration_tag(str(path))
    assert path.read_bytes() == data


def test_tag_does_not_replace_clusters(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without enough reserved space, the file is left as it is."""
    monkeypatch.setattr(writer, 'add_calibration_tag', lambda path: True)
    path = write_recording(tmp_path / 'a.mkv').path
    data = path.read_bytes()
    void = tags_range(data)[1]
    size = int.from_bytes(data[void + 1:void + 3], 'big') & 0x3fff
    # two elements Void in place of one, the first of them too short
    data = (data[:void] + VOID + (0x4000 | 40).to_bytes(2, 'big') + bytes(40)
            + VOID + (0x4000 | (size - 43)).to_bytes(2, 'big') + data[void + 46:])
    path.write_bytes(data)
    assert not add_calibration_tag(str(path))
    assert path.read_bytes() == data
