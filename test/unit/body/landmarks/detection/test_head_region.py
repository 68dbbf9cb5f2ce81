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


"""Where the body of a person is expected of whom only the head is known."""

from __future__ import annotations

from k4a_ros.body.landmarks.detection.head_region import has_short_trunk
from k4a_ros.body.landmarks.detection.head_region import region_below_head
from k4a_ros.body.landmarks.detection.head_region import upright_person
import numpy as np

HEAD, UP = np.array([0.3, -0.4, 2.5]), np.array([0.0, -1.0, 0.0])


def test_region_contains_head_and_feet():
    region = region_below_head(HEAD, UP)
    points = upright_person(HEAD, UP)
    assert np.abs(points - region.center).max() < region.radius


def test_upright_person_faces_the_camera():
    points = upright_person(HEAD, UP)
    assert np.allclose(points[:11], HEAD)
    # the left shoulder of who faces the camera is on the right of the image
    assert points[11, 0] > points[12, 0] + 0.3
    # feet are below the hips and nearer to the camera
    assert (points[[31, 32], 1] > points[[23, 24], 1]).all()
    assert (points[[31, 32], 2] < points[[23, 24], 2]).all()


def test_upright_person_follows_up():
    sideways = upright_person(HEAD, np.array([1.0, 0.0, 0.0]))
    assert (sideways[[27, 28], 0] < HEAD[0] - 1.0).all()


def test_short_trunk_is_that_of_no_person():
    points = upright_person(HEAD, UP)
    assert not has_short_trunk(points)
    # hips in the middle of the chest, as of who is cut off below in the crop
    points[[23, 24], 1] -= 0.2
    assert has_short_trunk(points)
    assert not has_short_trunk(0.6 * upright_person(HEAD, UP))
