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

"""Finding and opening live cameras, and what is said where that fails."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
import threading
from typing import Any

from k4a_ros.cameras.device.camera import DeviceCamera
from k4a_ros.cameras.device.discovery import connected
from k4a_ros.errors import CameraError
from k4a_ros.errors import CameraLostError
from k4a_ros.errors import ConfigError
from k4a_ros.errors import DeviceNotFoundError
import pytest
from support import virtual
from support.recordings import FIRMWARE
from support.recordings import SERIAL
from support.recordings import write_recording
from support.virtual import DEPTH
from support.virtual import depth_recording
from support.virtual import have
from support.virtual import raises

OTHER_SERIAL = '000999999912'


@pytest.fixture(scope='module')
def recording(tmp_path_factory: Any) -> Path:
    """Return a recording of depth, infrared and inertial samples."""
    return depth_recording(tmp_path_factory.mktemp('device'))


def _search() -> list[str]:
    listed = [str(camera) for camera in connected()]
    for wanted, index, serial in (
            ({}, '0', SERIAL), ({'serial': OTHER_SERIAL}, '1', OTHER_SERIAL),
            ({'index': 1}, '1', OTHER_SERIAL), ({'serial': SERIAL.lstrip('0')}, '0', SERIAL),
            ({'index': 0, 'serial': SERIAL}, '0', SERIAL)):
        with DeviceCamera(DEPTH, **wanted) as camera:
            assert (camera.info.source, camera.info.serial) == (index, serial), wanted
            assert camera.calibration.serial
    first = DeviceCamera(DEPTH)
    with DeviceCamera(DEPTH) as second:
        assert second.info.serial == OTHER_SERIAL  # the first that is free
        with raises(DeviceNotFoundError, 'cannot open a camera; connected are 0: it is in use by '
                    'another program', '1: it is in use'):
            DeviceCamera(DEPTH)
        with raises(DeviceNotFoundError, 'camera 0', 'in use by another program'):
            DeviceCamera(DEPTH, index=0)
    with raises(DeviceNotFoundError, 'camera 123;', '0: it is in use', f'1: {OTHER_SERIAL}'):
        DeviceCamera(DEPTH, serial='123')
    first.close()
    with raises(DeviceNotFoundError, 'camera number 2;', f'0: {SERIAL}', f'1: {OTHER_SERIAL}'):
        DeviceCamera(DEPTH, index=2)
    with raises(DeviceNotFoundError, f'is {OTHER_SERIAL}, not {SERIAL}'):
        DeviceCamera(DEPTH, serial=SERIAL, index=1)
    have('0:forbidden', '1:fail:k4a_device_get_serialnum')
    with raises(DeviceNotFoundError, '0: this user may not open it', '99-k4a.rules',
                '1: cannot read the serial number'):
        DeviceCamera(DEPTH)
    have('unplugged')
    with raises(DeviceNotFoundError, 'no Azure Kinect is connected', 'lsusb', 'recording_file'):
        DeviceCamera(DEPTH)
    with raises(DeviceNotFoundError, 'no Azure Kinect is connected'):
        DeviceCamera(DEPTH, index=0)
    return listed


def test_a_camera_is_found_by_serial_number_or_number(tmp_path, recording):
    from k4a_ros.calibration.nominal import nominal_calibration
    from k4a_ros.mkv.writer import RecordingWriter
    other = tmp_path / 'other.mkv'
    written = write_recording(tmp_path / 'a.mkv', DEPTH, 1)
    with RecordingWriter(other, DEPTH, nominal_calibration(), OTHER_SERIAL, FIRMWARE) as writer:
        writer.write(written.captures[0])
    assert virtual.run(_search, cameras=(recording, other)) == [
        f'0: {SERIAL}', f'1: {OTHER_SERIAL}']


def _free_at_last() -> float:
    have('busy')
    timer = threading.Timer(0.15, have)
    timer.start()
    with DeviceCamera(DEPTH, serial=SERIAL) as camera:
        return len(camera.info.serial)


def test_a_camera_that_another_driver_looks_at_for_a_moment_is_tried_again(recording):
    assert virtual.run(_free_at_last, cameras=(recording,)) == len(SERIAL)


def _broken() -> None:
    for condition, kind, part in (
            ('fail:k4a_device_get_raw_calibration', CameraLostError, 'factory calibration'),
            ('fail:k4a_device_open', DeviceNotFoundError, 'does not answer on USB')):
        have(condition)
        with raises(kind, part):
            DeviceCamera(DEPTH)
        have()
        DeviceCamera(DEPTH).close()  # nothing was left open
    have('fail:k4a_device_get_version')
    with DeviceCamera(DEPTH) as camera:
        assert camera.info.firmware == {}
    with raises(ConfigError, 'fps is 12'):
        DeviceCamera(replace(DEPTH, fps=12))


def test_a_camera_that_cannot_be_read_is_closed_again(recording):
    virtual.run(_broken, cameras=(recording,))


def _bad_calibration() -> None:
    for _ in range(2):
        with raises(CameraError, f'cannot use camera {SERIAL}: ', 'calibration'):
            DeviceCamera(DEPTH)


def test_a_calibration_that_is_none_is_refused(tmp_path):
    bad = write_recording(tmp_path / 'a.mkv', DEPTH, 1, calibration=b'{"not": "a calibration"}')
    virtual.run(_bad_calibration, cameras=(bad.path,))
