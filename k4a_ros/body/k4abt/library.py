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
Interface to libk4abt, the library of the Azure Kinect Body Tracking SDK, through ctypes.

Handles of libk4a carry an address within the copy of libk4a that made them, and other copies
reject them. The copy that libk4abt is linked to is not always the camera's, so captures are made
with libk4abt's own: all functions, including those of libk4a, are looked up through the handle of
libk4abt, where the dynamic linker resolves them as for libk4abt itself.

Prototypes and structures: k4abt.h and k4abttypes.h of the Body Tracking SDK 1.1, k4a.h of the
Azure Kinect SDK 1.4.
"""

from __future__ import annotations

import ctypes
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
import os
from pathlib import Path
import re
from typing import Any
from typing import Final

from k4a_ros.body.joints import Joint
from k4a_ros.errors import BodyTrackingError
from k4a_ros.errors import FileError
from k4a_ros.process.files import check_regular
from k4a_ros.sdk.locate import file_of

#: k4a_result_t and k4a_wait_result_t
SUCCEEDED = 0
WAIT_TIMEOUT = 2
WAIT_FOREVER = -1
#: size of the buffer for a k4a_calibration_t, bytes; libk4a 1.4 writes 1032
CALIBRATION_SIZE = 4096

#: names to load the library by: the runtime package's, then the development package's
LIBRARY_NAMES: Final = ('libk4abt.so.1.1', 'libk4abt.so')
#: name of the default model, which libk4abt looks for in the current directory
MODEL_NAME = 'dnn_model_2_0_op11.onnx'
#: where the package libk4abt1.1 installs the model
_MODEL_FOLDER = '/usr/bin'
_MIN_VERSION = (1, 1)


class TrackerConfiguration(ctypes.Structure):
    """k4abt_tracker_configuration_t; there was no model_path before version 1.1."""

    _fields_ = [
        ('sensor_orientation', c_int), ('processing_mode', c_int), ('gpu_device_id', c_int32),
        ('model_path', c_char_p),
    ]


class NativeJoint(ctypes.Structure):
    """k4abt_joint_t: position in millimeters; orientation w, x, y, z."""

    _fields_ = [('position', c_float * 3), ('orientation', c_float * 4), ('confidence', c_int)]


class Skeleton(ctypes.Structure):
    """k4abt_skeleton_t."""

    _fields_ = [('joints', NativeJoint * len(Joint))]


_HANDLE = POINTER(c_void_p)
#: function -> (result type, argument types)
_PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    'k4abt_tracker_create': (c_int, (c_void_p, TrackerConfiguration, _HANDLE)),
    'k4abt_tracker_destroy': (None, (c_void_p,)),
    'k4abt_tracker_shutdown': (None, (c_void_p,)),
    'k4abt_tracker_set_temporal_smoothing': (None, (c_void_p, c_float)),
    'k4abt_tracker_enqueue_capture': (c_int, (c_void_p, c_void_p, c_int32)),
    'k4abt_tracker_pop_result': (c_int, (c_void_p, _HANDLE, c_int32)),
    'k4abt_frame_release': (None, (c_void_p,)),
    'k4abt_frame_get_num_bodies': (c_uint32, (c_void_p,)),
    'k4abt_frame_get_body_skeleton': (c_int, (c_void_p, c_uint32, POINTER(Skeleton))),
    'k4abt_frame_get_body_id': (c_uint32, (c_void_p, c_uint32)),
    'k4abt_frame_get_device_timestamp_usec': (c_uint64, (c_void_p,)),
    'k4abt_frame_get_body_index_map': (c_void_p, (c_void_p,)),
    'k4a_calibration_get_from_raw': (c_int, (c_char_p, c_size_t, c_int, c_int, c_void_p)),
    'k4a_capture_create': (c_int, (_HANDLE,)),
    'k4a_capture_release': (None, (c_void_p,)),
    'k4a_capture_set_depth_image': (None, (c_void_p, c_void_p)),
    'k4a_capture_set_ir_image': (None, (c_void_p, c_void_p)),
    'k4a_image_create': (c_int, (c_int, c_int, c_int, c_int, _HANDLE)),
    'k4a_image_release': (None, (c_void_p,)),
    'k4a_image_get_buffer': (c_void_p, (c_void_p,)),
    'k4a_image_get_width_pixels': (c_int, (c_void_p,)),
    'k4a_image_get_height_pixels': (c_int, (c_void_p,)),
    'k4a_image_get_stride_bytes': (c_int, (c_void_p,)),
    'k4a_image_set_device_timestamp_usec': (None, (c_void_p, c_uint64)),
    'k4a_image_set_system_timestamp_nsec': (None, (c_void_p, c_uint64)),
}


@dataclass(frozen=True)
class Library:
    """
    A loaded libk4abt.

    ``sdk`` provides all functions used of libk4abt and its libk4a, with their types declared;
    ``file`` is the file that it was loaded from.
    """

    sdk: ctypes.CDLL
    file: Path

    def find_model(self, model_path: str) -> Path | None:
        """
        Return the model file; None leaves the search to libk4abt.

        :param model_path: set by the user; if empty, the SDK's default model is searched for in
            the current directory, beside the library, and where Microsoft's package installs it.
        :raises BodyTrackingError: there is no such file.
        """
        if model_path:
            try:
                check_regular(model_path)
            except FileError as error:
                raise BodyTrackingError(
                    f'cannot track bodies with the model {model_path}: {error}; correct '
                    'body_tracking_model_path, or leave it empty') from error
            return Path(model_path).absolute()
        folders = (Path.cwd(), self.file.parent, Path(_MODEL_FOLDER))
        candidates = (folder / MODEL_NAME for folder in folders)
        return next((path for path in candidates if path.is_file()), None)


def load(path: str = '') -> Library:
    """
    Load libk4abt.

    :param path: file of the library; if empty, the dynamic linker searches for it.
    :raises BodyTrackingError: the library is missing or unusable; says what to do.
    """
    # otherwise libk4a, also in its second copy, prints every failure to the terminal
    os.environ.setdefault('K4A_ENABLE_LOG_TO_STDOUT', '0')
    if '/' in path:  # otherwise the dynamic linker searches for it
        try:
            check_regular(path)
        except FileError as error:
            raise _load_error((path,), f'{path}: {error}') from error
    sdk = _load_first((path,) if path else LIBRARY_NAMES)
    try:
        for name, (result_type, argument_types) in _PROTOTYPES.items():
            function = getattr(sdk, name)
            function.restype = result_type
            function.argtypes = argument_types
    except AttributeError as error:
        raise BodyTrackingError(
            f'cannot use {path or sdk._name} for body tracking: {error}; it must be libk4abt of '
            'the Azure Kinect Body Tracking SDK 1.1 or later') from error
    file = file_of(sdk.k4abt_tracker_create)
    version = re.search(r'\.so\.(\d+)\.(\d+)', file.name)
    if version and tuple(map(int, version.groups())) < _MIN_VERSION:
        raise BodyTrackingError(
            f'cannot use {file} for body tracking: version {".".join(version.groups())} is too '
            'old; install the Azure Kinect Body Tracking SDK 1.1 or later')
    return Library(sdk, file)


def _load_first(names: tuple[str, ...]) -> ctypes.CDLL:
    """Return the first of these libraries that exists; stop at one that fails to load."""
    problem = ''
    for name in names:
        try:
            return _open_library(name)
        except OSError as error:
            # report why an existing library failed to load, rather than that another is missing
            is_absent = str(error).startswith(f'{name}: cannot open shared object file')
            if not problem or not is_absent:
                problem = str(error)
            if not is_absent:
                break
    raise _load_error(names, problem)


def _load_error(names: tuple[str, ...], problem: str) -> BodyTrackingError:
    return BodyTrackingError(
        f"cannot load Microsoft's body tracking library, tried {' and '.join(names)}: {problem}; "
        'install the package libk4abt1.1 with all its dependencies, or set '
        'body_tracking_library_path to the file of the library')


def _open_library(name: str) -> ctypes.CDLL:
    """
    Load a library as ``ctypes.CDLL(name)`` does, but without the GIL.

    Loading gigabytes of CUDA takes seconds, in which all other threads would stand still.

    :raises OSError: it cannot be loaded; the message is that of the dynamic linker.
    """
    linker = ctypes.CDLL(None)
    linker.dlopen.restype, linker.dlopen.argtypes = c_void_p, (c_char_p, c_int)
    linker.dlerror.restype = c_char_p
    handle = linker.dlopen(os.fsencode(name), os.RTLD_NOW)
    if not handle:
        raise OSError(os.fsdecode(linker.dlerror() or b'unknown reason'))
    return ctypes.CDLL(name, handle=handle)
