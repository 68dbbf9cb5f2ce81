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

"""The linters of the page of k4a_view."""

from __future__ import annotations

import os
from pathlib import Path
import shutil
import subprocess

import pytest
from support.sources import ROOT

PARTS = ('.prettierrc.json', 'scripts/internal/check-page', 'scripts/page', 'k4a_ros/viewer/web')


def check(root: Path, tools: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run check-page of a checkout."""
    return subprocess.run(
        [root / 'scripts/internal/check-page', tools], text=True, capture_output=True,
        env=os.environ | variables)


def test_without_node_nothing_is_checked(tmp_path: Path) -> None:
    tools = tmp_path / 'bin'
    tools.mkdir()
    for name in ('dirname', 'mkdir', 'sed'):
        (tools / name).symlink_to(str(shutil.which(name)))
    result = check(ROOT, tmp_path / 'tools', PATH=str(tools))
    assert result.returncode == 0, result.stderr
    assert result.stdout == 'skipped: Node.js 18 and npm are not installed\n'


def test_page_that_is_wrong_fails(tmp_path: Path) -> None:
    for part in PARTS:
        source, target = ROOT / part, tmp_path / part
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    with (tmp_path / 'k4a_ros/viewer/web/math.js').open('a') as script:
        script.write('let  unused = missing;\n')
    result = check(tmp_path, Path(os.environ['VIRTUAL_ENV']) / 'page_tools')
    if result.stdout.startswith('skipped: '):
        pytest.skip(result.stdout.removeprefix('skipped: '))
    assert result.returncode == 1
    for finding in ("'unused' is assigned a value", "'missing' is not defined", 'prefer-const'):
        assert finding in result.stdout
    assert 'math.js' in result.stderr  # prettier
