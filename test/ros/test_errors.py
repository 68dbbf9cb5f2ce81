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

"""What cannot be opened or played ends the driver with exit code 1 and one clear line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.recordings import SERIAL
from support.recordings import write_recording
from support.ros import Case
from support.ros import DriverProcess
from support.ros import new_domain


def assert_refused(driver: DriverProcess, *parts: str) -> None:
    """Fail unless the driver ends with code 1 and one line that contains all parts."""
    assert driver.wait() == 1, driver.output
    assert len(driver.lines_of_its_own) == 1, driver.output
    line = driver.lines_of_its_own[0]
    assert line.startswith('[FATAL]')
    for part in parts:
        assert part in line


def truncated(path: Path) -> Path:
    whole = write_recording(path / 'whole.mkv').path.read_bytes()
    (path / 'truncated.mkv').write_bytes(whole[:3000])
    return path / 'truncated.mkv'


def empty(path: Path) -> Path:
    (path / 'empty.mkv').touch()
    return path / 'empty.mkv'


def text(path: Path) -> Path:
    (path / 'text.mkv').write_text('This is not a recording.\n' * 100)
    return path / 'text.mkv'


def missing(path: Path) -> Path:
    return path / 'missing.mkv'


def directory(path: Path) -> Path:
    (path / 'directory.mkv').mkdir()
    return path / 'directory.mkv'


def pipe(path: Path) -> Path:
    os.mkfifo(path / 'pipe.mkv')
    return path / 'pipe.mkv'


def device(_: Path) -> Path:
    return Path('/dev/zero')


def empty_calibration(path: Path) -> Path:
    return write_recording(path / 'empty.mkv', calibration=b'').path


def no_calibration(path: Path) -> Path:
    data = write_recording(path / 'a.mkv').path.read_bytes()
    assert data.count(b'calibration.json') == 2  # the name of the attachment, and in its tag
    (path / 'uncalibrated.mkv').write_bytes(data.replace(
        b'calibration.json', b'calibration.text').replace(
        b'K4A_CALIBRATION_FILE', b'K4A_CALIBRATION_TEXT'))
    return path / 'uncalibrated.mkv'


def broken_calibration(path: Path) -> Path:
    return write_recording(path / 'broken.mkv', calibration=b'{"CalibrationInformation": 3}').path


@pytest.mark.parametrize(('make', 'reason'), [
    (truncated, 'frames'),
    (empty, 'empty'),
    (text, 'not'),
    (missing, 'no such file'),
    (directory, 'directory'),
    (pipe, 'named pipe'),
    (device, 'a device'),
    (no_calibration, 'as calibration_file'),
    (empty_calibration, 'calibration'),
    (broken_calibration, 'calibration'),
], ids=lambda value: getattr(value, '__name__', ''))
def test_unusable_recording(case: Case, make, reason: str) -> None:
    case(unusable_recording)


def unusable_recording(tmp_path: Path, make, reason: str) -> None:
    path = make(tmp_path)
    with DriverProcess.with_parameters(new_domain(), recording_file=path) as driver:
        assert_refused(driver, str(path), reason)


def test_unreadable_recording(tmp_path: Path) -> None:
    path = write_recording(tmp_path / 'a.mkv').path
    path.chmod(0)
    if os.geteuid() == 0:  # root may read almost every file
        path = Path('/proc/sys/vm/drop_caches')
    with DriverProcess.with_parameters(new_domain(), recording_file=path) as driver:
        assert_refused(driver, str(path), 'permission')


def test_missing_camera() -> None:
    with DriverProcess.with_parameters(new_domain()) as driver:
        assert_refused(driver, 'no Azure Kinect is connected', 'k4a_info --check',
                       'recording_file:=', 'camera:=simulated')
    with DriverProcess.with_parameters(new_domain(), sensor_sn='000123') as driver:
        assert_refused(driver, 'cannot open the camera with serial number 000123')


def test_recording_of_another_camera(tmp_path: Path) -> None:
    path = write_recording(tmp_path / 'a.mkv').path
    with DriverProcess.with_parameters(
            new_domain(), recording_file=path, sensor_sn='000999') as driver:
        assert_refused(driver, str(path), SERIAL, '000999')


def test_invalid_parameters_are_reported_together(tmp_path: Path) -> None:
    with DriverProcess.with_parameters(
            new_domain(), recording_file=tmp_path / 'a.mkv', playback_rate=-1,
            depth_unit='16uc1', depth_enabled='yes') as driver:
        assert_refused(
            driver, 'playback_rate is -1.0; it must be between 0 and 100',
            "depth_unit is '16uc1'; it must be one of 16UC1, 32FC1 (did you mean 16UC1?)",
            "depth_enabled is 'yes'; it must be true or false")


@pytest.mark.parametrize(('arguments', 'parts'), [
    (['-p', 'qos_overrides./depth/image_raw.publisher.reliability:=nonsense'],
     ['nonsense', 'correct qos_overrides./depth/image_raw.publisher']),
    (['-p', 'qos_overrides./depth/image_raw.publisher.depth:=-5'],
     ['depth is -5; it must be 0 to 1000000']),
    (['-r', 'depth/image_raw:=imu'], ['cannot publish imu as /imu', 'incompatible type']),
], ids=['reliability', 'depth', 'type'])
def test_topic_that_cannot_be_published_is_one_line(
    case: Case, arguments: list[str], parts: list[str],
) -> None:
    case(unpublishable)


def unpublishable(tmp_path: Path, arguments: list[str], parts: list[str]) -> None:
    path = write_recording(tmp_path / 'a.mkv').path
    with DriverProcess.with_parameters(new_domain(), *arguments, recording_file=path) as driver:
        assert_refused(driver, *parts)


@pytest.mark.parametrize('arguments', [
    ['-p', 'camera:=\udcff'], ['--params-file', '/dev/zero'], ['--', 'recording_file:=a.mkv'],
    ['--params-file', 'missing.yaml'], ['-p', 'novalue'], ['-r', '__node:=not a name'],
    ['-p', 'use_sim_time:=3']])
def test_invalid_ros_arguments(case: Case, arguments: list[str]) -> None:
    case(invalid_ros_arguments)


def invalid_ros_arguments(tmp_path: Path, arguments: list[str]) -> None:
    with DriverProcess(new_domain(), *arguments, cwd=tmp_path) as driver:
        assert driver.wait() == 1, driver.output
        assert 'Traceback' not in driver.output
        assert 'FATAL' in driver.lines[-1]
