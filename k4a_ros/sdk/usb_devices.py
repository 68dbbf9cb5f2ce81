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
The USB devices of this computer, as the kernel shows them below /sys.

Vendor and product IDs are those of Microsoft's documentation ("Azure Kinect DK hardware
specifications"); the files are described in the kernel's Documentation/ABI/testing/sysfs-bus-usb.
"""

from __future__ import annotations

from dataclasses import dataclass
import fcntl
import os
from pathlib import Path

#: USB vendors and products: Azure Kinect DK, and Orbbec's cameras
MICROSOFT, ORBBEC = '045e', '2bc5'
DEPTH, COLOR = '097c', '097d'
HUBS = ('097a', '097b')
#: MB of memory for USB transfers that one camera needs, and that Linux allows by default
USBFS_MB = 16
_USBFS_FILE = 'sys/module/usbcore/parameters/usbfs_memory_mb'
#: _IO('U', 20) of linux/usbdevice_fs.h
USBDEVFS_RESET = ord('U') << 8 | 20


@dataclass(frozen=True)
class UsbDevice:
    """
    A USB device.

    ``name``: that of the kernel, bus and ports: '2-1.3'. ``speed``: Mbit/s. ``controller``: PCI
    vendor ID and address of the host controller, empty if it is not on PCI. ``node``: file that a
    program opens; its name changes when the device is connected again.
    """

    name: str
    vendor: str
    product: str
    serial: str
    speed: int
    controller: tuple[str, str]
    node: Path

    @property
    def hub(self) -> str:
        """Return the name of its hub; the parts of a camera share one inside it."""
        return self.name.rpartition('.')[0]


def usb_devices(root: Path = Path('/')) -> list[UsbDevice]:
    """
    Return all USB devices.

    :param root: '/', or a directory with a copy of the files.
    """
    directory = root / 'sys/bus/usb/devices'
    found = []
    for path in sorted(directory.iterdir()) if directory.is_dir() else []:
        vendor = read_text(path / 'idVendor')
        if vendor:
            node = root / 'dev/bus/usb' / read_text(path / 'busnum').zfill(3) / read_text(
                path / 'devnum').zfill(3)
            found.append(UsbDevice(
                path.name, vendor, read_text(path / 'idProduct'), read_text(path / 'serial'),
                int(float(read_text(path / 'speed') or 0)), _controller(path), node))
    return found


def depth_cameras(devices: list[UsbDevice]) -> list[UsbDevice]:
    """Return the depth cameras of all Azure Kinects; they have the serial numbers."""
    return [d for d in devices if (d.vendor, d.product) == (MICROSOFT, DEPTH)]


def color_camera(depth: UsbDevice, devices: list[UsbDevice]) -> UsbDevice | None:
    """Return the color camera beside a depth camera: both are ports of the hub in the camera."""
    return next((d for d in devices if (d.vendor, d.product) == (MICROSOFT, COLOR)
                 and d.hub == depth.hub), None)


def reset(node: Path) -> None:
    """
    Reset the port of a USB device, as if it were unplugged and plugged in again.

    :param node: `UsbDevice.node`.
    :raises OSError: no permission, the device has gone, or it does not answer.
    """
    file = os.open(node, os.O_WRONLY | os.O_CLOEXEC)
    try:
        fcntl.ioctl(file, USBDEVFS_RESET, 0)
    finally:
        os.close(file)


def usb_memory_mb(root: Path = Path('/')) -> int | None:
    """
    Return how much memory USB transfers of all devices may take, MB; 0 for any, None if unknown.

    :param root: '/', or a directory with a copy of the files.
    """
    text = read_text(root / _USBFS_FILE)
    return int(text) if text.isdecimal() else None


def allow_usb_memory(mb: int) -> str:
    """Return the command that allows this much memory for USB transfers."""
    return f'echo {mb} | sudo tee /{_USBFS_FILE}'


def read_text(path: Path) -> str:
    """Return the text of a file of the kernel without spaces around it; empty if there is none."""
    try:
        return path.read_text(errors='replace').strip()
    except OSError:
        return ''


def _controller(device: Path) -> tuple[str, str]:
    """Return PCI vendor ID and address of the controller, the nearest parent with both."""
    for parent in device.resolve().parents:
        vendor = read_text(parent / 'vendor')
        if vendor and (parent / 'class').exists():
            return vendor.removeprefix('0x'), parent.name
    return '', ''
