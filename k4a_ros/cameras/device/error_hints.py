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


"""What the SDK's log says about why a call failed, in words that help, and about USB."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
import re
import threading

from k4a_ros.cameras.base import UsbErrors

_OPENGL = (
    'the depth engine could not make an OpenGL 4.4 context, which it needs for depth and infrared '
    'images in every mode; on a computer without a monitor let a user log in automatically to an '
    'X session on its graphics card and set DISPLAY=:0 for the driver, or stream color alone '
    '(depth_enabled:=false)')
_PLUGIN = (
    'the depth engine libdepthengine.so.2.0 cannot be loaded, without which there are no depth '
    'and infrared images; pip install pyk4a-bundle brings it along, and so does the package '
    "libk4a1.4 of the system's libk4a (then check LD_LIBRARY_PATH); or stream color alone "
    '(depth_enabled:=false)')

#: pattern in a line of the SDK's log -> what it means and what to do about it
_MEANINGS = [(re.compile(pattern), meaning) for pattern, meaning in (
    (r'LIBUSB_ERROR_BUSY',
     'it is in use by another program, or by this one; close that one'),
    (r'LIBUSB_ERROR_ACCESS',
     'this user may not open it; install 99-k4a.rules of the Azure Kinect SDK in '
     '/etc/udev/rules.d and plug the camera in again'),
    (r'LIBUSB_ERROR_NO_MEM',
     'the kernel has too little memory for USB transfers; set usbcore.usbfs_memory_mb to 128 for '
     'each camera'),
    (r'LIBUSB_ERROR_(NO_DEVICE|NOT_FOUND|IO|PIPE)|LibUSB transfer status of 0*5',
     'it does not answer on USB any more; check the cable and the power supply, and that it is '
     'in a USB 3 port'),
    (r'OpenGL|failed with error code: 204', _OPENGL),
    (r'[Dd]epth [Ee]ngine [Pp]lugin', _PLUGIN),
    (r'Failure to detect presence of sync in cable',
     'no cable is in its Sync in jack, and wired_sync_mode is 2 (subordinate); plug it in, or '
     'set wired_sync_mode to 0'),
    (r'Failure to detect presence of sync out cable',
     'no cable is in its Sync out jack, and wired_sync_mode is 1 (master); plug it in, or set '
     'wired_sync_mode to 0'),
    (r'Firmware version for .* is not current enough',
     'its firmware is too old; update it with AzureKinectFirmwareTool'),
)]
_GONE = re.compile(r'LIBUSB_ERROR_(NO_DEVICE|NOT_FOUND|IO)|LibUSB transfer status of 0*5')


@dataclass(frozen=True)
class Problem:
    """
    Why a call of the SDK failed.

    ``text`` says what happened and what to do. ``gone``: the camera does not answer any more.
    ``busy``: somebody else has it open.
    """

    text: str
    gone: bool = False
    busy: bool = False


def explain(lines: Iterable[str]) -> Problem:
    """
    Find out why a call failed.

    :param lines: what the SDK logged meanwhile, oldest first.
    """
    said = list(lines)
    joined = '\n'.join(said)
    gone = bool(_GONE.search(joined))
    for pattern, meaning in _MEANINGS:
        if pattern.search(joined):
            return Problem(meaning, gone, busy='LIBUSB_ERROR_BUSY' in joined)
    if said:
        return Problem(f'the SDK says: {said[0]}', gone)
    return Problem('the SDK does not say why; set K4A_LOG_LEVEL=i to see more of its log')


#: in the name of a source file of the SDK (usbcommand.c, usbstreaming.c, uvc_camerareader.cpp) or
#: in a line of its log: it is about USB. The last is said of the color camera, where libuvc,
#: which reads it, says nothing (color.cpp).
_ABOUT_USB = re.compile(r'usb|uvc|streaming color transfer failed', re.IGNORECASE)
#: k4a_log_level_t of warnings
_WARNING = 2


class UsbCounter:
    """Counts what goes wrong on USB; any thread may call any method."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = UsbErrors()

    def hear(self, level: int, source: str, text: str) -> None:
        """Count a line of the SDK's log, if it is a warning or an error about USB."""
        if level <= _WARNING and _ABOUT_USB.search(f'{source} {text}'):
            with self._lock:
                self._now = UsbErrors(self._now.reported + 1, self._now.failed_calls, text)

    def failed(self, what: str) -> None:
        """Count a call to a camera that has failed."""
        with self._lock:
            self._now = UsbErrors(self._now.reported, self._now.failed_calls + 1, what)

    def now(self) -> UsbErrors:
        """Return what has been counted."""
        with self._lock:
            return self._now


#: of this process, as the SDK's log is
USB = UsbCounter()
