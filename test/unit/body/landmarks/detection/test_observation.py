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

"""Unit tests of 2D pose estimation: when the flip test runs."""

from __future__ import annotations

import pytest
from support.detection import FakeModel
from support.detection import make_pose_estimator
from support.detection import RoomFrame


@pytest.fixture(scope='module')
def frame() -> RoomFrame:
    return RoomFrame()


@pytest.mark.parametrize(('offset_pixels', 'presence', 'tracked', 'runs'), [
    pytest.param(0.0, 0.9, True, 1, id='as predicted'),
    pytest.param(60.0, 0.9, True, 2, id='not as predicted'),
    pytest.param(0.0, 0.7, True, 2, id='as predicted but uncertain'),
    pytest.param(0.0, 0.9, False, 2, id='new person'),
    pytest.param(0.0, 0.4, True, 1, id='no person')])
def test_flip_test_runs_unless_landmarks_match_the_prediction(
        frame, offset_pixels, presence, tracked, runs):
    model = FakeModel(frame.predicted_pixels() + offset_pixels, presence)
    landmarks, view = make_pose_estimator(model).estimate(
        frame.context, frame.track.region, frame.mask, ~frame.mask,
        frame.track if tracked else None)
    assert model.runs == runs
    assert landmarks.presence == presence
    assert view.region is frame.track.region
