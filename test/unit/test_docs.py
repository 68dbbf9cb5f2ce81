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

"""The documents name what exists."""

from __future__ import annotations

from pathlib import Path
import re

from k4a_ros.parameters.recordings_launch import ARGUMENTS
from k4a_ros.parameters.table import SPECS
from k4a_ros.rig import rig_launch
import pytest
from support.sources import ROOT

DOCUMENTS = [*ROOT.glob('*.md'), *ROOT.glob('docs/*.md')]


@pytest.mark.parametrize('path', DOCUMENTS, ids=lambda p: p.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r'\]\(([^)#]+?)(?:#[^)]*)?\)', path.read_text()):
        if '://' not in target:
            assert (path.parent / target).exists() or (
                path.parent / f'{target}.md').exists(), target


#: parameters, arguments and topics of the packages in docs/use_with.md
_OF_OTHER_PACKAGES = {
    'image_rect', 'image_rect_color', 'camera_info', 'cloud_in', 'depth_camera_info', 'data_raw',
    'exact_sync', 'approx_sync', 'approx_sync_max_interval', 'rgb_topic', 'depth_topic',
    'camera_info_topic', 'imu_topic', 'wait_imu_to_init', 'compressed', 'frame_id', 'resolution',
    'output_frame', 'scan_height', 'range_min', 'range_max', 'size', 'image_transport',
    'interpolation', 'topic_whitelist', 'image', 'set_camera_info'}


@pytest.mark.parametrize('path', DOCUMENTS, ids=lambda p: p.name)
def test_parameters_on_command_lines_exist(path: Path) -> None:
    arguments = {'namespace', 'name', 'params_file', 'log_level', 'camera', 'driver', 'rviz',
                 'view', 'fastdds_profile',
                 *(argument.name for argument in (*ARGUMENTS, *rig_launch.ARGUMENTS))}
    for name in re.findall(r'\b([a-z_0-9]+):=', path.read_text()):
        assert name in {*SPECS, *arguments, *_OF_OTHER_PACKAGES} or name.startswith(
            ('use_', 'publish_', 'robot_')) or name in ('reliability', 'depth'), name


def test_design_shows_the_layers_of_the_import_contract() -> None:
    """The picture of docs/design.md has the layers of pyproject.toml, top to bottom."""
    contract = re.search(
        r'^layers = \[(.*?)^\]', (ROOT / 'pyproject.toml').read_text(), re.MULTILINE | re.DOTALL)
    assert contract is not None
    layers = [set(line.split(' | ')) for line in re.findall(r"'(.+?)'", contract[1])]
    picture = (ROOT / 'docs/design.md').read_text().split('```')[1]
    rows = [set(re.findall(r'\[(\w+)\]', row)) for row in picture.splitlines() if '[' in row]
    assert rows == layers


def test_design_describes_every_folder() -> None:
    text = (ROOT / 'docs/design.md').read_text()
    folders = [path.parent.relative_to(ROOT / 'k4a_ros')
               for path in (ROOT / 'k4a_ros').rglob('__init__.py')]
    for folder in folders:
        assert f'`{folder}/`' in text or folder == Path(), folder
