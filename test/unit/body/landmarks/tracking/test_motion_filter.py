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


"""Unit tests of how landmarks move: what is steady, what jumps, and what is in doubt."""

from __future__ import annotations

from k4a_ros.body.landmarks.tracking.motion_filter import Motion
from k4a_ros.body.tracker import Confidence
import numpy as np
import pytest

SURE = np.full(33, Confidence.MEDIUM, np.uint8)
STEP = 50_000


def places(time_us: int) -> np.ndarray:
    """Return landmarks by threes: some move at 1 m/s across, some along, and some not at all."""
    seconds = time_us * 1e-6
    three = [[0.2 + seconds, 0.1, 2.0], [-0.3, 0.0, 2.5 - seconds], [0.1, 0.4, 2.2]]
    return np.resize(three, (33, 3))


def moved(images: int) -> Motion:
    motion = Motion()
    for image in range(images):
        motion.take(places(image * STEP), SURE, image * STEP)
    return motion


def test_what_moves_steadily_is_where_it_is_measured_and_expected():
    motion = moved(20)
    found = motion.take(places(20 * STEP), SURE, 20 * STEP)
    assert np.abs(found - places(20 * STEP)).max() < 0.003
    expected = motion.expected(21 * STEP)
    assert expected is not None
    assert np.abs(expected - places(21 * STEP)).max() < 0.005


def test_what_is_in_doubt_trembles_less_than_measured():
    random = np.random.default_rng(1)
    motion, raw, found = Motion(), [], []
    for image in range(200):
        noise = random.normal(0, 0.04, (33, 3))
        points = motion.take(places(0) + noise, SURE - 1, image * STEP)
        raw.append(np.abs(noise[2]))
        found.append(np.abs(points - places(0))[2])
    assert np.mean(found) < 0.9 * np.mean(raw)


def test_a_jump_of_one_image_is_hardly_followed_and_one_that_stays_is():
    motion = moved(10)
    away = np.array([0.5, 0.0, 0.0])
    time_us = 10 * STEP
    once = motion.take(places(time_us) + away, SURE, time_us)
    assert np.linalg.norm(once - places(time_us), axis=1).max() < 0.25
    for image in range(11, 16):
        time_us = image * STEP
        last = motion.take(places(time_us) + away, SURE, time_us)
    assert np.linalg.norm(last - places(time_us) - away, axis=1).max() < 0.1


def test_a_guess_counts_less_than_what_is_seen():
    off = []
    for confidence in (Confidence.NONE, Confidence.LOW, Confidence.MEDIUM):
        points = moved(10).take(
            places(10 * STEP) + [0.0, 0.0, 0.1], np.full(33, confidence, np.uint8), 10 * STEP)
        off.append(float(np.abs(points - places(10 * STEP)).max()))
    assert off[0] < off[1] < off[2]


@pytest.mark.parametrize('time_us', [10 * STEP + 400_000, -STEP])
def test_who_was_not_seen_for_long_begins_anew(time_us):
    motion = moved(10)
    assert motion.expected(time_us) is None
    assert np.array_equal(motion.take(places(0), SURE, time_us), places(0))


def test_of_somebody_new_nothing_is_expected():
    assert Motion().expected(0) is None
