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


"""USB devices, in a copy of the kernel's files."""

from __future__ import annotations

import errno
from pathlib import Path

from k4a_ros.sdk.usb_devices import color_camera
from k4a_ros.sdk.usb_devices import depth_cameras
from k4a_ros.sdk.usb_devices import reset
from k4a_ros.sdk.usb_devices import usb_devices
import pytest
from support.usb import add_camera
from support.usb import add_controller


def test_color_camera_is_the_one_of_the_same_hub(tmp_path: Path) -> None:
    controller = add_controller(tmp_path, '0000:00:14.0', '8086')
    add_camera(tmp_path, controller, '2-1', '000123456712')
    add_camera(tmp_path, controller, '2-2.4', '000123456812')
    add_camera(tmp_path, controller, '2-3', '000123456912', color=False)
    devices = usb_devices(tmp_path)
    found = {d.serial: color_camera(d, devices) for d in depth_cameras(devices)}
    assert {serial: color and color.name for serial, color in found.items()} == {
        '000123456712': '2-1.2', '000123456812': '2-2.4.2', '000123456912': None}


def test_no_usb_is_an_empty_list(tmp_path: Path) -> None:
    assert usb_devices(tmp_path) == []


def test_reset_of_what_is_no_usb_device_fails(tmp_path: Path) -> None:
    (tmp_path / 'node').touch()
    with pytest.raises(OSError) as caught:
        reset(tmp_path / 'node')
    assert caught.value.errno == errno.ENOTTY
