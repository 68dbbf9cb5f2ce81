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

"""k4a_calibrate_rig: from recordings to a rig file that the launch file reads."""

from __future__ import annotations

import math

from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.rig.rig_file import load_rig
from k4a_ros.rig_calibration.graph import angle_between
from k4a_ros.tools.calibrate_rig import main
from k4a_ros.tools.calibrate_rig import MOVED
from k4a_ros.tools.simulate import SimulationOptions
from k4a_ros.tools.simulate import write_simulation
import numpy as np
import pytest
from support.boards import looking_at

CONFIG = CameraConfig.of_modes(
    DepthMode.NFOV_UNBINNED, ColorResolution.R720P, ColorFormat.MJPG, 5)
RIG = """\
cameras:
  - {name: front, recording: front.mkv, pose: {parent: cell, xyz: [1, 2, 3]}}
  - name: left  # of front
    recording: left.mkv
"""
#: yaw, pitch and roll of the board, which is at each for 0.6 s, and carried on for 0.2 s
TURNS = ((20, 0, 0), (-20, 10, 30), (0, -30, 0), (10, 30, -20))
LEFT = looking_at((0.2, 0.6, 0.1), (1.3, 0, 0))
BOARD_OPTIONS = ['--square-mm', '80']


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Return a folder with recordings of two cameras, and their rig file."""
    path = tmp_path_factory.mktemp('rig')
    stops = []
    for i, (yaw, pitch, roll) in enumerate(TURNS):
        for time in (0.8 * i, 0.8 * i + 0.6):
            stops.append(f'{{time: {time:.1f}, position: [{0.1 * i - 0.1:.1f}, 0, 1.3], '
                         f'yaw: {yaw}, pitch: {pitch}, roll: {roll}}}')
    board = ('boards:\n  - {name: board, squares: [7, 5], square: 0.08, path: ['
             + ', '.join(stops) + ']}\n')
    yaw, pitch = math.atan2(LEFT.rotation[1, 0], LEFT.rotation[0, 0]), math.asin(
        -LEFT.rotation[2, 0])
    x, y, z = LEFT.translation
    for i, (name, camera) in enumerate((('front', '{position: [0, 0, 0]}'), (
            'left', f'{{position: [{-y}, {-z}, {x}], yaw: {math.degrees(yaw)}, '
            f'pitch: {math.degrees(pitch)}}}'))):
        scene = path / f'{name}.scene.yaml'
        scene.write_text(f'camera: {camera}\n{board}')
        write_simulation(path / f'{name}.mkv', CONFIG, 16, SimulationOptions(str(scene), seed=i))
    (path / 'rig.yaml').write_text(RIG)
    return path


def test_poses_of_recordings_are_those_of_the_simulation(folder, capsys):
    assert main(['solve', str(folder / 'rig.yaml'), *BOARD_OPTIONS,
                 '--picture', str(folder / 'rig.png')]) == 0
    assert (folder / 'rig.png').read_bytes().startswith(b'\x89PNG')
    output = capsys.readouterr().out
    assert 'front left' in output and 'reference' in output
    assert 'WARNING: left has 4 views' in output
    text = (folder / 'rig_calibrated.yaml').read_text()
    assert '# of front' in text
    front, left = load_rig(str(folder / 'rig_calibrated.yaml')).cameras
    assert front.pose.xyz == (1, 2, 3) and left.pose.parent == 'cell'
    found = RigidTransform.of_pose(left.pose.quaternion, np.subtract(left.pose.xyz, (1, 2, 3)))
    assert np.linalg.norm(found.translation - LEFT.translation) < 0.004
    assert math.degrees(angle_between(found, LEFT)) < 0.2


@pytest.mark.parametrize(('shift', 'code', 'sentence'), [
    (0.0, 0, 'all 2 cameras are where'),
    (0.035, MOVED, 'front and left have moved by 3'),
])
def test_check_says_what_has_moved(folder, shift, code, sentence, capsys):
    x, y, z = (1, 2, 3) + LEFT.translation
    a, b, c, d = LEFT.quaternion()
    (folder / 'known.yaml').write_text(RIG.replace(
        'recording: left.mkv', f'recording: left.mkv\n    pose: {{parent: cell, xyz: [{x}, {y}, '
        f'{z + shift}], quaternion: [{a}, {b}, {c}, {d}]}}'))
    assert main(['check', str(folder / 'known.yaml'), *BOARD_OPTIONS, '--rate', '2.5',
                 '--max-mm', '8']) == code
    output = capsys.readouterr().out
    assert sentence in output
    assert 'left: ' in output and 'uncertain by' in output


def test_check_needs_poses(folder, capsys):
    assert main(['check', str(folder / 'rig.yaml')]) == 1
    assert 'left has no pose' in capsys.readouterr().err


def test_measured_ruler_scales_the_distances(folder, capsys):
    assert main(['solve', str(folder / 'rig.yaml'), *BOARD_OPTIONS, '--measured-mm', '616',
                 '--rate', '2.5', '--output', str(folder / 'large.yaml'),
                 '--reference', 'left']) == 0
    front, left = load_rig(str(folder / 'large.yaml')).cameras
    apart = np.linalg.norm(np.subtract(front.pose.xyz, left.pose.xyz))
    assert apart == pytest.approx(1.1 * np.linalg.norm(LEFT.translation), rel=0.01)
    assert left.pose.parent == 'world' and left.pose.xyz == (0, 0, 0)


@pytest.mark.parametrize(('arguments', 'message'), [
    ([], 'rig_calibrated.yaml exists'),
    (['--output', 'no/folder/x.yaml'], 'there is no folder no/folder'),
    (['--output', 'x.yaml', '--reference', 'right'], 'there is no camera right'),
    (['--output', 'x.yaml', '--measured-mm', '100'], 'the ruler has 560 mm'),
    (['--output', 'x.yaml', '--dictionary', '6X6_50', '--rate', '1'],
     'front, left did not see the board'),
])
def test_what_cannot_be_solved_is_said(folder, arguments, message, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / 'rig_calibrated.yaml').touch()
    assert main(['solve', 'rig.yaml', *BOARD_OPTIONS, *arguments]) == 1
    assert message in capsys.readouterr().err
    assert not (folder / 'x.yaml').exists()


def test_board_is_written_and_described(tmp_path, capsys):
    assert main(['board', str(tmp_path / 'b.pdf'), '--paper', 'A4', '--square-mm', '35']) == 0
    assert (tmp_path / 'b.pdf').read_bytes().startswith(b'%PDF-')
    output = capsys.readouterr().out
    assert '240 and 170 mm' in output and 'at most 36 mm' in output
    assert main(['board', str(tmp_path / 'b.pdf'), '--paper', 'A4']) == 1
    assert 'do not fit A4' in capsys.readouterr().err


def test_squares_are_columns_and_rows(capsys):
    with pytest.raises(SystemExit):
        main(['board', 'b.pdf', '--squares', '7'])
    assert 'is not COLUMNSxROWS' in capsys.readouterr().err
