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

from k4a_ros.body.landmarks.detection import new_people
from k4a_ros.body.landmarks.detection.frame_context import FrameContext
from k4a_ros.body.landmarks.detection.head_search import HeadCandidate
from k4a_ros.body.landmarks.detection.new_people import NewPersonDetector
from k4a_ros.body.landmarks.detection.observation import Observation
from k4a_ros.body.landmarks.pose_2d.crop import CropView
from k4a_ros.body.landmarks.pose_3d.lifting import head_of
import numpy as np
import pytest
from support.detection import FakeModel
from support.detection import make_pose_estimator
from support.detection import RoomFrame
from support.segmentation import IMAGE_UP


class FakeHeads:
    """Sees a head wherever it is told to, and confirms all people or none."""

    def __init__(self, *positions: np.ndarray, confirms: bool = True) -> None:
        self.candidates = [HeadCandidate(position, 0.9, 0) for position in positions]
        self.asked = 0
        self._confirms = confirms

    def look(self, frame: FrameContext, *, busy: bool) -> list[HeadCandidate]:
        return self.candidates

    def confirms(self, frame: FrameContext, region: object, head: np.ndarray) -> bool:
        self.asked += 1
        return self._confirms

    def clear(self) -> None:
        self.candidates = []


def at(frame: RoomFrame, time_us: int) -> FrameContext:
    """Return the frame at another time."""
    return replace(frame.context, images=replace(frame.context.images, device_us=time_us))


@pytest.fixture
def frame() -> RoomFrame:
    return RoomFrame()


def test_rejected_segments_are_retried_after_seconds(frame):
    """Furniture costs a few runs of the model now and then, not in each frame."""
    model = FakeModel(frame.predicted_pixels(), presence=0.1)
    detector = NewPersonDetector(make_pose_estimator(model), FakeHeads())
    runs = []
    for time_us in (0, 100_000, 200_000, 300_000, 400_000, 2_000_000):
        model.runs = 0
        assert detector.detect(at(frame, time_us), []) == []
        runs.append(model.runs)
    assert 1 <= runs[0] <= 3
    assert runs[3:5] == [0, 0]
    assert runs[5] >= 1


def test_head_is_tried_again_for_a_second(frame):
    """A neighbor may have been in the way, or in the mask."""
    model = FakeModel(frame.predicted_pixels(), presence=0.1)
    heads = FakeHeads(head_of(frame.track.points))
    detector = NewPersonDetector(make_pose_estimator(model), heads)
    runs = []
    for time_us in (0, 300_000, 700_000, 1_400_000):
        model.runs = 0
        assert detector.detect(at(frame, time_us), []) == []
        runs.append(model.runs)
        heads.candidates = []
    assert runs[0] > 1
    assert runs[1:] == [0, 1, 0]


def test_what_turns_out_to_be_no_person_is_not_tried_again_at_once(frame):
    model, head = FakeModel(frame.predicted_pixels()), head_of(frame.track.points)
    detector = NewPersonDetector(make_pose_estimator(model), FakeHeads(head))
    assert detector.detect(frame.context, [])
    detector.reject(frame.context, frame.mask, head)
    assert detector.detect(at(frame, 100_000), []) == []
    assert detector.detect(at(frame, 2_000_000), [])


def test_clear_forgets_rejected_segments(frame):
    model = FakeModel(frame.predicted_pixels(), presence=0.1)
    detector = NewPersonDetector(make_pose_estimator(model), FakeHeads())
    detector.detect(frame.context, [])
    runs = model.runs
    detector.clear()
    detector.detect(frame.context, [])
    assert model.runs == 2 * runs > 0


def test_segments_of_known_people_are_not_tried(frame):
    model = FakeModel(frame.predicted_pixels())
    landmarks = model(np.zeros((256, 256)))
    everything = np.ones(frame.context.segmentation.labels.shape, bool)
    seen = Observation(
        frame.track, landmarks, CropView(frame.track.region, IMAGE_UP), everything)
    model.runs = 0
    detector = NewPersonDetector(make_pose_estimator(model), FakeHeads())
    assert detector.detect(frame.context, [seen]) == []
    assert model.runs == 0


def test_pose_that_is_not_on_the_surface_is_rejected(frame):
    """Landmarks in a corner of the crop are not on the segment, however certain the model is."""
    model = FakeModel(np.full((33, 2), 2.0), presence=0.99)
    detector = NewPersonDetector(make_pose_estimator(model), FakeHeads())
    assert detector.detect(frame.context, []) == []
    assert model.runs > 0


@pytest.mark.parametrize(('max_distance_m', 'count'), [(4.0, 1), (2.0, 0)])
def test_who_is_too_far_away_is_not_found(frame, monkeypatch, max_distance_m, count):
    """The person of the room is almost 3 m away."""
    monkeypatch.setattr(
        new_people, '_SEARCH', replace(new_people._SEARCH, max_distance_m=max_distance_m))
    model = FakeModel(frame.predicted_pixels())
    detector = NewPersonDetector(make_pose_estimator(model), FakeHeads())
    assert len(detector.detect(frame.context, [])) == count


def test_segment_without_a_head_is_no_person(frame):
    """The landmark model alone takes coats and chairs for people."""
    model = FakeModel(frame.predicted_pixels())
    assert NewPersonDetector(make_pose_estimator(model), FakeHeads()).detect(frame.context, [])
    heads = FakeHeads(confirms=False)
    detector = NewPersonDetector(make_pose_estimator(model), heads)
    assert detector.detect(frame.context, []) == []
    assert heads.asked > 0


def test_head_of_a_known_person_is_not_tried(frame):
    """Nor is a hand in front of it."""
    model = FakeModel(frame.predicted_pixels())
    seen = Observation(
        frame.track, model(np.zeros((256, 256))), CropView(frame.track.region, IMAGE_UP),
        frame.mask)
    head = head_of(frame.track.points)

    def runs(known: list[Observation], *positions: np.ndarray) -> int:
        model.runs = 0
        NewPersonDetector(
            make_pose_estimator(model), FakeHeads(*positions, confirms=False),
        ).detect(frame.context, known)
        return model.runs

    for position in (head, head - [0.0, 0.0, 0.2]):
        assert runs([seen], position) == runs([seen])
        assert runs([], position) > runs([])


def test_head_that_the_landmarks_do_not_show_is_rejected(frame):
    """The model has estimated somebody else, who is near the head."""
    model = FakeModel(frame.predicted_pixels())
    beside, none = head_of(frame.track.points) + [0.5, 0.0, 0.0], FakeHeads(confirms=False)
    heads = FakeHeads(beside, confirms=False)
    for each in (none, heads):
        detector = NewPersonDetector(make_pose_estimator(model), each)
        assert detector.detect(frame.context, []) == []
    # segments are asked about, the head is not
    assert heads.asked == none.asked


def test_dark_clothes_without_depth_are_shown_to_the_model(frame):
    segmentation = frame.context.segmentation
    points = segmentation.points.copy()
    points[~np.isin(segmentation.labels, [
        segment.label for segment in segmentation.segments if segment.may_be_person])] = 0
    dark = replace(frame.context, segmentation=replace(segmentation, points=points))
    hidden = []
    for context in (frame.context, dark):
        model = FakeModel(frame.predicted_pixels(), presence=0.1)
        NewPersonDetector(make_pose_estimator(model), FakeHeads()).detect(context, [])
        hidden.append(model.hidden[0])
    assert hidden[0] > 0.5
    assert hidden[1] < 0.2


@pytest.mark.parametrize(('offset', 'same'), [
    pytest.param([0.0, 0.45, 0.0], True, id='below'),
    pytest.param([0.1, -0.45, 0.1], True, id='above'),
    pytest.param([0.45, 0.0, 0.0], False, id='beside'),
    pytest.param([0.0, 0.3, -0.3], False, id='sitting before'),
    pytest.param([0.0, 0.8, 0.0], True, id='legs'),
    pytest.param([0.0, 1.3, 0.0], False, id='far below')])
def test_back_that_looks_like_a_head_is_a_part_of_the_same_person(frame, offset, same):
    """Nobody is above or below somebody else."""
    points = frame.track.points
    known = new_people._Known([points], [frame.mask])
    assert known.has_trunk(points + offset, IMAGE_UP) == same


@pytest.mark.parametrize(('offset', 'same'), [
    pytest.param([0.0, 0.0, -0.2], True, id='hand before it'),
    pytest.param([0.2, 0.0, 0.28], False, id='over the shoulder'),
    pytest.param([0.0, 0.0, 0.4], False, id='behind it'),
    pytest.param([0.3, 0.0, 0.0], False, id='beside it')])
def test_heads_of_two_people_may_almost_touch(frame, offset, same):
    """A child looks over the shoulder of who sits before."""
    known = new_people._Known([frame.track.points], [frame.mask])
    assert known.has_head(head_of(frame.track.points) + offset) == same
