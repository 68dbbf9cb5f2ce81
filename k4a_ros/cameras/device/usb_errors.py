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

"""Count USB errors: lines of the SDK's log, and failed calls to a camera."""

from __future__ import annotations

import re
import threading

from k4a_ros.cameras.base import UsbErrors

#: Log lines about USB: part of the name of the SDK's source file (usbcommand.c, usbstreaming.c,
#: uvc_camerareader.cpp) or of the line. The line matched last is logged by color.cpp for the
#: color camera, where libuvc itself logs nothing.
_ABOUT_USB = re.compile(r'usb|uvc|streaming color transfer failed', re.IGNORECASE)
#: k4a_log_level_t: K4A_LOG_LEVEL_WARNING; more severe levels are lower
_WARNING = 2


class UsbCounter:
    """Counter of USB errors; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._errors = UsbErrors()

    def add_log_line(self, level: int, source: str, text: str) -> None:
        """
        Count a line of the SDK's log if it is a warning or an error about USB.

        :param level: k4a_log_level_t.
        :param source: name of the SDK's source file that logged the line.
        """
        if level <= _WARNING and _ABOUT_USB.search(f'{source} {text}'):
            with self._lock:
                self._errors = UsbErrors(
                    self._errors.reported + 1, self._errors.failed_calls, text)

    def add_failed_call(self, text: str) -> None:
        """Count a call that failed because the camera did not respond."""
        with self._lock:
            self._errors = UsbErrors(self._errors.reported, self._errors.failed_calls + 1, text)

    def snapshot(self) -> UsbErrors:
        """Return the current counts."""
        with self._lock:
            return self._errors


#: of all cameras of this process, as the SDK's log does not name the camera
USB_COUNTER = UsbCounter()
