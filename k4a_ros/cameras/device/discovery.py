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


"""List connected cameras, and open one by serial number or index."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import random
import time

from k4a_ros.cameras.base import is_serial
from k4a_ros.cameras.device.handle import DeviceHandle
from k4a_ros.cameras.device.handle import OpenError
from k4a_ros.errors import CameraError
from k4a_ros.errors import CameraErrorReason
from k4a_ros.errors import DeviceNotFoundError
from k4a_ros.sdk.libk4a import connected_devices

#: Attempts to find a serial number while another camera is busy, and the range of random pauses
#: between them: another driver may have opened that camera only to read its serial number.
_ATTEMPTS = 3
_PAUSE_S = (0.2, 0.6)

#: message if no camera is connected
NO_CAMERA = (
    'no Azure Kinect is connected, or this computer does not detect it: plug in the power supply '
    'and the USB 3 cable; "k4a_info --check" examines this computer; or play a recording with '
    'recording_file:=FILE.mkv, or try camera:=simulated')


@dataclass(frozen=True)
class Connected:
    """
    A connected camera.

    ``serial`` is empty if it cannot be read; then ``problem`` says why, and ``reasons`` are the
    machine-readable reasons.
    """

    index: int
    serial: str = ''
    problem: str = ''
    reasons: frozenset[CameraErrorReason] = frozenset()

    def __str__(self) -> str:
        """Return one line for the user."""
        return f'camera {self.index} ({self.problem or f"serial number {self.serial}"})'


def connected() -> list[Connected]:
    """
    Return all connected cameras; opens each of them briefly to read its serial number.

    :raises CameraError: the SDK is not installed.
    """
    found = []
    for handle, camera in _open_each():
        found.append(camera)
        if handle is not None:
            handle.close()
    return found


def open_device(serial: str = '', index: int | None = None) -> DeviceHandle:
    """
    Open a camera.

    :param serial: its serial number, empty for any.
    :param index: its index among the connected cameras, None for any; follows the order of
        enumeration on USB, which may change.
    :return: the camera with this index or serial number, or the first one that can be opened.
    :raises DeviceNotFoundError: there is none, or it cannot be opened; lists connected cameras.
    :raises CameraError: the SDK is not installed.
    """
    if index is not None:
        return _open_index(index, serial)
    others: list[Connected] = []
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(random.uniform(*_PAUSE_S))
        handle, others = _find(serial)
        if handle is not None:
            return handle
        if not serial or not any(CameraErrorReason.BUSY in camera.reasons for camera in others):
            break
    requested = f'the camera with serial number {serial}' if serial else 'a camera'
    raise _not_found(requested, others)


def _find(serial: str) -> tuple[DeviceHandle | None, list[Connected]]:
    """Return the first camera with this serial number, and the cameras before it."""
    others: list[Connected] = []
    for handle, camera in _open_each():
        if handle is not None and (not serial or is_serial(serial, camera.serial)):
            return handle, others
        if handle is not None:
            handle.close()
        others.append(camera)
    return None, others


def _open_each() -> Iterator[tuple[DeviceHandle | None, Connected]]:
    """Open one camera after the other; the caller closes each before it takes the next."""
    for index in range(connected_devices()):
        handle = None
        try:
            handle = DeviceHandle(index)
            camera = Connected(index, handle.serial())
        except OpenError as error:
            yield None, Connected(index, problem=error.hint, reasons=error.reasons)
        except CameraError as error:
            if handle is not None:
                handle.close()
            yield None, Connected(index, problem=str(error), reasons=error.reasons)
        else:
            yield handle, camera


def _open_index(index: int, serial: str) -> DeviceHandle:
    if not 0 <= index < connected_devices():
        raise _not_found(f'the camera with index {index}', connected())
    handle = DeviceHandle(index)
    try:
        actual = handle.serial()
        if serial and not is_serial(serial, actual):
            raise DeviceNotFoundError(
                f'cannot open camera {index} as {serial}: its serial number is {actual}; give '
                'either the index or the serial number')
    except BaseException:
        handle.close()
        raise
    return handle


def _not_found(requested: str, others: list[Connected]) -> DeviceNotFoundError:
    if not others:
        return DeviceNotFoundError(f'cannot open {requested}: {NO_CAMERA}')
    reasons = frozenset[CameraErrorReason]().union(*(camera.reasons for camera in others))
    return DeviceNotFoundError(
        f'cannot open {requested}; found: {", ".join(map(str, others))}', reasons)
