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
Where libk4a is on this computer, and the depth engine that belongs to it.

libk4a 1.4 comes from several places, all with the same binary interface: the wheel pyk4a-bundle
(x86_64), Microsoft's Debian package libk4a1.4 (x86_64 and aarch64), and Orbbec's K4A wrapper, for
Femto Bolt and Femto Mega. docs/design.md explains the order.
"""

from __future__ import annotations

import ctypes
from ctypes import c_char_p
from ctypes import c_void_p
from ctypes import POINTER
from dataclasses import dataclass
import os
from pathlib import Path
import platform
import re
import sys
from typing import Any
from typing import Final

#: environment variable with the file of libk4a, for programs that have no parameters
PATH_VARIABLE: Final = 'K4A_LIBRARY_PATH'
#: names to load the system's library by: the runtime package's, then the development package's
LINKER_NAMES: Final = ('libk4a.so.1.4', 'libk4a.so')
#: the file of the depth engine, which libk4a loads by this name
DEPTH_ENGINE: Final = 'libdepthengine.so.2.0'
#: where it is, relative to libk4a: in the wheel, in Microsoft's package, in Orbbec's wrapper
_ENGINE_FOLDERS = ('', 'libk4a1.4', 'extensions/depthengine')
#: libraries that pyk4a-bundle installs beside its Python packages
_WHEEL_FILES = 'pyk4a_bundle.libs/libk4a[-.]*so*'
#: a function that every libk4a has, and the virtual device of the tests does not replace
_ANY_FUNCTION = 'k4a_capture_create'


@dataclass(frozen=True)
class Candidate:
    """
    A libk4a that may exist.

    ``name`` is its file, or a name for the dynamic linker to search for; empty for one that this
    process has already loaded for all its libraries, as with LD_PRELOAD. ``origin`` says where the
    name comes from.
    """

    name: str
    origin: str


def candidates(path: str = '') -> list[Candidate]:
    """
    Return the libraries to try, in order; a library that was named is the only one.

    :param path: the parameter k4a_library_path; empty if it is not set.
    """
    if path:
        return [Candidate(path, 'k4a_library_path')]
    if variable := os.environ.get(PATH_VARIABLE, ''):
        return [Candidate(variable, PATH_VARIABLE)]
    if hasattr(ctypes.CDLL(None), _ANY_FUNCTION):
        return [Candidate('', 'loaded before the driver, as by LD_PRELOAD')]
    return [*(Candidate(str(file), 'pyk4a-bundle') for file in wheel_files()),
            *(Candidate(name, 'system') for name in LINKER_NAMES)]


def wheel_files() -> list[Path]:
    """Return the libk4a of an installed pyk4a-bundle, which is not imported: it needs numpy 1."""
    return [file for folder in sys.path if folder
            for file in sorted(Path(folder).glob(_WHEEL_FILES))]


def load_depth_engine(library: Path) -> str:
    """
    Load the depth engine that belongs to a libk4a; return its file, or '' if there is none.

    libk4a asks the dynamic linker for it by name when the cameras start, and then gets the one
    that is loaded. The result is the mere name if the dynamic linker finds it elsewhere.

    :param library: file of libk4a, without symbolic links.
    """
    files = (library.parent / folder / DEPTH_ENGINE for folder in _ENGINE_FOLDERS)
    for name in (*(str(file) for file in files if file.is_file()), DEPTH_ENGINE):
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return name
    return ''


def version(library: Path) -> str:
    """Return the version in the name of a library's file, such as 1.4.2; empty if unknown."""
    found = re.search(r'\.so\.([0-9]+(\.[0-9]+)+)', library.name)
    return found[1] if found else ''


def installation_hint() -> str:
    """Return what to do on this computer to get libk4a and the depth engine."""
    package = (
        "install Microsoft's package libk4a1.4, or name the file of the library in "
        f'k4a_library_path or {PATH_VARIABLE}')
    if platform.machine() != 'x86_64':
        return f'{package}; pyk4a-bundle exists for x86_64 only'
    return f"install it with 'pip install pyk4a-bundle'; or {package}"


class _DlInfo(ctypes.Structure):
    """Dl_info of dlfcn.h."""

    _fields_ = [('file', c_char_p), ('base', c_void_p), ('name', c_char_p), ('symbol', c_void_p)]


def file_of(function: Any) -> Path:
    """Return the file that a ctypes function was loaded from, with symbolic links resolved."""
    find = ctypes.CDLL(None).dladdr
    find.argtypes = (c_void_p, POINTER(_DlInfo))
    info = _DlInfo()
    find(ctypes.cast(function, c_void_p), ctypes.byref(info))
    return Path(os.fsdecode(info.file)).resolve()
