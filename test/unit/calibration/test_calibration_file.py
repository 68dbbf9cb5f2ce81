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

"""Files with the factory calibration of a camera."""

from __future__ import annotations

import os
from pathlib import Path

from k4a_ros.calibration.calibration_file import check_serial
from k4a_ros.calibration.calibration_file import read_calibration
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.errors import CalibrationError
import pytest


def test_file_is_read_as_the_camera_stores_it(tmp_path: Path) -> None:
    path = tmp_path / 'calibration.json'
    path.write_bytes(b'\xef\xbb\xbf' + nominal_calibration('000123456712'))
    assert read_calibration(str(path)).serial == '000123456712'


def test_home_directory_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'calibration.json').write_bytes(nominal_calibration())
    monkeypatch.setenv('HOME', str(tmp_path))
    assert read_calibration('~/calibration.json').serial == '000000000000'


@pytest.mark.parametrize(('content', 'reason'), [
    (None, 'no such file'), (b'', 'it is empty'), (b'image_width: 640', 'not valid JSON'),
    (b'{}', 'CalibrationInformation is missing'), (b'x' * (1 << 20) + b'x', 'more than')])
def test_unusable_file_is_named(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / 'calibration.json'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CalibrationError, match=reason) as caught:
        read_calibration(str(path))
    assert str(path) in str(caught.value)


def test_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / 'pipe')
    with pytest.raises(CalibrationError, match='named pipe'):
        read_calibration(str(tmp_path / 'pipe'))


@pytest.mark.parametrize(('theirs', 'camera'), [
    ('000123456712', '000123456712'), ('000123456712', '123456712'), ('', '000123456712'),
    ('000123456712', '')])
def test_calibration_of_this_camera_is_accepted(theirs: str, camera: str) -> None:
    check_serial(FactoryCalibration.from_raw(nominal_calibration(theirs)), 'a.json', camera)


def test_calibration_of_another_camera_is_refused() -> None:
    calibration = FactoryCalibration.from_raw(nominal_calibration('000123456712'))
    with pytest.raises(CalibrationError) as caught:
        check_serial(calibration, 'a.json', '000123456713')
    for part in ('a.json', '000123456712', '000123456713', 'remove SerialId'):
        assert part in str(caught.value)
