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

"""k4a_info, with virtual cameras."""

from __future__ import annotations

import contextlib
import io
import json
from typing import Any

from k4a_ros.calibration.calibration_file import read_calibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.cameras.controls import CONTROLS
from k4a_ros.tools import info
import pytest
from support import virtual
from support.recordings import SERIAL
from support.recordings import write_recording
from support.virtual import depth_recording
from support.virtual import set_conditions


def _info(conditions: tuple[str, ...], *arguments: str) -> tuple[int, str, str]:
    set_conditions(*conditions)
    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        code = info.main(list(arguments))
    return code, out.getvalue(), error.getvalue()


@pytest.fixture(scope='module')
def cameras(tmp_path_factory: Any) -> tuple[Any, ...]:
    """Return two identical cameras on different ports."""
    return tuple(depth_recording(tmp_path_factory.mktemp('info')) for _ in range(2))


def test_camera_is_printed_as_text(cameras):
    code, out, error = virtual.run(_info, ('sync-in',), '--index', '0', cameras=cameras)
    assert (code, error) == (0, '')
    for part in ("SDK: Microsoft's libk4a 1.4", 'Depth engine: /',
                 f'Camera 0: serial number {SERIAL}', 'color 1.6.110, depth 1.6.79',
                 'in: cable, out: no cable', 'depth NFOV_UNBINNED     640 x  576',
                 '33330 (automatic)', '500 to 133330, step 100, default 33330',
                 'the color camera is at (32.0, '):
        assert part in out
    assert out.count('Camera') == 1 and 'newer:' not in out
    assert all(name in out for name in CONTROLS)


def test_newer_firmware_is_named():
    found = {'index': 0, 'serial': SERIAL, 'firmware': {'color': '1.6.102', 'depth': '1.6.79'},
             'newer_firmware': {'color': '1.6.110'}, 'sync_jacks': None, 'controls': {},
             'calibration': {'made': '', 'color_in_depth_m': [], 'imu_in_depth_m': [],
                             'lenses': {}}}
    lines = info.format_text(found).splitlines()
    assert lines[1:3] == [
        '  firmware     color 1.6.102, depth 1.6.79',
        "               newer: color 1.6.110; update it with Microsoft's "
        'AzureKinectFirmwareTool: docs/device.md, section Firmware']


def test_json_includes_cameras_that_do_not_open(cameras):
    code, out, error = virtual.run(_info, ('1:busy',), '--json', cameras=cameras)
    assert (code, error) == (1, '')
    first, second = json.loads(out)
    assert first['serial'] == SERIAL and first['index'] == 0
    assert first['sync_jacks'] == {'in': False, 'out': False}
    assert first['controls']['gain'] == {
        'value': 128, 'automatic': False, 'default': 128, 'minimum': 0, 'maximum': 255, 'step': 1}
    assert first['controls']['exposure_auto'] == {
        'value': True, 'automatic': False, 'default': True}
    assert first['calibration']['lenses']['color 720P']['size'] == [1280, 720]
    assert 'in use by another program' in second['problem']


def test_camera_that_does_not_open_is_one_line(cameras):
    code, out, _ = virtual.run(_info, ('forbidden',), cameras=cameras)
    assert code == 1
    assert [line.partition(';')[0] for line in out.splitlines()[2:]] == [
        f'Camera {i}: cannot open camera {i}: this user has no permission to open it'
        for i in range(2)]


def test_values_that_cannot_be_read_are_unknown(cameras):
    code, out, _ = virtual.run(
        _info, ('fail:k4a_device_get_version', 'fail:k4a_device_get_sync_jack',
                'fail:k4a_device_get_color_control'),
        '--serial', SERIAL.lstrip('0'), cameras=cameras)
    assert code == 0
    assert 'firmware     unknown' in out and 'sync jacks   unknown' in out
    assert 'gain                   unknown' in out
    code, out, _ = virtual.run(
        _info, ('fail:k4a_device_get_color_control_capabilities',), cameras=cameras)
    assert code == 0 and 'color controls: none' in out


def test_no_matching_camera_is_an_error(cameras):
    code, out, error = virtual.run(_info, ('unplugged',), cameras=cameras)
    assert (code, len(out.splitlines())) == (1, 2) and 'no Azure Kinect is connected' in error
    code, out, error = virtual.run(_info, (), '--serial', '42', '--json', cameras=cameras)
    assert (code, out) == (1, '') and (
        f'no connected camera matches; found: camera 0 (serial number {SERIAL})' in error)


def test_calibration_is_saved_in_a_new_file(cameras, tmp_path):
    path = tmp_path / 'camera.json'
    code, out, error = virtual.run(
        _info, (), '--index', '1', '--save-calibration', str(path), cameras=cameras)
    assert (code, error) == (0, '')
    assert out == f'{path}: factory calibration of camera {SERIAL}\n'
    assert path.read_bytes() == nominal_calibration(SERIAL).rstrip(b'\0')
    code, out, error = virtual.run(
        _info, (), '--index', '1', '--save-calibration', str(path), cameras=cameras)
    assert (code, out) == (1, '')
    assert error == f'k4a_info: cannot write {path}: file exists; give the name of a new file\n'


def test_calibration_of_one_camera_is_saved(cameras, tmp_path):
    code, _, error = virtual.run(
        _info, (), '--save-calibration', str(tmp_path / 'a.json'), cameras=cameras)
    assert code == 1
    assert 'there are several cameras' in error and 'choose one with --serial' in error


def test_calibration_of_a_recording_is_saved(tmp_path, capsys):
    recording = str(write_recording(tmp_path / 'a.mkv').path)
    path = tmp_path / 'recorded.json'
    assert info.main([recording, '--save-calibration', str(path)]) == 0
    assert read_calibration(str(path)).serial == SERIAL
    none = str(write_recording(tmp_path / 'b.mkv', calibration=b'').path)
    assert info.main([none, '--save-calibration', str(tmp_path / 'b.json')]) == 1
    assert 'calibration' in capsys.readouterr().err
    assert not (tmp_path / 'b.json').exists()
