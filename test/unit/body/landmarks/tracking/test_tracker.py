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

"""Unit tests of the identity of people from frame to frame."""

from __future__ import annotations

from k4a_ros.body.landmarks.tracking.track import MAX_LOST_S
from k4a_ros.body.landmarks.tracking.tracker import PersonTracker
import numpy as np
import pytest
from support.tracks import make_person
from support.tracks import SECOND_US
from support.tracks import UNKNOWN_LENGTHS

MAX_LOST_US = int(MAX_LOST_S * SECOND_US)


def test_ids_are_never_reused():
    tracker = PersonTracker()
    ids = []
    for frame in range(4):
        tracker.start_frame(frame * 3 * SECOND_US)
        assert tracker.tracks == []
        ids.append(tracker.start_track(*make_person(0.0)).body_id)
    assert ids == [1, 2, 3, 4]


def test_person_lost_for_less_than_two_seconds_keeps_the_id():
    tracker = PersonTracker()
    tracker.start_frame(0)
    track = tracker.start_track(*make_person(0.0))
    for frame in range(1, 6):
        tracker.start_frame(frame * 100_000)
        track.update(*make_person(0.1 * frame), UNKNOWN_LENGTHS, frame * 100_000)
    assert track.velocity == pytest.approx([1.0, 0, 0], abs=0.1)
    track.is_seen = False
    for lost_us, x in ((300_000, 0.8), (MAX_LOST_US - 1, 2.5)):
        tracker.start_frame(500_000 + lost_us)
        # matched at the predicted place, not the last one
        assert tracker.match_lost([np.array([x, 0.0, 2.0])]) == [track]
        assert tracker.match_lost([np.array([x, 0.0, 4.0])]) == [None]
    tracker.start_frame(500_001 + MAX_LOST_US)
    assert tracker.match_lost([np.array([2.5, 0.0, 2.0])]) == [None]


def test_visible_person_is_not_matched():
    tracker = PersonTracker()
    tracker.start_frame(0)
    tracker.start_track(*make_person(0.0))
    assert tracker.match_lost([np.array([0.0, 0.0, 2.0])]) == [None]


def test_two_lost_people_are_matched_together():
    tracker = PersonTracker()
    tracker.start_frame(0)
    tracks = [tracker.start_track(*make_person(x)) for x in (0.0, 0.4)]
    for track in tracks:
        track.is_seen = False
    tracker.start_frame(200_000)
    # the first place is nearer to both
    trunks = [np.array([0.35, 0.0, 2.0]), np.array([0.75, 0.0, 2.0])]
    assert tracker.match_lost(trunks) == tracks
    assert tracker.match_lost(trunks[::-1]) == tracks[::-1]


def test_time_going_back_drops_all_tracks():
    tracker = PersonTracker()
    tracker.start_frame(5 * SECOND_US)
    tracker.start_track(*make_person(0.0))
    tracker.start_frame(SECOND_US)
    assert tracker.tracks == []
    assert tracker.start_track(*make_person(0.0)).body_id == 2
