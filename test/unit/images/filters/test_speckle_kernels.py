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

"""Small surfaces are removed, counted in pixels that are connected without a step."""

from __future__ import annotations

from k4a_ros.images.filters.options import DepthFilterOptions
import numpy as np
import pytest
from support.depth_images import filters
from support.depth_images import flat
from support.synthetic_capture import COMPILED

pytestmark = pytest.mark.parametrize('compiled', COMPILED)


def apply(image: np.ndarray, size: int, compiled: bool, **others: float) -> np.ndarray:
    """Return the image without surfaces of fewer pixels than ``size``."""
    return filters(compiled=compiled).apply(
        image, 0, DepthFilterOptions(speckle_size=size, **others))


@pytest.mark.parametrize('around', [0, 2000])
def test_removes_surfaces_below_the_size(compiled, around):
    image = flat(around)
    image[3:5, 3:6] = 1000  # 6 pixels
    image[10:12, 10:13] = image[12, 10] = 1000  # 7 pixels
    expected = image.copy()
    expected[3:5, 3:6] = 0
    np.testing.assert_array_equal(apply(image, 7, compiled), expected)


def test_corners_do_not_connect(compiled):
    image = flat(0)
    image[4:6, 4:6] = image[6:8, 6:8] = 1000
    assert not apply(image, 5, compiled).any()
    np.testing.assert_array_equal(apply(image, 4, compiled), image)


def test_a_slope_is_one_surface(compiled):
    image = (1000 + 15 * np.indices(flat(0).shape)[1]).astype(np.uint16)
    np.testing.assert_array_equal(apply(image, image.size, compiled), image)
    assert not apply(image, image.size, compiled, surface_step=0.01).any()


def test_a_spiral_is_one_surface(compiled):
    # runs that are joined in every order
    image = flat(0)
    image[2:20, 2] = image[20, 2:28] = image[4:21, 28] = image[4, 6:28] = 1000
    image[4:17, 6] = image[16, 6:24] = image[8:17, 24] = image[8, 10:24] = 1000
    size = np.count_nonzero(image)
    np.testing.assert_array_equal(apply(image, size, compiled), image)
    assert not apply(image, size + 1, compiled).any()
