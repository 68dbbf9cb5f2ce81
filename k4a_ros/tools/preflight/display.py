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
Check whether OpenGL 4.4 is available, which Microsoft's depth engine needs.

A context is created in a child process, because the libraries of X end the process on errors.
"""

from __future__ import annotations

from collections.abc import Mapping
import os
import subprocess
import sys

from k4a_ros.tools.preflight.result import Check
from k4a_ros.tools.preflight.result import passed
from k4a_ros.tools.preflight.result import problem
from k4a_ros.tools.preflight.result import warning

_NAME = 'display'
_TIMEOUT_S = 20.0
_PROGRAM = 'k4a_ros.tools.preflight.opengl_probe'
#: renderers of Mesa that run on the CPU
_SOFTWARE = ('llvmpipe', 'softpipe', 'swrast')
_WITHOUT_MONITOR = (
    'Log in at the computer, or let a user log in automatically, and set DISPLAY and XAUTHORITY '
    'to those of that session; without, only color works (depth_enabled:=false)')


def display_check(environment: Mapping[str, str] | None = None) -> Check:
    """
    Return whether the depth engine can create its OpenGL context.

    :param environment: that of the driver; default: of this process.
    """
    environment = os.environ if environment is None else environment
    display = environment.get('DISPLAY', '')
    if not display:
        return problem(_NAME, 'DISPLAY is not set', _WITHOUT_MONITOR)
    try:
        result = subprocess.run(
            [sys.executable, '-m', _PROGRAM], env=dict(environment), text=True,
            capture_output=True, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return problem(
            _NAME, f'OpenGL on display {display} does not respond within {_TIMEOUT_S:g} s',
            'Restart the X session')
    lines = result.stdout.splitlines()
    if result.returncode or not lines:
        reason = (lines or result.stderr.splitlines() or ['it crashed'])[-1]
        return problem(_NAME, f'no OpenGL 4.4 on display {display}: {reason}', _WITHOUT_MONITOR)
    version, renderer = [*lines, '', ''][:2]
    if any(name in renderer for name in _SOFTWARE):
        return warning(
            _NAME, f'OpenGL {version}, computed on the CPU ({renderer})',
            'Install the driver of your GPU: in software, the depth engine is far too slow')
    return passed(_NAME, f'OpenGL {version} by {renderer}')
