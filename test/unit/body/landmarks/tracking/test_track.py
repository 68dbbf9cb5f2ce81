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
import numpy as np
import pytest
from support.tracks import make_person
from support.tracks import SECOND_US
from support.tracks import UNKNOWN_LENGTHS

UP = np.array([0.0, -1.0, 0.0])


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
