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


from __future__ import annotations

from pathlib import Path

from k4a_ros.tools.preflight.result import Check
from k4a_ros.tools.preflight.result import Status
from k4a_ros.tools.preflight.usb import usb_checks
from support.usb import add_camera
from support.usb import add_controller
from support.usb import add_device
from support.usb import set_usb_memory


def checks(root: Path, allowed: bool = True) -> dict[str, Check]:
    return {check.name: check for check in usb_checks(root, lambda node: allowed)}


def test_one_camera_on_usb_3_passes(tmp_path: Path) -> None:
    add_camera(tmp_path, add_controller(tmp_path, '0000:00:14.0', '8086'), '2-1', '000123456712')
    set_usb_memory(tmp_path, 16)
    found = checks(tmp_path)
    assert all(check.status is Status.OK for check in found.values()), found
    assert found['USB controller'].found == 'Intel 0000:00:14.0'
    assert '5000 Mbit/s' in found['camera 000123456712'].found


def test_camera_on_usb_2_is_a_problem(tmp_path: Path) -> None:
    controller = add_controller(tmp_path, '0000:00:14.0', '8086')
    add_camera(tmp_path, controller, '1-1', '000123456712', speed='480')
    check = checks(tmp_path)['camera 000123456712']
    assert check.status is Status.PROBLEM and '480' in check.found and 'USB 3' in check.remedy


def test_hub_without_depth_camera_asks_for_power_and_usb_3(tmp_path: Path) -> None:
    controller = add_controller(tmp_path, '0000:00:14.0', '8086')
    add_device(tmp_path, controller, '1-1', '097b', '480')
    check = checks(tmp_path)['camera']
    assert check.status is Status.PROBLEM and 'depth camera is missing' in check.found


def test_no_camera_is_a_problem(tmp_path: Path) -> None:
    check = checks(tmp_path)['camera']
    assert check.status is Status.PROBLEM and 'cables' in check.remedy


def test_missing_permission_names_the_file_and_the_rule(tmp_path: Path) -> None:
    add_camera(tmp_path, add_controller(tmp_path, '0000:00:14.0', '8086'), '2-1', '000123456712')
    check = checks(tmp_path, allowed=False)['permission']
    assert check.status is Status.PROBLEM
    assert '/dev/bus/usb/002/00' in check.found and '99-k4a.rules' in check.remedy


def test_missing_color_camera_is_a_problem(tmp_path: Path) -> None:
    controller = add_controller(tmp_path, '0000:00:14.0', '8086')
    add_camera(tmp_path, controller, '2-1', '000000000112')
    add_camera(tmp_path, controller, '2-2', '000000000212', color=False)
    found = checks(tmp_path)
    assert 'camera 000000000112 color' not in found
    assert found['camera 000000000212 color'].status is Status.PROBLEM


def test_two_cameras_on_one_controller_and_too_little_memory_are_warnings(tmp_path: Path) -> None:
    shared = add_controller(tmp_path, '0000:00:14.0', '8086')
    add_camera(tmp_path, shared, '2-1', '000000000112')
    add_camera(tmp_path, shared, '2-2', '000000000212')
    set_usb_memory(tmp_path, 16)
    found = checks(tmp_path)
    assert found['USB controller'].status is Status.WARNING
    assert '2 cameras' in found['USB controller'].found
    assert found['USB memory'].status is Status.WARNING and '32 MB' in found['USB memory'].remedy


def test_controller_that_is_known_for_trouble_is_a_warning(tmp_path: Path) -> None:
    add_camera(tmp_path, add_controller(tmp_path, '0000:05:00.0', '1b21'), '4-1', '000000000112')
    check = checks(tmp_path)['USB controller']
    assert check.status is Status.WARNING and 'ASMedia' in check.found


def test_orbbec_camera_needs_no_color_camera_beside_it(tmp_path: Path) -> None:
    controller = add_controller(tmp_path, '0000:00:14.0', '8086')
    add_device(tmp_path, controller, '2-1', '066b', vendor='2bc5', serial='CL2')
    found = checks(tmp_path)
    assert all(check.status is Status.OK for check in found.values()), found
    assert 'camera CL2' in found
