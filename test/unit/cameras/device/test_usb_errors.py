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

"""Which lines of the SDK's log count as USB errors."""

from __future__ import annotations

from k4a_ros.cameras.base import UsbErrors
from k4a_ros.cameras.device.usb_errors import UsbCounter
import pytest

#: level, source file and text of lines logged by SDK 1.4, and whether they are USB errors
LINES = [
    (1, 'usbcommand.c', 'Error calling libusb_bulk_transfer for tx, result:LIBUSB_ERROR_IO', True),
    (1, 'usbcommand.c', 'Read command(00000201) ended in failure, Command status 0x00000063',
     True),
    (2, 'usbstreaming.c', 'USB timeout on streaming endpoint for depth', True),
    (1, 'usbstreaming.c', 'LibUSB transfer status of 00000005 unexpected', True),
    (2, 'usbstreaming.c', 'Less than optimal 3 libusb transfers submitted. Please evaluate '
     'available resources', True),
    (1, 'uvc_camerareader.cpp', 'Failed to start streaming: Timeout', True),
    (2, 'color.cpp', 'A streaming color transfer failed', True),
    (3, 'usbcommand.c', 'Serial Number found 000123456712', False),
    (2, 'dewrapper.c', 'A streaming depth transfer failed', False),  # usbstreaming.c said why
    (2, 'capturesync.c', 'Capture Error Detected, Depth ', False),
    (1, 'capturesync.c', 'capturesync_drop, releasing capture early due to full queue TS:  1 '
     'type:Color', False),
    (1, 'queue.c', 'Queue "Queue_capture" was popped in a disabled state.', False),
    (1, 'dewrapper.c', 'Depth engine create and initialize failed with error code: 204.', False),
    (2, 'ob_k4a_impl.cpp', 'frame_queue_pop timeout', False),
]


@pytest.mark.parametrize(('level', 'source', 'text', 'counts'), LINES)
def test_usb_errors_are_recognized_in_the_sdk_log(
    level: int, source: str, text: str, counts: bool,
) -> None:
    counter = UsbCounter()
    counter.add_log_line(level, source, text)
    assert counter.snapshot() == (UsbErrors(1, 0, text) if counts else UsbErrors())


def test_log_lines_and_failed_calls_are_counted_separately() -> None:
    counter = UsbCounter()
    for source, text in (('usbstreaming.c', 'one'), ('queue.c', 'two'), ('usbcommand.c', 'three')):
        counter.add_log_line(1, source, text)
    counter.add_failed_call('cannot open camera 0')
    assert counter.snapshot() == UsbErrors(2, 1, 'cannot open camera 0')
