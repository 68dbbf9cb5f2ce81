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

"""Reasons and hints found in the SDK's log."""

from __future__ import annotations

from k4a_ros.cameras.device.error_hints import explain
from k4a_ros.errors import CameraErrorReason as Reason
import pytest

BUSY = 'libusb_claim_interface returned LIBUSB_ERROR_BUSY in usb_cmd_create'
GONE = 'Error calling libusb_bulk_transfer for tx, result:LIBUSB_ERROR_NO_DEVICE'


@pytest.mark.parametrize(('line', 'reason', 'hint'), [
    (BUSY, Reason.BUSY, 'in use by another program'),
    ('libusb_open returned LIBUSB_ERROR_ACCESS in usb_cmd_create', Reason.ACCESS_DENIED,
     '99-k4a.rules'),
    ('Error calling libusb_submit_transfer for xfer, result:LIBUSB_ERROR_NO_MEM',
     Reason.OUT_OF_USB_MEMORY, 'usbfs_memory_mb'),
    (GONE, Reason.DISCONNECTED, 'does not answer on USB'),
    ('LibUSB transfer status of 00000005 unexpected', Reason.DISCONNECTED,
     'does not answer on USB'),
    ('Error calling libusb_bulk_transfer for tx, result:LIBUSB_ERROR_PIPE', Reason.USB_STALL,
     'does not answer on USB'),
    ('OpenGL 4.4 context creation failed. You could try updating your graphics drivers.',
     Reason.NO_OPENGL, 'DISPLAY=:0'),
    ('Failed to Load Depth Engine Plugin (depthengine). Depth functionality will not work',
     Reason.NO_DEPTH_ENGINE, 'pip install pyk4a-bundle'),
    ('Failure to detect presence of sync in cable with wired sync mode '
     'K4A_WIRED_SYNC_MODE_SUBORDINATE.', Reason.NO_SYNC_IN_CABLE, 'Sync in jack'),
    ('Failure to detect presence of sync out cable with wired sync mode '
     'K4A_WIRED_SYNC_MODE_MASTER.', Reason.NO_SYNC_OUT_CABLE, 'Sync out jack'),
    ('Firmware version for RGB is not current enough', Reason.OLD_FIRMWARE,
     'AzureKinectFirmwareTool'),
    ('The configured depth_mode K4A_DEPTH_MODE_WFOV_UNBINNED does not support the configured '
     'camera_fps K4A_FRAMES_PER_SECOND_30.', Reason.REFUSED_MODE, 'depth_create() failed'),
])
def test_known_line_gives_reason_and_hint(line: str, reason: Reason, hint: str) -> None:
    explanation = explain(['depth_create() failed', line])
    assert explanation.reasons == {reason}
    assert hint in explanation.hint
    assert explanation.disconnected == (reason is Reason.DISCONNECTED)


def test_several_reasons_are_kept_and_first_rule_gives_hint() -> None:
    explanation = explain([GONE, BUSY])
    assert explanation.reasons == {Reason.BUSY, Reason.DISCONNECTED}
    assert explanation.disconnected
    assert explanation.hint == explain([BUSY]).hint


def test_unknown_line_is_quoted() -> None:
    explanation = explain(['something new', 'and more'])
    assert explanation.hint == 'the SDK logged: something new'
    assert not explanation.reasons


def test_empty_log_hints_at_log_level() -> None:
    assert 'K4A_LOG_LEVEL=i' in explain([]).hint
