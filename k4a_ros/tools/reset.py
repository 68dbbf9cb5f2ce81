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
Reset a camera on USB, as if its cable were unplugged and plugged in again.

    k4a_reset [--serial 000123456712]

The color camera is reset first, then the depth camera, and the tool waits until both are back. A
driver that has the camera open loses it, and opens it again by itself. Firmware, calibration and
settings in the camera stay as they are: to write firmware or to restore that of the factory, see
docs/device.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path
import time

from k4a_ros.cameras.base import is_serial
from k4a_ros.errors import CameraError
from k4a_ros.errors import DeviceNotFoundError
from k4a_ros.sdk.usb_devices import color_camera
from k4a_ros.sdk.usb_devices import depth_cameras
from k4a_ros.sdk.usb_devices import reset
from k4a_ros.sdk.usb_devices import usb_devices
from k4a_ros.sdk.usb_devices import UsbDevice
from k4a_ros.tools.arguments import number_between
from k4a_ros.tools.endings import run_tool

_PAUSE_S = 0.1


def find(serial: str, root: Path) -> list[UsbDevice]:
    """
    Return color and depth camera of one Azure Kinect, in the order in which to reset them.

    :param serial: its serial number; empty for the only camera that is connected.
    :param root: '/', or a directory with a copy of the kernel's files.
    :raises DeviceNotFoundError: there is none, or there are several to choose from.
    """
    devices = usb_devices(root)
    cameras = depth_cameras(devices)
    if not cameras:
        raise DeviceNotFoundError(
            'no Azure Kinect is connected with USB 3: plug in its power supply and its cable; '
            '"k4a_info --check" examines this computer')
    found = [camera for camera in cameras if not serial or is_serial(serial, camera.serial)]
    listed = ', '.join(camera.serial or 'unknown' for camera in cameras)
    if not found:
        raise DeviceNotFoundError(
            f'no Azure Kinect has the serial number {serial}; connected are: {listed}')
    if len(found) > 1:
        raise DeviceNotFoundError(
            f'{len(found)} cameras are connected; choose one with --serial: {listed}')
    color = color_camera(found[0], devices)
    return ([] if color is None else [color]) + found


def reset_camera(serial: str, root: Path, timeout_s: float) -> str:
    """
    Reset a camera, and wait until it is back on USB.

    :param serial: its serial number; empty for the only camera that is connected.
    :param root: '/', or a directory with a copy of the kernel's files.
    :return: its serial number.
    :raises CameraError: there is no such camera, it cannot be reset, or does not come back.
    """
    parts = find(serial, root)
    camera = parts[-1]
    title = f'camera {camera.serial or camera.name}'
    for part in parts:
        try:
            reset(part.node)
        except PermissionError as error:
            raise CameraError(
                f'cannot reset {title}: this user has no permission to open {part.node}; install '
                'the udev rule config/99-k4a.rules, see docs/device.md') from error
        except OSError as error:
            raise CameraError(
                f'cannot reset {title}: {part.node}: {error.strerror}; unplug its power and USB '
                'cables, and connect them again') from error
    deadline = time.monotonic() + timeout_s
    while not {part.name for part in parts} <= {d.name for d in usb_devices(root)}:
        if time.monotonic() > deadline:
            raise CameraError(
                f'{title} was reset, but is not back on USB after {timeout_s:g} s; unplug its '
                'power and USB cables, and connect them again')
        time.sleep(_PAUSE_S)
    return camera.serial or camera.name


def main(arguments: list[str] | None = None, root: Path = Path('/')) -> int:
    """
    Reset a camera.

    :param arguments: command line without the name of the program; None for that of the process.
    :param root: '/', or a directory with a copy of the kernel's files.
    :return: exit code.
    """
    parser = argparse.ArgumentParser(
        prog='k4a_reset', description=(__doc__ or '').split('\n\n')[0].strip())
    parser.add_argument(
        '--serial', default='', help='serial number; needed if several cameras are connected')
    parser.add_argument(
        '--timeout', type=number_between(0.0, 600.0), default=20.0, metavar='SECONDS',
        help='how long the camera may take to come back (default: 20)')
    given = parser.parse_args(arguments)

    def run() -> int:
        print(f'Camera {reset_camera(given.serial, root, given.timeout)} was reset')
        return 0

    return run_tool('k4a_reset', run)


if __name__ == '__main__':
    raise SystemExit(main())
