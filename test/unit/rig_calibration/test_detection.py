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

"""Corners are found to a fraction of a pixel."""

from __future__ import annotations

from k4a_ros.calibration.charuco_board import CharucoBoard
from k4a_ros.rig_calibration.detection import BoardDetector
from k4a_ros.rig_calibration.detection import infrared_gray
import numpy as np
import pytest
from support.boards import drawn

BOARD = CharucoBoard(5, 4, 0.05)


def affine(scale: float, angle: float, origin: tuple[float, float]) -> np.ndarray:
    """Return the map from the board to pixels."""
    c, s = np.cos(angle) * scale / BOARD.square_m, np.sin(angle) * scale / BOARD.square_m
    return np.array([[c, -s, origin[0]], [s, c, origin[1]]])


@pytest.mark.parametrize('square_px', [20.0, 60.0])
@pytest.mark.parametrize('angle', [0.0, 0.4])
def test_corners_have_no_bias(square_px, angle):
    size = (int(square_px * 7) + 50, int(square_px * 7) + 10)
    matrix = affine(square_px, angle, (2 * square_px + 0.3, square_px / 2 + 0.6))
    found = BoardDetector(BOARD).find(drawn(BOARD, matrix, size))
    assert found.ids.tolist() == list(range(12))
    error = found.pixels - BOARD.corners[:, :2] @ matrix[:, :2].T - matrix[:, 2]
    assert np.abs(error.mean(axis=0)).max() < 0.06  # OpenCV's own corners are off by 0.5
    assert np.sqrt((error ** 2).mean()) < 0.12


def test_part_of_the_board_is_enough():
    matrix = affine(60.0, 0.0, (-70.0, 20.0))
    found = BoardDetector(BOARD).find(drawn(BOARD, matrix, (260, 280)))
    assert 6 <= len(found.ids) < 12
    error = found.pixels - BOARD.corners[found.ids, :2] @ matrix[:, :2].T - matrix[:, 2]
    assert np.abs(error).max() < 0.3


@pytest.mark.parametrize('gray', [
    np.zeros((120, 160), np.uint8),
    drawn(CharucoBoard(5, 4, 0.05, dictionary='6X6_50'), affine(30.0, 0.0, (10, 10)), (180, 150)),
], ids=['black', 'other dictionary'])
def test_what_is_not_the_board_is_not_found(gray):
    assert BoardDetector(BOARD).find(gray) is None


def test_infrared_has_the_same_contrast_near_and_far():
    image = drawn(BOARD, affine(30.0, 0.0, (20, 20)), (200, 160)).astype(float)
    falloff = np.linspace(1, 20, 200) ** -2 * 40
    gray = infrared_gray((image * falloff).astype(np.uint16))
    found = BoardDetector(BOARD).find(gray)
    assert found is not None and len(found.ids) == 12
    assert infrared_gray(np.zeros((10, 10), np.uint16)).max() == 0
