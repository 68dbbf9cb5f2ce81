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

"""How much data a camera delivers, and whether a disk can take it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
import time

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat

#: bytes per pixel of color; those of MJPG are the most that was seen
_COLOR_BYTES = {
    ColorFormat.MJPG: 0.3, ColorFormat.NV12: 1.5, ColorFormat.YUY2: 2.0, ColorFormat.BGRA32: 4.0}
_IMU_HZ, _IMU_BYTES = 1666, 60

#: what the test of the write speed writes at once and at most, and how long it takes at most
_TEST_BYTES, _MAX_TEST_BYTES, _MAX_TEST_S = 4 << 20, 32 << 20, 0.3
#: share of the free space that the test may take
_TEST_SHARE = 8


def bytes_per_second(config: CameraConfig) -> float:
    """Return how many bytes a second a camera delivers in these modes, at most."""
    width, height = config.depth_mode.size
    frame = 2.0 * width * height * (config.depth + config.ir)
    if config.color:
        width, height = config.color_resolution.size
        frame += _COLOR_BYTES[config.color_format] * width * height
    return frame * config.fps + _IMU_HZ * _IMU_BYTES * config.imu


def free_bytes(folder: Path) -> int:
    """
    Return the free space of the disk with a folder, without what is reserved for root.

    :raises OSError: there is no such folder.
    """
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def write_speed(folder: Path) -> float | None:
    """
    Return how many bytes a second a disk writes; None if that cannot be measured.

    Writes to a file without a name for a third of a second, more if the disk is slow.
    """
    with contextlib.suppress(OSError):
        limit = min(_MAX_TEST_BYTES, free_bytes(folder) // _TEST_SHARE)
        file = os.open(folder, os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC, 0o600)
        try:
            data, written, start_s = os.urandom(_TEST_BYTES), 0, time.monotonic()
            while written + len(data) <= limit and time.monotonic() < start_s + _MAX_TEST_S:
                written += os.write(file, data)
                os.fdatasync(file)
            if written:
                return written / (time.monotonic() - start_s)
        finally:
            os.close(file)
    return None
