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

"""Pixels between two surfaces are removed; the surfaces keep their edges."""

from __future__ import annotations

from k4a_ros.images.filters.options import DepthFilterOptions
import numpy as np
import pytest
from support.depth_images import filters
from support.depth_images import flat
from support.synthetic_capture import COMPILED

FLYING = DepthFilterOptions(flying_angle=10.0)

pytestmark = pytest.mark.parametrize('compiled', COMPILED)


def box_with_flying_pixels() -> tuple[np.ndarray, np.ndarray]:
    """Return a box at 1 m before a wall at 2 m, and its edge pixels, some in between."""
    image = flat(2000)
    image[6:18, 8:24] = 1000
    flying = np.zeros(image.shape, bool)
    flying[6, 8:23] = flying[7:18, 23] = True
    image[flying] = 1400
    return image, flying


def test_removes_pixels_between_two_surfaces_only(compiled):
    image, flying = box_with_flying_pixels()
    result = filters(compiled=compiled).apply(image, 0, FLYING)
    np.testing.assert_array_equal(result, np.where(flying, 0, image))


@pytest.mark.parametrize('turned', [False, True])
def test_removes_several_pixels_in_a_row(compiled, turned):
    image = flat(2000)
    image[:, :10] = 1000
    image[:, 10], image[:, 11] = 1300, 1700
    if turned:
        image = np.ascontiguousarray(image[:, ::-1])
    result = filters(compiled=compiled).apply(image, 0, FLYING)
    np.testing.assert_array_equal(result, np.where(np.isin(image, (1300, 1700)), 0, image))


def test_removes_pixels_between_a_surface_and_invalid_ones(compiled):
    image = flat(0)
    image[:, 11:] = 2000
    image[:, 10] = 1500
    result = filters(compiled=compiled).apply(image, 0, FLYING)
    np.testing.assert_array_equal(result, np.where(image == 1500, 0, image))


def test_keeps_thin_objects_and_gaps(compiled):
    image = flat(2000)
    image[:, 10] = 1000  # a pole
    image[:, 20] = 2600  # a slit
    np.testing.assert_array_equal(
        filters(compiled=compiled).apply(image, 0, FLYING), image)


def test_keeps_surfaces_that_are_steeper_than_the_angle(compiled):
    # 2 mm wide and 5 mm deep at 1 m: 21 degrees
    image = (1000 + 5 * np.indices(flat(0).shape)[1]).astype(np.uint16)
    np.testing.assert_array_equal(
        filters(compiled=compiled).apply(image, 0, FLYING), image)
