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

"""Listing and opening physical cameras, and the errors if that fails."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from k4a_ros.cameras.device import discovery
from k4a_ros.cameras.device.camera import DeviceCamera
from k4a_ros.cameras.device.discovery import connected
from k4a_ros.errors import CameraError
from k4a_ros.errors import CameraErrorReason
from k4a_ros.errors import CameraLostError
from k4a_ros.errors import ConfigError
from k4a_ros.errors import DeviceNotFoundError
from support import virtual
from support.recordings import FIRMWARE
from support.recordings import SERIAL
from support.recordings import write_recording
from support.virtual import DEPTH
from support.virtual import raises
from support.virtual import set_conditions

OTHER_SERIAL = '000999999912'


def _list_and_open() -> list[str]:
    listed = [str(camera) for camera in connected()]
    for options, index, serial in (
            ({}, '0', SERIAL), ({'serial': OTHER_SERIAL}, '1', OTHER_SERIAL),
            ({'index': 1}, '1', OTHER_SERIAL), ({'serial': SERIAL.lstrip('0')}, '0', SERIAL),
            ({'index': 0, 'serial': SERIAL}, '0', SERIAL)):
        with DeviceCamera(DEPTH, **options) as camera:
            assert (camera.info.source, camera.info.serial) == (index, serial), options
            assert camera.calibration.serial
    first = DeviceCamera(DEPTH)
    with DeviceCamera(DEPTH) as second:
        assert second.info.serial == OTHER_SERIAL  # the first that is free
        with raises(DeviceNotFoundError, 'cannot open a camera; found: camera 0 (it is in use '
                    'by another program', 'camera 1 (it is in use'):
            DeviceCamera(DEPTH)
        with raises(DeviceNotFoundError, 'camera 0', 'in use by another program'):
            DeviceCamera(DEPTH, index=0)
    with raises(DeviceNotFoundError, 'cannot open the camera with serial number 123;',
                'camera 0 (it is in use', f'camera 1 (serial number {OTHER_SERIAL})'):
        DeviceCamera(DEPTH, serial='123')
    first.close()
    with raises(DeviceNotFoundError, 'cannot open the camera with index 2;',
                f'camera 0 (serial number {SERIAL})', f'camera 1 (serial number {OTHER_SERIAL})'):
        DeviceCamera(DEPTH, index=2)
    with raises(DeviceNotFoundError, f'cannot open camera 1 as {SERIAL}: its serial number is '
                f'{OTHER_SERIAL}'):
        DeviceCamera(DEPTH, serial=SERIAL, index=1)
    set_conditions('0:forbidden', '1:fail:k4a_device_get_serialnum')
    with raises(DeviceNotFoundError, 'camera 0 (this user has no permission', '99-k4a.rules',
                'camera 1 (cannot read the serial number'):
        DeviceCamera(DEPTH)
    set_conditions('unplugged')
    with raises(DeviceNotFoundError, 'no Azure Kinect is connected', 'k4a_info --check',
                'recording_file'):
        DeviceCamera(DEPTH)
    with raises(DeviceNotFoundError, 'no Azure Kinect is connected'):
        DeviceCamera(DEPTH, index=0)
    return listed


def test_camera_is_opened_by_serial_number_or_index(tmp_path, recording):
    from k4a_ros.calibration.nominal import nominal_calibration
    from k4a_ros.mkv.writer import RecordingWriter
    other = tmp_path / 'other.mkv'
    written = write_recording(tmp_path / 'a.mkv', DEPTH, 1)
    with RecordingWriter(other, DEPTH, nominal_calibration(), OTHER_SERIAL, FIRMWARE) as writer:
        writer.write(written.captures[0])
    assert virtual.run(_list_and_open, cameras=(recording, other)) == [
        f'camera 0 (serial number {SERIAL})', f'camera 1 (serial number {OTHER_SERIAL})']


def _reasons() -> list[frozenset[CameraErrorReason]]:
    found = []
    for condition in ('busy', 'forbidden', 'fail:k4a_device_open'):
        set_conditions(condition)
        for options in ({}, {'index': 0}):
            try:
                DeviceCamera(DEPTH, **options)
            except DeviceNotFoundError as error:
                found.append(error.reasons)
    return found


def test_reasons_tell_why_a_camera_cannot_be_opened(recording):
    assert virtual.run(_reasons, cameras=(recording,)) == [frozenset([reason]) for reason in (
        CameraErrorReason.BUSY, CameraErrorReason.BUSY,
        CameraErrorReason.ACCESS_DENIED, CameraErrorReason.ACCESS_DENIED,
        CameraErrorReason.DISCONNECTED, CameraErrorReason.DISCONNECTED)]


def _open_after_busy() -> int:
    set_conditions('busy')

    def end_before_next_attempt(pause_s: float) -> None:
        assert 0 < pause_s < 1
        set_conditions()

    discovery.time = SimpleNamespace(sleep=end_before_next_attempt)
    with DeviceCamera(DEPTH, serial=SERIAL) as camera:
        return len(camera.info.serial)


def test_briefly_busy_camera_is_tried_again(recording):
    assert virtual.run(_open_after_busy, cameras=(recording,)) == len(SERIAL)


def _fail_to_open() -> None:
    for condition, kind, part in (
            ('fail:k4a_device_get_raw_calibration', CameraLostError, 'factory calibration'),
            ('fail:k4a_device_open', DeviceNotFoundError, 'does not answer on USB')):
        set_conditions(condition)
        with raises(kind, part):
            DeviceCamera(DEPTH)
        set_conditions()
        DeviceCamera(DEPTH).close()  # which would fail if the handle had not been closed
    set_conditions('fail:k4a_device_get_version')
    with DeviceCamera(DEPTH) as camera:
        assert camera.info.firmware == {}
    with raises(ConfigError, 'fps is 12'):
        DeviceCamera(replace(DEPTH, fps=12))


def test_failed_open_closes_the_handle(recording):
    virtual.run(_fail_to_open, cameras=(recording,))


def _bad_calibration() -> None:
    for _ in range(2):
        with raises(CameraError, f'cannot use camera {SERIAL}: ', 'calibration'):
            DeviceCamera(DEPTH)


def test_invalid_calibration_is_rejected(tmp_path):
    bad = write_recording(tmp_path / 'a.mkv', DEPTH, 1, calibration=b'{"not": "a calibration"}')
    virtual.run(_bad_calibration, cameras=(bad.path,))
