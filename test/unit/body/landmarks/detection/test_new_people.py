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

"""Unit tests of the detection of new people."""

from __future__ import annotations

from dataclasses import replace

from k4a_ros.body.landmarks.detection.frame_context import FrameContext
from k4a_ros.body.landmarks.detection.new_people import NewPersonDetector
import numpy as np
import pytest
from support.detection import FakeModel
from support.detection import make_pose_estimator
from support.detection import RoomFrame


def at(frame: RoomFrame, time_us: int) -> FrameContext:
    """Return the frame at another time."""
    return replace(frame.context, images=replace(frame.context.images, device_us=time_us))


@pytest.fixture
def frame() -> RoomFrame:
    return RoomFrame()


def test_rejected_segments_are_retried_after_seconds(frame):
    """Furniture costs a few runs of the model in three seconds, not in each frame."""
    model = FakeModel(frame.predicted_pixels(), presence=0.1)
    detector = NewPersonDetector(make_pose_estimator(model))
    runs = []
    for time_us in (0, 100_000, 200_000, 300_000, 400_000, 4_000_000):
        model.runs = 0
        assert detector.detect(at(frame, time_us), []) == []
        runs.append(model.runs)
    assert 1 <= runs[0] <= 3
    assert runs[3:5] == [0, 0]
    assert runs[5] >= 1


def test_clear_forgets_rejected_segments(frame):
    model = FakeModel(frame.predicted_pixels(), presence=0.1)
    detector = NewPersonDetector(make_pose_estimator(model))
    detector.detect(frame.context, [])
    runs = model.runs
    detector.clear()
    detector.detect(frame.context, [])
    assert model.runs == 2 * runs > 0


def test_segments_of_known_people_are_not_tried(frame):
    model = FakeModel(frame.predicted_pixels())
    everything = np.ones(frame.context.segmentation.labels.shape, bool)
    assert NewPersonDetector(make_pose_estimator(model)).detect(frame.context, [everything]) == []
    assert model.runs == 0


def test_pose_that_is_not_on_the_surface_is_rejected(frame):
    """Landmarks in a corner of the crop are not on the segment, however certain the model is."""
    model = FakeModel(np.full((33, 2), 2.0), presence=0.99)
    assert NewPersonDetector(make_pose_estimator(model)).detect(frame.context, []) == []
    assert model.runs > 0
