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

"""Repairing a recording from the command line; test/unit/mkv/test_repair.py has the details."""

from __future__ import annotations

import os
import wave

from k4a_ros.audio.side_file import sound_path
from k4a_ros.audio.side_file import SoundWriter
from k4a_ros.audio.side_file import stamps_path
from k4a_ros.audio.sound_file import SoundFile
from k4a_ros.tools import repair
import numpy as np
import pytest
from support.recordings import write_recording
from support.reference import assert_equals_reference
from support.sound import Clocks
from support.sound import numbered_samples


@pytest.fixture
def broken(tmp_path):
    path = write_recording(tmp_path / 'a.mkv', count=6).path
    data = path.read_bytes()
    path.write_bytes(data[:len(data) * 3 // 4])
    return path


def test_what_is_kept_and_lost_is_printed(broken, capsys):
    before = broken.read_bytes()
    assert repair.main([str(broken)]) == 0
    fixed = broken.with_name('a_repaired.mkv')
    count = assert_equals_reference(fixed)
    output = capsys.readouterr().out
    assert output.startswith(f'{fixed}: 0.1')
    assert f'kept: {count} captures, ' in output and 'attachments: calibration.json' in output
    assert '\nlost: it is truncated' in output
    assert broken.read_bytes() == before


def test_sound_of_a_killed_driver_comes_along(tmp_path, capsys):
    clocks = Clocks()
    path = write_recording(tmp_path / 'a.mkv', count=6, to_ros=clocks.ros_ns).path
    writer = SoundWriter(sound_path(path))
    for first in range(0, 96_000, 960):
        writer.write(numbered_samples(first, 960), clocks.sample_ns(first))
    os.truncate(path, path.stat().st_size * 3 // 4)
    copy = tmp_path / 'killed.mkv'
    for each in (path, writer.path, stamps_path(writer.path)):
        (tmp_path / each.name.replace('a.', 'killed.')).write_bytes(each.read_bytes())
    writer.close()
    assert repair.main([str(copy)]) == 0
    fixed = tmp_path / 'killed_repaired.mkv'
    with SoundFile(fixed) as sound, wave.open(str(sound.path)) as file:
        assert file.getnframes() == sound.samples > 60_000
        np.testing.assert_array_equal(
            sound.read(0, sound.samples), numbered_samples(0, sound.samples))
        assert sound.stamps.tolist() == [[at, clocks.sample_ns(at)] for at in (0, 48_000)]
    assert f'{sound.path}: {sound.samples / 48_000:.3f} s of sound' in capsys.readouterr().out
    assert repair.main([str(copy), str(tmp_path / 'killed_repaired.mp4')]) == 0
    assert 'lost: the sound: cannot write' in capsys.readouterr().out


def test_damaged_sound_is_named_and_images_are_repaired(broken, capsys):
    sound_path(broken).write_bytes(b'RIFF')
    assert repair.main([str(broken)]) == 0
    output = capsys.readouterr().out
    assert 'lost: the sound: cannot read' in output and 'lost: it is truncated' in output
    assert not sound_path(broken.with_name('a_repaired.mkv')).exists()


def test_complete_recording_is_said_to_be_complete(tmp_path, capsys):
    path = write_recording(tmp_path / 'a.mkv', count=2).path
    assert repair.main([str(path), str(tmp_path / 'b.mkv')]) == 0
    assert f'{path} was complete' in capsys.readouterr().out


def test_existing_file_is_kept(broken, capsys):
    fixed = broken.with_name('a_repaired.mkv')
    fixed.write_text('precious')
    assert repair.main([str(broken)]) == 1
    assert 'the file exists' in capsys.readouterr().err
    assert fixed.read_text() == 'precious'


def test_file_that_cannot_be_repaired_leaves_nothing(tmp_path, capsys):
    (tmp_path / 'a.mkv').write_bytes(bytes(100))
    assert repair.main([str(tmp_path / 'a.mkv')]) == 1
    assert 'not a Matroska file' in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ['a.mkv']


def test_interruption_leaves_nothing(broken, capsys, monkeypatch):
    def interrupted(source, target, progress):
        target.touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(repair, 'repair', interrupted)
    assert repair.main([str(broken)]) == 130
    assert not broken.with_name('a_repaired.mkv').exists()
    assert 'is not written' in capsys.readouterr().err
