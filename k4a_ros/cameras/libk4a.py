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

Prototypes and structures: k4a.h, k4atypes.h, k4arecord/{playback,record,types}.h of SDK 1.4.
"""

from __future__ import annotations

import atexit
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
import functools
import importlib
import logging
import os
from typing import Any

from k4a_ros.errors import CameraError
import numpy as np
import numpy.typing as npt

#: k4a_result_t, k4a_buffer_result_t and k4a_stream_result_t
SUCCEEDED = 0
BUFFER_TOO_SMALL = 2
STREAM_EOF = 2
#: k4a_image_format_t of the depth camera's images
DEPTH16 = 4
IR16 = 5

#: k4a_log_level_t -> level of the Python logger
_LOG_LEVELS = {
    0: logging.CRITICAL, 1: logging.ERROR, 2: logging.WARNING, 3: logging.INFO, 4: logging.DEBUG,
}
_LOG_WARNING = 2
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
    'k4a_image_set_device_timestamp_usec': (None, (c_void_p, c_uint64)),
    'k4a_image_release': (None, (c_void_p,)),
    'k4a_set_debug_message_handler': (c_int, (c_void_p, c_void_p, c_int)),
    'k4a_playback_open': (c_int, (c_char_p, _HANDLE)),
    'k4a_playback_close': (None, (c_void_p,)),
    'k4a_playback_get_raw_calibration': (c_int, (c_void_p, c_char_p, POINTER(c_size_t))),
    'k4a_playback_get_record_configuration': (c_int, (c_void_p, POINTER(RecordConfiguration))),
    'k4a_playback_get_tag': (c_int, (c_void_p, c_char_p, c_char_p, POINTER(c_size_t))),
    'k4a_playback_get_recording_length_usec': (c_uint64, (c_void_p,)),
    'k4a_playback_seek_timestamp': (c_int, (c_void_p, ctypes.c_int64, c_int)),
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

    The handle is that of pyk4a's extension: symbols are looked up in what the extension itself
    was linked with, so there is one SDK in the process, wherever it was installed.

    :raises CameraError: pyk4a, or a library that it needs, is not installed.
    """
    # libk4arecord has no handler for its log lines, only this switch, read at the first line.
    os.environ.setdefault('K4A_ENABLE_LOG_TO_STDOUT', '0')
    try:
        importlib.import_module('pyk4a')
        extension = importlib.import_module('k4a_module').__file__
        sdk = ctypes.CDLL(extension)
        for name, (result, arguments) in _PROTOTYPES.items():
            function = getattr(sdk, name)
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
    return int(library().k4a_device_get_installed_count())


def _on_message(_: object, level: int, file: bytes, line: int, message: bytes) -> None:
    _log.log(_LOG_LEVELS.get(level, logging.INFO), '%s (%s:%d)',
             message.decode(errors='replace'), os.path.basename(file).decode(), line)


#: lives as long as the library that calls it
_message_handler = _MESSAGE_HANDLER(_on_message)


def _route_log(sdk: ctypes.CDLL) -> None:
    """Send libk4a's warnings and errors to the logger k4a_ros.sdk, for as long as Python runs."""
    _log.addHandler(logging.NullHandler())
    handler = ctypes.cast(_message_handler, c_void_p)
    sdk.k4a_set_debug_message_handler(handler, None, _LOG_WARNING)
    atexit.register(sdk.k4a_set_debug_message_handler, None, None, _LOG_WARNING)


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
        self.size = int(sdk.k4a_image_get_size(handle))
        self._buffer = sdk.k4a_image_get_buffer(handle)

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
