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


"""Rig files: what they mean, and one error with line and key for each mistake."""

from __future__ import annotations

import math
import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies
from k4a_ros.errors import ConfigError
from k4a_ros.rig.rig import Kind
from k4a_ros.rig.rig import Role
from k4a_ros.rig.rig import sync_parameters
from k4a_ros.rig.rig_file import load_rig
from k4a_ros.rig.rig_file import parse_rig
import pytest
from support.sources import ROOT

TWO = """
parameters: {fps: 15, depth_mode: NFOV_2X2BINNED}
cameras:
  - {name: a, serial: '000123', role: master}
  - {name: b, serial: 00124, role: subordinate}
"""


def test_example_is_valid_and_means_what_it_says() -> None:
    rig = load_rig(str(ROOT / 'config/multi_camera.yaml'))
    assert [camera.name for camera in rig.cameras] == ['front', 'left', 'right']
    assert [camera.role for camera in rig.cameras] == [
        Role.MASTER, Role.SUBORDINATE, Role.SUBORDINATE]
    assert [camera.delay_us for camera in rig.cameras] == [0, 160, 320]
    front, left, right = rig.cameras
    assert rig.camera_namespace(front) == '/cell/front'
    assert left.pose is not None
    assert left.pose.quaternion == pytest.approx((0, 0, -math.sin(0.3), math.cos(0.3)))
    assert front.settings.record_file.endswith('/front.mkv')
    assert (front.settings.imu_enabled, right.settings.imu_enabled) == (True, False)
    assert dict(sync_parameters(rig, left, Role.SUBORDINATE, 'front')) == {
        'wired_sync_mode': 2, 'subordinate_delay_off_master_usec': 160,
        'sync_clock_topic': '/cell/front/sync_clock'}
    assert sync_parameters(rig, front, Role.MASTER, 'front')['sync_clock_topic'] == ''


def test_kinds_roles_and_defaults() -> None:
    rig = parse_rig(TWO.replace('role: subordinate', 'delay: auto'), 'rig.yaml')
    assert [(camera.kind, camera.source, camera.role, camera.delay_us) for camera in rig.cameras] \
        == [(Kind.DEVICE, '000123', Role.MASTER, 0), (Kind.DEVICE, '00124', Role.AUTO, 160)]
    rig = parse_rig('cameras: [{name: a, recording: x/a.mkv}, {name: b, recording: /b.mkv}]',
                    '/data/rig.yaml')
    assert rig.plays
    assert [camera.source for camera in rig.cameras] == ['/data/x/a.mkv', '/b.mkv']
    rig = parse_rig('trigger: external\n' + TWO.replace('master', 'subordinate'), 'rig.yaml')
    assert rig.external_trigger
    assert [camera.delay_us for camera in rig.cameras] == [160, 320]


@pytest.mark.parametrize(('old', 'new', 'message'), [
    ('cameras:', 'camras:', r"the file has an unknown key 'camras' \(did you mean cameras"),
    ('name: b', 'name: a', r'line 5: cameras\[1\].name is a, as is that of cameras\[0\]'),
    ('serial: 00124', "serial: '123'", r'cameras\[1\].serial is 123, as is that of'),
    ('serial: 00124', 'serial: x', r"cameras\[1\].serial is 'x'; it must be a number"),
    ('serial: 00124', 'simulated: true', r'is a simulated, but a is a device; simulated cameras'),
    ('serial: 00124, role: subordinate', 'recording: b.mkv', 'a rig plays recordings or has live'),
    ('serial: 00124', 'serial: 1, simulated: true', 'needs exactly one of serial, simulated and'),
    ('role: subordinate', 'role: master', 'is master, as is a; a sync cable has one master'),
    ('role: master', 'role: subordinate', 'is a subordinate, but no camera is master'),
    ('role: subordinate', 'role: slave', r"cameras\[1\].role is 'slave'; it must be one of"),
    ('role: subordinate', 'role: standalone, delay: 160', 'but a standalone has none'),
    ('role: subordinate', 'role: subordinate, delay: 1.5', 'must be whole microseconds, or auto'),
    ('role: subordinate', 'role: subordinate, delay: 100',
     'cameras cannot be synchronized: the lasers of b and a fire at the same time'),
    ('role: subordinate', 'role: subordinate, delay: 70000', 'cannot be subordinate: subordin'
     'ate_delay_off_master_usec is 70000; at 15 fps it must be between 0 and 66666'),
    ('role: master', 'role: master, parameters: {color_resolution: OFF}',
     r'cameras\[0\] cannot be master: wired_sync_mode is 1 \(master\), but the color camera'),
    ('role: subordinate', 'role: subordinate, parameters: {fps: 30}',
     r'cameras\[1\] has fps 30, but a has 15; cameras on one sync cable need the same'),
    ('fps: 15', 'fsp: 15', r'parameters.fsp is no parameter of the driver \(did you mean fps'),
    ('fps: 15', 'fps: 14', 'parameters.fps cannot be used: fps is 14; it must be one of 5, 15'),
    ('fps: 15', 'wired_sync_mode: 1', 'cannot be set here; it follows from role'),
    ('fps: 15', 'sensor_sn: 5', 'cannot be set here; it follows from serial'),
    ('fps: 15', 'fps: [1]', 'parameters.fps is not a single value'),
    ('fps: 15', 'fps: 30, depth_mode: WFOV_UNBINNED', "has the key 'depth_mode' twice"),
    ('role: subordinate', 'pose: {parent: /w, xyz: [0, 0, 0]}', 'it must be the name of a TF fr'),
    ('role: subordinate', 'pose: {parent: w, xyz: [0, 0]}', 'pose.xyz has 2 numbers instead of 3'),
    ('role: subordinate', 'pose: {parent: w, xyz: [0, 0, 0], quaternion: [0, 0, 0, 2]}',
     'is 2; it must be between -1.001 and 1.001'),
    ('role: subordinate', 'pose: {parent: w, xyz: [0, 0, 0], quaternion: [0, 0, 0]}',
     'it must be four, x, y, z, w, of length 1'),
    ('role: subordinate', 'pose: {parent: w, xyz: [0, 0, 0], rpy: [0, 0, 0], quaternion: [0, 0, 0'
     ', 1]}', 'has both rpy and quaternion'),
    ('{name: a', '{name: a b', r"cameras\[0\].name is 'a b'; it must start with a letter"),
])
def test_each_mistake_is_one_error_with_its_place(old: str, new: str, message: str) -> None:
    assert old in TWO
    with pytest.raises(ConfigError, match=message) as caught:
        parse_rig(TWO.replace(old, new, 1), 'rig.yaml')
    text = str(caught.value)
    assert text.startswith('cannot use the rig rig.yaml, line ')
    assert '\n' not in text


def test_too_many_subordinates_are_refused() -> None:
    more = ''.join(f'  - {{name: c{number}, serial: 5{number}, role: subordinate}}\n'
                   for number in range(8))
    with pytest.raises(ConfigError, match='is one subordinate too many'):
        parse_rig(TWO + more, 'rig.yaml')


@pytest.mark.parametrize(('text', 'message'), [
    ('', 'the file is empty'), ('[', 'cannot use the rig'), ('cameras: []', 'cameras is empty'),
    ('a: &a [*a]', 'a node contains itself'), ('[]', 'is not a mapping'),
])
def test_broken_file_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_rig(text, 'rig.yaml')


def test_file_that_is_none_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / 'pipe')
    (tmp_path / 'large').write_bytes(b'#' * 300_000)
    for name, reason in (('pipe', 'named pipe'), ('large', 'more than'), ('none', 'no such file')):
        with pytest.raises(ConfigError, match=f'cannot read the rig .*{name}: .*{reason}'):
            load_rig(str(tmp_path / name))


@given(strategies.text(max_size=300))
def test_any_text_is_refused_in_one_line_or_read(text: str) -> None:
    try:
        parse_rig(text, 'rig.yaml')
    except ConfigError as error:
        assert str(error).startswith('cannot use the rig rig.yaml')
