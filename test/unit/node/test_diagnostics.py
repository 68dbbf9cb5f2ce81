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

"""What /diagnostics says of a camera, without ROS; and what counts as an error on USB."""

from __future__ import annotations

from dataclasses import replace

from k4a_ros.cameras.base import UsbErrors
from k4a_ros.cameras.device.error_hints import UsbCounter
from k4a_ros.node.diagnostics import Bodies
from k4a_ros.node.diagnostics import bodies_status
from k4a_ros.node.diagnostics import camera_status
from k4a_ros.node.diagnostics import clock_status
from k4a_ros.node.diagnostics import Level
from k4a_ros.node.diagnostics import publishing_status
from k4a_ros.node.diagnostics import Snapshot
from k4a_ros.streaming.rates import Latency
from k4a_ros.streaming.rates import Rates
import pytest

GOOD = Snapshot(
    state='streaming', streaming=True, ended=False, target_hz=30.0, capture_hz=30.0,
    imu_hz=1666.0, dropped=0, dropped_hz=0.0, losses=0, usb=UsbErrors(), usb_hz=0.0,
    latency_ms=(2.0, 5.0), temperature=31.25, drift_ppm=12.0, residual_ms=0.1, resets=0,
    sync='standalone, no cable', published={'/depth/image_raw': 30.0, '/rgb/image_raw': 0.0},
    failed={'/rgb/image_raw': 0}, failed_hz={'/rgb/image_raw': 0.0},
    subscribers={'/depth/image_raw': 1}, bodies=None, facts={'kind': 'device'})


def test_a_camera_without_faults() -> None:
    status = camera_status(GOOD, '')
    assert (status.level, status.message) == (Level.OK, 'streaming')
    assert status.values['temperature, degrees Celsius'] == '31.2'
    assert status.values['kind'] == 'device'
    assert [status.values[name] for name in (
        'USB errors', 'failed USB calls', 'last USB error')] == ['0', '0', 'none']
    assert publishing_status(GOOD).level is clock_status(GOOD).level is Level.OK
    assert publishing_status(GOOD).values['/depth/image_raw'] == '30.0 Hz to 1 subscribers'
    assert publishing_status(GOOD).values['/rgb/image_raw'] == 'unwanted'


def test_a_camera_without_usb_has_no_errors_of_it() -> None:
    assert not any('USB' in name for name in camera_status(replace(GOOD, usb=None), '').values)


def test_errors_on_usb_are_a_warning_while_they_happen() -> None:
    usb = UsbErrors(reported=3, failed_calls=1, last='USB timeout')
    past = camera_status(replace(GOOD, usb=usb), '')
    assert past.level is Level.OK and past.values['last USB error'] == 'USB timeout'
    status = camera_status(replace(GOOD, usb=usb, usb_hz=3.0), '')
    assert status.level is Level.WARN
    assert 'USB timeout' in status.message and 'cable' in status.message
    assert (status.values['USB errors'], status.values['failed USB calls']) == ('3', '1')


def test_why_a_camera_is_lost_is_said_rather_than_what_its_loss_brought_about() -> None:
    usb = UsbErrors(reported=3, last='USB timeout')
    lost = replace(GOOD, state='lost', streaming=False, capture_hz=0.0, usb=usb, usb_hz=3.0)
    status = camera_status(lost, 'it was unplugged')
    assert status.level is Level.ERROR
    assert status.message == 'lost: it was unplugged; trying again'


def test_too_few_captures_and_trouble_on_usb_are_both_said() -> None:
    usb = UsbErrors(reported=9, last='USB timeout')
    status = camera_status(replace(GOOD, capture_hz=3.0, usb=usb, usb_hz=9.0), '')
    assert status.level is Level.WARN
    assert '3.0 captures come' in status.message and 'USB timeout' in status.message


def test_an_overload_and_a_stream_that_fails_are_warnings() -> None:
    status = publishing_status(replace(
        GOOD, dropped=7, dropped_hz=3.0, failed={'/rgb/image_raw': 2},
        failed_hz={'/rgb/image_raw': 1.0}))
    assert status.level is Level.WARN
    assert 'overloaded' in status.message and '/rgb/image_raw: 2 messages' in status.message


def test_stamps_far_from_where_they_should_be_are_a_warning() -> None:
    assert clock_status(replace(GOOD, residual_ms=-12.0)).level is Level.WARN
    recording = clock_status(replace(GOOD, drift_ppm=None, residual_ms=None))
    assert (recording.level, recording.values) == (Level.OK, {})


def test_latency_is_that_since_it_was_asked_last() -> None:
    latency = Latency()
    assert latency.take() == (0.0, 0.0)
    for nanoseconds in (1_000_000, 3_000_000):
        latency.add(nanoseconds)
    assert latency.take() == (2.0, 3.0)
    assert latency.take() == (0.0, 0.0)


def test_rates_are_per_second_and_new_counters_begin_at_0() -> None:
    rates = Rates()
    assert rates.update({'a': 5}, 10.0) == {'a': 0.0}
    assert rates.update({'a': 11, 'b': 7}, 12.0) == {'a': 3.0, 'b': 0.0}
    assert rates.update({'a': 11, 'b': 8}, 12.5) == {'a': 0.0, 'b': 2.0}


#: level, source file and text of lines that SDK 1.4 logs, and whether they are errors on USB
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
    (2, 'ob_k4a_impl.cpp', 'Queue_imu: time-out', False),
]


@pytest.mark.parametrize(('level', 'source', 'text', 'counts'), LINES)
def test_which_lines_of_the_sdk_are_errors_on_usb(
    level: int, source: str, text: str, counts: bool,
) -> None:
    counter = UsbCounter()
    counter.hear(level, source, text)
    assert counter.now() == (UsbErrors(1, 0, text) if counts else UsbErrors())


def test_lines_and_failed_calls_are_counted_apart() -> None:
    counter = UsbCounter()
    for source, text in (('usbstreaming.c', 'one'), ('queue.c', 'two'), ('usbcommand.c', 'three')):
        counter.hear(1, source, text)
    counter.failed('it does not open')
    assert counter.now() == UsbErrors(2, 1, 'it does not open')


def test_a_body_tracker_that_failed_is_an_error_with_its_reason() -> None:
    status = bodies_status(Bodies('landmarks', '', 12.0, 80.0, 3))
    assert status.level is Level.OK and status.values['images looked at per second'] == '12.0'
    status = bodies_status(Bodies('', 'no model', 0.0, 0.0, 0))
    assert status.level is Level.ERROR
    assert status.message == 'no people are published: no model'
