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

"""Values of all parameters together: conflicts, camera configuration, unused parameters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.errors import ConfigError
from k4a_ros.parameters.settings import mode_values
from k4a_ros.parameters.settings import Settings
from k4a_ros.parameters.table import SPECS
import pytest

any_value = (strategies.none() | strategies.booleans() | strategies.integers()
             | strategies.floats() | strategies.text() | strategies.lists(strategies.integers()))


@given(strategies.dictionaries(strategies.sampled_from(list(SPECS)), any_value))
def test_arbitrary_values_are_accepted_or_rejected_by_name(values: dict[str, object]) -> None:
    try:
        result = Settings.from_values(values)
    except ConfigError as error:
        assert error.problems
        for problem in error.problems:
            assert any(name in problem for name in SPECS)
        return
    for name, spec in SPECS.items():
        assert type(getattr(result, name)) is spec.kind


def test_all_invalid_values_are_reported_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.from_values({'playback_rate': -1, 'depth_unit': '16UC2', 'point_cloud': 'on'})
    assert len(caught.value.problems) == 3
    assert 'did you mean 16UC1?' in caught.value.problems[1]


def test_nothing_to_publish_raises() -> None:
    with pytest.raises(ConfigError, match='nothing to publish'):
        Settings.from_values(
            {'depth_enabled': False, 'color_enabled': False, 'imu_enabled': False})


def test_colored_cloud_without_depth_or_color_raises() -> None:
    camera = {'camera': 'simulated', 'rgb_point_cloud': True}
    assert Settings.from_values(camera).rgb_point_cloud
    for missing in ({'depth_mode': 'PASSIVE_IR'}, {'color_enabled': False}):
        with pytest.raises(ConfigError, match='rgb_point_cloud needs depth and color'):
            Settings.from_values(camera | missing)


def test_crop_box_without_inside_and_tiny_voxels_raise() -> None:
    with pytest.raises(ConfigError) as error:
        Settings.from_values({
            'point_cloud_crop_min_y': 1.0, 'point_cloud_crop_max_y': 1.0,
            'point_cloud_voxel_size': 0.0005})
    voxels, box = error.value.problems
    assert 'at least 0.001 m' in voxels
    assert 'point_cloud_crop_min_y is 1, but point_cloud_crop_max_y is 1' in box


def test_values_of_one_request_are_replaced_one_by_one() -> None:
    low, high = 'point_cloud_crop_min_x', 'point_cloud_crop_max_x'
    settings = Settings.from_values({low: 0.0, high: 1.0})
    moved = settings.with_value(low, 2).with_value(high, 3)
    assert moved == settings.replace({low: 2, high: 3})
    with pytest.raises(ConfigError, match=low):
        settings.with_value(low, 21.0)


def test_unsupported_camera_modes_are_reported_at_once() -> None:
    with pytest.raises(ConfigError) as error:
        Settings.from_values({
            'camera': 'simulated', 'depth_mode': 'WFOV_UNBINNED', 'fps': 30,
            'color_format': 'nv12', 'color_resolution': '1080P'})
    assert len(error.value.problems) == 2


def test_camera_modes_are_not_checked_for_recordings() -> None:
    Settings.from_values({'recording_file': 'a.mkv', 'depth_mode': 'WFOV_UNBINNED', 'fps': 30})


def test_camera_config_has_the_values_of_parameters() -> None:
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


def test_disabled_depth_turns_the_depth_camera_off() -> None:
    config = Settings.from_values({'camera': 'simulated', 'depth_enabled': False}).camera_config
    assert config.depth_mode is DepthMode.OFF
    assert not config.ir


def test_camera_kind_is_simulated_only_on_request() -> None:
    assert Settings.from_values({}).camera_kind == 'device'
    assert Settings.from_values({'recording_file': 'a.mkv'}).camera_kind == 'recording'
    assert Settings.from_values({'camera': 'simulated'}).camera_kind == 'simulated'


def test_camera_that_contradicts_recording_file_raises() -> None:
    with pytest.raises(ConfigError, match='remove one of them'):
        Settings.from_values({'camera': 'simulated', 'recording_file': 'a.mkv'})
    with pytest.raises(ConfigError, match='recording_file is empty'):
        Settings.from_values({'camera': 'recording'})


def test_recorded_stamps_need_no_time_origin() -> None:
    with pytest.raises(ConfigError, match='playback_stamps is recorded, which needs no play'):
        Settings.from_values({'playback_stamps': 'recorded', 'playback_time_origin': 5.0})
    with pytest.raises(ConfigError, match=r'playback_time_origin is -0.5; it must be -1, or a'):
        Settings.from_values({'playback_time_origin': -0.5})


def test_parameters_of_other_cameras_are_reported_as_unused() -> None:
    modes, simulation = Settings.from_values({
        'recording_file': 'a.mkv', 'fps': 5, 'depth_mode': 'PASSIVE_IR',
        'simulation_seed': 3, 'playback_rate': 2.0}).unused_parameters()
    assert modes == ('depth_mode, fps have no effect with camera:=recording, '
                     'only with camera:=device or simulated')
    assert simulation == ('simulation_seed has no effect with camera:=recording, '
                          'only with camera:=simulated')
    simulated = Settings.from_values({'camera': 'simulated', 'fps': 5, 'gain': 3})
    assert simulated.unused_parameters() == []


def test_defaults_of_a_dumped_parameter_file_are_not_reported_as_unused() -> None:
    dumped = {name: spec.default for name, spec in SPECS.items()}
    assert Settings.from_values(dumped).unused_parameters() == []


def test_modes_of_the_recording_are_not_reported_as_unused() -> None:
    settings = Settings.from_values({
        'recording_file': 'a.mkv', 'fps': 5, 'depth_mode': 'PASSIVE_IR'})
    (unused,) = settings.unused_parameters({'fps': 15, 'depth_mode': 'PASSIVE_IR'})
    assert unused.startswith('fps has no effect')


def test_mode_values_are_the_parameters_of_a_camera_config() -> None:
    values = {
        'camera': 'simulated', 'depth_mode': 'WFOV_2X2BINNED', 'color_resolution': '1080P',
        'color_format': 'bgra', 'fps': 15, 'depth_delay_off_color_usec': -7,
        'wired_sync_mode': 2, 'subordinate_delay_off_master_usec': 9,
        'synchronized_images_only': True}
    config = Settings.from_values(values).camera_config
    assert {'camera': 'simulated', **mode_values(config)} == values
    assert all(SPECS[name].check(value) == value for name, value in mode_values(config).items())


def test_depth_and_infrared_have_one_url() -> None:
    url, other = 'file:///a.yaml', 'file:///b.yaml'
    Settings.from_values({'depth_camera_info_url': url, 'ir_camera_info_url': url})
    Settings.from_values({'ir_camera_info_url': url})
    with pytest.raises(ConfigError, match='have the same lens, so set one of them'):
        Settings.from_values({'depth_camera_info_url': url, 'ir_camera_info_url': other})


@pytest.mark.parametrize('url', ['a.yaml', 'http://host/a.yaml', 'file://a.yaml', 'Factory'])
def test_url_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match='it must be factory, or a URL file:///PATH'):
        Settings.from_values({'rgb_camera_info_url': url})
