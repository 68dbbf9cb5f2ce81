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

"""The poses of a rig from all that its cameras have seen, and how good they are."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
import itertools
import math

from k4a_ros.calibration.charuco_board import CharucoBoard
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.rig_calibration.bundle import adjust
from k4a_ros.rig_calibration.bundle import Bundle
from k4a_ros.rig_calibration.graph import first_poses
from k4a_ros.rig_calibration.observations import Floats
from k4a_ros.rig_calibration.observations import Observations
from k4a_ros.rig_calibration.single_view import residuals_px
import numpy as np

#: fewer views of a camera, and fewer common views of its best pair, are too few for errors of
#: single views to cancel
MIN_VIEWS, MIN_COMMON_VIEWS = 8, 3
#: directions of the board's normal that differ by less do not separate its distance and its tilt
_MIN_TILT_DEG = 12.0
#: part of the width or height of the image within which all corners of a camera are
_MIN_COVERED = 0.3
#: residuals and uncertainties that a board held still does not give
_MAX_RESIDUAL_PX, _MAX_SIGMA_M, _MAX_SIGMA_DEG = 1.0, 0.002, 0.1


@dataclass(frozen=True)
class Residual:
    """Root of the mean square distance of corners from where the poses have them."""

    px: float
    mm: float
    corners: int


@dataclass(frozen=True)
class Solution:
    """
    Poses of the cameras, and what they were computed from.

    ``covariances``: see `k4a_ros.rig_calibration.bundle.Bundle`. ``by_sensor`` has the residual of
    each sensor by the index of its camera and its name, ``by_pair`` that of two cameras in their
    common views, and ``common_views`` their number.
    """

    board: CharucoBoard
    seen: Observations
    bundle: Bundle
    by_sensor: Mapping[tuple[int, str], Residual]
    by_pair: Mapping[tuple[int, int], Residual]
    common_views: Mapping[tuple[int, int], int]

    @property
    def cameras(self) -> tuple[RigidTransform, ...]:
        """Return the poses of camera_base of each camera in that of the first one."""
        return self.bundle.poses.cameras

    def views_of(self, camera: int) -> list[int]:
        """Return the indices of the views of a camera that were used."""
        return [i for i in self.bundle.poses.boards if camera in self.seen.views[i]]

    def sigma_m(self, camera: int) -> float:
        """Return the standard deviation of the position of a camera, meters."""
        return math.sqrt(max(float(np.trace(self.bundle.covariances[camera][3:, 3:])), 0.0))

    def sigma_deg(self, camera: int) -> float:
        """Return the standard deviation of the orientation of a camera, degrees."""
        return math.degrees(math.sqrt(
            max(float(np.trace(self.bundle.covariances[camera][:3, :3])), 0.0)))


def solve(board: CharucoBoard, seen: Observations, *, depth: bool = True) -> Solution:
    """
    Compute the poses of all cameras.

    :param depth: whether to use the depths of the board, too.
    :raises CalibrationError: common views do not connect all cameras; names them.
    """
    bundle = adjust(board, seen, first_poses(board, seen), depth=depth)
    squares: dict[tuple[int, int, str], tuple[Floats, Floats]] = {
        (i, c, name): values for i, c, name, values in _squares(board, seen, bundle)}
    by_sensor = {
        (c, name): _residual([v for (_, camera, sensor), v in squares.items()
                              if (camera, sensor) == (c, name)])
        for c, camera in enumerate(seen.cameras) for name in camera.sensors}
    common = {
        pair: [i for i in bundle.poses.boards if all(c in seen.views[i] for c in pair)]
        for pair in itertools.combinations(range(len(seen.cameras)), 2)}
    by_pair = {
        pair: _residual([v for (i, c, _), v in squares.items() if c in pair and i in views])
        for pair, views in common.items() if views}
    return Solution(board, seen, bundle, by_sensor, by_pair,
                    {pair: len(views) for pair, views in common.items()})


def _squares(
    board: CharucoBoard, seen: Observations, bundle: Bundle,
) -> Iterator[tuple[int, int, str, tuple[Floats, Floats]]]:
    """Yield view, camera, sensor and the squared distances of its corners, px² and mm²."""
    for i, pose in bundle.poses.boards.items():
        for c, sighting in seen.views[i].items():
            for corners in sighting.corners:
                sensor = seen.cameras[c].sensors[corners.sensor]
                in_sensor = sensor.from_base @ bundle.poses.cameras[c].inverse() @ pose
                px = residuals_px(board, corners, in_sensor)
                points = in_sensor.apply(board.corners[corners.ids])
                mm = 1000 * (points[:, :2] - corners.rays * points[:, 2:])
                yield i, c, corners.sensor, ((px ** 2).sum(axis=1), (mm ** 2).sum(axis=1))


def _residual(squares: list[tuple[Floats, Floats]]) -> Residual:
    if not squares:
        return Residual(math.nan, math.nan, 0)
    px, mm = (np.concatenate([pair[i] for pair in squares]) for i in (0, 1))
    return Residual(math.sqrt(float(px.mean())), math.sqrt(float(mm.mean())), len(px))


def warnings(solution: Solution) -> list[str]:
    """Return what makes the poses worse than they could be, one sentence with a remedy each."""
    found = []
    names = [camera.name for camera in solution.seen.cameras]
    for c, name in enumerate(names):
        views = solution.views_of(c)
        if len(views) < MIN_VIEWS:
            found.append(f'{name} has {len(views)} views of the board; hold it still in at least '
                         f'{MIN_VIEWS} places that it sees')
        elif _tilt_deg(solution, c, views) < _MIN_TILT_DEG:
            found.append(f'{name} sees the board from one side only; tilt it to all sides, by 20 '
                         'to 40 degrees')
        elif _covered(solution, c, views) < _MIN_COVERED:
            found.append(f'{name} sees the board in a small part of its image only; show it also '
                         'at the borders')
        most = max((count for pair, count in solution.common_views.items() if c in pair),
                   default=MIN_COMMON_VIEWS)
        if most < MIN_COMMON_VIEWS:
            found.append(f'{name} has only {most} view(s) in common with any other camera; hold '
                         'the board where both see it')
        for sensor in solution.seen.cameras[c].sensors:
            residual = solution.by_sensor[c, sensor]
            if not residual.corners:
                found.append(f'{name} never saw the board in {sensor}; if that is infrared, the '
                             'ink may reflect it: use a laser printer')
            elif residual.px > _MAX_RESIDUAL_PX:
                found.append(f'the corners of {name} in {sensor} are off by {residual.px:.2f} px; '
                             'hold the board still, keep it flat, and check its measured size')
        if solution.sigma_m(c) > _MAX_SIGMA_M or solution.sigma_deg(c) > _MAX_SIGMA_DEG:
            found.append(
                f'the pose of {name} is uncertain by {1000 * solution.sigma_m(c):.1f} mm and '
                f'{solution.sigma_deg(c):.2f} degrees; add views, with a larger board or nearer')
    return found


def _tilt_deg(solution: Solution, camera: int, views: list[int]) -> float:
    """Return the root of the mean square angle of the board's normals from their mean."""
    normals = np.array([solution.bundle.poses.boards[i].rotation[:, 2] for i in views])
    mean = normals.mean(axis=0)
    cosine = np.clip(normals @ mean / max(float(np.linalg.norm(mean)), 1e-9), -1, 1)
    return math.degrees(math.sqrt(float((np.arccos(cosine) ** 2).mean())))


def _covered(solution: Solution, camera: int, views: list[int]) -> float:
    """Return the larger share of width or height of an image in which there are corners."""
    best = 0.0
    for name, sensor in solution.seen.cameras[camera].sensors.items():
        rays = [corners.rays for i in views
                for corners in solution.seen.views[i][camera].corners if corners.sensor == name]
        if rays:
            joined = np.concatenate(rays)
            pixels, _ = sensor.lens.project(np.column_stack((joined, np.ones(len(joined)))))
            extent = (pixels.max(axis=0) - pixels.min(axis=0)) / (
                sensor.lens.width, sensor.lens.height)
            best = max(best, float(extent.max()))
    return best
