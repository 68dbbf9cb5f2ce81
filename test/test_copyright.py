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

import importlib.util
from pathlib import Path
import re

import pytest
from support.sources import DIRECTORIES
from support.sources import python_files
from support.sources import ROOT

NOTICE = Path(__file__).read_text().partition('\n\n')[0]


def has_notice(text: str) -> bool:
    """Return whether a source begins with the notice of this file, of whatever year."""
    return re.match(re.escape(NOTICE).replace('2026', r'20\d\d') + r'\n(\n|$)', text) is not None


@pytest.mark.copyright
@pytest.mark.linter
def test_copyright(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    All Python sources have the notice of the license.

    By ament_copyright, which is not on PyPI, where it is installed; always by our own rule.
    """
    monkeypatch.chdir(ROOT)
    assert python_files()
    assert [path for path in python_files() if not has_notice(path.read_text())] == []
    if importlib.util.find_spec('ament_copyright'):
        from ament_copyright.main import main
        assert main(argv=[*DIRECTORIES, 'setup.py']) == 0, 'the output above names the problems'


def test_license_is_apache_2() -> None:
    """The file LICENSE is the license that the sources and package.xml name."""
    text = (ROOT / 'LICENSE').read_text()
    assert 'Apache License\n' in text
    assert 'Version 2.0, January 2004' in text
    assert 'END OF TERMS AND CONDITIONS' in text
    assert '<license file="LICENSE">Apache-2.0</license>' in (ROOT / 'package.xml').read_text()


def test_copyright_rule_finds_what_is_wrong() -> None:
    """Our own rule is not content with no notice, half of it, or another license."""
    assert has_notice(NOTICE + '\n\nimport os\n')
    assert not has_notice('import os\n')
    assert not has_notice(NOTICE.replace('License, Version 2.0', 'License, Version 1.1') + '\n\n')
    assert not has_notice(NOTICE[:200] + '\n\n')
