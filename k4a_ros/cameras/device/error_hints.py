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

"""Explain failed SDK calls from the SDK's log: reasons for callers, a hint for the user."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
import re

from k4a_ros.errors import CameraErrorReason as Reason

_DISCONNECTED = (
    'it does not answer on USB; check the cable and the power supply, and that it is plugged into '
    'a USB 3 port')
_NO_OPENGL = (
    'the depth engine could not create an OpenGL 4.4 context, which it needs for depth and '
    'infrared images in every mode; on a computer without a monitor, enable automatic login to an '
    'X session on its graphics card and set DISPLAY=:0 for the driver, or stream color only '
    '(depth_enabled:=false); "k4a_info --check" examines the display')
_NO_DEPTH_ENGINE = (
    'the depth engine libdepthengine.so.2.0 cannot be loaded, without which there are no depth '
    'and infrared images; it is installed by pip install pyk4a-bundle, or with a system-wide '
    'libk4a by the package libk4a1.4 (then check LD_LIBRARY_PATH); or stream color only '
    '(depth_enabled:=false)')

#: pattern in the SDK's log -> reason of the failure, and a hint for the user or ''
_RULES = tuple((re.compile(pattern), reason, hint) for pattern, reason, hint in (
    (r'LIBUSB_ERROR_BUSY', Reason.BUSY,
     'it is in use by another program, or already open in this one; close it there first'),
    (r'LIBUSB_ERROR_ACCESS', Reason.ACCESS_DENIED,
     'this user has no permission to open it; copy config/99-k4a.rules of this package to '
     '/etc/udev/rules.d and plug the camera in again'),
    (r'LIBUSB_ERROR_NO_MEM', Reason.OUT_OF_USB_MEMORY,
     'the kernel limits the memory for USB transfers; set usbcore.usbfs_memory_mb to 128 for each '
     'camera'),
    (r'LIBUSB_ERROR_(NO_DEVICE|NOT_FOUND|IO)|LibUSB transfer status of 0*5', Reason.DISCONNECTED,
     _DISCONNECTED),
    (r'LIBUSB_ERROR_PIPE', Reason.USB_STALL, _DISCONNECTED),
    (r'OpenGL|failed with error code: 204', Reason.NO_OPENGL, _NO_OPENGL),
    (r'[Dd]epth [Ee]ngine [Pp]lugin', Reason.NO_DEPTH_ENGINE, _NO_DEPTH_ENGINE),
    (r'Failure to detect presence of sync in cable', Reason.NO_SYNC_IN_CABLE,
     'no cable is plugged into its Sync in jack, and wired_sync_mode is 2 (subordinate); plug it '
     'in, or set wired_sync_mode to 0'),
    (r'Failure to detect presence of sync out cable', Reason.NO_SYNC_OUT_CABLE,
     'no cable is plugged into its Sync out jack, and wired_sync_mode is 1 (master); plug it in, '
     'or set wired_sync_mode to 0'),
    (r'Firmware version for .* is not current enough', Reason.OLD_FIRMWARE,
     'its firmware is too old; update it with AzureKinectFirmwareTool'),
    # validate_configuration of k4a.c, whose lines about cables are above
    (r'The configured |The combination of color_resolution|must (also )?be (enabled|used on)',
     Reason.REFUSED_MODE, ''),
))


@dataclass(frozen=True)
class Explanation:
    """
    Why a call of the SDK failed.

    ``hint``: what happened and what to do, for the user. ``reasons``: all that the log gives, for
    callers that handle some of them; empty if the log gives none.
    """

    hint: str
    reasons: frozenset[Reason] = frozenset()

    @property
    def disconnected(self) -> bool:
        """Whether the camera is no longer on USB."""
        return Reason.DISCONNECTED in self.reasons


def explain(log_lines: Iterable[str]) -> Explanation:
    """
    Return why a call of the SDK failed.

    :param log_lines: lines that the SDK logged during the call, oldest first.
    """
    lines = list(log_lines)
    text = '\n'.join(lines)
    found = [(reason, hint) for pattern, reason, hint in _RULES if pattern.search(text)]
    reasons = frozenset(reason for reason, _ in found)
    hint = next((hint for _, hint in found if hint), '')
    if hint:
        return Explanation(hint, reasons)
    if lines:
        return Explanation(f'the SDK logged: {lines[0]}', reasons)
    return Explanation('the SDK logged nothing; set K4A_LOG_LEVEL=i to see more of its log')
