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

"""ChArUco boards are those of OpenCV."""

from __future__ import annotations

from k4a_ros.calibration.charuco_board import CharucoBoard
from k4a_ros.errors import ConfigError
import numpy as np
import pytest


@pytest.mark.parametrize('board', [
    CharucoBoard(),
    CharucoBoard(8, 6, 0.03, 0.02, '6X6_100'),
    CharucoBoard(8, 6, 0.03, 0.02, '5X5_50', legacy=True),
], ids=str)
def test_black_rectangles_are_those_of_opencv(board):
    cell = {'4X4_50': 24, '6X6_100': 36, '5X5_50': 42}[board.dictionary]  # no rounding
    size = (board.columns * cell, board.rows * cell)
    image = np.full(size[::-1], 255, np.uint8)
    for left, top, right, bottom in np.round(
            board.black_rectangles() / board.square_m * cell).astype(int):
        assert (image[top:bottom, left:right] == 255).all()
        image[top:bottom, left:right] = 0
    assert (image == board.opencv.generateImage(size)).all()


def test_corners_are_between_squares():
    board = CharucoBoard(5, 4, 0.1)
    assert board.corners.shape == (12, 3)
    assert board.corners[0].tolist() == pytest.approx([0.1, 0.1, 0])
    assert board.corners[-1].tolist() == pytest.approx([0.4, 0.3, 0])


def test_every_square_is_black_or_has_a_marker():
    board = CharucoBoard(6, 5, 0.1)
    centers = np.vstack([board.square_centers(black) for black in (False, True)])
    assert len({tuple(np.round(center, 3)) for center in centers}) == 30


@pytest.mark.parametrize(('values', 'named'), [
    ({'columns': 2}, '2x5'),
    ({'rows': 25}, '7x25'),
    ({'square_m': 0.001}, '1 mm'),
    ({'marker_m': 0.06}, '60 mm'),
    ({'dictionary': '9X9'}, '9X9'),
    ({'columns': 12, 'rows': 12}, '72 markers'),
])
def test_impossible_board_is_refused(values, named):
    with pytest.raises(ConfigError, match=named):
        CharucoBoard(**values)
