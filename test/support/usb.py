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


"""Files of the kernel about USB devices, in a directory: what `k4a_ros.sdk.usb_devices` reads."""

from __future__ import annotations

from pathlib import Path

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
    node = root / 'dev/bus/usb' / name[0].zfill(3) / str(number).zfill(3)
    node.parent.mkdir(parents=True, exist_ok=True)
    node.touch()
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
