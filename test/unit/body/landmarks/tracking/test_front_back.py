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

"""Which way somebody faces: by the depth, by walking, and by what was before."""

from __future__ import annotations

from dataclasses import replace

from k4a_ros.body.landmarks.pose_2d.blazepose import Landmarks
from k4a_ros.body.landmarks.pose_2d.flip_test import MIRROR_ORDER
from k4a_ros.body.landmarks.tracking.front_back import Facing
from k4a_ros.body.landmarks.tracking.front_back import Reversal
from k4a_ros.body.landmarks.tracking.front_back import reverse
from k4a_ros.body.landmarks.tracking.front_back import straight
import numpy as np
import pytest

UNIT = 100.0
PERIOD = 1 / 15
FAR = np.full((33, 2), 128.0)


def somebody(side: float, *, front: bool = True) -> Landmarks:
    """Return landmarks whose left is so many meters to the right of their right."""
    pixels = np.zeros((33, 2), np.float32)
    pixels[:, 0] = 128 + np.where(np.arange(33) % 2, side, -side) * UNIT / 2
    pixels[:, 1] = np.linspace(20, 230, 33)
    world = np.zeros((33, 3), np.float32)
    world[:, 0] = np.where(np.arange(33) % 2, 0.2, -0.2) * (1 if front else -1)
    world[:, 2] = np.linspace(-0.2, 0.2, 33)
    return Landmarks(1.0, pixels, np.ones(33, np.float32), world, np.zeros(2), np.ones(2))


def settled(
    facing: Facing, seen: Landmarks, expected: Landmarks, odds: float, away: float = 0.0,
    speed: float = 0.0, before: Landmarks | None = None,
) -> tuple[Landmarks, bool]:
    then, last = (one.pixels.astype(np.float64) for one in (expected, before or expected))
    return facing.settle(seen, then, last, UNIT, Reversal(odds, away), speed, PERIOD)


def test_the_reverse_has_left_for_right_and_near_for_far():
    seen = somebody(0.3)
    turned = reverse(seen)
    assert np.array_equal(turned.pixels, seen.pixels[MIRROR_ORDER])
    assert np.array_equal(turned.world, seen.world[MIRROR_ORDER] * [1, 1, -1])
    again = reverse(turned)
    assert np.array_equal(again.world, seen.world)


def test_somebody_new_is_turned_if_the_depth_says_so():
    front, back = somebody(0.3), somebody(-0.3, front=False)
    assert straight(front, Reversal(-3.0, 0.0)) is front
    assert np.array_equal(straight(front, Reversal(3.0, 0.0)).pixels, front.pixels[MIRROR_ORDER])
    # a front is hardly ever taken for a back
    assert straight(back, Reversal(3.0, 0.0)) is back


def test_one_image_does_not_turn_somebody_around():
    facing = Facing()
    back = somebody(-0.3, front=False)
    for _ in range(10):
        seen, turned = settled(facing, back, back, -4.0)
        assert seen is back and not turned
    # the model takes him for a front, and the depth does not object
    seen, turned = settled(facing, somebody(0.3), back, -2.0)
    assert not turned
    assert np.array_equal(seen.pixels, somebody(0.3).pixels[MIRROR_ORDER])


@pytest.mark.parametrize(('odds', 'images'), [(-4.0, 1), (-1.0, 2)])
def test_several_images_do(odds: float, images: int):
    """The surer the depth, the sooner; then he is expected that way."""
    facing = Facing()
    front, expected = somebody(0.3), somebody(-0.3, front=False)
    for number in range(1, images + 1):
        seen, turned = settled(facing, front, expected, odds)
        assert turned == (number == images)
    assert seen is front
    # now he is known to face this way, and a single image does not turn him back
    seen, turned = settled(facing, expected, front, 0.0)
    assert not turned
    assert np.array_equal(seen.pixels, expected.pixels[MIRROR_ORDER])


def test_an_expectation_that_turns_him_is_not_trusted_against_the_depth():
    """What he does between images at a low rate may be taken for a turn that goes on."""
    front, back = somebody(0.2), somebody(-0.1, front=False)
    facing = Facing()
    for _ in range(10):
        settled(facing, front, front, -4.0)
    seen, turned = settled(facing, front, back, -4.0, before=somebody(0.1))
    assert seen is front and not turned
    # and if he does turn, the depth says it as well
    seen, turned = settled(facing, back, back, -4.0, before=somebody(0.1))
    assert seen is back and not turned


def test_people_walk_ahead():
    """Who comes nearer and seems to show his back has it for his front."""
    back = somebody(-0.3, front=False)
    _, turned = settled(Facing(), back, back, 0.5, away=1.0, speed=-0.9)
    assert turned
    facing = Facing()
    assert not any(settled(facing, back, back, 0.5, away=1.0, speed=0.9)[1] for _ in range(5))


def test_from_the_side_there_is_neither_front_nor_back():
    facing = Facing()
    side = somebody(0.02)
    for _ in range(10):
        seen, turned = settled(facing, side, side, 6.0)
        assert seen is side and not turned
    # left and right are as expected then
    other = replace(side, pixels=side.pixels.copy())
    other.pixels[:, 0] += np.where(np.arange(33) % 2, 15, -15)
    seen, _ = settled(facing, reverse(other), other, 0.0)
    assert np.allclose(seen.pixels, other.pixels)
