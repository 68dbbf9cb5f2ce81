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
The boundary to the Azure Kinect SDK: the native libraries that pyk4a brings along.

pyk4a is used as the carrier of libk4a and libk4arecord: its extension module decides which ones
are loaded (those in the ``pyk4a-bundle`` wheel, or the ones of the system), and this module calls
these very libraries through ctypes. Two faults of pyk4a 1.5.0 are thereby out of the way, whatever
its version: each of its empty returns (end of file, time-out, absent image) takes a reference from
``None``, which kills Python before 3.12 within minutes, and it holds the global interpreter lock
in native calls unless told otherwise. ctypes releases the lock around every call.

A function is looked up where the dynamic linker looks it up for the extension itself: first among
the libraries of the whole process, so that a preloaded one counts, then in those of the extension.

Prototypes and structures: k4a.h, k4atypes.h, k4arecord/{playback,record,types}.h of SDK 1.4.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import ctypes
from ctypes import byref
from ctypes import c_bool
from ctypes import c_char_p
from ctypes import c_float
from ctypes import c_int
from ctypes import c_int32
from ctypes import c_size_t
from ctypes import c_uint32
from ctypes import c_uint64
from ctypes import c_void_p
from ctypes import POINTER
from dataclasses import dataclass
from dataclasses import field
import functools
import logging
import math
import os
import re
import time
from typing import Any

from k4a_ros.errors import CameraError
import numpy as np
import numpy.typing as npt

#: k4a_result_t, k4a_buffer_result_t, k4a_wait_result_t and k4a_stream_result_t
SUCCEEDED = 0
BUFFER_TOO_SMALL = 2
WAIT_TIMEOUT = 2
STREAM_EOF = 2
#: k4a_image_format_t of the depth camera's images
DEPTH16 = 4
IR16 = 5

#: k4a_log_level_t -> level of the Python logger
_LOG_LEVELS = {
    0: logging.CRITICAL, 1: logging.ERROR, 2: logging.WARNING, 3: logging.INFO, 4: logging.DEBUG,
}
#: first letter of the environment variable K4A_LOG_LEVEL -> k4a_log_level_t
_LOG_LETTERS = {'c': 0, 'e': 1, 'w': 2, 'i': 3, 't': 4}
_LOG_WARNING = 2
#: seconds in which the same line is logged once
_LOG_QUIET = 5.0
_MESSAGE_HANDLER = ctypes.CFUNCTYPE(None, c_void_p, c_int, c_char_p, c_int, c_char_p)
_log = logging.getLogger('k4a_ros.sdk')


class ImuSample(ctypes.Structure):
    """k4a_imu_sample_t."""

    _fields_ = [
        ('temperature', c_float), ('acc', c_float * 3), ('acc_us', c_uint64),
        ('gyro', c_float * 3), ('gyro_us', c_uint64),
    ]


class DeviceConfiguration(ctypes.Structure):
    """k4a_device_configuration_t."""

    _fields_ = [
        ('color_format', c_int), ('color_resolution', c_int), ('depth_mode', c_int),
        ('camera_fps', c_int), ('synchronized_images_only', c_bool),
        ('depth_delay_off_color_usec', c_int32), ('wired_sync_mode', c_int),
        ('subordinate_delay_off_master_usec', c_uint32), ('disable_streaming_indicator', c_bool),
    ]


class Version(ctypes.Structure):
    """k4a_version_t."""

    _fields_ = [('major', c_uint32), ('minor', c_uint32), ('iteration', c_uint32)]


class HardwareVersion(ctypes.Structure):
    """k4a_hardware_version_t."""

    _fields_ = [
        ('color', Version), ('depth', Version), ('audio', Version), ('depth_sensor', Version),
        ('firmware_build', c_int), ('firmware_signature', c_int),
    ]


class RecordConfiguration(ctypes.Structure):
    """k4a_record_configuration_t."""

    _fields_ = [
        ('color_format', c_int), ('color_resolution', c_int), ('depth_mode', c_int),
        ('camera_fps', c_int), ('color_track_enabled', c_bool), ('depth_track_enabled', c_bool),
        ('ir_track_enabled', c_bool), ('imu_track_enabled', c_bool),
        ('depth_delay_off_color_usec', c_int32), ('wired_sync_mode', c_int),
        ('subordinate_delay_off_master_usec', c_uint32),
        ('start_timestamp_offset_usec', c_uint32),
    ]


_HANDLE = POINTER(c_void_p)
#: function -> (result, arguments)
_PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    'k4a_device_get_installed_count': (c_uint32, ()),
    'k4a_device_get_serialnum': (c_int, (c_void_p, c_char_p, POINTER(c_size_t))),
    'k4a_device_get_raw_calibration': (c_int, (c_void_p, c_char_p, POINTER(c_size_t))),
    'k4a_device_get_version': (c_int, (c_void_p, POINTER(HardwareVersion))),
    'k4a_device_get_color_control': (c_int, (c_void_p, c_int, POINTER(c_int), POINTER(c_int32))),
    'k4a_device_get_color_control_capabilities': (c_int, (
        c_void_p, c_int, POINTER(c_bool), POINTER(c_int32), POINTER(c_int32), POINTER(c_int32),
        POINTER(c_int32), POINTER(c_int))),
    'k4a_device_get_capture': (c_int, (c_void_p, _HANDLE, c_int32)),
    'k4a_device_get_imu_sample': (c_int, (c_void_p, c_void_p, c_int32)),
    'k4a_capture_get_temperature_c': (c_float, (c_void_p,)),
    'k4a_capture_create': (c_int, (_HANDLE,)),
    'k4a_capture_release': (None, (c_void_p,)),
    'k4a_capture_get_color_image': (c_void_p, (c_void_p,)),
    'k4a_capture_get_depth_image': (c_void_p, (c_void_p,)),
    'k4a_capture_get_ir_image': (c_void_p, (c_void_p,)),
    'k4a_capture_set_color_image': (None, (c_void_p, c_void_p)),
    'k4a_capture_set_depth_image': (None, (c_void_p, c_void_p)),
    'k4a_capture_set_ir_image': (None, (c_void_p, c_void_p)),
    'k4a_image_create_from_buffer': (c_int, (
        c_int, c_int, c_int, c_int, c_void_p, c_size_t, c_void_p, c_void_p, _HANDLE)),
    'k4a_image_get_buffer': (c_void_p, (c_void_p,)),
    'k4a_image_get_size': (c_size_t, (c_void_p,)),
    'k4a_image_get_device_timestamp_usec': (c_uint64, (c_void_p,)),
    'k4a_image_get_system_timestamp_nsec': (c_uint64, (c_void_p,)),
    'k4a_image_get_exposure_usec': (c_uint64, (c_void_p,)),
    'k4a_image_get_iso_speed': (c_uint32, (c_void_p,)),
    'k4a_image_get_white_balance': (c_uint32, (c_void_p,)),
    'k4a_image_set_device_timestamp_usec': (None, (c_void_p, c_uint64)),
    'k4a_image_release': (None, (c_void_p,)),
    'k4a_set_debug_message_handler': (c_int, (c_void_p, c_void_p, c_int)),
    'k4a_playback_open': (c_int, (c_char_p, _HANDLE)),
    'k4a_playback_close': (None, (c_void_p,)),
    'k4a_playback_get_raw_calibration': (c_int, (c_void_p, c_char_p, POINTER(c_size_t))),
    'k4a_playback_get_record_configuration': (c_int, (c_void_p, POINTER(RecordConfiguration))),
    'k4a_playback_get_tag': (c_int, (c_void_p, c_char_p, c_char_p, POINTER(c_size_t))),
    'k4a_playback_get_recording_length_usec': (c_uint64, (c_void_p,)),
    'k4a_playback_get_next_capture': (c_int, (c_void_p, _HANDLE)),
    'k4a_playback_get_next_imu_sample': (c_int, (c_void_p, c_void_p)),
    'k4a_record_create': (c_int, (c_char_p, c_void_p, DeviceConfiguration, _HANDLE)),
    'k4a_record_add_tag': (c_int, (c_void_p, c_char_p, c_char_p)),
    'k4a_record_add_attachment': (c_int, (c_void_p, c_char_p, c_char_p, c_size_t)),
    'k4a_record_add_imu_track': (c_int, (c_void_p,)),
    'k4a_record_write_header': (c_int, (c_void_p,)),
    'k4a_record_write_capture': (c_int, (c_void_p, c_void_p)),
    'k4a_record_write_imu_sample': (c_int, (c_void_p, ImuSample)),
    'k4a_record_flush': (c_int, (c_void_p,)),
    'k4a_record_close': (None, (c_void_p,)),
}


@functools.cache
def library() -> ctypes.CDLL:
    """
    Return libk4a and libk4arecord as one ctypes library, every function of theirs typed.

    The handle is that of pyk4a's extension: symbols are those that the extension itself calls,
    so there is one SDK in the process, wherever it was installed.

    :raises CameraError: pyk4a, or a library that it needs, is not installed.
    """
    # libk4arecord has no handler for its log lines, only this switch, read at the first line.
    os.environ.setdefault('K4A_ENABLE_LOG_TO_STDOUT', '0')
    try:
        import pyk4a  # noqa: F401  loads the libraries that its extension module needs

        import k4a_module
        sdk, process = ctypes.CDLL(k4a_module.__file__), ctypes.CDLL(None)
        for name, (result, arguments) in _PROTOTYPES.items():
            function = getattr(process, name, None) or getattr(sdk, name)
            setattr(sdk, name, function)
            function.restype = result
            function.argtypes = arguments
    except (ImportError, OSError, AttributeError) as error:
        raise CameraError(
            'cannot load the Azure Kinect SDK, which recordings and devices need: '
            f"{error}; install it with 'pip install pyk4a-bundle'") from error
    _route_log(sdk)
    return sdk


def connected_devices() -> int:
    """
    Return how many cameras libk4a sees on this machine, in use or not.

    :raises CameraError: there is no libk4a.
    """
    with log_lines(quiet=True):  # it takes none for an error
        return int(library().k4a_device_get_installed_count())


@contextlib.contextmanager
def log_lines(*, quiet: bool = False) -> Iterator[list[str]]:
    """
    Collect the lines that the SDK logs in the block, from whichever thread.

    :param quiet: do not log them meanwhile: failures in the block are expected.
    """
    collector = _Collector(quiet)
    _collectors.append(collector)
    try:
        yield collector.lines
    finally:
        _collectors.remove(collector)


def listen(listener: Callable[[int, str, str], None]) -> None:
    """
    Let somebody hear, for as long as Python runs, what the SDK logs where failures are unexpected.

    :param listener: called with the k4a_log_level_t, the name of the SDK's source file and the
        line, by whichever thread logs it.
    """
    _listeners.append(listener)


@dataclass(eq=False)
class _Collector:
    quiet: bool
    lines: list[str] = field(default_factory=list)


_collectors: list[_Collector] = []
_listeners: list[Callable[[int, str, str], None]] = []
#: kind of line -> when it was last logged, and how often it came since
_logged: dict[str, tuple[float, int]] = {}


def _on_message(_: object, level: int, file: bytes, line: int, message: bytes) -> None:
    """Log a line of the SDK; of those that differ in numbers only, one in a few seconds."""
    text = message.decode(errors='replace').strip()
    collectors = list(_collectors)
    for collector in collectors:
        collector.lines.append(text)
    if any(collector.quiet for collector in collectors):
        return
    source = os.path.basename(file).decode(errors='replace')
    for listener in _listeners:
        listener(level, source, text)
    kind = re.sub('[0-9]+', '0', f'{file!r} {line} {text}')
    now = time.monotonic()
    last, more = _logged.get(kind, (-math.inf, 0))
    if now - last < _LOG_QUIET:
        _logged[kind] = (last, more + 1)
        return
    _logged[kind] = (now, 0)
    repeated = f' [and {more} more like this]' if more else ''
    _log.log(_LOG_LEVELS.get(level, logging.INFO), '%s (%s:%d)%s',
             text, source, line, repeated)


#: lives as long as the library that calls it
_message_handler = _MESSAGE_HANDLER(_on_message)


def _route_log(sdk: ctypes.CDLL) -> None:
    """
    Send libk4a's log to the logger k4a_ros.sdk, for as long as Python runs.

    Warnings and errors, or what the environment variable K4A_LOG_LEVEL says. Warnings and errors
    are always heard, whether or not they are logged: they tell why calls fail.
    """
    _log.addHandler(logging.NullHandler())
    wanted = os.environ.get('K4A_LOG_LEVEL', '')[:1].lower()
    level = max(_LOG_WARNING, _LOG_LETTERS.get(wanted, _LOG_WARNING))
    if wanted in _LOG_LETTERS:
        _log.setLevel(_LOG_LEVELS[_LOG_LETTERS[wanted]])
    handler = ctypes.cast(_message_handler, c_void_p)
    sdk.k4a_set_debug_message_handler(handler, None, level)
    atexit.register(sdk.k4a_set_debug_message_handler, None, None, level)


class NativeImage:
    """
    One image of the SDK, released when the last array that looks into it is gone.

    :param handle: a k4a_image_t; this object owns one reference to it.
    """

    def __init__(self, handle: int) -> None:
        """Take the image over."""
        sdk = library()
        self._handle = handle
        self._release = sdk.k4a_image_release
        self.device_us = int(sdk.k4a_image_get_device_timestamp_usec(handle))
        self.system_ns = int(sdk.k4a_image_get_system_timestamp_nsec(handle))
        self.size = int(sdk.k4a_image_get_size(handle))
        self._buffer = sdk.k4a_image_get_buffer(handle)

    def exposure_us(self) -> int:
        """Return the length of exposure of a color image, microseconds, 0 if unknown."""
        return int(library().k4a_image_get_exposure_usec(self._handle))

    def iso_speed(self) -> int:
        """Return the ISO speed of a color image, 0 if unknown."""
        return int(library().k4a_image_get_iso_speed(self._handle))

    def white_balance(self) -> int:
        """Return the white balance of a color image, kelvin, 0 if unknown."""
        return int(library().k4a_image_get_white_balance(self._handle))

    @property
    def __array_interface__(self) -> dict[str, object]:
        """Describe the buffer to numpy, which keeps this object alive with each view."""
        return {
            'version': 3, 'typestr': '|u1', 'shape': (self.size,), 'data': (self._buffer, True)}

    def array(self) -> npt.NDArray[np.uint8]:
        """Return the image's bytes, (size,) uint8, read-only, without a copy."""
        return np.asarray(self)

    def __del__(self) -> None:
        """Give the image back to the SDK."""
        self._release(self._handle)


def text(function: Any, *arguments: object) -> bytes | None:
    """
    Call an SDK function that fills a buffer of unknown size.

    :param function: its last two parameters are the buffer and its size.
    :return: what it wrote up to the terminating NUL, or None where it has nothing to give.
    """
    size = c_size_t(0)
    if function(*arguments, None, byref(size)) != BUFFER_TOO_SMALL:
        return None
    buffer = ctypes.create_string_buffer(size.value)
    if function(*arguments, buffer, byref(size)) != SUCCEEDED:
        return None
    return buffer.raw[:size.value].rstrip(b'\0')
