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

"""The flip test: landmarks of a crop and of its mirror image, merged."""

from __future__ import annotations

from k4a_ros.body.landmarks.pose_2d.blazepose import Landmarks
from k4a_ros.body.landmarks.pose_2d.flip_test import merge_flip_test
from k4a_ros.body.landmarks.pose_2d.flip_test import unflip
import numpy as np
import pytest

PIXELS_PER_METER = 100.0


def landmarks(pixels: np.ndarray) -> Landmarks:
    return Landmarks(1.0, pixels.astype(np.float32), np.arange(33) / 40.0,
                     np.arange(99.0).reshape(33, 3), np.zeros(2), np.ones(2))


def test_unflip_mirrors_positions_and_swaps_left_and_right() -> None:
    pixels = np.arange(66.0).reshape(33, 2)
    flipped = landmarks(pixels)
    unflipped = unflip(flipped)
    # the left eye is where the right one was, on the other side
    assert unflipped.pixels[2] == pytest.approx([256 - pixels[5, 0], pixels[5, 1]])
    assert unflipped.pixels[11] == pytest.approx([256 - pixels[12, 0], pixels[12, 1]])
    assert unflipped.world[0] == pytest.approx(flipped.world[0] * [-1, 1, 1])
    assert unflipped.visibility[27] == flipped.visibility[28]


def test_unflip_twice_is_the_identity() -> None:
    seen = landmarks(np.arange(66.0).reshape(33, 2))
    again = unflip(unflip(seen))
    assert np.allclose(again.pixels, seen.pixels)
    assert np.allclose(again.world, seen.world)
    assert np.allclose(again.alignment_top, seen.alignment_top)


def test_agreeing_estimates_are_averaged() -> None:
    first, second = landmarks(np.full((33, 2), 100.0)), landmarks(np.full((33, 2), 102.0))
    assert np.allclose(merge_flip_test(first, second, PIXELS_PER_METER, None).pixels, 101.0)


def test_of_disagreeing_estimates_the_expected_one_is_kept() -> None:
    first, other = landmarks(np.full((33, 2), 100.0)), landmarks(np.full((33, 2), 120.0))
    for expected, kept in (
            (None, first), (np.full((33, 2), 119.0), other), (np.full((33, 2), 101.0), first)):
        assert merge_flip_test(first, other, PIXELS_PER_METER, expected) is kept
