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

"""The cache computes each registered image at most once for each capture."""

from __future__ import annotations

from dataclasses import replace

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.images.color_cache import ColorCache
from k4a_ros.images.registration import DepthToColor
from k4a_ros.images.registration_cache import Registration
from k4a_ros.images.registration_cache import RegistrationCache
from k4a_ros.jit.lazy import Lazy
import numpy as np
import pytest
from support.synthetic_capture import NOMINAL
from support.synthetic_capture import SMALL
from support.synthetic_capture import SyntheticCapture

CONFIG = replace(CameraConfig.of_modes(*SMALL), color_format=ColorFormat.BGRA32)


@pytest.fixture
def warps(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return a list that records each warp to the color camera: whether it had infrared."""
    calls: list[bool] = []
    warp = DepthToColor.warp

    def recording_warp(*args, extra16=None):
        calls.append(extra16 is not None)
        warp(*args, extra16=extra16)

    monkeypatch.setattr(DepthToColor, 'warp', recording_warp)
    return calls


@pytest.mark.parametrize('needs_infrared', [False, True])
def test_depth_and_infrared_share_one_pass_if_both_are_needed(
    warps: list[bool], needs_infrared: bool,
) -> None:
    synthetic = SyntheticCapture(*SMALL)
    cache = RegistrationCache(
        synthetic.depth.shape, ColorCache(CONFIG).in_encoding('bgra8'),
        Lazy(lambda: Registration.from_calibration(NOMINAL, CONFIG, occlusion=False)),
        lambda capture: capture.depth.data, lambda: needs_infrared)
    for round_ in (1, 2):
        capture = Capture(
            Image(synthetic.depth, round_), Image(synthetic.infrared, round_),
            Image(synthetic.color, round_))
        depth = cache.depth_in_color(capture)
        assert cache.depth_in_color(capture) is depth
        assert warps == round_ * [needs_infrared]
        np.testing.assert_array_equal(cache.color(capture), synthetic.color)
    np.testing.assert_array_equal(depth, synthetic.depth_in_color())
    infrared = cache.infrared_in_color(capture)
    np.testing.assert_array_equal(infrared > 0, depth > 0)
    np.testing.assert_array_equal(cache.color_in_depth(capture), synthetic.color_in_depth())
