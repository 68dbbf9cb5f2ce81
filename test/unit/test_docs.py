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

from k4a_ros import settings
import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [*ROOT.glob('*.md'), *ROOT.glob('docs/*.md')]


@pytest.mark.parametrize('path', DOCUMENTS, ids=lambda p: p.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r'\]\(([^)#]+?)(?:#[^)]*)?\)', path.read_text()):
        if '://' not in target:
            assert (path.parent / target).exists() or (
                path.parent / f'{target}.md').exists(), target


@pytest.mark.parametrize('path', DOCUMENTS, ids=lambda p: p.name)
def test_parameters_on_command_lines_exist(path: Path) -> None:
    arguments = {'namespace', 'name', 'params_file', 'log_level', 'camera', 'rviz',
                 'fastdds_profile'}
    for name in re.findall(r'\b([a-z_0-9]+):=', path.read_text()):
        assert name in {*settings.names(), *arguments} or name.startswith(
            ('use_', 'publish_', 'robot_')) or name in ('reliability', 'depth'), name


def test_every_module_is_in_the_design() -> None:
    text = (ROOT / 'docs/design.md').read_text()
    paths = [path for path in (ROOT / 'k4a_ros').rglob('*.py')
             if not path.stem.endswith(('_kernels', '_fallback'))]
    for path in paths:
        if path.name != '__init__.py' and path.parent.name != 'simulation':
            assert re.search(rf'\b{path.stem}\b', text), path.relative_to(ROOT)
