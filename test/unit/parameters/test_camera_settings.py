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

"""Settings of the camera: its kind, its modes, and parameters of other kinds."""

from __future__ import annotations

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.errors import ConfigError
from k4a_ros.parameters.settings import Settings
import pytest


def test_modes_are_validated_all_at_once() -> None:
    with pytest.raises(ConfigError) as error:
        Settings.from_values({
            'camera': 'simulated', 'depth_mode': 'WFOV_UNBINNED', 'fps': 30,
            'color_format': 'nv12', 'color_resolution': '1080P'})
    assert len(error.value.problems) == 2
    Settings.from_values({'recording_file': 'a.mkv', 'depth_mode': 'WFOV_UNBINNED', 'fps': 30})


def test_mode_parameters_become_a_camera_config() -> None:
    settings = Settings.from_values({
        'camera': 'simulated', 'depth_mode': 'WFOV_2X2BINNED', 'color_resolution': '1080P',
        'color_format': 'bgra', 'fps': 15, 'imu_enabled': False,
        'depth_delay_off_color_usec': -7, 'wired_sync_mode': 2,
        'subordinate_delay_off_master_usec': 9, 'synchronized_images_only': True})
    assert settings.camera_config == CameraConfig(
        DepthMode.WFOV_2X2BINNED, ColorResolution.R1080P, ColorFormat.BGRA32, 15, depth=True,
        ir=True, color=True, imu=False, depth_delay_off_color_usec=-7,
        wired_sync_mode=WiredSyncMode.SUBORDINATE, subordinate_delay_off_master_usec=9,
        synchronized_images_only=True)
    off = Settings.from_values({'camera': 'simulated', 'depth_enabled': False}).camera_config
    assert off.depth_mode is DepthMode.OFF
    assert not off.ir


def test_simulated_camera_is_never_selected_automatically() -> None:
    assert Settings.from_values({}).camera_kind == 'device'
    assert Settings.from_values({'recording_file': 'a.mkv'}).camera_kind == 'recording'
    assert Settings.from_values({'camera': 'simulated'}).camera_kind == 'simulated'
    with pytest.raises(ConfigError, match='leave one of them out'):
        Settings.from_values({'camera': 'simulated', 'recording_file': 'a.mkv'})
    with pytest.raises(ConfigError, match='recording_file is not given'):
        Settings.from_values({'camera': 'recording'})


def test_parameters_of_other_camera_kinds_are_reported_as_unused() -> None:
    found = Settings.from_values({
        'recording_file': 'a.mkv', 'fps': 5, 'depth_mode': 'NFOV_UNBINNED',
        'simulation_seed': 3, 'playback_rate': 2.0}).unused_parameters()
    assert len(found) == 2
    assert 'depth_mode, fps' in found[0]
    assert 'simulation_seed' in found[1]
    simulated = Settings.from_values({'camera': 'simulated', 'fps': 5, 'gain': 3})
    assert simulated.unused_parameters() == []


@pytest.mark.parametrize('value', ['30', 29, 3.0, True])
def test_choices_of_a_number_are_type_checked(value: object) -> None:
    with pytest.raises(ConfigError, match='fps is'):
        Settings.from_values({'camera': 'simulated', 'fps': value})
