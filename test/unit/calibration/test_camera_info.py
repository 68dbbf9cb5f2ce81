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

"""Files of camera_info, as ROS's own programs write and read them."""

from __future__ import annotations

import math
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from k4a_ros.calibration.camera_info import CameraInfoValues
from k4a_ros.calibration.camera_info import read_camera_info
from k4a_ros.calibration.camera_info import write_camera_info
from k4a_ros.errors import CalibrationError
import pytest
import yaml

#: in the layout of cameracalibrator's ost.yaml (camera_calibration, calibrator.py, lryaml)
OST = """image_width: 640
image_height: 576
camera_name: narrow_stereo
camera_matrix:
  rows: 3
  cols: 3
  data: [504.52344,   0.     , 321.19843,
           0.     , 504.6831 , 341.8812 ,
           0.     ,   0.     ,   1.     ]
distortion_model: rational_polynomial
distortion_coefficients:
  rows: 1
  cols: 8
  data: [0.523100, 0.012300, 0.000090, -0.000061, -0.001000, 0.951000, 0.062000, -0.002100]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1., 0., 0.,
         0., 1., 0.,
         0., 0., 1.]
projection_matrix:
  rows: 3
  cols: 4
  data: [401.61   ,   0.     , 322.99   ,   0.     ,
           0.     , 420.55   , 339.8812 ,   0.     ,
           0.     ,   0.     ,   1.     ,   0.     ]
"""
VALUES = CameraInfoValues(
    640, 576, 'plumb_bob', (0.1, -0.2, 1e-05, 3e-300, 0.0),
    (500.0, 0.0, 319.5, 0.0, 501.0, 287.5, 0.0, 0.0, 1.0),
    (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    (500.0, 0.0, 319.5, 0.0, 0.0, 501.0, 287.5, 0.0, 0.0, 0.0, 1.0, 0.0))

_numbers = st.floats(allow_nan=False, allow_infinity=False)


def _tuples(size: int, largest: int | None = None) -> st.SearchStrategy[tuple[float, ...]]:
    return st.lists(_numbers, min_size=size, max_size=largest or size).map(tuple)


values = st.builds(
    CameraInfoValues, width=st.integers(0, 2**32 - 1), height=st.integers(0, 2**32 - 1),
    model=st.text(st.characters(codec='ascii'), max_size=30), d=_tuples(0, 14), k=_tuples(9),
    r=_tuples(9), p=_tuples(12))


@given(values, st.text(max_size=50))
def test_round_trip_keeps_every_bit(given_values: CameraInfoValues, name: str) -> None:
    read = CameraInfoValues.from_yaml(given_values.to_yaml(name).encode())
    assert read == given_values
    assert [math.copysign(1, v) for v in read.d] == [math.copysign(1, v) for v in given_values.d]


def test_file_has_the_layout_of_camera_calibration_parsers() -> None:
    text = VALUES.to_yaml('left')
    keys = [line.partition(':')[0] for line in text.splitlines()]
    assert keys == [line.partition(':')[0] for line in OST.splitlines() if ':' in line]
    assert 'camera_name: left' in text
    assert '  data: [500.0, 0.0, 319.5, 0.0, 501.0, 287.5, 0.0, 0.0, 1.0]' in text.splitlines()
    # yaml-cpp and others read numbers with exponents as floats only in this form
    assert yaml.safe_load(text)['distortion_coefficients']['data'] == [*VALUES.d]


def test_file_of_the_camera_calibration_package_is_read() -> None:
    read = CameraInfoValues.from_yaml(OST.encode())
    assert (read.width, read.height, read.model) == (640, 576, 'rational_polynomial')
    assert read.d == (0.5231, 0.0123, 9e-05, -6.1e-05, -0.001, 0.951, 0.062, -0.0021)
    assert read.k == (504.52344, 0, 321.19843, 0, 504.6831, 341.8812, 0, 0, 1)
    assert read.p[:4] == (401.61, 0, 322.99, 0)


def test_exponent_without_point_is_a_number() -> None:
    """As yaml-cpp writes small numbers; YAML 1.1 takes them for text."""
    text = OST.replace('0.000090', '9e-05')
    assert CameraInfoValues.from_yaml(text.encode()).d[2] == 9e-05


@pytest.mark.parametrize(('old', 'new', 'reason'), [
    (OST, '[1, 2', 'not YAML'), (OST, 'text', 'it has no image_width'), (OST, '', 'it has no'),
    ('image_width: 640', 'image_width: wide', 'image_width is not an integer'),
    ('image_height: 576', '', 'image_height is missing'),
    ('distortion_model: rational_polynomial', '', 'distortion_model is missing'),
    ('camera_matrix:', 'matrix:', 'camera_matrix is missing'),
    ('341.8812 ,', '', 'camera_matrix has 8 elements'),
    ('cols: 8', 'cols: 5', 'distortion_coefficients has 8 elements in 1 rows and 5 columns'),
    ('0.523100', 'many', 'distortion_coefficients has an element that is not a number'),
    ('0.523100', '[1]', 'distortion_coefficients has an element that is not a number'),
    ('0.523100', 'yes', 'distortion_coefficients has an element that is not a number'),
])
def test_other_file_is_refused(old: str, new: str, reason: str) -> None:
    assert old in OST
    with pytest.raises(CalibrationError, match=reason):
        CameraInfoValues.from_yaml(OST.replace(old, new).encode())


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_one_sentence(data: bytes) -> None:
    with pytest.raises(CalibrationError) as caught:
        CameraInfoValues.from_yaml(data)
    assert '\n' not in str(caught.value)


def test_written_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / 'new' / 'folder' / 'camera.yaml'
    write_camera_info(path, 'left', VALUES)
    assert read_camera_info(path) == VALUES
    assert path.stat().st_mode & 0o777 == 0o644
    write_camera_info(path, 'right', VALUES)  # replaces it
    assert 'right' in path.read_text()
    assert [*path.parent.iterdir()] == [path]


def test_large_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / 'large.yaml'
    path.write_text(OST + '#' * (1 << 16))
    with pytest.raises(CalibrationError, match='more than'):
        read_camera_info(path)


@pytest.mark.parametrize('obstacle', ['camera.yaml', ''])
def test_file_that_cannot_be_written_is_named(tmp_path: Path, obstacle: str) -> None:
    """There is a folder in place of the file, or a file in place of its folder."""
    folder = tmp_path / 'folder'
    if obstacle:
        (folder / obstacle).mkdir(parents=True)
    else:
        folder.touch()
    with pytest.raises(CalibrationError, match='make the folder writable') as caught:
        write_camera_info(folder / 'camera.yaml', 'left', VALUES)
    assert str(folder / 'camera.yaml') in str(caught.value)
    assert not [*tmp_path.glob('**/.*')]
