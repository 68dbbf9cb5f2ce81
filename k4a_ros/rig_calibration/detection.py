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

"""Find a ChArUco board in color and infrared images, with corners to a fraction of a pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
from k4a_ros.calibration.charuco_board import CharucoBoard
import numpy as np
import numpy.typing as npt

Gray = npt.NDArray[np.uint8]

#: corners of which fewer say nothing about the pose
MIN_CORNERS = 6
#: images up to this width are enlarged, because a cell of a marker needs a few pixels
_ENLARGED_WIDTH = 800
#: half the window in which a corner is refined, pixels
_WINDOWS = (2, 8)
#: Gaussian blur before that, pixels: edges of less width bias the gradient
_BLUR_PX = 0.8
_REFINED = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 50, 1e-3)


@dataclass(frozen=True, eq=False)
class Detection:
    """
    Corners of a board in one image.

    ``ids`` (N,) int64, ascending: numbers of the corners of `CharucoBoard`; ``pixels`` (N, 2)
    float64, where (0, 0) is the center of the top left pixel.
    """

    ids: npt.NDArray[np.int64]
    pixels: npt.NDArray[np.float64]


class BoardDetector:
    """
    Finds one board in images.

    :param board: the board that is shown.
    """

    def __init__(self, board: CharucoBoard) -> None:
        self._board = board
        self._detector = cv2.aruco.CharucoDetector(board.opencv)

    def find(self, gray: Gray) -> Detection | None:
        """
        Return the corners that are seen.

        :param gray: (height, width) uint8.
        :return: None if fewer than `MIN_CORNERS` are seen, or if they lie on one line.
        """
        scale = 2 if gray.shape[1] <= _ENLARGED_WIDTH else 1
        if scale > 1:
            gray = np.asarray(cv2.resize(gray, None, fx=scale, fy=scale,
                                         interpolation=cv2.INTER_CUBIC), np.uint8)
        found, numbers, _, _ = self._detector.detectBoard(gray)
        if numbers is None or len(numbers) < MIN_CORNERS:
            return None
        ids = np.ravel(numbers).astype(np.int64)
        if _on_a_line(self._board.corners[ids, :2]):
            return None
        # OpenCV 4.11 returns corners half a pixel off, so all are refined again
        start = np.asarray(found, np.float32).reshape(-1, 2)
        refined = self._refined(gray, ids, start)
        pixels = (refined.astype(np.float64) + 0.5) / scale - 0.5
        order = np.argsort(ids)
        return Detection(ids[order], pixels[order])

    def _refined(
        self, gray: Gray, ids: npt.NDArray[np.int64], start: npt.NDArray[np.float32],
    ) -> npt.NDArray[np.float32]:
        """Return corners at the saddle points, from windows that the markers do not reach."""
        homography, _ = cv2.findHomography(self._board.corners[ids, :2], start, cv2.LMEDS)
        if homography is None:
            return start
        inside = min(self._gap_px(homography, corner) for corner in self._board.corners[ids, :2])
        window = int(np.clip(inside, *_WINDOWS))
        blurred = cv2.GaussianBlur(gray, (0, 0), _BLUR_PX)
        refined = cv2.cornerSubPix(
            blurred, start.reshape(-1, 1, 2).copy(), (window, window), (-1, -1), _REFINED)
        return np.asarray(refined, np.float32).reshape(-1, 2)

    def _gap_px(
        self, homography: npt.NDArray[Any], corner: npt.NDArray[np.float64],
    ) -> float:
        """Return the distance in pixels from a corner to the markers beside it."""
        gap = (self._board.square_m - self._board.marker_side_m) / 2
        points = np.array([corner, corner + (gap, 0), corner + (0, gap)]).reshape(1, -1, 2)
        here, right, below = np.asarray(
            cv2.perspectiveTransform(points, homography)).reshape(-1, 2)
        return float(min(np.linalg.norm(right - here), np.linalg.norm(below - here)))


def _on_a_line(plane: npt.NDArray[np.float64]) -> bool:
    """Return whether points (N, 2) of the board lie on one line."""
    spread = np.linalg.svd(plane - plane.mean(axis=0), compute_uv=False)
    return bool(spread[1] < 1e-6)


def infrared_gray(infrared: npt.NDArray[np.uint16]) -> Gray:
    """
    Return an infrared image with the contrast that a detector needs.

    The brightness decreases with the square of the distance, so each pixel is compared with the
    bright ones around it.

    :param infrared: (height, width).
    :return: (height, width) uint8.
    """
    root = np.sqrt(infrared.astype(np.float32))
    height, width = root.shape
    # the brightest of each tile, then between the tiles
    tiles = cv2.resize(root, (max(width // 8, 1), max(height // 8, 1)),
                       interpolation=cv2.INTER_AREA)
    bright = cv2.GaussianBlur(cv2.dilate(tiles, np.ones((7, 7), np.uint8)), (0, 0), 4.0)
    level = cv2.resize(bright, (width, height), interpolation=cv2.INTER_LINEAR)
    gray: Gray = np.clip(root * (235.0 / np.maximum(level, 1.0)), 0, 255).astype(np.uint8)
    return gray
