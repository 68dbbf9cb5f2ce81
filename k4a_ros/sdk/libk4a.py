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
ctypes interface to the Azure Kinect SDK: one copy of libk4a for the process, and all calls of it.

`locate` finds the library. Functions are looked up as the dynamic linker does for a program that
is linked to it: first among all libraries of the process, so that a preloaded one takes
precedence, then in libk4a. ctypes releases the interpreter lock in every call.
"""

from __future__ import annotations

import ctypes
from ctypes import byref
from ctypes import c_size_t
from dataclasses import dataclass
import os
from pathlib import Path
import threading
from typing import Any

from k4a_ros.errors import CameraError
from k4a_ros.errors import FileError
from k4a_ros.process.files import check_regular
from k4a_ros.process.native_calls import NATIVE_CALLS
from k4a_ros.sdk import locate
from k4a_ros.sdk.abi import BUFFER_TOO_SMALL
from k4a_ros.sdk.abi import PROTOTYPES
from k4a_ros.sdk.abi import SUCCEEDED
from k4a_ros.sdk.log import log_lines
from k4a_ros.sdk.log import route_log
import numpy as np
import numpy.typing as npt

#: a function that only Orbbec's wrapper of libk4a has
_ORBBEC_FUNCTION = 'k4a_device_switch_device_clock_sync_mode'


@dataclass(frozen=True)
class Library:
    """
    The libk4a of this process.

    ``sdk`` has its functions, with their types declared. ``requested`` is the path that was asked
    for, empty for the default; ``origin`` says where ``file`` was found. ``depth_engine`` is the
    file of the depth engine, its mere name if the dynamic linker found it, or empty.
    """

    sdk: ctypes.CDLL
    requested: str
    origin: str
    file: Path
    depth_engine: str

    def __str__(self) -> str:
        """Return maker, version, file and origin in one line."""
        maker = 'Orbbec' if hasattr(self.sdk, _ORBBEC_FUNCTION) else 'Microsoft'
        version = locate.version(self.file) or 'of unknown version'
        return f"{maker}'s libk4a {version}, {self.file} ({self.origin})"

    def engine_text(self) -> str:
        """Return in one line which depth engine is used, or what to do about a missing one."""
        if not self.depth_engine:
            return (f'no {locate.DEPTH_ENGINE}, without which there are no depth and infrared '
                    f'images; {locate.installation_hint()}')
        if '/' in self.depth_engine:
            return self.depth_engine
        return f'{self.depth_engine}, found by the dynamic linker'


_lock = threading.Lock()
_loaded: Library | None = None


def load(path: str = '') -> Library:
    """
    Return the libk4a of this process; the first call loads it.

    :param path: file of the library, or a name for the dynamic linker to search for; empty for the
        one in use, or the first of `locate.candidates` that can be loaded.
    :raises CameraError: there is none, it cannot be used, or this process uses another one.
    """
    global _loaded
    with _lock:
        if _loaded is None:
            _loaded = _load(path)
        elif path not in ('', _loaded.requested):
            raise CameraError(
                f'cannot use the libk4a {path} of k4a_library_path: this process has already '
                f'loaded {_loaded.file}; restart it')
        return _loaded


def library() -> ctypes.CDLL:
    """
    Return the functions of `load`.

    :raises CameraError: see `load`.
    """
    return load().sdk


def _load(path: str) -> Library:
    # read when libk4a first logs; route_log gets its lines
    os.environ.setdefault('K4A_ENABLE_LOG_TO_STDOUT', '0')
    problems = []
    for candidate in locate.candidates(path):
        try:
            sdk, file = _open(candidate.name)
        except (FileError, OSError, AttributeError) as error:
            problems.append(f'{candidate.name} of {candidate.origin}: {error}')
            continue
        engine = locate.load_depth_engine(file)
        route_log(sdk)
        return Library(sdk, path, candidate.origin, file, engine)
    raise CameraError(
        'cannot load libk4a, the Azure Kinect SDK, which a physical camera needs; '
        f'{locate.installation_hint()} (tried {"; ".join(problems)})')


def _open(name: str) -> tuple[ctypes.CDLL, Path]:
    """
    Load a library, and declare the types of its functions.

    :param name: file or name for the dynamic linker; empty for the libraries of this process.
    :raises FileError: it is not a file.
    :raises OSError: the dynamic linker cannot load it.
    :raises AttributeError: it lacks a function.
    """
    if '/' in name:  # otherwise the dynamic linker searches for it
        name = os.path.expanduser(name)
        check_regular(name)
    sdk, process = ctypes.CDLL(name or None), ctypes.CDLL(None)
    for function_name, (result, arguments) in PROTOTYPES.items():
        function = getattr(process, function_name, None) or getattr(sdk, function_name)
        setattr(sdk, function_name, function)
        function.restype = result
        function.argtypes = arguments
    return sdk, locate.file_of(sdk.k4a_capture_create)


def connected_devices() -> int:
    """
    Return the number of cameras connected to this computer, including those in use.

    :raises CameraError: the SDK is not installed.
    """
    sdk = library()
    name = 'k4a_device_get_installed_count'
    with NATIVE_CALLS.running(name), log_lines(quiet=True):  # an error is logged if there are none
        return int(sdk.k4a_device_get_installed_count())


class NativeImage:
    """
    An image of the SDK, released when the last array that refers to its buffer is deleted.

    ``device_us``: device timestamp, microseconds. ``system_ns``: arrival at the host, nanoseconds;
    the clock depends on the library. ``size``: bytes.

    :param handle: a k4a_image_t; this object takes over one reference to it.
    """

    def __init__(self, handle: int) -> None:
        sdk = library()
        self._handle = handle
        self._release = sdk.k4a_image_release
        self.device_us = int(sdk.k4a_image_get_device_timestamp_usec(handle))
        self.system_ns = int(sdk.k4a_image_get_system_timestamp_nsec(handle))
        self.size = int(sdk.k4a_image_get_size(handle))
        self._buffer = sdk.k4a_image_get_buffer(handle)

    def exposure_us(self) -> int:
        """Return the exposure time of a color image, microseconds; 0 if unknown."""
        return int(library().k4a_image_get_exposure_usec(self._handle))

    def iso_speed(self) -> int:
        """Return the ISO speed of a color image; 0 if unknown."""
        return int(library().k4a_image_get_iso_speed(self._handle))

    def white_balance(self) -> int:
        """Return the white balance of a color image, kelvin; 0 if unknown."""
        return int(library().k4a_image_get_white_balance(self._handle))

    @property
    def __array_interface__(self) -> dict[str, object]:
        """Describe the buffer to numpy; every view of it keeps this object alive."""
        return {
            'version': 3, 'typestr': '|u1', 'shape': (self.size,), 'data': (self._buffer, True)}

    def array(self) -> npt.NDArray[np.uint8]:
        """Return a read-only view of the image's buffer, (size,) uint8."""
        return np.asarray(self)

    def __del__(self) -> None:
        """Release the image."""
        self._release(self._handle)


def read_bytes(function: Any, *arguments: object) -> bytes | None:
    """
    Call an SDK function that fills a buffer of a size that must be queried first.

    :param function: its last two parameters are the buffer and its size.
    :return: the content without trailing NUL characters; None if the function fails.
    """
    size = c_size_t(0)
    if function(*arguments, None, byref(size)) != BUFFER_TOO_SMALL:
        return None
    buffer = ctypes.create_string_buffer(size.value)
    if function(*arguments, buffer, byref(size)) != SUCCEEDED:
        return None
    return buffer.raw[:size.value].rstrip(b'\0')
