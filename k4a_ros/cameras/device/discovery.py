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


"""Which cameras are plugged in, and opening one of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import random
import time

from k4a_ros.cameras.base import is_serial
from k4a_ros.cameras.device.handle import DeviceHandle
from k4a_ros.cameras.device.handle import OpenError
from k4a_ros.errors import CameraError
from k4a_ros.errors import DeviceNotFoundError
from k4a_ros.sdk.libk4a import connected_devices

#: how often a camera is looked for by its serial number while another one is in use: for a
#: moment, it may be another driver that looks for its own
_TRIES = 3
_PAUSE = (0.2, 0.6)

#: what is wrong where there is none at all, and what to do
NO_CAMERA = (
    'no Azure Kinect is connected, or none that this computer sees: plug in the power supply and '
    'the USB 3 cable, and look for 045e:097c and 045e:097d in the output of lsusb; or play a '
    'recording with recording_file:=FILE.mkv, or try camera:=simulated')


@dataclass(frozen=True)
class Connected:
    """A camera that is plugged in; ``serial`` is empty where ``problem`` says why."""

    index: int
    serial: str = ''
    problem: str = ''
    busy: bool = False

    def __str__(self) -> str:
        """Return one line for people."""
        return f'{self.index}: {self.serial or self.problem}'


def connected() -> list[Connected]:
    """
    Return all cameras that are plugged in; each is opened for a moment to read who it is.

    :raises CameraError: there is no SDK.
    """
    found = []
    for handle, camera in _each():
        found.append(camera)
        if handle is not None:
            handle.close()
    return found


def open_device(serial: str = '', index: int | None = None) -> DeviceHandle:
    """
    Open a camera.

    :param serial: its serial number, '' for any.
    :param index: its number among those that are plugged in, None for any; the order is that of
        USB, and changes.
    :return: the camera with this number or serial number, or the first that opens.
    :raises DeviceNotFoundError: there is none, or it does not open; names those that there are.
    :raises CameraError: there is no SDK.
    """
    if index is not None:
        return _open_index(index, serial)
    others: list[Connected] = []
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(random.uniform(*_PAUSE))
        handle, others = _look_for(serial)
        if handle is not None:
            return handle
        if not serial or not any(camera.busy for camera in others):
            break
    raise _not_found(f'camera {serial}' if serial else 'a camera', others)


def _look_for(serial: str) -> tuple[DeviceHandle | None, list[Connected]]:
    others: list[Connected] = []
    for handle, camera in _each():
        if handle is not None and (not serial or is_serial(serial, camera.serial)):
            return handle, others
        if handle is not None:
            handle.close()
        others.append(camera)
    return None, others


def _each() -> Iterator[tuple[DeviceHandle | None, Connected]]:
    """Open one camera after the other; the caller closes it before the next."""
    for index in range(connected_devices()):
        handle = None
        try:
            handle = DeviceHandle(index)
            camera = Connected(index, handle.serial())
        except OpenError as error:
            yield None, Connected(index, problem=error.problem.text, busy=error.problem.busy)
        except CameraError as error:
            if handle is not None:
                handle.close()
            yield None, Connected(index, problem=str(error))
        else:
            yield handle, camera


def _open_index(index: int, serial: str) -> DeviceHandle:
    what = f'camera number {index}'
    if not 0 <= index < connected_devices():
        raise _not_found(what, connected())
    try:
        handle = DeviceHandle(index)
    except OpenError as error:
        raise DeviceNotFoundError(str(error)) from error
    try:
        found = handle.serial()
        if serial and not is_serial(serial, found):
            raise DeviceNotFoundError(
                f'{what} is {found}, not {serial}; give one of the two, not both')
    except BaseException:
        handle.close()
        raise
    return handle


def _not_found(what: str, others: list[Connected]) -> DeviceNotFoundError:
    if not others:
        return DeviceNotFoundError(f'cannot open {what}: {NO_CAMERA}')
    cameras = '; '.join(map(str, others))
    return DeviceNotFoundError(f'cannot open {what}; connected are {cameras}')
