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

"""ChArUco boards: a chessboard whose white squares have markers, so that part of it is enough."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
from k4a_ros.errors import ConfigError
import numpy as np
import numpy.typing as npt

#: predefined dictionaries of OpenCV by the names of this package
DICTIONARIES = {
    name: getattr(cv2.aruco, f'DICT_{name}')
    for name in ('4X4_50', '4X4_100', '4X4_250', '5X5_50', '5X5_100', '5X5_250', '6X6_50',
                 '6X6_100', '6X6_250')}
#: side of a marker, as a fraction of that of a square
MARKER_RATIO = 0.75
MAX_SQUARES = 24


@dataclass(frozen=True)
class CharucoBoard:
    """
    A board; its frame has the origin at the top left corner, x right, y down, z into the board.

    :param columns: squares in a row.
    :param rows: squares in a column.
    :param square_m: side of a square, meters.
    :param marker_m: side of a marker with its black border, meters; 0: 0.75 squares.
    :param dictionary: a key of `DICTIONARIES`.
    :param legacy: with an even number of rows, the top left square is white, as in boards of
        OpenCV before 4.6.
    :raises ConfigError: there is no such board.
    """

    columns: int = 7
    rows: int = 5
    square_m: float = 0.052
    marker_m: float = 0.0
    dictionary: str = '4X4_50'
    legacy: bool = False

    def __post_init__(self) -> None:
        """Check the values."""
        if not (3 <= self.columns <= MAX_SQUARES and 3 <= self.rows <= MAX_SQUARES):
            raise ConfigError(f'a board of {self.columns}x{self.rows} squares is not possible; it '
                              f'needs 3 to {MAX_SQUARES} in each direction')
        if not 0.002 <= self.square_m <= 2.0:
            raise ConfigError(f'squares of {self.square_m * 1000:g} mm are not possible; give 2 '
                              'to 2000 mm')
        if not 0.3 <= self.marker_side_m / self.square_m <= 0.95:
            raise ConfigError(
                f'markers of {self.marker_side_m * 1000:g} mm do not fit squares of '
                f'{self.square_m * 1000:g} mm; give 30 to 95 % of a square')
        if self.dictionary not in DICTIONARIES:
            raise ConfigError(f'there is no dictionary {self.dictionary}; choose one of '
                              + ', '.join(DICTIONARIES))
        available = len(self._dictionary.bytesList)
        if self.columns * self.rows // 2 > available:
            raise ConfigError(
                f'a board of {self.columns}x{self.rows} squares needs '
                f'{self.columns * self.rows // 2} markers, but {self.dictionary} has {available}')

    @property
    def marker_side_m(self) -> float:
        """Return the side of a marker, meters."""
        return self.marker_m or MARKER_RATIO * self.square_m

    @property
    def size_m(self) -> tuple[float, float]:
        """Return width and height of the squares, meters."""
        return self.columns * self.square_m, self.rows * self.square_m

    @cached_property
    def _dictionary(self) -> Any:
        return cv2.aruco.getPredefinedDictionary(DICTIONARIES[self.dictionary])

    @cached_property
    def opencv(self) -> Any:
        """Return the board as cv2.aruco.CharucoBoard, in meters."""
        board = cv2.aruco.CharucoBoard(
            (self.columns, self.rows), self.square_m, self.marker_side_m, self._dictionary)
        board.setLegacyPattern(self.legacy)
        return board

    @cached_property
    def corners(self) -> npt.NDArray[np.float64]:
        """Return the inner corners of the squares in the order of their numbers, (N, 3) meters."""
        return np.array(self.opencv.getChessboardCorners(), np.float64)

    def square_centers(self, black: bool) -> npt.NDArray[np.float64]:
        """Return the centers of the black squares, or of those with markers, (N, 3) meters."""
        markers: npt.NDArray[np.float64] = np.array(
            self.opencv.getObjPoints(), np.float64).mean(axis=1)
        if not black:
            return markers
        taken = {tuple(cell) for cell in np.floor(markers[:, :2] / self.square_m).astype(int)}
        return np.array([
            ((column + 0.5) * self.square_m, (row + 0.5) * self.square_m, 0.0)
            for row in range(self.rows) for column in range(self.columns)
            if (column, row) not in taken])

    def black_rectangles(self) -> npt.NDArray[np.float64]:
        """Return what is black, (N, 4): left, top, right, bottom, meters; none overlap."""
        half = self.square_m / 2
        found = [np.array([x - half, y - half, x + half, y + half])
                 for x, y, _ in self.square_centers(black=True)]
        cells = self._dictionary.markerSize + 2
        side = self.marker_side_m / cells
        for number, (x, y, _) in zip(
                np.ravel(self.opencv.getIds()), self.square_centers(black=False), strict=True):
            image = self._dictionary.generateImageMarker(int(number), cells)
            left, top = x - self.marker_side_m / 2, y - self.marker_side_m / 2
            for row, pixels in enumerate(image):
                # runs of black cells
                edges = np.flatnonzero(np.diff(np.concatenate(([0], pixels == 0, [0]))))
                found += [
                    np.array([left + first * side, top + row * side, left + end * side,
                              top + (row + 1) * side])
                    for first, end in zip(edges[::2], edges[1::2], strict=True)]
        return np.array(found)
