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
Binary interface of the Azure Kinect SDK 1.4: result codes, structures and function prototypes.

Source: k4a.h and k4atypes.h.
"""

from __future__ import annotations

import ctypes
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
from typing import Any

#: k4a_result_t, k4a_buffer_result_t, k4a_wait_result_t and k4a_stream_result_t
SUCCEEDED = 0
BUFFER_TOO_SMALL = 2
WAIT_TIMEOUT = 2
#: k4a_image_format_t of images of the depth camera
DEPTH16 = 4
IR16 = 5


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


_HANDLE = POINTER(c_void_p)
#: function of libk4a -> types of its result and of its arguments
PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    'k4a_device_get_installed_count': (c_uint32, ()),
    'k4a_device_open': (c_int, (c_uint32, _HANDLE)),
    'k4a_device_close': (None, (c_void_p,)),
    'k4a_device_start_cameras': (c_int, (c_void_p, POINTER(DeviceConfiguration))),
    'k4a_device_stop_cameras': (None, (c_void_p,)),
    'k4a_device_start_imu': (c_int, (c_void_p,)),
    'k4a_device_stop_imu': (None, (c_void_p,)),
    'k4a_device_get_sync_jack': (c_int, (c_void_p, POINTER(c_bool), POINTER(c_bool))),
    'k4a_device_get_serialnum': (c_int, (c_void_p, c_char_p, POINTER(c_size_t))),
    'k4a_device_get_raw_calibration': (c_int, (c_void_p, c_char_p, POINTER(c_size_t))),
    'k4a_device_get_version': (c_int, (c_void_p, POINTER(HardwareVersion))),
    'k4a_device_get_color_control': (c_int, (c_void_p, c_int, POINTER(c_int), POINTER(c_int32))),
    'k4a_device_get_color_control_capabilities': (c_int, (
        c_void_p, c_int, POINTER(c_bool), POINTER(c_int32), POINTER(c_int32), POINTER(c_int32),
        POINTER(c_int32), POINTER(c_int))),
    'k4a_device_set_color_control': (c_int, (c_void_p, c_int, c_int, c_int32)),
    'k4a_device_get_capture': (c_int, (c_void_p, _HANDLE, c_int32)),
    'k4a_device_get_imu_sample': (c_int, (c_void_p, c_void_p, c_int32)),
    'k4a_capture_get_temperature_c': (c_float, (c_void_p,)),
    'k4a_capture_release': (None, (c_void_p,)),
    'k4a_capture_get_color_image': (c_void_p, (c_void_p,)),
    'k4a_capture_get_depth_image': (c_void_p, (c_void_p,)),
    'k4a_capture_get_ir_image': (c_void_p, (c_void_p,)),
    'k4a_image_get_buffer': (c_void_p, (c_void_p,)),
    'k4a_image_get_size': (c_size_t, (c_void_p,)),
    'k4a_image_get_device_timestamp_usec': (c_uint64, (c_void_p,)),
    'k4a_image_get_system_timestamp_nsec': (c_uint64, (c_void_p,)),
    'k4a_image_get_exposure_usec': (c_uint64, (c_void_p,)),
    'k4a_image_get_iso_speed': (c_uint32, (c_void_p,)),
    'k4a_image_get_white_balance': (c_uint32, (c_void_p,)),
    'k4a_image_release': (None, (c_void_p,)),
    'k4a_set_debug_message_handler': (c_int, (c_void_p, c_void_p, c_int)),
}
