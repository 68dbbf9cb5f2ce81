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

"""Data rates of cameras, free space and speed of disks."""

from __future__ import annotations

from pathlib import Path

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.recorder.disk import bytes_per_second
from k4a_ros.recorder.disk import free_bytes
from k4a_ros.recorder.disk import write_speed
import pytest


@pytest.mark.parametrize(('config', 'expected'), [
    ((DepthMode.NFOV_UNBINNED, ColorResolution.OFF, ColorFormat.MJPG, 30, False),
     640 * 576 * 4 * 30),
    ((DepthMode.PASSIVE_IR, ColorResolution.OFF, ColorFormat.MJPG, 15, False),
     1024 * 1024 * 2 * 15),
    ((DepthMode.OFF, ColorResolution.R720P, ColorFormat.NV12, 5, False),
     1280 * 720 * 1.5 * 5),
    ((DepthMode.OFF, ColorResolution.R2160P, ColorFormat.BGRA32, 30, True),
     3840 * 2160 * 4 * 30 + 99_960),
])
def test_bytes_per_second(config, expected):
    assert bytes_per_second(CameraConfig.of_modes(*config)) == expected


def test_free_bytes_of_a_missing_folder():
    with pytest.raises(FileNotFoundError):
        free_bytes(Path('/nonexistent'))


def test_write_speed_leaves_nothing(tmp_path):
    speed = write_speed(tmp_path)
    assert speed is None or speed > 1000
    assert not list(tmp_path.iterdir())


def test_write_speed_of_a_folder_that_cannot_be_written():
    assert write_speed(Path('/proc')) is None
