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

"""Parameter files that are all for other nodes are reported."""

from __future__ import annotations

from pathlib import Path

from k4a_ros.node.parameter_files import unused_parameter_files
import pytest

NODE = '/left/k4a_driver'
VALUES = '{ros__parameters: {fps: 5}}'


def check(path: Path, text: str) -> list[str]:
    path.write_text(text)
    return unused_parameter_files(
        ['k4a_driver', '--ros-args', '--params-file', str(path)], NODE)


@pytest.mark.parametrize('key', [
    '/**', '/*/k4a_driver', '/left/k4a_driver', 'left/k4a_driver', '/left/*', '/**/k4a_driver'])
def test_file_with_parameters_of_the_node_is_not_reported(tmp_path: Path, key: str) -> None:
    assert check(tmp_path / 'a.yaml', f'"{key}": {VALUES}\n/other: {VALUES}') == []


def test_nested_namespaces_are_followed(tmp_path: Path) -> None:
    assert check(tmp_path / 'a.yaml', f'left: {{k4a_driver: {VALUES}}}') == []
    assert check(tmp_path / 'a.yaml', f'right: {{k4a_driver: {VALUES}}}') != []


@pytest.mark.parametrize('key', [
    'k4a_driver', '/k4a_driver', '/right/k4a_driver', '/*', '/left/k4a', 'k4a_ros_bridge_node'])
def test_file_without_parameters_of_the_node_is_reported(tmp_path: Path, key: str) -> None:
    path = tmp_path / 'a.yaml'
    (problem,) = check(path, f'"{key}": {VALUES}')
    assert problem == (
        f'The parameter file {path} has no effect: it has parameters of /{key.lstrip("/")}, but '
        f'this node is {NODE}; rename that in the file to {NODE}, or to /** for any node')


@pytest.mark.parametrize('text', ['', '3', '{', '- a', '&a {b: *a}', '[' * 2000])
def test_file_that_rcl_judges_is_not_reported(tmp_path: Path, text: str) -> None:
    assert check(tmp_path / 'a.yaml', text) == []
