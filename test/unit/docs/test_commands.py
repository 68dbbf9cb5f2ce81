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

"""
Commands, files and modules in the documents: every code block says how it is checked.

The words after the opening fence are the language and, for sh and python, one of `MARKS`.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
import re
import subprocess
import sys

import pytest
from support import programs
from support.documents import Block
from support.documents import blocks
from support.documents import DOCUMENTS
from support.documents import inline_code
from support.documents import prose
from support.documents import split
from support.ros import new_domain
from support.sources import ROOT
from support.time_limits import PROCESS_TIMEOUT_S
import yaml

#: how a block of commands is checked
MARKS = {
    'test': 'run by test_marked_blocks_run',
    'ci': 'run by ./scripts/test, or by the tests of the scripts',
    'benchmark': 'takes minutes; its options are checked',
    'ros': 'needs a ROS installation; the names in it are checked',
    'hardware': 'needs a camera; the names in it are checked',
    'install': 'changes the system; pinned versions are checked',
}
PLAIN_LANGUAGES = ('text', 'xml', 'yaml')

#: start of a command -> file that runs it or tests what it runs, and the proof in that file
TESTED_ELSEWHERE = {
    '. scripts/env': ('test/unit/scripts/test_set_up.py', '/scripts/env"'),
    './scripts/demo': ('test/ros/test_demo.py', 'scripts/internal/demo.py'),
    './scripts/test': ('.ci/run', 'scripts/test'),
    'scripts/internal/check-page': ('scripts/test', 'scripts/internal/check-page'),
    'python3 -m k4a_ros.parameters.generate_docs': (
        'test/unit/parameters/test_generate_docs.py', 'generate_docs.markdown()'),
}
#: names of files that users create, or that other software has
FOREIGN_FILES = {'99-k4a.rules'}

BLOCKS = [block for document in DOCUMENTS for block in blocks(document)]


def marked(*marks: str) -> list[Block]:
    """Return the blocks with one of these marks."""
    return [block for block in BLOCKS if block.info[1:2] and block.info[1] in marks]


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda path: path.name)
def test_every_code_block_states_how_it_is_checked(document: Path) -> None:
    for block in blocks(document):
        if block.info and block.info[0] in PLAIN_LANGUAGES:
            assert len(block.info) == 1, f'{block}: {block.info[0]} has no mark'
        else:
            assert len(block.info) == 2 and block.info[0] in ('sh', 'python') and \
                block.info[1] in MARKS, f'{block}: expected sh or python and one of {[*MARKS]}'


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda path: path.name)
def test_code_blocks_are_fenced(document: Path) -> None:
    for number, line in prose(document):
        assert not line.startswith('    '), f'{document.name}:{number}: indented code block'


@pytest.mark.parametrize('block', marked('test'), ids=str)
def test_marked_blocks_run(block: Block, tmp_path: Path) -> None:
    """The block succeeds in a directory that looks like the checkout."""
    work, binaries = tmp_path / 'work', tmp_path / 'bin'
    for directory in (work, binaries):
        directory.mkdir()
    for path in ROOT.iterdir():
        (work / path.name).symlink_to(path)
    text = '\n'.join(
        line for line in block.text.splitlines() if not line.startswith('. scripts/env'))
    domain = new_domain()
    shell = [sys.executable, '-c'] if block.info[0] == 'python' else ['sh', '-euc']
    result = subprocess.run(
        [*shell, text], cwd=work, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=PROCESS_TIMEOUT_S, env=programs.environment(
            binaries, ROS_DOMAIN_ID=str(domain), ROS_LOG_DIR=str(tmp_path)))
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize('block', marked('ci'), ids=str)
def test_ci_commands_are_run_by_the_scripts(block: Block) -> None:
    """A command is a line of scripts/test, or one of those that are tested elsewhere."""
    lines = [line.strip().partition(' || ')[0]
             for line in (ROOT / 'scripts/test').read_text().splitlines()]
    for command in block.commands():
        if command in lines:
            continue
        start = next((start for start in TESTED_ELSEWHERE if command.startswith(start)), None)
        assert start is not None, f'{block}: nothing runs {command}'
        file, proof = TESTED_ELSEWHERE[start]
        assert proof in (ROOT / file).read_text(), f'{block}: {file} does not run {start}'
        for word in split(command):
            assert not word.startswith('test/') or (ROOT / word).exists(), f'{block}: {word}'


@pytest.mark.parametrize('block', marked('benchmark'), ids=str)
def test_benchmarks_have_the_options(block: Block) -> None:
    for command in block.commands():
        program = next(word for word in split(command) if word.endswith('.py'))
        usage = subprocess.run(
            [sys.executable, str(ROOT / program), '--help'], capture_output=True, text=True,
            timeout=PROCESS_TIMEOUT_S, check=True).stdout
        for option in re.findall(r'--[a-z-]+', command):
            assert option in usage, f'{block}: {program} has no option {option}'


@pytest.mark.parametrize('block', marked('ros', 'hardware'), ids=str)
def test_names_in_ros_commands_exist(block: Block) -> None:
    """Executables, launch files and packages that are named belong to this package."""
    for command in block.commands():
        for executable in re.findall(r'ros2 run k4a_ros (\S+)', command):
            assert executable in programs.CONSOLE_SCRIPTS, f'{block}: {executable}'
        for file in re.findall(r'ros2 launch k4a_ros (\S+)', command):
            assert (ROOT / 'launch' / file).exists(), f'{block}: {file}'
        for file in re.findall(r'(?:launch_test|xacro) (\S+)', command):
            assert (ROOT / file).exists(), f'{block}: {file}'
        for name in re.findall(r'(k4a_\w+) --', command):
            assert name in programs.CONSOLE_SCRIPTS, f'{block}: {name}'


def test_pinned_versions_are_those_of_the_requirements() -> None:
    pins = '\n'.join(path.read_text() for path in ROOT.glob('scripts/requirements*.txt'))
    for block in BLOCKS:
        for requirement in re.findall(r'[\w-]+==[\w.]+', block.text):
            assert re.search(rf'^{re.escape(requirement)}\b', pins, re.MULTILINE), \
                f'{block}: {requirement}'


@pytest.mark.parametrize(
    'block', [block for block in BLOCKS if block.info == ('yaml',)], ids=str)
def test_yaml_is_valid(block: Block) -> None:
    yaml.safe_load(block.text)


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda path: path.name)
def test_named_files_exist(document: Path) -> None:
    """Files and folders in backticks: from the root, the document, the package or the tests."""
    bases = (ROOT, document.parent, ROOT / 'k4a_ros', ROOT / 'test/unit')
    tracked = {path.name for name in ('benchmark', 'config', 'docs', 'k4a_ros', 'launch',
                                      'scripts', 'test', 'urdf')
               for path in (ROOT / name).rglob('*.*')} | set(os.listdir(ROOT))
    for number, code in inline_code(document):
        if not re.fullmatch(
                r'\.?/?(?:[\w.-]+/)*[\w.-]+\.(?:py|md|rst|xml|yaml|rviz|xacro|txt|toml|c|h)'
                r'|(?:[\w-]+/)+', code):
            continue
        found = code in FOREIGN_FILES or any((base / code).exists() for base in bases) or (
            '/' not in code and code in tracked)
        assert found, f'{document.name}:{number}: there is no {code}'


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda path: path.name)
def test_named_modules_exist(document: Path) -> None:
    for name in set(re.findall(r'\bk4a_ros(?:\.[a-z_0-9]+)+\b', document.read_text())):
        assert importlib.util.find_spec(name) is not None, f'{document.name}: {name}'
