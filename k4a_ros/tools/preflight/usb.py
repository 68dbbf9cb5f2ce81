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
Check the USB connection of cameras, as Linux shows it in sysfs.

Vendor and product IDs and the list of controllers are those of Microsoft's documentation ("Azure
Kinect DK hardware specifications" and "USB3 host controller compatibility"); the files are
described in the kernel's Documentation/ABI/testing/sysfs-bus-usb.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
import os
from pathlib import Path

from k4a_ros.tools.preflight.result import Check
from k4a_ros.tools.preflight.result import passed
from k4a_ros.tools.preflight.result import problem
from k4a_ros.tools.preflight.result import warning

_MICROSOFT, _ORBBEC = '045e', '2bc5'
_DEPTH, _COLOR = '097c', '097d'
_HUBS = ('097a', '097b')
#: Mbit/s of USB 3
_USB_3 = 5000
#: PCI vendors of USB controllers
_CONTROLLERS = {
    '8086': 'Intel', '104c': 'Texas Instruments', '1912': 'Renesas', '1b21': 'ASMedia',
    '1022': 'AMD', '1106': 'VIA', '1b73': 'Fresco Logic', '10de': 'NVIDIA'}
_TROUBLESOME = ('1b21',)
#: MB of memory for USB transfers that one camera needs, and that Linux allows by default
_USBFS_MB = 16
_RULES = ('sudo cp "$(ros2 pkg prefix --share k4a_ros)/config/99-k4a.rules" /etc/udev/rules.d/ && '
          'sudo udevadm control --reload-rules && sudo udevadm trigger')


@dataclass(frozen=True)
class UsbDevice:
    """
    A USB device.

    ``speed``: Mbit/s. ``controller``: PCI vendor ID and address of the host controller, empty if
    it is not on PCI. ``node``: file that a program opens.
    """

    name: str
    vendor: str
    product: str
    serial: str
    speed: int
    controller: tuple[str, str]
    node: Path


def usb_devices(root: Path) -> list[UsbDevice]:
    """
    Return all USB devices.

    :param root: '/', or a directory with a copy of the files.
    """
    directory = root / 'sys/bus/usb/devices'
    found = []
    for path in sorted(directory.iterdir()) if directory.is_dir() else []:
        vendor = _text(path / 'idVendor')
        if vendor:
            node = root / 'dev/bus/usb' / _text(path / 'busnum').zfill(3) / _text(
                path / 'devnum').zfill(3)
            found.append(UsbDevice(
                path.name, vendor, _text(path / 'idProduct'), _text(path / 'serial'),
                int(float(_text(path / 'speed') or 0)), _controller(path), node))
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(errors='replace').strip()
    except OSError:
        return ''


def _controller(device: Path) -> tuple[str, str]:
    """Return PCI vendor ID and address of the controller, the nearest parent with both."""
    for parent in device.resolve().parents:
        vendor = _text(parent / 'vendor')
        if vendor and (parent / 'class').exists():
            return vendor.removeprefix('0x'), parent.name
    return '', ''


def _can_open(node: Path) -> bool:
    return os.access(node, os.R_OK | os.W_OK)


def usb_checks(
    root: Path = Path('/'), can_open: Callable[[Path], bool] = _can_open,
) -> Iterator[Check]:
    """
    Yield the checks of all cameras that are connected, and of the memory for USB transfers.

    :param root: '/', or a directory with a copy of the files.
    :param can_open: returns whether this user may open a device file.
    """
    devices = usb_devices(root)
    depth_cameras = [d for d in devices if (d.vendor, d.product) == (_MICROSOFT, _DEPTH)]
    others = [d for d in devices if d.vendor == _ORBBEC]
    cameras = depth_cameras + others
    if not cameras:
        yield _no_camera(devices)
    for camera in cameras:
        yield _speed(camera)
        yield _permission(camera, can_open)
        yield from _color_camera(camera, devices, can_open)
    yield from _controllers(cameras)
    yield _usbfs(root, len(cameras))


def _title(camera: UsbDevice) -> str:
    return f'camera {camera.serial or camera.name}'


def _no_camera(devices: list[UsbDevice]) -> Check:
    parts = [d for d in devices if d.vendor == _MICROSOFT and d.product in (*_HUBS, _COLOR)]
    if parts:
        return problem(
            'camera', 'an Azure Kinect is connected, but its depth camera is missing on USB 3',
            'Use a USB 3 port and the original cable, and the power adapter from the box')
    return problem(
        'camera', 'no Azure Kinect or Orbbec camera is connected',
        'Check both cables: the light on the back of the camera must be solid white')


def _speed(camera: UsbDevice) -> Check:
    if camera.speed >= _USB_3:
        return passed(_title(camera), f'connected with {camera.speed} Mbit/s')
    return problem(
        _title(camera), f'connected with {camera.speed} Mbit/s, which is not USB 3',
        'Use a USB 3 port and the original cable')


def _permission(camera: UsbDevice, can_open: Callable[[Path], bool]) -> Check:
    if can_open(camera.node):
        return passed('permission', f'{camera.node} can be opened')
    return problem(
        'permission', f'this user cannot open {camera.node}',
        f'Install the udev rule and reconnect the camera: {_RULES}')


def _color_camera(
    camera: UsbDevice, devices: list[UsbDevice], can_open: Callable[[Path], bool],
) -> Iterator[Check]:
    """Yield a problem if the color camera beside a depth camera cannot be used."""
    if camera.vendor != _MICROSOFT:
        return
    # both are ports of the same hub inside the camera
    hub = camera.name.rpartition('.')[0]
    color = [d for d in devices if (d.vendor, d.product) == (_MICROSOFT, _COLOR)
             and d.name.rpartition('.')[0] == hub]
    if not color:
        yield problem(
            f'{_title(camera)} color', 'the color camera is missing on USB',
            'Unplug the camera from power and USB, and connect it again')
    elif not can_open(color[0].node):
        yield _permission(color[0], can_open)


def _controllers(cameras: list[UsbDevice]) -> Iterator[Check]:
    """Yield one check for each host controller that a camera is connected to."""
    by_controller: dict[tuple[str, str], list[UsbDevice]] = {}
    for camera in cameras:
        by_controller.setdefault(camera.controller, []).append(camera)
    for (vendor, address), group in by_controller.items():
        maker = _CONTROLLERS.get(vendor, f'unknown maker {vendor}' if vendor else 'not on PCI')
        name, found = 'USB controller', f'{maker} {address}'.strip()
        if len(group) > 1:
            yield warning(
                name, f'{found} serves {len(group)} cameras',
                'Give each camera a controller of its own')
        elif vendor in _TROUBLESOME:
            yield warning(
                name, f'{found}, known to cause trouble with this camera',
                'Use a port of another controller, if the camera is lost again and again')
        else:
            yield passed(name, found)


def _usbfs(root: Path, cameras: int) -> Check:
    name = 'USB memory'
    text = _text(root / 'sys/module/usbcore/parameters/usbfs_memory_mb')
    required = _USBFS_MB * max(cameras, 1)
    if not text.isdecimal():
        return passed(name, 'unknown: the kernel does not show usbfs_memory_mb')
    if int(text) == 0 or int(text) >= required:
        return passed(name, 'unlimited' if int(text) == 0 else f'{text} MB')
    return warning(
        name, f'{text} MB for {cameras} cameras',
        f'Allow {required} MB or more: echo {2 * required} | sudo tee '
        '/sys/module/usbcore/parameters/usbfs_memory_mb')
