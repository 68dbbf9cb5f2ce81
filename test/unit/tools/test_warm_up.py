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

"""Compiling kernels in advance, several groups at a time."""

from __future__ import annotations

import os
from pathlib import Path
import subprocess
import sys

from support.synthetic_capture import NEEDS_NUMBA
from support.time_limits import PROCESS_TIMEOUT_S

COMMAND = [sys.executable, '-m', 'k4a_ros.tools.warm_up']


def warm_up(cache: Path, *names: str) -> tuple[int, str, str]:
    """Run the command with a cache; return exit code, output and errors."""
    done = subprocess.run(
        [*COMMAND, *names], capture_output=True, text=True, timeout=PROCESS_TIMEOUT_S,
        env=os.environ | {'NUMBA_CACHE_DIR': str(cache)})
    return done.returncode, done.stdout, done.stderr


@NEEDS_NUMBA
def test_groups_are_compiled_and_counted(tmp_path: Path) -> None:
    code, output, errors = warm_up(tmp_path, 'rvl', 'rectification', 'rvl')
    assert (code, errors) == (0, '')
    lines = output.splitlines()
    assert [line.rpartition(': ')[0] for line in lines] == [
        'compiled kernels, 1 of 2', 'compiled kernels, 2 of 2']
    assert {line.rpartition(': ')[2] for line in lines} == {'rvl', 'rectification'}
    kernels = {path.name.partition('-')[0] for path in tmp_path.rglob('*.nbc')}
    assert {'rvl_kernels.encode', 'rectification_kernels.rectify_depth'} <= kernels


@NEEDS_NUMBA
def test_group_that_fails_is_reported(tmp_path: Path) -> None:
    program = ('import sys; from k4a_ros.tools import warm_up; '
               "warm_up._MODULE = 'k4a_ros.no_such_module'; "
               "raise SystemExit(warm_up.compile_at_once(['rvl']))")
    done = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True,
        timeout=PROCESS_TIMEOUT_S)
    assert done.returncode == 1
    assert 'no_such_module' in done.stderr


def test_unknown_group_is_refused(tmp_path: Path) -> None:
    code, _, errors = warm_up(tmp_path, 'people')
    assert code == 2
    assert 'unknown kernels: people; choose from bodies, ' in errors
