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

"""Unit tests of the motion filter: steady motion, noise, outliers and gaps."""

from __future__ import annotations

from k4a_ros.body.landmarks.tracking.motion_filter import MotionFilter
from k4a_ros.body.tracker import Confidence
import numpy as np
import pytest

MEDIUM = np.full(33, Confidence.MEDIUM, np.uint8)
LOW = np.full(33, Confidence.LOW, np.uint8)
PERIOD_US = 50_000


def true_points(time_us: int) -> np.ndarray:
    """Return landmarks of which some move sideways, some in depth, at 1 m/s, and some do not."""
    seconds = time_us * 1e-6
    three = [[0.2 + seconds, 0.1, 2.0], [-0.3, 0.0, 2.5 - seconds], [0.1, 0.4, 2.2]]
    return np.resize(three, (33, 3))


def filter_after(frames: int) -> MotionFilter:
    """Return a filter with perfect measurements of that many frames."""
    motion = MotionFilter()
    for frame in range(frames):
        motion.update(true_points(frame * PERIOD_US), MEDIUM, frame * PERIOD_US)
    return motion


def test_steady_motion_is_followed_and_predicted():
    motion = filter_after(20)
    found = motion.update(true_points(20 * PERIOD_US), MEDIUM, 20 * PERIOD_US)
    assert np.abs(found - true_points(20 * PERIOD_US)).max() < 0.003
    predicted = motion.predict(21 * PERIOD_US)
    assert predicted is not None
    assert np.abs(predicted - true_points(21 * PERIOD_US)).max() < 0.005


def test_noise_of_uncertain_landmarks_is_reduced():
    random = np.random.default_rng(1)
    motion, raw, filtered = MotionFilter(), [], []
    for frame in range(200):
        noise = random.normal(0, 0.04, (33, 3))
        points = motion.update(true_points(0) + noise, LOW, frame * PERIOD_US)
        raw.append(np.abs(noise[2]))
        filtered.append(np.abs(points - true_points(0))[2])
    assert np.mean(filtered) < 0.9 * np.mean(raw)


def test_single_outlier_is_attenuated_and_lasting_jump_is_followed():
    motion = filter_after(10)
    jump = np.array([0.5, 0.0, 0.0])
    time_us = 10 * PERIOD_US
    first = motion.update(true_points(time_us) + jump, MEDIUM, time_us)
    assert np.linalg.norm(first - true_points(time_us), axis=1).max() < 0.25
    for frame in range(11, 16):
        time_us = frame * PERIOD_US
        last = motion.update(true_points(time_us) + jump, MEDIUM, time_us)
    assert np.linalg.norm(last - true_points(time_us) - jump, axis=1).max() < 0.1


def test_lower_confidence_has_less_weight():
    moved = []
    for confidence in (Confidence.NONE, Confidence.LOW, Confidence.MEDIUM):
        points = filter_after(10).update(
            true_points(10 * PERIOD_US) + [0.0, 0.0, 0.1], np.full(33, confidence, np.uint8),
            10 * PERIOD_US)
        moved.append(float(np.abs(points - true_points(10 * PERIOD_US)).max()))
    assert moved[0] < moved[1] < moved[2]


@pytest.mark.parametrize('time_us', [10 * PERIOD_US + 400_000, -PERIOD_US])
def test_gap_restarts_the_filter(time_us):
    motion = filter_after(10)
    assert motion.predict(time_us) is None
    assert np.array_equal(motion.update(true_points(0), MEDIUM, time_us), true_points(0))


def test_new_filter_predicts_nothing():
    assert MotionFilter().predict(0) is None
