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

import ast
import importlib.util
from xml.etree import ElementTree

import pytest
from support.sources import ROOT

XML_FILES = sorted(
    path for pattern in ('*.xml', 'config/*.xml', 'urdf/*', 'scripts/overlay/*/*.xml')
    for path in ROOT.glob(pattern) if path.is_file())
# Of package.xml, format 3 (REP 149): elements that every package has, in this order.
REQUIRED = ('name', 'version', 'description', 'maintainer', 'license')


@pytest.mark.linter
@pytest.mark.xmllint
def test_xmllint(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    All XML files are well-formed.

    By ament_xmllint, which is not on PyPI, where it is installed; always by Python's own parser.
    """
    monkeypatch.chdir(ROOT)
    assert XML_FILES
    for path in XML_FILES:
        ElementTree.parse(path)
    if importlib.util.find_spec('ament_xmllint'):
        from ament_xmllint.main import main
        assert main(argv=[str(path.relative_to(ROOT)) for path in XML_FILES]) == 0


@pytest.mark.parametrize('path', ['package.xml', 'scripts/overlay/tf2_msgs/package.xml'])
def test_package_xml(path: str) -> None:
    """Each package.xml has what format 3 requires, and no dependency twice."""
    package = ElementTree.parse(ROOT / path).getroot()
    assert package.get('format') == '3'
    found = [element.tag for element in package if element.tag in REQUIRED]
    assert tuple(found) == REQUIRED
    dependencies = [(element.tag, element.text) for element in package if 'depend' in element.tag]
    assert len(dependencies) == len(set(dependencies))


def test_package_xml_agrees_with_setup_py() -> None:
    """Name, version, license and maintainer are the same in both."""
    package = ElementTree.parse(ROOT / 'package.xml').getroot()
    tree = ast.parse((ROOT / 'setup.py').read_text())
    setup = {node.arg: node.value.value for node in ast.walk(tree)
             if isinstance(node, ast.keyword) and isinstance(node.value, ast.Constant)}
    assert package.findtext('version') == setup['version']
    assert package.findtext('license') == setup['license']
    assert package.findtext('maintainer') == setup['maintainer']
    assert package.find('maintainer').get('email') == setup['maintainer_email']
