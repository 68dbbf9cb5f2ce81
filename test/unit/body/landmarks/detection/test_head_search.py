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


"""Search the image for heads, a part of it in each frame."""

from __future__ import annotations

from dataclasses import replace

from k4a_ros.body.joints import Joint
from k4a_ros.body.landmarks.detection import head_search
from k4a_ros.body.landmarks.detection.frame_context import FrameContext
from k4a_ros.body.landmarks.detection.head_region import region_below_head
from k4a_ros.body.landmarks.detection.head_search import HeadSearch
from k4a_ros.body.landmarks.pose_2d.head_models import HeadModel
from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
import numpy as np
import pytest
from support.landmarks import need_landmarks
from support.people.scenes import SCENES
from support.people.shots import NOMINAL
from support.people.shots import render_shots
from support.people.shots import Shot
from support.segmentation import IMAGE_UP
from support.segmentation import make_segmenter

NFOV = CameraConfig.of_modes(DepthMode.NFOV_UNBINNED, ColorResolution.OFF)
LENS = NOMINAL.depth(DepthMode.NFOV_UNBINNED)


@pytest.fixture
def search() -> HeadSearch:
    need_landmarks()
    return HeadSearch(LENS)


def frame_of(shot: Shot, time_us: int = 0) -> FrameContext:
    images = replace(shot.images, device_us=time_us)
    return FrameContext(images, make_segmenter().segment(images.depth), LENS, LENS.rays())


def test_all_heads_are_found_in_a_whole_search(search):
    shot = next(render_shots(SCENES['three people'], NFOV))
    frame = frame_of(shot)
    found = [candidate for _ in range(5) for candidate in search.look(frame, busy=False)]
    for joints, _ in shot.people:
        distances = [float(np.linalg.norm(candidate.position - joints[Joint.NOSE]))
                     for candidate in found]
        assert min(distances) < 0.15


def test_tiles_out_of_the_view_of_the_lens_are_not_searched():
    """An own calibration may have its center anywhere."""
    assert len(list(head_search._tiles(LENS))) == 10
    tiles = list(head_search._tiles(Intrinsics(640, 576, 504.0, 504.0, -400.0, 288.0)))
    assert 0 < len(tiles) < 10
    assert all(np.isfinite(tile.center).all() for tile in tiles)


def test_tracked_people_leave_little_time_for_the_search(search, monkeypatch):
    runs = []
    original = HeadModel.__call__
    monkeypatch.setattr(HeadModel, '__call__', lambda self, crop, min_score: (
        runs.append(1) or original(self, crop, min_score)))
    shot = next(render_shots(SCENES['empty room'], NFOV))
    counts = []
    for time_us, busy in ((0, False), (30_000, True), (60_000, True), (130_000, True), (0, True)):
        runs.clear()
        search.look(frame_of(shot, time_us), busy=busy)
        counts.append(len(runs))
    # the last one: a recording has started again
    assert counts == [4, 0, 0, 2, 2]


def test_person_is_confirmed_and_furniture_is_not(search):
    shot = next(render_shots(SCENES['at a table'], NFOV))
    frame = frame_of(shot)
    nose = shot.people[0][0][Joint.NOSE]
    for head, expected in ((nose, True), (nose + [0.5, 0.6, 0.0], False)):
        region = region_below_head(head, IMAGE_UP)
        assert search.confirms(frame, region, head) == expected


def test_heads_are_looked_for_in_ever_closer_crops(search, monkeypatch):
    """A head that is small in a crop of the whole person may be seen in one around it."""
    shot, radii = next(render_shots(SCENES['at a table'], NFOV)), []

    def sees_only_close_heads(models, frame, region, head, min_score):
        radii.append(region.radius)
        return region.radius < 0.6

    monkeypatch.setattr(head_search, '_is_seen', sees_only_close_heads)
    head = shot.people[0][0][Joint.NOSE]
    assert search.confirms(frame_of(shot), region_below_head(head, IMAGE_UP), head)
    assert len(radii) == 3
    assert radii == sorted(radii, reverse=True)


@pytest.mark.parametrize(('scene', 'expected'), [
    ('standing', True), ('turned 45', True), ('turned 180', False), ('hand behind', True)])
def test_face_is_seen_on_who_faces_the_camera(search, scene, expected):
    shot = next(render_shots(SCENES[scene], NFOV))
    ears = shot.people[0][0][[Joint.EAR_LEFT, Joint.EAR_RIGHT]]
    assert search.sees_face(frame_of(shot), ears.mean(axis=0)) == expected
