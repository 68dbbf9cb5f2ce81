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

"""What holds for all depth filters, whatever the image."""

from __future__ import annotations

from hypothesis import example
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from k4a_ros.images.filters.options import DepthFilterOptions
from k4a_ros.images.filters.pipeline import DepthFilters
from k4a_ros.images.filters.pipeline import MIN_MOTION_MM
from k4a_ros.images.filters.pipeline import MIN_STEP_MM
from k4a_ros.images.filters.pipeline import ray_geometry
import numpy as np
import pytest
from support.depth_images import depth_images
from support.depth_images import filters
from support.depth_images import flat
from support.depth_images import pinhole_rays
from support.depth_images import SIZE
from support.synthetic_capture import COMPILED
from support.synthetic_capture import NEEDS_NUMBA

ALL = DepthFilterOptions(
    flying_angle=10.0, speckle_size=6, temporal_frames=5, temporal_hold=2, hole_size=9)
FRAME_US = 33_333

options = st.builds(
    DepthFilterOptions, flying_angle=st.sampled_from([0.0, 3.0, 15.0, 45.0]),
    speckle_size=st.sampled_from([0, 1, 2, 10, 400]), temporal_frames=st.integers(0, 6),
    temporal_hold=st.integers(0, 3), motion_step=st.sampled_from([0.0, 0.005, 1.0]),
    hole_size=st.sampled_from([0, 1, 5, 1000]), surface_step=st.sampled_from([0.0, 0.02, 1.0]))
#: few different images, so that pixels appear, stay, disappear and come back
frames = st.lists(depth_images(), min_size=1, max_size=2).flatmap(
    lambda images: st.lists(st.sampled_from(images), min_size=1, max_size=5))


@NEEDS_NUMBA
@settings(max_examples=60, deadline=None)
@given(frames, options)
@example([flat(65535), flat(40000)], DepthFilterOptions(
    speckle_size=2, temporal_frames=3, motion_step=1.0, hole_size=1, surface_step=1.0))
def test_compiled_and_fallback_agree_to_the_bit(images, chosen):
    fast, slow = filters(compiled=True), filters(compiled=False)
    for index, image in enumerate(images):
        expected = slow.apply(image, index * FRAME_US, chosen)
        np.testing.assert_array_equal(fast.apply(image, index * FRAME_US, chosen), expected)


@settings(max_examples=60, deadline=None)
@given(frames, options)
def test_never_invents_depth(images, chosen):
    chain = filters()
    seen = []
    for index, image in enumerate(images):
        before = image.copy()
        result = chain.apply(image, index * FRAME_US, chosen)
        np.testing.assert_array_equal(image, before)
        seen.append(image[image > 0])
        depths = np.concatenate(seen)
        if not depths.size:
            assert not result.any()
        elif result.any():
            assert depths.min() <= result[result > 0].min()
            assert result.max() <= depths.max()
        if not (chosen.averages or chosen.hole_size):
            kept = (image > 0) & (result > 0)
            np.testing.assert_array_equal(result[kept], image[kept])


@settings(max_examples=60, deadline=None)
@given(depth_images(), st.integers(1, 50), st.sampled_from([0.0, 0.02, 1.0]))
def test_filled_pixels_are_between_those_around_them(image, size, step):
    result = filters().apply(
        image, 0, DepthFilterOptions(hole_size=size, surface_step=step)).astype(int)
    np.testing.assert_array_equal(result[image > 0], image[image > 0])
    for row, column in zip(*np.nonzero((image == 0) & (result > 0)), strict=True):
        lines = (image[row, :column][::-1], image[row, column:],
                 image[:row, column][::-1], image[row:, column])
        around = [int(line[line > 0][0]) for line in lines]
        assert min(around) <= result[row, column] <= max(around)
        assert max(around) - min(around) <= max(MIN_STEP_MM, min(around) * step)


@settings(max_examples=30, deadline=None)
@given(frames)
def test_averages_stay_within_the_gate(images):
    chain = filters()
    chosen = DepthFilterOptions(temporal_frames=9)
    for index, image in enumerate(images):
        result = chain.apply(image, index * FRAME_US, chosen)
        measured = image > 0
        gate = np.maximum(MIN_MOTION_MM, image * chosen.motion_step) + 1
        error = np.abs(result.astype(int) - image)
        assert (error[measured] <= gate[measured]).all()


@pytest.mark.parametrize('compiled', COMPILED)
def test_nothing_in_nothing_out(compiled):
    chain = filters(compiled=compiled)
    for index in range(3):
        assert not chain.apply(np.zeros(SIZE, np.uint16), index * FRAME_US, ALL).any()


def test_off_is_the_image_itself():
    image = flat(1000)
    assert filters().apply(image, 0, DepthFilterOptions()) is image


@pytest.mark.parametrize('compiled', COMPILED)
def test_a_wall_passes_unchanged(compiled):
    chain = filters(compiled=compiled)
    for index in range(3):
        np.testing.assert_array_equal(
            chain.apply(flat(1500), index * FRAME_US, ALL), flat(1500))


@pytest.mark.parametrize(('times', 'expected'), [
    pytest.param((0, FRAME_US), 1004, id='next frame'),
    pytest.param((0, 200_000), 1004, id='5 fps'),
    pytest.param((0, 600_000), 1008, id='pause'),
    pytest.param((FRAME_US, 0), 1008, id='recording starts again'),
])
def test_averages_start_anew_after_a_pause(times, expected):
    chain = filters()
    chosen = DepthFilterOptions(temporal_frames=9, motion_step=0.1)
    first, second = times
    chain.apply(flat(1000), first, chosen)
    assert (chain.apply(flat(1008), second, chosen) == expected).all()


def test_averages_start_anew_after_they_were_off():
    chain = filters()
    chosen = DepthFilterOptions(temporal_frames=9, motion_step=0.1)
    chain.apply(flat(1000), 0, chosen)
    chain.apply(flat(1000), 10, DepthFilterOptions(speckle_size=5))
    assert (chain.apply(flat(1008), 20, chosen) == 1008).all()


def test_a_new_angle_takes_effect():
    chain = filters()
    # 34 mm a pixel at 1 m: 2 mm of width, an angle of 3.3 degrees
    slope = (1000 + 34 * np.indices(SIZE)[1]).astype(np.uint16)
    assert chain.apply(slope, 0, DepthFilterOptions(flying_angle=2.0)).all()
    assert not chain.apply(slope, 1, DepthFilterOptions(flying_angle=10.0))[:, 1:-1].any()


def test_ray_geometry_of_a_pinhole():
    norm, (spacing_x, spacing_y) = ray_geometry(pinhole_rays())
    row, column = SIZE[0] // 2, SIZE[1] // 2
    assert norm[row, column] == 1.0
    for spacing in (spacing_x, spacing_y):
        assert spacing[row, column] == pytest.approx(1 / 504, rel=1e-4)
        assert spacing[0, 0] == pytest.approx(1 / 504, rel=1e-2)


def test_pixels_without_a_ray_are_left_alone():
    rays = pinhole_rays()
    rays[0, :3] = np.nan
    norm, spacing = ray_geometry(rays)
    assert (norm[0, :3] == 0).all()
    assert all(np.isfinite(part).all() for part in spacing)
    np.testing.assert_array_equal(DepthFilters(rays).apply(
        flat(1500), 0, DepthFilterOptions(flying_angle=45.0)), flat(1500))


def test_wrong_image_is_refused():
    with pytest.raises(ValueError, match='depth is uint16'):
        filters().apply(np.zeros((2, 2), np.uint16), 0, ALL)


@pytest.mark.parametrize(('name', 'value'), [('flying_angle', 46.0), ('temporal_frames', 101)])
def test_wrong_option_is_refused(name, value):
    with pytest.raises(ValueError, match=name):
        DepthFilterOptions(**{name: value})
