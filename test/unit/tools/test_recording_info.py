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

"""k4a_info FILE.mkv: text, JSON and exit code."""

from __future__ import annotations

import json
import os
from pathlib import Path
import subprocess
import sys

from k4a_ros.audio.side_file import stamps_path
from k4a_ros.tools import info
import pytest
from support.recordings import FIRMWARE
from support.recordings import SERIAL
from support.recordings import without
from support.recordings import write_recording
from support.sound import Clocks
from support.sound import write_sound
from support.time_limits import PROCESS_TIMEOUT_S


@pytest.fixture(scope='module')
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a recording that lacks two of eight depth images."""
    return write_recording(
        tmp_path_factory.mktemp('recording') / 'in.mkv', count=8,
        edit=lambda index, capture: (
            without(capture, 'depth') if index in (3, 4) else capture)).path


def test_json_has_the_contents(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert info.main([str(recording), '--json']) == 0
    found = json.loads(capsys.readouterr().out)
    expected = {
        'serial': SERIAL, 'firmware': FIRMWARE, 'depth_mode': 'NFOV_2X2BINNED',
        'color_resolution': 'OFF', 'color_format': None, 'fps': 30, 'captures': 8,
        'depth_frames': 6, 'ir_frames': 8, 'color_frames': 0, 'incomplete_captures': 2,
        'complete': True, 'problems': [], 'start_us': 500_000, 'ros_time': False}
    assert {name: found[name] for name in expected} == expected
    assert found['imu_samples'] == 445
    assert found['duration_s'] == pytest.approx(8 / 30, abs=0.05)
    assert found['missing'] == {'depth': 2, 'ir': 0, 'color': 0, 'imu': 0}
    [gap] = found['gaps']
    assert gap['stream'] == 'depth' and gap['missing'] == 2
    assert gap['at_s'] == pytest.approx(2 / 30, abs=1e-3)
    assert found['calibration']['lenses'].keys() == {'depth NFOV_2X2BINNED'}
    assert 'verified' not in found


def test_text_has_the_contents(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert info.main([str(recording), '--verify']) == 0
    text = capsys.readouterr().out
    for part in ('MB, complete', f'serial number {SERIAL}', 'depth NFOV_2X2BINNED, color OFF, 30',
                 '8 captures: 6 depth, 8 infrared, 0 color; 445 IMU samples',
                 '1, missing: 2 depth; 2 captures lack an image', 'at 0.067 s: 0.100 s',
                 'DEPTH        b16g 320 x 288: 6 blocks', 'K4A_DEPTH_MODE = NFOV_2X2BINNED',
                 'calibration.json (', '14 images, ', ': 0 problems'):
        assert part in text, part


def test_sound_is_described(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clocks = Clocks()
    path = write_recording(tmp_path / 'a.mkv', to_ros=clocks.ros_ns).path
    sound = write_sound(path, 0.5, clocks)
    assert info.main([str(path), '--json']) == 0
    assert json.loads(capsys.readouterr().out)['sound'] == {
        'file': str(sound), 'samples': 24_000, 'duration_s': 0.5,
        'begins_ros_ns': clocks.sample_ns(0)}
    stamps_path(sound).write_text('')
    assert info.main([str(path)]) == 0
    assert f'sound        {sound}: cannot read {sound}.stamps' in capsys.readouterr().out
    sound.unlink()
    assert info.main([str(path)]) == 0
    assert 'sound  ' not in capsys.readouterr().out


def test_text_can_be_cut_by_another_program(recording: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, '-m', 'k4a_ros.tools.info', str(recording)], stdout=write,
        stderr=subprocess.PIPE, text=True, timeout=PROCESS_TIMEOUT_S)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, '')


def test_damage_is_reported(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    cut = tmp_path / 'cut.mkv'
    data = bytearray(recording.read_bytes()[:-200_000])
    data[len(data) // 2] ^= 1
    cut.write_bytes(data)
    assert info.main([str(cut), '--json']) == 0
    assert json.loads(capsys.readouterr().out)['complete'] is False
    assert info.main([str(cut), '--verify']) == 1
    text = capsys.readouterr().out
    assert 'NOT COMPLETE' in text and 'it is truncated' in text and 'the checksum of' in text


@pytest.mark.parametrize(('arguments', 'sentence'), [
    (['missing.mkv'], 'k4a_info: cannot open recording missing.mkv: no such file or directory'),
    ([__file__], 'it is not a Matroska file'),
])
def test_unreadable_file_is_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str,
) -> None:
    assert info.main(arguments) == 1
    error = capsys.readouterr().err
    assert sentence in error and error.count('\n') == 1


@pytest.mark.parametrize('arguments', [['--verify'], ['in.mkv', '--index', '0'],
                                       ['in.mkv', '--check']])
def test_options_that_exclude_each_other(
    capsys: pytest.CaptureFixture[str], arguments: list[str],
) -> None:
    with pytest.raises(SystemExit):
        info.main(arguments)
    assert 'error: argument' in capsys.readouterr().err


def test_missing_calibration_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    recording = write_recording(tmp_path / 'a.mkv', count=2, calibration=b'').path
    assert info.main([str(recording)]) == 0
    assert 'calibration  none; to play the file, give ' in capsys.readouterr().out
