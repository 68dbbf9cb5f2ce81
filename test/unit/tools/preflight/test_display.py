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


from __future__ import annotations

import os
from pathlib import Path
import shutil
import stat
import subprocess
import sys

from k4a_ros.tools.preflight import display
from k4a_ros.tools.preflight.display import display_check
from k4a_ros.tools.preflight.result import Status
import pytest


def test_missing_display_is_a_problem() -> None:
    check = display_check({})
    assert check.status is Status.PROBLEM and 'DISPLAY is not set' in check.found


def test_display_that_does_not_exist_is_a_problem() -> None:
    check = display_check({**os.environ, 'DISPLAY': ':4711'})
    assert check.status is Status.PROBLEM and ':4711' in check.found


@pytest.mark.parametrize(('program', 'status', 'found'), [
    ('printf "4.6 Core\\nNVIDIA RTX\\n"', Status.OK, 'OpenGL 4.6 Core by NVIDIA RTX'),
    ('printf "4.5\\nllvmpipe (LLVM)\\n"', Status.WARNING, 'on the CPU'),
    ('echo "its OpenGL is older than 4.4"; exit 1', Status.PROBLEM, 'older than 4.4'),
    ('kill -SEGV $$', Status.PROBLEM, 'it crashed'),
    ('exec sleep 100', Status.PROBLEM, 'does not respond')])
def test_result_of_the_probe_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, status: Status, found: str,
) -> None:
    python = tmp_path / 'python'
    python.write_text(f'#!/bin/sh\n{program}\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, 'executable', str(python))
    if 'sleep' in program:
        monkeypatch.setattr(display, '_TIMEOUT_S', 0.2)
    check = display_check({'DISPLAY': ':0'})
    assert check.status is status and found in check.found, check


@pytest.mark.skipif(not shutil.which('Xvfb'), reason='Xvfb is not installed')
def test_software_rendering_of_a_real_display_is_a_warning() -> None:
    read_end, write_end = os.pipe()
    with subprocess.Popen(
            ['Xvfb', '-displayfd', str(write_end), '-screen', '0', '64x64x24'],
            pass_fds=[write_end], stderr=subprocess.DEVNULL) as server:
        os.close(write_end)
        try:
            with os.fdopen(read_end) as numbers:
                number = numbers.readline().strip()
            check = display_check({**os.environ, 'DISPLAY': f':{number}'})
        finally:
            server.terminate()
    if 'not installed' in check.found or 'no OpenGL (GLX)' in check.found:
        pytest.skip(f'this machine has no OpenGL: {check.found}')
    assert check.status is Status.WARNING and 'on the CPU' in check.found, check
