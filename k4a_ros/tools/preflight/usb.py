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

The list of controllers is that of Microsoft's documentation ("USB3 host controller
compatibility").
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
import os
from pathlib import Path

from k4a_ros.sdk.usb_devices import allow_usb_memory
from k4a_ros.sdk.usb_devices import COLOR
from k4a_ros.sdk.usb_devices import color_camera
from k4a_ros.sdk.usb_devices import depth_cameras
from k4a_ros.sdk.usb_devices import HUBS
from k4a_ros.sdk.usb_devices import MICROSOFT
from k4a_ros.sdk.usb_devices import ORBBEC
from k4a_ros.sdk.usb_devices import usb_devices
from k4a_ros.sdk.usb_devices import usb_memory_mb
from k4a_ros.sdk.usb_devices import UsbDevice
from k4a_ros.sdk.usb_devices import USBFS_MB
from k4a_ros.tools.preflight.result import Check
from k4a_ros.tools.preflight.result import passed
from k4a_ros.tools.preflight.result import problem
from k4a_ros.tools.preflight.result import warning

#: Mbit/s of USB 3
_USB_3 = 5000
#: PCI vendors of USB controllers
_CONTROLLERS = {
    '8086': 'Intel', '104c': 'Texas Instruments', '1912': 'Renesas', '1b21': 'ASMedia',
    '1022': 'AMD', '1106': 'VIA', '1b73': 'Fresco Logic', '10de': 'NVIDIA'}
_TROUBLESOME = ('1b21',)
_RULES = ('sudo cp "$(ros2 pkg prefix --share k4a_ros)/config/99-k4a.rules" /etc/udev/rules.d/ && '
          'sudo udevadm control --reload-rules && sudo udevadm trigger')


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
    cameras = depth_cameras(devices) + [d for d in devices if d.vendor == ORBBEC]
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
    parts = [d for d in devices if d.vendor == MICROSOFT and d.product in (*HUBS, COLOR)]
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
    if camera.vendor != MICROSOFT:
        return
    color = color_camera(camera, devices)
    if color is None:
        yield problem(
            f'{_title(camera)} color', 'the color camera is missing on USB',
            'Unplug the camera from power and USB, and connect it again')
    elif not can_open(color.node):
        yield _permission(color, can_open)


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
    allowed = usb_memory_mb(root)
    required = USBFS_MB * max(cameras, 1)
    if allowed is None:
        return passed(name, 'unknown: the kernel does not show usbfs_memory_mb')
    if allowed == 0 or allowed >= required:
        return passed(name, 'unlimited' if allowed == 0 else f'{allowed} MB')
    return warning(
        name, f'{allowed} MB for {cameras} cameras',
        f'Allow {required} MB or more: {allow_usb_memory(2 * required)}')
