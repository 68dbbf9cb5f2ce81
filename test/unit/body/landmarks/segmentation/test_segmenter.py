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

"""Segment simulated depth images, against the true masks of the people in them."""

from __future__ import annotations

from dataclasses import replace

from k4a_ros.body.joints import Joint
import numpy as np
import pytest
from support.people.shots import BARE
from support.people.shots import ROOM
from support.segmentation import depth_image
from support.segmentation import largest_segment
from support.segmentation import make_segmenter
from support.segmentation import make_sensor
from support.segmentation import MODES


@pytest.mark.parametrize('mode', MODES, ids=lambda mode: mode.name)
def test_walking_person_is_a_segment(mode):
    sensor = make_sensor(ROOM, mode)
    segmenter = make_segmenter(mode)
    for time_us in (0, 1_000_000, 5_000_000):
        segmentation = segmenter.segment(depth_image(sensor, time_us))
        true = sensor.body_index(time_us) == 0
        segment = largest_segment(segmentation, true)
        assert segment.may_be_person
        mask = segmentation.labels == segment.label
        assert float(true[::segmentation.step, ::segmentation.step][mask].mean()) > 0.98
        joints = sensor.truth(time_us).persons[0].positions
        assert np.linalg.norm(segment.center - joints[Joint.SPINE_NAVEL]) < 0.45


def test_few_segments_of_an_empty_room_may_be_a_person():
    furnished = make_segmenter().segment(depth_image(make_sensor(replace(ROOM, persons=()))))
    assert len([one for one in furnished.segments if one.may_be_person]) <= 3
    bare = make_segmenter().segment(depth_image(make_sensor(BARE)))
    assert bare.segments != ()
    assert not [one for one in bare.segments if one.may_be_person]


def test_image_without_depth_has_no_segments():
    segmentation = make_segmenter().segment(np.zeros((576, 640), np.uint16))
    assert segmentation.segments == ()
    assert segmentation.floor is None
