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

"""Each capture is filtered at most once, and only while a filter is on."""

from __future__ import annotations

from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import DepthMode
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.images.filters.cache import FilteredDepth
from k4a_ros.images.filters.options import DepthFilterOptions
from k4a_ros.images.filters.pipeline import DepthFilters
import numpy as np
import pytest

LENS = FactoryCalibration.from_raw(nominal_calibration()).depth(DepthMode.NFOV_2X2BINNED)
SPECKLES = DepthFilterOptions(speckle_size=5)


def capture(device_us: int) -> Capture:
    """Return a capture of a wall with one speckle."""
    depth = np.full((LENS.height, LENS.width), 2000, np.uint16)
    depth[100, 100] = 1000
    return Capture(Image(depth, device_us))


@pytest.fixture
def applied(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that records the times of the images that are filtered."""
    times: list[int] = []
    apply = DepthFilters.apply

    def recording_apply(self, depth, device_us, options):
        if depth.shape == (LENS.height, LENS.width):  # others warm up
            times.append(device_us)
        return apply(self, depth, device_us, options)

    monkeypatch.setattr(DepthFilters, 'apply', recording_apply)
    return times


def test_each_capture_is_filtered_once(applied):
    filtered = FilteredDepth(LENS.rays, lambda: SPECKLES)
    for time in (1, 2):
        taken = capture(time)
        depth = filtered.get(taken)
        assert filtered.get(taken) is depth
        assert depth[100, 100] == 0
        assert taken.depth.data[100, 100] == 1000
        assert applied == list(range(1, time + 1))


def test_off_builds_and_does_nothing(monkeypatch):
    monkeypatch.setattr('k4a_ros.images.filters.cache._build', lambda _: pytest.fail('built'))
    filtered = FilteredDepth(LENS.rays, DepthFilterOptions)
    assert filtered.start()
    taken = capture(1)
    assert filtered.get(taken) is taken.depth.data


def test_new_options_take_effect_with_the_next_capture(applied):
    options = DepthFilterOptions()
    filtered = FilteredDepth(LENS.rays, lambda: options)
    first = capture(1)
    assert filtered.get(first)[100, 100] == 1000
    options = SPECKLES
    assert filtered.get(first)[100, 100] == 1000
    assert filtered.get(capture(2))[100, 100] == 0
    options = DepthFilterOptions()
    assert filtered.get(capture(3))[100, 100] == 1000
    assert applied == [2]


def test_captures_are_released():
    for options in (SPECKLES, DepthFilterOptions()):
        filtered = FilteredDepth(LENS.rays, lambda options=options: options)
        taken = capture(1)
        filtered.get(taken)
        del taken
        assert filtered._depth is None
