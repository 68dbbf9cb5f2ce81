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

"""Views are the moments in which a board is still."""

from __future__ import annotations

from k4a_ros.calibration.charuco_board import CharucoBoard
from k4a_ros.rig_calibration.detection import Detection
from k4a_ros.rig_calibration.views import Frame
from k4a_ros.rig_calibration.views import mean_detection
from k4a_ros.rig_calibration.views import ViewCollector
import numpy as np
import pytest
from support.boards import drawn
from support.boards import models

BOARD = CharucoBoard(5, 4, 0.05)


def frame(x: float) -> Frame:
    """Return a color image with the board at a column, 720P."""
    image = np.full((720, 1280), 128, np.uint8)
    matrix = np.array([[800.0, 0, x % 1 + 30], [0, 800.0, 30.0]])
    left = int(x)
    image[200:420, left:left + 260] = drawn(BOARD, matrix, (260, 220))
    return Frame(image)


def test_only_what_is_still_becomes_a_view():
    collector = ViewCollector(BOARD, models(2))
    for positions in ((400.0, 700.0), (400.2, 700.0), (400.1, 700.1),  # still
                      (420.0, 720.0), (450.0, 750.0),  # carried on
                      (480.0, 780.0), (480.0, None)):  # still, then seen by one only
        collector.add({i: frame(x) for i, x in enumerate(positions) if x is not None})
    collector.add({0: Frame(np.zeros((720, 1280), np.uint8))})
    views = collector.observations().views
    assert [sorted(view) for view in views] == [[0, 1], [0, 1]]
    assert (collector.moments, collector.with_board) == (8, 7)
    # the mean of three
    corners = views[0][0].corners[0]
    lens = models(1)[0].sensors['color'].lens
    pixels, _ = lens.project(np.column_stack((corners.rays, np.ones(len(corners.rays)))))
    assert pixels[0] == pytest.approx((400.1 + 30 + 40, 200 + 30 + 40), abs=0.1)


def test_mean_is_of_corners_that_are_often_seen():
    detections = [
        Detection(np.arange(8 - i), np.full((8 - i, 2), float(i))) for i in (0, 1, 2, 2)]
    mean = mean_detection(detections)
    assert mean.ids.tolist() == list(range(7))
    assert mean.pixels[0].tolist() == [1.25, 1.25]
    assert mean.pixels[6].tolist() == [0.5, 0.5]
    assert mean_detection([]) is None
