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

"""Averages over time: less noise on what stands still, no trail behind what moves."""

from __future__ import annotations

from k4a_ros.images.filters.options import DepthFilterOptions
from k4a_ros.images.filters.pipeline import DepthFilters
import numpy as np
import pytest
from support.depth_images import filters
from support.depth_images import flat
from support.synthetic_capture import COMPILED

FRAME_US = 33_333
FRAMES = 9
TEMPORAL = DepthFilterOptions(temporal_frames=FRAMES, temporal_hold=2)

pytestmark = pytest.mark.parametrize('compiled', COMPILED)


def play(chain: DepthFilters, images: list[np.ndarray]) -> list[np.ndarray]:
    """Return copies of the filtered images of a sequence."""
    return [chain.apply(image, index * FRAME_US, TEMPORAL).copy()
            for index, image in enumerate(images)]


def test_noise_is_that_of_the_mean(compiled):
    rng = np.random.default_rng(1)
    images = [(2000 + rng.normal(0, 1.5, flat(0).shape)).round().astype(np.uint16)
              for _ in range(40)]
    results = play(filters(compiled=compiled), images)
    assert results[2].std() == pytest.approx(1.5 / np.sqrt(3), rel=0.15)
    assert results[-1].std() == pytest.approx(1.5 / np.sqrt(FRAMES), rel=0.25)
    assert results[-1].mean() == pytest.approx(2000, abs=0.1)


def test_what_moves_leaves_no_trail(compiled):
    images = []
    for step in range(12):
        image = flat(2000)
        image[8:16, 2 * step:2 * step + 6] = 1000 + 30 * step
        images.append(image)
    for image, result in zip(images, play(filters(compiled=compiled), images), strict=True):
        np.testing.assert_array_equal(result, image)


def test_what_goes_leaves_nothing_where_nothing_is_measured(compiled):
    there, gone = flat(0), flat(0)
    there[8:16, 8:16] = 1000
    assert not play(filters(compiled=compiled), [there, there, gone])[-1].any()


def test_what_goes_leaves_nothing_beside_another_surface(compiled):
    there, gone = flat(2000), flat(2000)
    there[8:16, 8:16], gone[8:16, 8:16] = 1000, 0
    np.testing.assert_array_equal(
        play(filters(compiled=compiled), [there, there, gone])[-1], gone)


def test_flicker_is_bridged_for_some_frames(compiled):
    whole, flicker = flat(2000), flat(2000)
    flicker[10, 10] = flicker[12, 20:22] = 0
    results = play(filters(compiled=compiled), [whole, flicker, flicker, flicker, whole])
    for result in (results[1], results[2], results[4]):
        np.testing.assert_array_equal(result, whole)
    np.testing.assert_array_equal(results[3], flicker)
