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


"""What multi_camera.launch.py starts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.errors import ConfigError
from k4a_ros.rig.rig_launch import ARGUMENTS
from k4a_ros.rig.rig_launch import drivers
from k4a_ros.rig.rig_launch import rig_of
from k4a_ros.rig.rig_launch import this_host
import pytest
from support.recordings import write_recording
from support.sources import ROOT

EXAMPLE = str(ROOT / 'config/multi_camera.yaml')


def given(**values: str) -> dict[str, str]:
    return {argument.name: argument.default for argument in ARGUMENTS} | {
        'config': EXAMPLE} | values


def test_drivers_of_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('ROS_DOMAIN_ID', '7')
    front, left, right = drivers(rig_of(given()), given(), 0.0)
    assert [front.namespace, left.namespace, right.namespace] == [
        'cell/front', 'cell/left', 'cell/right']
    for number, driver in enumerate((front, left, right)):
        assert driver.parameters['camera'] == 'simulated'
        assert driver.parameters['autostart'] is False
        assert driver.parameters['simulation_sync_group'] == '7_cell'
        assert driver.parameters['simulation_seed'] == number
        assert driver.parameters['fps'] == 15
    assert (front.parameters['wired_sync_mode'], left.parameters['wired_sync_mode']) == (1, 2)
    assert left.parameters['tf_prefix'] == 'left_'
    assert left.parameters['sync_clock_topic'] == '/cell/front/sync_clock'
    pose = [float(word) for word in str(left.parameters['simulation_pose']).split()]
    assert pose == pytest.approx([0.5, 1.2, 0, 0, 0, -0.6])


def test_only_some_cameras_run_here() -> None:
    chosen = given(only='left, front')
    assert [driver.namespace for driver in drivers(rig_of(chosen), chosen, 0.0)] == [
        'cell/front', 'cell/left']
    with pytest.raises(ConfigError, match=r'only has back, but the cameras of .* are front, left'):
        drivers(rig_of(given()), given(only='back'), 0.0)
    with pytest.raises(ConfigError, match='config is empty; give a rig file'):
        rig_of(given(config=''))


def test_recordings_of_the_rig_are_played_with_one_origin(tmp_path: Path) -> None:
    config = CameraConfig.of_modes(
        DepthMode.NFOV_2X2BINNED, ColorResolution.OFF, fps=5, imu=False)
    for name, role, start_us in (('front', WiredSyncMode.MASTER, 1_000_000),
                                 ('left', WiredSyncMode.SUBORDINATE, 1_200_160),
                                 ('right', WiredSyncMode.SUBORDINATE, 1_200_320)):
        write_recording(tmp_path / f'{name}{"_2" if name == "left" else ""}.mkv',
                        replace(config, wired_sync_mode=role), 4, start_us)
    values = given(recordings=str(tmp_path), start_delay='5')
    rig = rig_of(values)
    found = drivers(rig, values, 1000.0)
    assert rig.plays
    assert [driver.parameters['recording_file'] for driver in found] == [
        str(tmp_path / name) for name in ('front.mkv', 'left_2.mkv', 'right.mkv')]
    assert {driver.parameters['playback_time_origin'] for driver in found} == {1004.0}
    assert len({driver.parameters['playback_loop_period'] for driver in found}) == 1
    assert not any('fps' in driver.parameters or 'autostart' in driver.parameters
                   for driver in found)
    (tmp_path / 'right.mkv').unlink()
    with pytest.raises(ConfigError, match=r'there is no recording of right in .*: right\.mkv'):
        rig_of(values)


def test_this_host_is_read_from_the_files_of_the_kernel(tmp_path: Path) -> None:
    assert this_host(tmp_path).usbfs_mb is None
    module = tmp_path / 'sys/module/usbcore/parameters'
    module.mkdir(parents=True)
    (module / 'usbfs_memory_mb').write_text('16\n')
    host = this_host(tmp_path)
    assert (host.usbfs_mb, host.controllers) == (16, {})
    assert host.cores >= 1
