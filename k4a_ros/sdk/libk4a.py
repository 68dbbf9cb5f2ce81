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
ctypes interface to the Azure Kinect SDK: the libk4a and libk4arecord that pyk4a has loaded.

The extension module of pyk4a determines which libraries are loaded (those in the ``pyk4a-bundle``
wheel, or those of the system); this module calls the same ones through ctypes. That avoids two
defects of pyk4a 1.5.0: each of its empty returns (end of file, timeout, missing image) steals a
reference to ``None``, which crashes Python before 3.12 within minutes, and by default it holds the
interpreter lock in native calls. ctypes releases the lock in every call.

Functions are looked up as the dynamic linker does for the extension module: first among all
libraries of the process, so that a preloaded one takes precedence, then in those of the extension.
"""

from __future__ import annotations

import ctypes
from ctypes import byref
from ctypes import c_size_t
import functools
import os
from typing import Any

from k4a_ros.errors import CameraError
from k4a_ros.process.native_calls import NATIVE_CALLS
from k4a_ros.sdk.abi import BUFFER_TOO_SMALL
from k4a_ros.sdk.abi import PROTOTYPES
from k4a_ros.sdk.abi import SUCCEEDED
from k4a_ros.sdk.log import log_lines
from k4a_ros.sdk.log import route_log
import numpy as np
import numpy.typing as npt


@functools.cache
def library() -> ctypes.CDLL:
    """
    Return libk4a and libk4arecord as one ctypes library with typed functions.

    It resolves symbols as pyk4a's extension module does, so that the process uses only one copy
    of the SDK.

    :raises CameraError: pyk4a, or a library that it needs, is not installed.
    """
    # libk4arecord has no callback for log lines, only this switch, read when it first logs.
    os.environ.setdefault('K4A_ENABLE_LOG_TO_STDOUT', '0')
    try:
        import k4a_module
        import pyk4a  # noqa: F401  loads the libraries that its extension module needs
        sdk, process = ctypes.CDLL(k4a_module.__file__), ctypes.CDLL(None)
        for name, (result, arguments) in PROTOTYPES.items():
            function = getattr(process, name, None) or getattr(sdk, name)
            setattr(sdk, name, function)
            function.restype = result
            function.argtypes = arguments
    except (ImportError, OSError, AttributeError) as error:
        raise CameraError(
            f'cannot load the Azure Kinect SDK, which devices need: {error}; '
            "install it with 'pip install pyk4a-bundle'") from error
    route_log(sdk)
    return sdk


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
