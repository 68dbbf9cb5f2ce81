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

"""Small holes within one surface are filled, others stay."""

from __future__ import annotations

from k4a_ros.images.filters.options import DepthFilterOptions
import numpy as np
import pytest
from support.depth_images import filters
from support.depth_images import flat
from support.synthetic_capture import COMPILED

pytestmark = pytest.mark.parametrize('compiled', COMPILED)


def apply(image: np.ndarray, compiled: bool, size: int = 6) -> np.ndarray:
    """Return the image with holes of up to ``size`` pixels filled."""
    return filters(compiled=compiled).apply(image, 0, DepthFilterOptions(hole_size=size))


def test_fills_holes_up_to_the_size(compiled):
    image = flat(1500)
    image[4:6, 4:7] = 0  # 6 pixels
    image[12:14, 12:15] = image[14, 12] = 0  # 7 pixels
    expected = flat(1500)
    expected[12:14, 12:15] = expected[14, 12] = 0
    np.testing.assert_array_equal(apply(image, compiled), expected)


def test_holes_of_any_shape_are_counted_as_one(compiled):
    image = flat(1500)
    image[4:9, 4] = image[4:9, 8] = image[8, 5:8] = 0  # a U of 13 pixels
    np.testing.assert_array_equal(apply(image, compiled, 12), image)
    np.testing.assert_array_equal(apply(image, compiled, 13), flat(1500))


def test_continues_a_slope(compiled):
    slope = (1500 + 3 * np.indices(flat(0).shape)[1]).astype(np.uint16)
    image = slope.copy()
    image[9, 9:12] = 0
    result = apply(image, compiled).astype(int)
    assert np.abs(result - slope).max() <= 3
    np.testing.assert_array_equal(result[image > 0], image[image > 0])


@pytest.mark.parametrize('hole', [np.s_[9, 9:12], np.s_[9:12, 9], np.s_[9, 10]])
def test_never_fills_across_a_step(compiled, hole):
    image = flat(1500)
    image[:, 10:] = 1600
    image[hole] = 0
    np.testing.assert_array_equal(apply(image, compiled), image)


@pytest.mark.parametrize('hole', [np.s_[0, 5:7], np.s_[-1, 5], np.s_[5, 0], np.s_[5:8, -1]])
def test_holes_at_the_edge_of_the_image_stay(compiled, hole):
    image = flat(1500)
    image[hole] = 0
    np.testing.assert_array_equal(apply(image, compiled), image)
