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

"""The rays of the pixels of a camera."""

from __future__ import annotations

from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import DepthMode
from k4a_ros.viewer.errors import Refused
from k4a_ros.viewer.hub import rays
import numpy as np
import pytest


@pytest.mark.parametrize('mode', [DepthMode.NFOV_2X2BINNED, DepthMode.WFOV_2X2BINNED])
def test_rays_are_those_of_the_lens(mode: DepthMode) -> None:
    lens = FactoryCalibration.from_raw(nominal_calibration()).depth(mode)
    k = [lens.fx, lens.fy, lens.cx, lens.cy]
    data = rays(lens.width, lens.height, k, lens.distortion.tolist())
    result = np.frombuffer(data, '<f4').reshape(lens.height, lens.width, 2)
    seen = ~np.isnan(lens.rays())
    np.testing.assert_allclose(result[seen], lens.rays()[seen], atol=1e-6)


@pytest.mark.parametrize(('size', 'k', 'd'), [
    ((0, 10), [1, 1, 0, 0], []), ((10, 5000), [1, 1, 0, 0], []), (('a', 10), [1, 1, 0, 0], []),
    ((10, 10), [1, 1, 0], []), ((10, 10), [1, 1, 0, None], []), ((10, 10), None, []),
    ((10, 10), [1, float('nan'), 0, 0], []), ((10, 10), [0, 0, 0, 0], []),
    ((10, 10), [1, 1, 0, 0], [0.0] * 9), ((10, 10), [1, 1, 0, 0], ['x'])])
def test_rays_of_nonsense_are_refused(size: tuple[int, int], k: object, d: object) -> None:
    with pytest.raises(Refused):
        rays(*size, k, d)
