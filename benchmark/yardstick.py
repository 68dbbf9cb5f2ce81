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

"""Compile and run the baselines in C, which need gcc and the headers of ROS."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
import subprocess
import sys

HERE = Path(__file__).resolve().parent


def compiled(name: str, folder: str) -> str | None:
    """
    Compile NAME.c, which is beside this file, into a folder.

    :return: the library; None if it cannot be compiled, after printing the reason.
    """
    prefixes = [Path(p) for p in os.environ.get('AMENT_PREFIX_PATH', '').split(':') if p]
    include = [d for p in prefixes for d in (p / 'include', *sorted((p / 'include').glob('*')))
               if d.is_dir()]
    libraries = [p / 'lib' for p in prefixes if (p / 'lib/librcl.so').exists()]
    library = str(Path(folder, f'{name}.so'))
    names = ('rcl', 'rcutils', 'rmw', 'rosidl_runtime_c', 'sensor_msgs__rosidl_generator_c',
             'sensor_msgs__rosidl_typesupport_c')
    command = [
        'gcc', '-O3', '-shared', '-fPIC', '-o', library, str(HERE / f'{name}.c'),
        *(f'-I{d}' for d in include), *(f'-L{d}' for d in libraries),
        *(f'-Wl,-rpath,{d}' for d in libraries), *(f'-l{name}' for name in names)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        print(f'without C: {error}', file=sys.stderr)
        return None
    if done.returncode:
        reason = next(line for line in done.stderr.splitlines() if 'error' in line)
        print(f'without C: {reason}', file=sys.stderr)
        return None
    return library


def run(library: str, *arguments: object) -> int:
    """Run a baseline in this process: call its main with arguments, and return the result."""
    line = [library.encode(), *(str(argument).encode() for argument in arguments)]
    result: int = ctypes.CDLL(library).main(
        len(line), (ctypes.c_char_p * (len(line) + 1))(*line))
    return result
