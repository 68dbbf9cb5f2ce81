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

"""Nominal calibration: accepted by libk4a, and true to the hardware specification."""

from __future__ import annotations

import itertools
import json
import math

from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
import numpy as np
import pytest
from support.reference_calibration import ReferenceCalibration
from support.reference_calibration import Sensor


@pytest.mark.parametrize(
    ('depth', 'color'), [
        pair for pair in itertools.product(DepthMode, ColorResolution)
        if pair != (DepthMode.OFF, ColorResolution.OFF)])
def test_libk4a_accepts_it_in_every_combination_of_modes(depth, color):
    calibration = ReferenceCalibration(nominal_calibration(), depth, color)
    for mode, camera in ((depth, Sensor.DEPTH), (color, Sensor.COLOR)):
        if mode.size != (0, 0):
            center = np.array([mode.size]) / 2
            (x, y, z), = calibration.unproject(camera, center, 1000.0)
            assert abs(x) < 50
            assert abs(y) < 200
            assert z == 1000


def test_serial_number():
    assert FactoryCalibration.from_raw(nominal_calibration()).serial == '000000000000'
    assert FactoryCalibration.from_raw(nominal_calibration('123')).serial == '123'


def test_every_camera_has_a_metric_radius():
    root = json.loads(nominal_calibration().rstrip(b'\0'))
    for camera in root['CalibrationInformation']['Cameras']:
        assert camera['MetricRadius'] > 1


@pytest.mark.parametrize(('mode', 'horizontal', 'vertical'), [
    (DepthMode.NFOV_UNBINNED, 75, 65), (DepthMode.WFOV_UNBINNED, 120, 120),
    (ColorResolution.R720P, 90, 59), (ColorResolution.R1536P, 90, 74.3)],
    ids=['NFOV', 'WFOV', '16:9', '4:3'])
def test_field_of_view_matches_the_specification(mode, horizontal, vertical):
    calibration = FactoryCalibration.from_raw(nominal_calibration())
    depth = isinstance(mode, DepthMode)
    lens = calibration.depth(mode) if depth else calibration.color(mode)
    rays = lens.rays()
    for line, expected in (
            (rays[lens.height // 2, :, 0], horizontal), (rays[:, lens.width // 2, 1], vertical)):
        angle = math.degrees(math.atan(np.nanmax(line)) - math.atan(np.nanmin(line)))
        assert angle == pytest.approx(expected, abs=2.5)


def test_lenses_distort_noticeably():
    calibration = FactoryCalibration.from_raw(nominal_calibration())
    for lens, pixels in ((calibration.depth(DepthMode.NFOV_UNBINNED), 30),
                         (calibration.color(ColorResolution.R720P), 5)):
        corner = lens.unproject([[0.0, 0.0]])[0][0]
        straight = lens.camera_matrix[:2, :2] @ corner + lens.camera_matrix[:2, 2]
        assert np.linalg.norm(straight) > pixels
        assert (lens.distortion != 0).all()


def test_cameras_are_32_mm_and_6_degrees_apart():
    transform = FactoryCalibration.from_raw(nominal_calibration()).depth_to_color
    assert transform.translation[0] == pytest.approx(-0.032)
    angle = math.acos((np.trace(transform.rotation) - 1) / 2)
    assert math.degrees(angle) == pytest.approx(6, abs=1e-4)
