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

"""Write a recording with Microsoft's libk4arecord, and kill the process before it is complete."""

from __future__ import annotations

from pathlib import Path
import subprocess
import sys

from support.time_limits import PATIENCE

_PROGRAM = """
import os, signal, sys, time
from ctypes import *
from support.reference import library

class Configuration(Structure):
    _fields_ = [
        ('color_format', c_int), ('color_resolution', c_int), ('depth_mode', c_int),
        ('camera_fps', c_int), ('synchronized_images_only', c_bool), ('depth_delay', c_int32),
        ('wired_sync_mode', c_int), ('subordinate_delay', c_uint32), ('indicator', c_bool)]

path, calibration, captures, flushed = sys.argv[1:]
sdk = library()
sdk.k4a_image_set_device_timestamp_usec.argtypes = [c_void_p, c_uint64]
record, content = c_void_p(), calibration.encode()
pixels = bytes(range(256)) * 720
assert not sdk.k4a_record_create(
    path.encode(), None, Configuration(depth_mode=1, camera_fps=2), byref(record))
assert not sdk.k4a_record_add_attachment(
    record, b'calibration.json', content, c_size_t(len(content)))
assert not sdk.k4a_record_write_header(record)
for number in range(int(captures)):
    capture = c_void_p()
    sdk.k4a_capture_create(byref(capture))
    for name, code in (('depth', 4), ('ir', 5)):
        image = c_void_p()
        assert not sdk.k4a_image_create_from_buffer(
            code, 320, 288, 640, pixels, c_size_t(len(pixels)), None, None, byref(image))
        sdk.k4a_image_set_device_timestamp_usec(image, 1_000_000 + number * 33333)
        getattr(sdk, f'k4a_capture_set_{name}_image')(capture, image)
        sdk.k4a_image_release(image)
    assert not sdk.k4a_record_write_capture(record, capture)
    sdk.k4a_capture_release(capture)
    if number + 1 == int(flushed):
        assert not sdk.k4a_record_flush(record)
size = -1  # it writes what is older than two seconds
while size != (size := os.stat(path).st_size):
    time.sleep(0.3)
os.kill(os.getpid(), signal.SIGKILL)
"""


def write_and_kill(path: Path, calibration: bytes, captures: int, flushed: int = 0) -> None:
    """
    Write captures at 30 fps from 1 s of device time on, and kill the process.

    :param flushed: number of captures after which the file is flushed; 0 for never.
    """
    result = subprocess.run(
        [sys.executable, '-c', _PROGRAM, str(path), calibration.rstrip(b'\0').decode(),
         str(captures), str(flushed)], timeout=PATIENCE, check=False)
    assert result.returncode == -9
