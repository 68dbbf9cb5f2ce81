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

"""The command line of the driver: help, and arguments that cannot be used."""

from __future__ import annotations

import os
from pathlib import Path
import subprocess
import sys

from k4a_ros.errors import ConfigError
from k4a_ros.process.arguments import check_arguments
from k4a_ros.process.arguments import help_requested
from k4a_ros.process.arguments import parameter_files
import pytest
from support.sources import ROOT


@pytest.mark.parametrize('argument', ['-h', '--help'])
def test_help_is_printed_instead_of_starting_the_driver(argument: str) -> None:
    program = 'from k4a_ros.main import main; raise SystemExit(main())'
    result = subprocess.run(
        [sys.executable, '-c', program, argument], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stderr) == (0, '')
    assert result.stdout.startswith('usage: k4a_driver')
    assert str(ROOT / 'config/driver.yaml') in result.stdout


def test_help_is_for_the_driver_only_outside_of_ros_arguments() -> None:
    assert help_requested(['k4a_driver', '--ros-args', '-p', 'a:=b', '--', '--help'])
    assert not help_requested(['k4a_driver', '--ros-args', '--help'])
    assert not help_requested(['--help'])  # the name of the program


@pytest.mark.parametrize(('arguments', 'problem'), [
    (['camera:=simulated'], r"unknown argument 'camera:=simulated': .* --ros-args -p NAME:=VALUE"),
    (['--ros-args', '-p', 'a:=\udcff'], r"the argument 'a:=\\udcff' is not text in UTF-8"),
    (['--ros-args', '--params-file', '/dev/zero'], 'parameter file /dev/zero: it is a device'),
])
def test_unusable_argument_raises(arguments: list[str], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        check_arguments(['k4a_driver', *arguments])


def test_named_pipe_as_parameter_file_raises_unless_it_is_from_a_shell(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / 'a.yaml')
    with pytest.raises(ConfigError, match='named pipe'):
        check_arguments(['k4a_driver', '--ros-args', '--params-file', str(tmp_path / 'a.yaml')])
    check_arguments(['k4a_driver', '--ros-args', '--params-file', '/dev/fd/63'])


def test_parameter_files_are_those_of_ros_arguments() -> None:
    assert parameter_files([
        'k4a_driver', '--params-file', 'a', '--ros-args', '--params-file', 'b', '-p', 'x:=1',
        '--params-file', 'c', '--', '--params-file', 'd']) == ['b', 'c']
