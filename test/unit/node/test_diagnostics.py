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

"""The statuses of /diagnostics, without ROS."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from k4a_ros.cameras.base import UsbErrors
from k4a_ros.node.diagnostics import body_tracking_status
from k4a_ros.node.diagnostics import BodyTracking
from k4a_ros.node.diagnostics import camera_status
from k4a_ros.node.diagnostics import clock_status
from k4a_ros.node.diagnostics import Level
from k4a_ros.node.diagnostics import publishing_status
from k4a_ros.node.diagnostics import Snapshot
import pytest

GOOD = Snapshot(
    state='streaming', streaming=True, ended=False, outage='', target_hz=30.0,
    capture_hz=30.0, imu_hz=1666.0, dropped=0, dropped_hz=0.0, losses=0, usb=UsbErrors(),
    usb_error_hz=0.0, latency_ms=(2.0, 5.0), temperature_c=31.25, drift_ppm=12.0,
    stamp_error_ms=0.1, clock_resets=0, clock_steps=0, stamp_corrections=0,
    stamp_ages_ms={'depth': 40.0, 'imu': 3.0}, sync='standalone, no sync cable',
    published_hz={'/depth/image_raw': 30.0, '/rgb/image_raw': 0.0},
    failed={'/rgb/image_raw': 0}, failed_hz={'/rgb/image_raw': 0.0},
    subscribers={'/depth/image_raw': 1}, body_tracking=None, details={'kind': 'device'},
    publish_ms={'/depth/image_raw': (0.5, 1.5), '/rgb/image_raw': (0.0, 0.0)})


def test_camera_without_problems_is_ok() -> None:
    status = camera_status(GOOD)
    assert (status.level, status.message) == (Level.OK, 'streaming')
    assert status.values['temperature (°C)'] == '31.2'
    assert status.values['kind'] == 'device'
    assert [status.values[name] for name in (
        'USB errors', 'failed USB calls', 'last USB error')] == ['0', '0', 'none']


def test_publishing_and_clock_without_problems_are_ok() -> None:
    assert publishing_status(GOOD).level is clock_status(GOOD).level is Level.OK
    assert publishing_status(GOOD).values['/depth/image_raw'] == (
        '30.0 Hz, subscribers: 1, publishing takes 0.5 ms (maximum 1.5 ms)')
    assert publishing_status(GOOD).values['/rgb/image_raw'] == 'no subscribers'


def test_camera_without_usb_has_no_usb_values() -> None:
    assert not any('USB' in name for name in camera_status(replace(GOOD, usb=None)).values)


def test_usb_errors_are_a_warning_while_they_occur() -> None:
    usb = UsbErrors(reported=3, failed_calls=1, last='USB timeout')
    past = camera_status(replace(GOOD, usb=usb))
    assert past.level is Level.OK and past.values['last USB error'] == 'USB timeout'
    status = camera_status(replace(GOOD, usb=usb, usb_error_hz=3.0))
    assert status.level is Level.WARN
    assert 'USB timeout' in status.message and 'cable' in status.message
    assert (status.values['USB errors'], status.values['failed USB calls']) == ('3', '1')


def test_lost_camera_reports_the_cause_and_not_its_consequences() -> None:
    usb = UsbErrors(reported=3, last='USB timeout')
    status = camera_status(replace(
        GOOD, state='lost', streaming=False, outage='connection lost: camera was unplugged',
        outage_action='reconnecting', capture_hz=0.0, usb=usb, usb_error_hz=3.0))
    assert status.level is Level.ERROR
    assert status.message == 'connection lost: camera was unplugged; reconnecting'


def test_low_capture_rate_and_usb_errors_are_both_reported() -> None:
    usb = UsbErrors(reported=9, last='USB timeout')
    status = camera_status(replace(GOOD, capture_hz=3.0, usb=usb, usb_error_hz=9.0))
    assert status.level is Level.WARN
    assert 'capture rate is 3.0 Hz instead of 30 Hz' in status.message
    assert 'USB timeout' in status.message


def test_low_rate_of_a_simulated_camera_is_not_blamed_on_usb() -> None:
    message = camera_status(replace(GOOD, usb=None, capture_hz=3.0)).message
    assert 'renders too slowly' in message and 'USB' not in message


@pytest.mark.parametrize(('change', 'level', 'part'), [
    ({'pulse_silence_s': 7.0, 'capture_hz': 0.0}, Level.WARN,
     'no sync pulse received for 7 s: start the master'),
    ({'lossless': True, 'capture_hz': 0.0}, Level.OK, 'streaming'),
    ({'lossless': True, 'capture_hz': 3.0}, Level.OK, 'streaming'),
    ({'lossless': True, 'playback_paused': True, 'capture_hz': 0.0}, Level.OK,
     'playback is paused; set playback_paused to false'),
    ({'stream_problems': {'IMU': 'no samples received for 3 s'}}, Level.WARN,
     'IMU: no samples received for 3 s'),
    ({'hang': 'k4a_device_close has not returned for 6 s', 'outage': 'x'}, Level.ERROR,
     'the camera hangs: k4a_device_close'),
    ({'outage': 'does not start: no sync pulse received', 'waits_for_pulse': True}, Level.WARN,
     'does not start: no sync pulse'),
    ({'cable_problem': 'unplug it'}, Level.WARN, 'unplug it'),
])
def test_first_cause_is_named_without_unrelated_advice(
    change: dict[str, Any], level: Level, part: str,
) -> None:
    status = camera_status(replace(GOOD, **change))
    assert status.level is level and status.message.startswith(part)
    assert 'USB port' not in status.message


def test_overload_names_the_topic_that_costs_most() -> None:
    status = publishing_status(replace(
        GOOD, dropped_hz=9.0, busy={'rgb/image_raw': 0.0, 'depth/image_raw': 0.1, 'points2': 0.8}))
    assert 'points2 takes 80 % of the time' in status.message
    assert 'rgb/image_raw' not in status.message
    status = publishing_status(replace(GOOD, dropped_hz=9.0, busy={'rgb/image_raw': 0.9}))
    assert 'subscribe to rgb/image_raw/compressed' in status.message


def test_end_of_recording_is_ok() -> None:
    status = camera_status(replace(GOOD, state='ended', streaming=False, ended=True))
    assert (status.level, status.message) == (Level.OK, 'end of the recording')


def test_dropped_captures_and_failed_messages_are_warnings() -> None:
    status = publishing_status(replace(
        GOOD, dropped=7, dropped_hz=3.0, failed={'/rgb/image_raw': 2},
        failed_hz={'/rgb/image_raw': 1.0}))
    assert status.level is Level.WARN
    assert 'overloaded' in status.message and '/rgb/image_raw: 2 messages' in status.message


def test_slow_topic_is_named_with_its_time() -> None:
    """At 30 Hz, half of the frame period is 16.7 ms."""
    slow = replace(GOOD, publish_ms={'/ir': (16.0, 90.0), '/depth/image_raw': (17.0, 40.0)},
                   skipped={'/depth/image_raw': 3})
    status = publishing_status(slow)
    assert status.level is Level.WARN
    assert status.message.startswith(
        '/depth/image_raw: publishing takes 17 ms (maximum 40 ms) of the 33 ms between captures')
    assert '/ir' not in status.message
    assert status.values['/depth/image_raw'].endswith(', skipped: 3')
    assert publishing_status(replace(slow, target_hz=0.0)).level is Level.OK


def test_degraded_transport_is_a_warning() -> None:
    status = publishing_status(replace(GOOD, transport_problem='Fast DDS runs with its defaults'))
    assert (status.level, status.message) == (Level.WARN, 'Fast DDS runs with its defaults')


def test_large_stamp_error_is_a_warning() -> None:
    assert clock_status(replace(GOOD, stamp_error_ms=-12.0)).level is Level.WARN


@pytest.mark.parametrize(('age_ms', 'text'), [
    (-598_000.0, '598000 ms ahead of ROS time'), (2000.0, '2000 ms behind ROS time')])
def test_stamps_far_from_ros_time_are_a_warning(age_ms: float, text: str) -> None:
    status = clock_status(replace(GOOD, stamp_ages_ms={'depth': 40.0, 'imu': age_ms}))
    assert status.level is Level.WARN and status.message == f'imu is stamped {text}'


def test_clock_status_has_the_ages_of_stamps_and_counters() -> None:
    values = clock_status(replace(GOOD, clock_steps=2, stamp_corrections=7)).values
    assert values['age of depth stamps (ms)'] == '40.0'
    assert values['age of imu stamps (ms)'] == '3.0'
    assert values['steps of the host clock'] == '2' and values['corrected stamps'] == '7'


def test_clock_of_a_recording_has_only_ages() -> None:
    """They may be of any size, depending on the playback rate."""
    recording = clock_status(replace(
        GOOD, drift_ppm=None, stamp_error_ms=None, stamp_ages_ms={'depth': -9000.0}))
    assert (recording.level, recording.values) == (
        Level.OK, {'age of depth stamps (ms)': '-9000.0'})


def test_working_body_tracker_is_ok() -> None:
    status = body_tracking_status(BodyTracking('landmarks', '', 12.0, 80.0, 3))
    assert (status.level, status.message) == (Level.OK, 'tracking with landmarks')
    assert status.values['tracking rate (Hz)'] == '12.0'
    assert status.values['skipped captures'] == '3'


def test_missing_body_tracker_is_an_error_with_its_reason() -> None:
    status = body_tracking_status(BodyTracking('', 'no model', 0.0, 0.0, 0))
    assert (status.level, status.message) == (Level.ERROR, 'disabled: no model')


def test_failed_body_tracker_is_an_error_with_its_reason() -> None:
    status = body_tracking_status(BodyTracking('k4abt', 'out of memory', 0.0, 0.0, 0))
    assert (status.level, status.message) == (Level.ERROR, 'stopped: out of memory')
