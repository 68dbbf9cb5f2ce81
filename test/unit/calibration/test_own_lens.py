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

"""Lenses that users have calibrated with ROS."""

from __future__ import annotations

from dataclasses import replace
import math

import cv2
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.calibration.own_lens import difference_px
from k4a_ros.calibration.own_lens import own_lens
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.errors import CalibrationError
import numpy as np
import pytest

CALIBRATION = FactoryCalibration.from_raw(nominal_calibration())
FACTORY = CALIBRATION.depth(DepthMode.NFOV_UNBINNED)
WIDE = CALIBRATION.depth(DepthMode.WFOV_UNBINNED)
COLOR = CALIBRATION.color(ColorResolution.R720P)
VALUES = FACTORY.camera_info


@pytest.mark.parametrize('lens', [FACTORY, WIDE, COLOR])
def test_factory_lens_as_own_lens_is_the_same(lens) -> None:
    own = own_lens(lens.camera_info, lens)
    assert own.metric_radius == pytest.approx(lens.metric_radius)
    assert replace(own, metric_radius=lens.metric_radius) == lens
    assert own.camera_info == lens.camera_info


@settings(max_examples=60, deadline=None)
@given(st.floats(0.9, 1.1), st.tuples(*[st.floats(-0.02, 0.02)] * 5), st.data())
def test_own_lens_projects_as_opencv(scale: float, change: tuple, data: st.DataObject) -> None:
    rational = data.draw(st.booleans())
    d = (*np.add(FACTORY.distortion[:5], change), *FACTORY.distortion[5:]) if rational else change
    values = replace(
        VALUES, model='rational_polynomial' if rational else 'plumb_bob',
        d=tuple(map(float, d)), k=(504 * scale, 0, 320.5, 0, 505 * scale, 290.25, 0, 0, 1))
    own = own_lens(values, FACTORY)
    assert own.camera_info == values
    points = np.random.default_rng(0).uniform((-0.6, -0.6, 1), (0.6, 0.6, 1), (100, 3))
    expected = cv2.projectPoints(
        points, np.zeros(3), np.zeros(3), np.reshape(values.k, (3, 3)), np.array(values.d))[0]
    pixels, valid = own.project(points)
    assert valid.all()
    assert np.abs(pixels - expected[:, 0]).max() < 1e-9


def test_difference_is_that_of_pixels() -> None:
    assert difference_px(FACTORY, FACTORY) < 1e-3
    moved = replace(VALUES, k=(*VALUES.k[:2], VALUES.k[2] + 3, *VALUES.k[3:5], VALUES.k[5] - 4,
                               *VALUES.k[6:]))
    assert difference_px(own_lens(moved, FACTORY), FACTORY) == pytest.approx(5, abs=1e-3)


def test_plumb_bob_reaches_as_far_as_it_increases() -> None:
    own = own_lens(replace(VALUES, model='plumb_bob', d=(-0.25, 0.0, 0.0, 0.0, 0.0)), FACTORY)
    # d(r - r³/4)/dr = 0
    assert own.metric_radius == pytest.approx(math.sqrt(4 / 3), rel=1e-3)
    assert not own.project([1.2, 0.0, 1.0])[1]


@pytest.mark.parametrize(('change', 'reason'), [
    ({'width': 1280, 'height': 720}, 'images of 1280x720 pixels, but .* 640x576; calibrate'),
    ({'model': 'equidistant'}, "model is 'equidistant'; calibrate as a pinhole camera"),
    ({'model': ''}, "model is ''; calibrate"),
    ({'model': 'plumb_bob'}, 'D has 8 elements; plumb_bob has 5'),
    ({'d': (0.0,) * 4}, 'D has 4 elements; rational_polynomial has 8, add zeros'),
    ({'d': (math.nan, *VALUES.d[1:])}, 'D does not have 8 finite numbers; calibrate'),
    ({'k': (math.nan, *VALUES.k[1:])}, 'K does not have 9 finite numbers; calibrate'),
    ({'k': (math.inf, *VALUES.k[1:])}, 'K does not have 9 finite numbers; calibrate'),
    ({'k': (0.0,) * 9}, 'K is not of the form'),
    ({'k': (0.0, *VALUES.k[1:])}, 'fx is 0, but that of the factory is 504'),
    ({'k': (*VALUES.k[:4], -504.0, *VALUES.k[5:])}, 'fy is -504, but'),
    ({'k': (504.0, 0.5, *VALUES.k[2:])}, 'K is not of the form'),
    ({'k': (*VALUES.k[:2], 640.5, *VALUES.k[3:])}, 'cx is 640.5, which is outside'),
    ({'r': (0.0,) * 9}, 'R is not a rotation'),
    ({'r': (1.0, 0, 0, 0, 1.0, 0, 0, 0, -1.0)}, 'R is not a rotation'),
    ({'r': (1e300,) * 9}, 'R is not a rotation'),
    ({'p': (0.0,) * 12}, 'P is not of the form'),
    ({'p': (math.nan,) * 12}, 'P does not have 12 finite numbers'),
    ({'model': 'plumb_bob', 'd': (-2.0, 0.0, 0.0, 0.0, 0.0)}, 'folds the image 1[0-9]{2} pixels'),
])
def test_other_values_are_refused_with_the_remedy(change: dict, reason: str) -> None:
    with pytest.raises(CalibrationError, match=reason):
        own_lens(replace(VALUES, **change), FACTORY)
