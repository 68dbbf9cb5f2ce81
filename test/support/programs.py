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

"""Executables of the package, for tests that run programs as a shell does."""

from __future__ import annotations

import os
from pathlib import Path
import re
import subprocess
import sys

from support.sources import ROOT
from support.time_limits import PROCESS_TIMEOUT_S

#: name -> (module, function): the console scripts of setup.py
CONSOLE_SCRIPTS = {
    name: (module, function) for name, module, function in re.findall(
        r"'(\w+) = ([\w.]+):(\w+)'", (ROOT / 'setup.py').read_text())}


def environment(directory: Path, **variables: str) -> dict[str, str]:
    """
    Return an environment whose PATH starts with the console scripts, python and python3.

    They run with the interpreter of the tests, whether the package is installed or not.

    :param directory: gets the executables.
    """
    for name, (module, function) in CONSOLE_SCRIPTS.items():
        _write_program(
            directory / name, f'-c "import sys; sys.argv[0] = \'{name}\'; '
            f'from {module} import {function}; sys.exit({function}())"')
    for name in ('python', 'python3'):
        _write_program(directory / name, '')
    path = f'{directory}{os.pathsep}{os.environ.get("PATH", os.defpath)}'
    return os.environ | {'PATH': path} | variables


def _write_program(file: Path, arguments: str) -> None:
    file.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
    file.chmod(0o755)


def run_python(
    code: str, *arguments: str, **variables: str,
) -> subprocess.CompletedProcess[str]:
    """
    Run Python code that uses this package in a separate process, and capture its output.

    :param variables: additional environment variables.
    """
    path = os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])
    return subprocess.run(
        [sys.executable, '-c', code, *arguments], capture_output=True, text=True,
        timeout=PROCESS_TIMEOUT_S, env={**os.environ, 'PYTHONPATH': path, **variables})
