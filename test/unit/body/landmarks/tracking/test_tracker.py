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


"""Who is who from image to image."""

from __future__ import annotations

from dataclasses import replace
import itertools

from hypothesis import given
from hypothesis import strategies as st
from k4a_ros.body.landmarks.pose_2d.blazepose import Landmarks
from k4a_ros.body.landmarks.pose_2d.crop import CropView
from k4a_ros.body.landmarks.pose_2d.crop import Region
from k4a_ros.body.landmarks.pose_2d.flip_test import MIRROR_ORDER
from k4a_ros.body.landmarks.pose_3d.lifting import BONES
from k4a_ros.body.landmarks.tracking.front_back import Reversal
from k4a_ros.body.landmarks.tracking.tracker import assign
from k4a_ros.body.landmarks.tracking.tracker import PATIENCE
from k4a_ros.body.landmarks.tracking.tracker import PersonTracker
from k4a_ros.body.landmarks.tracking.tracker import Track
from k4a_ros.body.landmarks.tracking.tracker import untangle
import numpy as np
import pytest

UNKNOWN = np.full(len(BONES), np.nan)
SECOND = 1_000_000
#: front and back are as likely
EVEN = Reversal(0.0, 0.0)
LEGS = np.array([*range(25), 26, 25, 28, 27, 30, 29, 32, 31])


def somebody(x: float, z: float = 2.0) -> tuple[np.ndarray, Region]:
    """Return landmarks, all different, whose trunk has its middle at (x, 0, z), and a region."""
    points = np.zeros((33, 3))
    points[:, 0] = np.where(np.arange(33) % 2, 0.15, -0.15)
    points[:, 1] = np.linspace(-0.8, 0.9, 33)
    points -= points[[11, 12, 23, 24]].mean(axis=0)
    return points + [x, 0.0, z], Region(np.array([x, 0.0, z]), 1.0)


def landmarks(pixels: np.ndarray) -> Landmarks:
    return Landmarks(1.0, pixels.astype(np.float32), np.arange(33) / 40.0,
                     np.arange(99.0).reshape(33, 3), np.zeros(2), np.ones(2))


@given(st.lists(st.lists(st.one_of(st.just(np.inf), st.floats(0, 10)), min_size=3, max_size=3),
                max_size=4))
def test_assignment_is_the_best_there_is(rows):
    costs = np.array(rows).reshape(-1, 3)

    def worth(columns):
        pairs = [(row, column) for row, column in enumerate(columns) if column is not None]
        return -len(pairs), sum(costs[pair] for pair in pairs)

    found = assign(costs)
    used = [column for column in found if column is not None]
    assert len(used) == len(set(used))
    assert np.isfinite(worth(found)[1])
    every = itertools.product([None, 0, 1, 2], repeat=len(costs))
    best = min(worth(columns) for columns in every
               if len({c for c in columns if c is not None}) == sum(
                   c is not None for c in columns) and np.isfinite(worth(columns)[1]))
    assert worth(found)[0] == best[0]
    assert worth(found)[1] == pytest.approx(best[1])


def test_numbers_are_not_given_twice():
    follower = PersonTracker()
    numbers = []
    for now in range(4):
        follower.begin(now * 3 * SECOND)
        assert follower.tracks == []
        numbers.append(follower.add(*somebody(0.0)).body_id)
    assert numbers == [1, 2, 3, 4]


def test_who_is_hidden_for_less_than_a_second_keeps_the_number():
    follower = PersonTracker()
    follower.begin(0)
    track = follower.add(*somebody(0.0))
    for frame in range(1, 6):
        follower.begin(frame * 100_000)
        track.found(*somebody(0.1 * frame), UNKNOWN, frame * 100_000)
    assert track.velocity == pytest.approx([1.0, 0, 0], abs=0.1)
    track.is_seen = False
    for hidden, place in ((300_000, 0.8), (int(PATIENCE * SECOND) - 1, 1.5)):
        follower.begin(500_000 + hidden)
        # where he would be by now, and not where he was
        assert follower.recognize([np.array([place, 0.0, 2.0])]) == [track]
        assert follower.recognize([np.array([place, 0.0, 4.0])]) == [None]
    follower.begin(500_001 + int(PATIENCE * SECOND))
    assert follower.recognize([np.array([1.5, 0.0, 2.0])]) == [None]


def test_who_is_seen_is_nobody_elses_new_appearance():
    follower = PersonTracker()
    follower.begin(0)
    follower.add(*somebody(0.0))
    assert follower.recognize([np.array([0.0, 0.0, 2.0])]) == [None]


def test_two_who_are_found_again_are_told_apart():
    follower = PersonTracker()
    follower.begin(0)
    tracks = [follower.add(*somebody(x)) for x in (0.0, 0.4)]
    for track in tracks:
        track.is_seen = False
    follower.begin(200_000)
    # the first place is nearer to both of them
    places = [np.array([0.35, 0.0, 2.0]), np.array([0.75, 0.0, 2.0])]
    assert follower.recognize(places) == tracks
    assert follower.recognize(places[::-1]) == tracks[::-1]


def test_time_that_goes_back_begins_anew():
    follower = PersonTracker()
    follower.begin(5 * SECOND)
    follower.add(*somebody(0.0))
    follower.begin(SECOND)
    assert follower.tracks == []
    assert follower.add(*somebody(0.0)).body_id == 2


def test_nobody_is_faster_than_people_are():
    track = Track(1, *somebody(0.0), 0)
    track.found(*somebody(30.0), UNKNOWN, 100_000)
    assert 1.0 < np.linalg.norm(track.velocity) <= 3.0
    assert np.linalg.norm(track.ahead(60 * SECOND)) <= 3.0
    # two images of the same time tell nothing about it
    before = track.velocity
    track.found(*somebody(31.0), UNKNOWN, 100_000)
    assert track.velocity is before


def test_bones_have_the_mean_length_of_both_sides():
    track = Track(1, *somebody(0.0), 0)
    lengths = UNKNOWN.copy()
    lengths[:3] = 0.3, 0.34, 0.25
    track.found(*somebody(0.0), lengths, 100_000)
    assert track.lengths[:4] == pytest.approx([0.32, 0.32, 0.25, 0.25])
    assert np.isnan(track.lengths[4:]).all()
    lengths[:3] = 0.42, np.nan, np.nan
    track.found(*somebody(0.0), lengths, 200_000)
    assert track.lengths[:4] == pytest.approx([0.33, 0.33, 0.25, 0.25])


def test_left_and_right_are_exchanged_only_when_clearly_so():
    expected = np.zeros((33, 2))
    expected[:, 0] = np.where(np.arange(33) % 2, 140.0, 100.0)
    expected[:, 1] = (np.arange(33) + 1) // 2 * 7
    seen = landmarks(expected)
    assert untangle(seen, expected, 100.0) is seen
    better = untangle(landmarks(expected[LEGS]), expected, 100.0)
    assert np.allclose(better.pixels, expected)
    # all that is known of a landmark goes with it
    assert np.array_equal(better.visibility, seen.visibility[LEGS])
    assert np.array_equal(better.world, seen.world[LEGS])
    # legs that are before each other cannot be told apart
    close = expected.copy()
    close[:, 0] = (close[:, 0] - 120) * 0.1 + 120
    same = landmarks(close[LEGS])
    assert untangle(same, close, 100.0) is same


def test_the_model_is_believed_if_it_insists():
    points, region = somebody(0.0)
    track = Track(1, points, region, 0)
    view = CropView(region, np.array([0.0, -1.0, 0.0]))
    pixels = view.project(points)
    other = pixels[LEGS]
    kept = []
    for frame in range(1, 21):
        # five images as ever, and then legs that are exchanged for good
        image = pixels if frame < 6 else other
        seen = track.untangled(landmarks(image), view, EVEN, frame * 100_000)
        kept.append(bool(np.allclose(seen.pixels, pixels, atol=1e-3)))
        track.found(points if kept[-1] else points[LEGS], region, np.full(18, np.nan),
                    frame * 100_000)
    assert all(kept[:7])
    assert not any(kept[12:])


def test_who_was_expected_with_front_for_back_is_turned_around():
    """The depth says so, image by image, whatever is expected; his motion begins anew."""
    points, region = somebody(0.0)
    track = Track(1, points, region, 0)
    view = CropView(region, np.array([0.0, -1.0, 0.0]))
    pixels = view.project(points)
    world = np.zeros((33, 3), np.float32)
    world[[11, 23], 0] = 0.3
    front = replace(landmarks(pixels), world=world)
    turned = []
    motions = {id(track.motion)}
    for frame in range(1, 4):
        track.seen_us = (frame - 1) * 100_000
        seen = track.untangled(front, view, Reversal(1.2, 0.0), frame * 100_000)
        turned.append(bool(np.allclose(seen.pixels, pixels[MIRROR_ORDER])))
        motions.add(id(track.motion))
    assert turned[:2] == [False, True]
    assert len(motions) == 2
