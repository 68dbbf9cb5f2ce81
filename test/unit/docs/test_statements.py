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

"""Statements of documents that can be read off the sources."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
import re

import pytest
from rclpy.qos import DurabilityPolicy
from rclpy.qos import HistoryPolicy
from rclpy.qos import LivelinessPolicy
from rclpy.qos import ReliabilityPolicy
from support.documents import DOCUMENTS
from support.documents import inline_code
from support.sources import ROOT
import yaml

PACKAGE = ROOT / 'k4a_ros'


def _imports(file: Path) -> Iterator[str]:
    """Yield the top-level names of the packages that a file imports."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition('.')[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or '').partition('.')[0]


def test_modules_that_import_ros_are_listed() -> None:
    """The rule "ROS at the edge" names exactly the folders and files that import ROS."""
    contract = re.search(
        r"name = 'ROS stays at the edge'.*?forbidden_modules = \[(.*?)\]",
        (ROOT / 'pyproject.toml').read_text(), re.DOTALL)
    rule = re.search(
        r'\*\*ROS at the edge\.\*\*(.*?) import ', (ROOT / 'docs/design.md').read_text(),
        re.DOTALL)
    assert contract is not None and rule is not None
    packages = set(re.findall(r"'(\w+)'", contract[1]))
    listed = set(re.findall(r'`([\w/.]+)`', rule[1]))
    importing = {str(file.relative_to(PACKAGE)) for file in PACKAGE.rglob('*.py')
                 if packages & set(_imports(file))}
    found = {name if name in listed else f'{name.partition("/")[0]}/' for name in importing}
    assert found == listed


def test_diagnostics_in_troubleshooting_exist() -> None:
    """Names in italics are names of statuses or values in /diagnostics."""
    text = (ROOT / 'docs/troubleshooting.md').read_text()
    names = re.findall(r'(?<!\*)\*([a-zA-Z][^*\n]+)\*(?!\*)(?!:)', text)
    source = (PACKAGE / 'node/diagnostics.py').read_text()
    for name in names:
        assert f"'{name}'" in source, name
    assert len(names) > 4


def test_packages_that_rosdep_lacks_are_the_same_everywhere() -> None:
    """README, CONTRIBUTING, docs and package.xml install the same packages with pip."""
    found = {}
    for name in ('README.md', 'CONTRIBUTING.md', 'docs/ros_installation.md', 'package.xml'):
        text = (ROOT / name).read_text()
        found[name] = [set(command.split()) for command in re.findall(
            r"pip install (pyk4a-bundle .*?) 'numpy<2", text)]
    assert all(sets == [{'pyk4a-bundle', 'simplejpeg', 'numba'}] for sets in found.values()), found


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda path: path.name)
def test_anchors_of_links_exist(document: Path) -> None:
    """A link to a section names a heading, in the form that GitHub derives from it."""
    for file, anchor in re.findall(r'\]\(([^)#:]*)#([^)]+)\)', document.read_text()):
        target = document.parent / file if file else document
        headings = re.findall(r'^#+ (.+)$', target.read_text(), re.MULTILINE)
        slugs = {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-')
                 for heading in headings}
        assert anchor in slugs, f'{file}#{anchor}'


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda path: path.name)
def test_named_classes_exist(document: Path) -> None:
    """A class in backticks, perhaps with a member, is one of the package or of cv_bridge."""
    sources = [*PACKAGE.rglob('*.py'), *(ROOT / 'scripts/overlay').rglob('*.py')]
    classes = set(re.findall(
        r'^class (\w+)', '\n'.join(path.read_text() for path in sources), re.MULTILINE))
    for number, code in inline_code(document):
        found = re.fullmatch(r'([A-Z][a-z]+(?:[A-Z]\w*)?)(?:\.\w+)?(?:\(\))?', code)
        assert not found or found[1] in classes | {'None'}, f'{document.name}:{number}: {code}'


def test_rosbag2_profiles_are_valid_and_name_topics() -> None:
    """
    rosbag2 ignores names that no publisher has, and ends at keys that it does not know.

    The nodes of rosbag2_transport also end at a policy that is missing.
    """
    profiles = yaml.safe_load((ROOT / 'config/rosbag2_qos.yaml').read_text())
    topics = (ROOT / 'docs/topics.md').read_text()
    for name, policies in profiles.items():
        profile = dict(policies)  # several names share one
        assert name.startswith('/')
        assert f'`{name[1:]}`' in topics or name.endswith('/camera_info') or name == '/imu'
        HistoryPolicy.get_from_short_key(profile.pop('history'))
        ReliabilityPolicy.get_from_short_key(profile.pop('reliability'))
        DurabilityPolicy.get_from_short_key(profile.pop('durability'))
        LivelinessPolicy.get_from_short_key(profile.pop('liveliness'))
        assert not profile.pop('avoid_ros_namespace_conventions')
        for policy in ('deadline', 'lifespan', 'liveliness_lease_duration'):
            assert profile.pop(policy) == {'sec': 0, 'nsec': 0}
        assert isinstance(profile.pop('depth'), int) and not profile
    assert profiles.keys() >= {'/imu', '/depth/image_raw', '/rgb/image_raw/compressed'}
