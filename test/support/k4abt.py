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
A virtual libk4abt: compiles test/virtual_k4abt, and gives access to its state.

As on a machine where Microsoft's packages are installed beside pyk4a, it is linked to a libk4a of
its own: a copy under another name. Each copy rejects the handles of the other.
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

from k4a_ros.sdk import libk4a
from support.time_limits import wait_for

SOURCE = Path(__file__).resolve().parents[1] / 'virtual_k4abt/k4abt.c'
_FLAGS = ('-std=c11', '-D_DEFAULT_SOURCE', '-O1', '-g', '-Wall', '-Wextra', '-Werror', '-fPIC',
          '-shared', '-fvisibility=hidden', '-pthread')


class State(ctypes.Structure):
    """Arguments that the virtual libk4abt received, and its live handles: its ``struct state``."""

    _fields_ = [
        ('sensor_orientation', ctypes.c_int32), ('processing_mode', ctypes.c_int32),
        ('gpu_device_id', ctypes.c_int32), ('model_path', ctypes.c_char * 256),
        ('smoothing', ctypes.c_float), ('calibration', ctypes.c_uint8 * 1032),
        ('trackers', ctypes.c_int32), ('frames', ctypes.c_int32), ('images', ctypes.c_int32),
        ('destroyed', ctypes.c_int32), ('waiting', ctypes.c_int32), ('misused', ctypes.c_int32),
        ('timeout_ms', ctypes.c_int32),
    ]


class VirtualK4abt:
    """The virtual libk4abt of this process: its ``state``, and fault injection."""

    def __init__(self) -> None:
        self.path = library()
        self._functions = ctypes.CDLL(str(self.path))
        self._functions.virtual_k4abt_state.restype = ctypes.POINTER(State)
        self.state: State = self._functions.virtual_k4abt_state().contents

    def hold(self, held: bool) -> None:
        """Pause processing, until a tracker is shut down; or resume it."""
        self._functions.virtual_k4abt_hold(held)

    def fail(self, call: str) -> None:
        """Make a call fail: create, enqueue, pop, skeleton, index map, or '' for none."""
        self._functions.virtual_k4abt_fail(call.encode())

    def await_waiting(self) -> None:
        """Return once a thread is blocked in enqueue or pop."""
        wait_for(lambda: self.state.waiting, 'a thread that blocks in enqueue or pop')


@functools.cache
def library() -> Path:
    """Compile the virtual libk4abt, once per test run, and return the file."""
    directory = Path(tempfile.mkdtemp(prefix='virtual_k4abt-'))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    path = directory / 'libvirtual_k4abt.so.1.1'
    done = subprocess.run(
        ['cc', *_FLAGS, f'-Wl,-soname,{path.name}', f'-Wl,-rpath,{directory}', '-o', str(path),
         str(SOURCE), str(_copy_of_libk4a(directory))], capture_output=True, text=True)
    assert done.returncode == 0, f'the virtual libk4abt needs a C compiler (cc):\n{done.stderr}'
    return path


def _copy_of_libk4a(directory: Path) -> Path:
    """Copy libk4a under another soname, so that the linker loads it a second time."""
    original = libk4a.load().file
    content = original.read_bytes()
    names = re.findall(rb'\0(libk4a[-\w]*\.so[.\d]*)(?=\0)', content)
    old = next(name for name in names if original.name.encode().startswith(name))
    name = old.replace(b'libk4a', b'libk4z')
    copy = directory / name.decode()
    copy.write_bytes(content.replace(b'\0' + old + b'\0', b'\0' + name + b'\0'))
    for needed in original.parent.glob('libudev*'):
        if original.parent.name.endswith('.libs'):  # bundled in the wheel
            (directory / needed.name).symlink_to(needed)
    return copy
