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
A libk4abt without Microsoft's: compiles test/virtual_k4abt, and tells what happened to it.

As on a machine where both are installed, it has a libk4a of its own beside pyk4a's: a copy under
another name. Handles of the one are refused by the other.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
from pathlib import Path
import re
import shutil
import subprocess
import tempfile
import time

from k4a_ros.sdk import libk4a

SOURCE = Path(__file__).resolve().parents[1] / 'virtual_k4abt/k4abt.c'
_FLAGS = ('-std=c11', '-D_DEFAULT_SOURCE', '-O1', '-g', '-Wall', '-Wextra', '-Werror', '-fPIC',
          '-shared', '-fvisibility=hidden', '-pthread')


class State(ctypes.Structure):
    """What the virtual libk4abt was told, and what it holds now: ``struct state`` there."""

    _fields_ = [
        ('sensor_orientation', ctypes.c_int32), ('processing_mode', ctypes.c_int32),
        ('gpu_device_id', ctypes.c_int32), ('model_path', ctypes.c_char * 256),
        ('smoothing', ctypes.c_float), ('calibration', ctypes.c_uint8 * 1032),
        ('trackers', ctypes.c_int32), ('frames', ctypes.c_int32), ('images', ctypes.c_int32),
        ('destroyed', ctypes.c_int32), ('waiting', ctypes.c_int32), ('misused', ctypes.c_int32),
        ('timeout_ms', ctypes.c_int32),
    ]


class VirtualK4abt:
    """The virtual libk4abt of this process: ``state``, and how to disturb it."""

    def __init__(self) -> None:
        self.path = library()
        self._functions = ctypes.CDLL(str(self.path))
        self._functions.virtual_k4abt_state.restype = ctypes.POINTER(State)
        self.state: State = self._functions.virtual_k4abt_state().contents

    def hold(self, held: bool) -> None:
        """Work on nothing, until a tracker is shut down; or go on."""
        self._functions.virtual_k4abt_hold(held)

    def fail(self, what: str) -> None:
        """Let a call fail: create, enqueue, pop, skeleton, index map, or '' for none."""
        self._functions.virtual_k4abt_fail(what.encode())

    def await_waiting(self) -> None:
        """Return when some thread waits in enqueue or pop."""
        end = time.monotonic() + 10
        while not self.state.waiting:
            assert time.monotonic() < end, 'nobody waits'
            time.sleep(0.001)


@functools.cache
def library() -> Path:
    """Compile the virtual libk4abt, once in each run of tests, and return the file."""
    directory = Path(tempfile.mkdtemp(prefix='virtual_k4abt-'))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    path = directory / 'libvirtual_k4abt.so.1.1'
    done = subprocess.run(
        ['cc', *_FLAGS, f'-Wl,-soname,{path.name}', f'-Wl,-rpath,{directory}', '-o', str(path),
         str(SOURCE), str(_copy_of_libk4a(directory))], capture_output=True, text=True)
    assert done.returncode == 0, f'the virtual libk4abt needs a C compiler (cc):\n{done.stderr}'
    return path


def _copy_of_libk4a(directory: Path) -> Path:
    """Copy the libk4a of pyk4a under another name, which the linker takes for another library."""
    libk4a.library()
    loaded = re.findall(r'/\S*/libk4a[^/\s]*\.so\S*', Path('/proc/self/maps').read_text())
    original = next(Path(name) for name in loaded if 'libk4arecord' not in name)
    content = original.read_bytes()
    names = re.findall(rb'\0(libk4a[-\w]*\.so[.\d]*)(?=\0)', content)
    old = next(name for name in names if original.name.encode().startswith(name))
    name = old.replace(b'libk4a', b'libk4z')
    copy = directory / name.decode()
    copy.write_bytes(content.replace(b'\0' + old + b'\0', b'\0' + name + b'\0'))
    for needed in original.parent.glob('libudev*'):
        if original.parent.name.endswith('.libs'):  # those that a wheel brings along
            (directory / needed.name).symlink_to(needed)
    return copy
