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

"""What view.launch.py prepares for rviz2."""

from __future__ import annotations

from pathlib import Path

from k4a_ros.errors import ConfigError
from k4a_ros.parameters.rviz import own_copy
from k4a_ros.parameters.rviz import shows_color
import pytest
from support.sources import ROOT
import yaml


def test_copy_is_kept_once_it_was_saved_and_follows_the_package_before(tmp_path: Path) -> None:
    installed, home = tmp_path / 'k4a.rviz', tmp_path / 'home/k4a_ros'
    for text in ('one', 'two'):
        installed.write_text(text)
        copy = own_copy(installed, home)
        assert copy != installed and copy.read_text() == text
    copy.write_text('mine')
    installed.write_text('three')
    assert own_copy(installed, home).read_text() == 'mine'
    copy.unlink()
    assert own_copy(installed, home).read_text() == 'three'


def test_without_a_place_for_a_copy_the_installed_file_is_shown(tmp_path: Path) -> None:
    installed = tmp_path / 'k4a.rviz'
    installed.touch()
    assert own_copy(installed, installed / 'below_a_file') == installed


@pytest.mark.parametrize(('configurations', 'expected'), [
    ({}, True), ({'camera': 'simulated', 'depth_mode': 'WFOV_2X2BINNED'}, True),
    ({'rgb_point_cloud': ''}, True), ({'rgb_point_cloud': 'false'}, False),
    ({'rgb_point_cloud': 'true'}, False), ({'color_resolution': 'OFF'}, False),
    ({'color_enabled': 'false'}, False), ({'depth_mode': 'PASSIVE_IR'}, False),
    ({'depth_enabled': 'no'}, False), ({'point_cloud': 'false'}, False),
    ({'ir_point_cloud': 'true'}, False), ({'params_file': 'my.yaml'}, False)])
def test_cloud_gets_color_unless_an_argument_decides_otherwise(
    configurations: dict[str, str], expected: bool,
) -> None:
    assert shows_color(configurations) == expected


def test_value_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ConfigError, match='depth_mode'):
        shows_color({'depth_mode': 'NARROW'})


def test_configuration_of_rviz_has_a_window_state_with_every_image() -> None:
    config = yaml.safe_load((ROOT / 'config/k4a.rviz').read_text())
    displays = {d['Name']: d for d in config['Visualization Manager']['Displays']}
    window = config['Window Geometry']
    state = bytes.fromhex(window['QMainWindow State']).decode('utf-16-be', 'replace')
    state += bytes.fromhex(window['QMainWindow State'])[1:].decode('utf-16-be', 'replace')
    for name in ('Color', 'Depth', 'Infrared', 'Displays'):
        assert name in state and not window[name]['collapsed']
    assert window['Width'] <= 1280 and window['Height'] <= 800
    assert not window['Hide Right Dock']
    assert displays['Points']['Color Transformer'] == 'RGB8'
    assert displays['People']['Enabled'] and displays['Camera model']['Alpha'] < 1
    assert not displays['Depth']['Normalize Range']
