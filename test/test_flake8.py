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

from ament_flake8.main import main_with_errors
import pytest
from support.sources import DIRECTORIES
from support.sources import ROOT


@pytest.mark.flake8
@pytest.mark.linter
def test_flake8(
        monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """All Python sources follow the rules of ament_flake8."""
    monkeypatch.chdir(ROOT)
    rc, errors = main_with_errors(argv=[*DIRECTORIES, 'setup.py'])
    capsys.readouterr()
    assert rc == 0, f'{len(errors)} problems:\n' + '\n'.join(errors)
