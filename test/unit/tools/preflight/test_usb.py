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

PCI = 'sys/devices/pci0000:00'


def add_controller(root: Path, address: str, vendor: str) -> Path:
    directory = root / PCI / address
    directory.mkdir(parents=True)
    (directory / 'vendor').write_text(f'0x{vendor}\n')
    (directory / 'class').write_text('0x0c0330\n')
    return directory


def add_device(
    root: Path, controller: Path, name: str, product: str, speed: str = '5000',
    vendor: str = '045e', serial: str = '',
) -> None:
    """Add a USB device as the kernel shows it: a directory below its controller, and a link."""
    directory = controller / f'usb{name[0]}' / name
    directory.mkdir(parents=True)
    number = len(list((root / 'sys/devices').rglob('devnum'))) + 1
    files = {'idVendor': vendor, 'idProduct': product, 'speed': speed, 'busnum': name[0],
             'devnum': str(number)}
    if serial:
        files['serial'] = serial
    for file, text in files.items():
        (directory / file).write_text(f'{text}\n')
    links = root / 'sys/bus/usb/devices'
    links.mkdir(parents=True, exist_ok=True)
    (links / name).symlink_to(directory)


def add_camera(
    root: Path, controller: Path, port: str, serial: str, speed: str = '5000',
    color: bool = True,
) -> None:
    add_device(root, controller, port, '097a', speed)
    add_device(root, controller, f'{port}.1', '097c', speed, serial=serial)
    if color:
        add_device(root, controller, f'{port}.2', '097d', speed, serial=serial)


def set_usb_memory(root: Path, megabytes: int) -> None:
    file = root / 'sys/module/usbcore/parameters/usbfs_memory_mb'
    file.parent.mkdir(parents=True)
    file.write_text(f'{megabytes}\n')


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
