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

"""A picture of a solution: cameras and boards from above and from the side, and residuals."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.rig_calibration.observations import COLOR
from k4a_ros.rig_calibration.observations import Floats
from k4a_ros.rig_calibration.single_view import residuals_px
from k4a_ros.rig_calibration.solution import Solution
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]

#: sizes in pixels
_VIEW, _TILE, _COLUMNS, _TITLE = (800, 560), (400, 300), 4, 26
_BACKGROUND, _FRAME, _TEXT, _GRID = (28, 26, 24), (90, 86, 80), (235, 235, 235), (52, 48, 44)
_CAMERA, _BOARD = (80, 200, 255), (150, 150, 90)
#: pixels of the picture for a residual of one pixel, and pixels from which on it is red
_ENLARGED, _RED_PX = 12.0, 1.0
#: the pyramid of a camera, meters: depth, and half of width and height at its end
_PYRAMID_M = (0.18, 0.13, 0.09)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def picture(solution: Solution) -> Picture:
    """
    Return the picture, (height, width, 3) uint8 BGR.

    Above, the rig in the frame of its first camera: x to the right, and y (from above) or z (from
    the side) up, with a line every meter. Below, the residuals of each camera at their places in
    its image.
    """
    views = np.hstack([_view(solution, 1, 'from above (x, y)'), _view(solution, 2,
                                                                      'from the side (x, z)')])
    tiles = [_tile(solution, c) for c in range(len(solution.cameras))]
    blank = np.full_like(tiles[0], _BACKGROUND)
    tiles += [blank] * (-len(tiles) % _COLUMNS)
    rows = [np.hstack(tiles[i:i + _COLUMNS]) for i in range(0, len(tiles), _COLUMNS)]
    return np.vstack([views, *rows])


def _view(solution: Solution, axis: int, title: str) -> Picture:
    width, height = _VIEW
    image = np.full((height, width, 3), _BACKGROUND, np.uint8)
    board_width, board_height = solution.board.size_m
    outline = np.array([(0, 0, 0), (board_width, 0, 0), (board_width, board_height, 0),
                        (0, board_height, 0)])
    boards = [pose.apply(outline)[:, [0, axis]] for pose in solution.bundle.poses.boards.values()]
    cameras = [_pyramid(pose)[:, [0, axis]] for pose in solution.cameras]
    points = np.concatenate([*boards, *cameras])
    low, high = points.min(axis=0), points.max(axis=0)
    scale = float(min((width - 80) / max(high[0] - low[0], 0.1),
                      (height - 100) / max(high[1] - low[1], 0.1)))
    middle = (low + high) / 2

    def pixels(values: Floats) -> npt.NDArray[np.int32]:
        centered = (values - middle) * (scale, -scale) + (width / 2, height / 2 + 12)
        return np.asarray(np.round(centered), np.int32)

    for meter in range(int(np.floor(low.min())) - 3, int(np.ceil(high.max())) + 4):
        (x, y), = pixels(np.array([(float(meter), float(meter))]))
        cv2.line(image, (int(x), 0), (int(x), height), _GRID, 1)
        cv2.line(image, (0, int(y)), (width, int(y)), _GRID, 1)
    for board in boards:
        cv2.polylines(image, [pixels(board)], True, _BOARD, 1, cv2.LINE_AA)
    for camera, model in zip(cameras, solution.seen.cameras, strict=True):
        ends = pixels(camera)
        for corner in ends[1:]:
            cv2.line(image, ends[0].tolist(), corner.tolist(), _CAMERA, 1, cv2.LINE_AA)
        cv2.polylines(image, [ends[1:]], True, _CAMERA, 1, cv2.LINE_AA)
        x, y = ends[0].tolist()
        x = min(x, width - 12 * len(model.name[:20]))
        cv2.putText(image, model.name[:20], (x + 8, y - 8), _FONT, 0.5, _TEXT, 1, cv2.LINE_AA)
    cv2.putText(image, f'{title}, lines every meter', (12, 20), _FONT, 0.5, _TEXT, 1, cv2.LINE_AA)
    return image


def _pyramid(pose: RigidTransform) -> Floats:
    """Return the tip and the four corners of the pyramid of a camera, (5, 3)."""
    x, y, z = _PYRAMID_M
    return pose.apply([(0, 0, 0), (x, y, z), (x, -y, z), (x, -y, -z), (x, y, -z)])


def _tile(solution: Solution, camera: int) -> Picture:
    """Return the residuals of a camera, of color if it has it."""
    model = solution.seen.cameras[camera]
    name = COLOR if COLOR in model.sensors else next(iter(model.sensors))
    lens = model.sensors[name].lens
    image = np.full((_TILE[1], _TILE[0], 3), _BACKGROUND, np.uint8)
    scale = min((_TILE[0] - 16) / lens.width, (_TILE[1] - _TITLE - 10) / lens.height)
    left, top = (_TILE[0] - scale * lens.width) / 2, _TITLE
    cv2.rectangle(image, (round(left), top), (round(left + scale * lens.width),
                                              round(top + scale * lens.height)), _FRAME, 1)
    for i in solution.views_of(camera):
        pose = (model.sensors[name].from_base @ solution.cameras[camera].inverse()
                @ solution.bundle.poses.boards[i])
        for corners in solution.seen.views[i][camera].corners:
            if corners.sensor != name:
                continue
            pixels, _ = lens.project(np.column_stack((corners.rays, np.ones(len(corners.ids)))))
            off = residuals_px(solution.board, corners, pose)
            for start, arrow in zip(pixels * scale + (left, top), off, strict=True):
                _arrow(image, start, arrow)
    residual = solution.by_sensor[camera, name]
    title = f'{model.name[:20]} {name}: {residual.px:.2f} px, {residual.mm:.2f} mm'
    cv2.putText(image, title, (8, 18), _FONT, 0.45, _TEXT, 1, cv2.LINE_AA)
    return image


def _arrow(image: Picture, start: Sequence[float] | Floats, off_px: Floats) -> None:
    share = min(float(np.linalg.norm(off_px)) / _RED_PX, 1.0)
    color = (60, round(220 * (1 - share)) + 30, round(220 * share) + 30)
    end = np.asarray(start) + _ENLARGED * off_px
    x0, y0, x1, y1 = (round(float(value)) for value in (*start, *end))
    cv2.line(image, (x0, y0), (x1, y1), color, 1, cv2.LINE_AA)
