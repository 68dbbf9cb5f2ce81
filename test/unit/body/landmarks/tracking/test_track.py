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

"""Unit tests of the track of one person: prediction, bone lengths, left and right."""

from __future__ import annotations

from dataclasses import replace

from k4a_ros.body.landmarks.pose_2d.blazepose import Landmarks
from k4a_ros.body.landmarks.pose_2d.crop import CropView
from k4a_ros.body.landmarks.pose_2d.flip_test import MIRROR_ORDER
from k4a_ros.body.landmarks.tracking.front_back import FacingEvidence
from k4a_ros.body.landmarks.tracking.track import Track
from k4a_ros.body.landmarks.tracking.track import unswap_limbs
import numpy as np
import pytest
from support.tracks import make_person
from support.tracks import SECOND_US
from support.tracks import UNKNOWN_LENGTHS

UP = np.array([0.0, -1.0, 0.0])
NO_EVIDENCE = FacingEvidence(0.0, 0.0)
LEGS_SWAPPED = np.array([*range(25), 26, 25, 28, 27, 30, 29, 32, 31])


def make_landmarks(pixels: np.ndarray) -> Landmarks:
    return Landmarks(1.0, pixels.astype(np.float32), np.arange(33) / 40.0,
                     np.arange(99.0).reshape(33, 3), np.zeros(2), np.ones(2))


def test_speed_and_prediction_are_limited():
    track = Track(1, *make_person(0.0), 0)
    track.update(*make_person(30.0), UNKNOWN_LENGTHS, 100_000)
    assert 1.0 < np.linalg.norm(track.velocity) <= 3.0
    assert np.linalg.norm(track.predict_offset(60 * SECOND_US)) <= 3.0


def test_two_frames_of_one_time_keep_the_velocity():
    track = Track(1, *make_person(0.0), 0)
    track.update(*make_person(30.0), UNKNOWN_LENGTHS, 100_000)
    velocity = track.velocity
    track.update(*make_person(31.0), UNKNOWN_LENGTHS, 100_000)
    assert track.velocity is velocity


def test_bone_lengths_are_the_mean_of_both_sides():
    track = Track(1, *make_person(0.0), 0)
    lengths = UNKNOWN_LENGTHS.copy()
    lengths[:3] = 0.3, 0.34, 0.25
    track.update(*make_person(0.0), lengths, 100_000)
    assert track.bone_lengths[:4] == pytest.approx([0.32, 0.32, 0.25, 0.25])
    assert np.isnan(track.bone_lengths[4:]).all()
    lengths[:3] = 0.42, np.nan, np.nan
    track.update(*make_person(0.0), lengths, 200_000)
    assert track.bone_lengths[:4] == pytest.approx([0.33, 0.33, 0.25, 0.25])


def two_rows() -> np.ndarray:
    """Return pixels (33, 2) with the left landmarks right of the right ones."""
    pixels = np.zeros((33, 2))
    pixels[:, 0] = np.where(np.arange(33) % 2, 140.0, 100.0)
    pixels[:, 1] = (np.arange(33) + 1) // 2 * 7
    return pixels


def test_unswapped_limbs_are_kept():
    expected = two_rows()
    landmarks = make_landmarks(expected)
    assert unswap_limbs(landmarks, expected, 100.0) is landmarks


def test_swapped_legs_are_exchanged():
    expected = two_rows()
    swapped = make_landmarks(expected[LEGS_SWAPPED])
    unswapped = unswap_limbs(swapped, expected, 100.0)
    assert np.allclose(unswapped.pixels, expected)
    assert np.array_equal(unswapped.visibility, swapped.visibility[LEGS_SWAPPED])
    assert np.array_equal(unswapped.world, swapped.world[LEGS_SWAPPED])


def test_overlapping_legs_are_kept():
    expected = two_rows()
    expected[:, 0] = (expected[:, 0] - 120) * 0.1 + 120
    swapped = make_landmarks(expected[LEGS_SWAPPED])
    assert unswap_limbs(swapped, expected, 100.0) is swapped


def test_model_that_insists_on_swapped_legs_is_believed():
    points, region = make_person(0.0)
    track = Track(1, points, region, 0)
    view = CropView(region, UP)
    pixels = view.project(points)
    kept = []
    for frame in range(1, 21):
        # five frames as before, then legs that are swapped for good
        seen = pixels if frame < 6 else pixels[LEGS_SWAPPED]
        landmarks = track.resolve_sides(make_landmarks(seen), view, NO_EVIDENCE, frame * 100_000)
        kept.append(bool(np.allclose(landmarks.pixels, pixels, atol=1e-3)))
        track.update(points if kept[-1] else points[LEGS_SWAPPED], region, UNKNOWN_LENGTHS,
                     frame * 100_000)
    assert all(kept[:7])
    assert not any(kept[12:])


def test_depth_that_insists_on_the_reverse_turns_the_person():
    """The prediction gives way to the depth, and the motion filter starts again."""
    points, region = make_person(0.0)
    track = Track(1, points, region, 0)
    view = CropView(region, UP)
    pixels = view.project(points)
    world = np.zeros((33, 3), np.float32)
    world[[11, 23], 0] = 0.3
    front = replace(make_landmarks(pixels), world=world)
    turned = []
    motions = {id(track.motion)}
    for frame in range(1, 4):
        track.seen_us = (frame - 1) * 100_000
        landmarks = track.resolve_sides(front, view, FacingEvidence(1.2, 0.0), frame * 100_000)
        turned.append(bool(np.allclose(landmarks.pixels, pixels[MIRROR_ORDER])))
        motions.add(id(track.motion))
    assert turned[:2] == [False, True]
    assert len(motions) == 2
