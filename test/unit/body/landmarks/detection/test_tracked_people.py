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

"""Unit tests of the observation of tracked people."""

from __future__ import annotations

from k4a_ros.body.landmarks.detection.tracked_people import observe_tracked_people
from support.detection import FakeModel
from support.detection import make_pose_estimator
from support.detection import RoomFrame


def test_tracked_person_is_observed_at_the_predicted_place():
    frame = RoomFrame()
    estimator = make_pose_estimator(FakeModel(frame.predicted_pixels()))
    (observation,) = observe_tracked_people(frame.context, [frame.track], estimator)
    assert observation.track is frame.track
    assert float(frame.mask[observation.mask].mean()) > 0.95


def test_person_without_visible_surface_is_lost():
    frame = RoomFrame()
    frame.track.points = frame.track.points + [0.0, 0.0, -1.2]
    model = FakeModel(frame.predicted_pixels())
    assert observe_tracked_people(
        frame.context, [frame.track], make_pose_estimator(model)) == []
    assert model.runs == 0
    assert not frame.track.is_seen


def test_lost_person_is_not_observed():
    frame = RoomFrame()
    frame.track.is_seen = False
    model = FakeModel(frame.predicted_pixels())
    assert observe_tracked_people(
        frame.context, [frame.track], make_pose_estimator(model)) == []
    assert model.runs == 0


def test_person_the_model_does_not_see_is_lost():
    frame = RoomFrame()
    estimator = make_pose_estimator(FakeModel(frame.predicted_pixels(), presence=0.4))
    assert observe_tracked_people(frame.context, [frame.track], estimator) == []
    assert not frame.track.is_seen
