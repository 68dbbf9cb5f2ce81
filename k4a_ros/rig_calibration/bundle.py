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

"""
Poses of cameras and boards that fit all corners and depths at once, by least squares.

Triggs et al., "Bundle adjustment: a modern synthesis", 2000. A corner depends on the pose of its
camera and on that of the board only through the one relative to the other, so that each pair of
camera and view contributes the same 6x6 matrix, with both signs, to the normal equations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import math

import cv2
from k4a_ros.calibration.charuco_board import CharucoBoard
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.rig_calibration.graph import Poses
from k4a_ros.rig_calibration.observations import Corners
from k4a_ros.rig_calibration.observations import Floats
from k4a_ros.rig_calibration.observations import Observations
from k4a_ros.rig_calibration.observations import PlanePoints
from k4a_ros.rig_calibration.single_view import residuals_px
import numpy as np

#: residuals of this many standard deviations have half the weight (Cauchy's loss)
_CAUCHY = 3.0
_MAX_ITERATIONS = 60
#: relative decrease of the cost at which iteration ends
_STOP = 1e-9
#: error that all depths of a board have in common: offset, meters (the specification allows 11 mm
#: + 0.1 %), and share of the differences of depth; both change with the distance
_DEPTH_OFFSET_M, _DEPTH_SCALE = 0.005, 0.02
#: standard deviation of corners by sensor, pixels, before it is known, and the least
_FIRST_SIGMA_PX, _MIN_SIGMA_PX = 0.3, 0.02
_ROUNDS = 3


@dataclass(frozen=True)
class Bundle:
    """
    The result.

    ``poses`` in the frame of the first camera. ``covariances`` (6, 6) of each camera: rotation
    vector about its own position, radians, and position, meters, in the frame of the first
    camera, whose own is 0. ``sigma_px`` is the standard deviation of corners by sensor.
    """

    poses: Poses
    covariances: tuple[Floats, ...]
    sigma_px: Mapping[str, float]


def adjust(
    board: CharucoBoard, seen: Observations, start: Poses, *, depth: bool = True,
) -> Bundle:
    """
    Return the poses that fit best.

    :param start: first poses; only the views that it has are used.
    :param depth: whether to use the depths of the board.
    """
    sigma = {name: _FIRST_SIGMA_PX for camera in seen.cameras for name in camera.sensors}
    poses = start
    for _ in range(_ROUNDS):
        problem = _Problem(board, seen, sigma, depth)
        poses, normal = problem.solve(poses)
        sigma = _spread(board, seen, poses, sigma)
    return Bundle(poses, _covariances(normal, poses), sigma)


def _spread(
    board: CharucoBoard, seen: Observations, poses: Poses, sigma: Mapping[str, float],
) -> dict[str, float]:
    """Return the standard deviation of the corners of each sensor, despite outliers."""
    found = dict(sigma)
    for name in sigma:
        values = [
            residuals_px(board, corners, seen.cameras[c].sensors[name].from_base
                         @ poses.cameras[c].inverse() @ pose).ravel()
            for i, pose in poses.boards.items() for c, sighting in seen.views[i].items()
            for corners in sighting.corners if corners.sensor == name]
        if values:
            found[name] = max(1.4826 * float(np.nanmedian(np.abs(np.concatenate(values)))),
                              _MIN_SIGMA_PX)
    return found


class _Problem:
    """Normal equations and cost for given standard deviations."""

    def __init__(
        self, board: CharucoBoard, seen: Observations, sigma: Mapping[str, float], depth: bool,
    ) -> None:
        self._board, self._seen, self._sigma, self._depth = board, seen, sigma, depth
        self._whitening = {
            (i, c): _whitening(sighting.plane)
            for i, view in enumerate(seen.views) for c, sighting in view.items()
            if sighting.plane is not None}

    def solve(self, poses: Poses) -> tuple[Poses, Floats]:
        """Return the poses of least cost, and the normal matrix there (Marquardt, 1963)."""
        damping = 1e-4
        cost, normal, gradient = self._linearize(poses)
        for _ in range(_MAX_ITERATIONS):
            scaled = normal + damping * np.diag(np.maximum(normal.diagonal(), 1e-9))
            try:
                step = np.asarray(np.linalg.solve(scaled, -gradient), np.float64)
                trial = _moved(poses, step)
            except np.linalg.LinAlgError:
                damping *= 10
                continue
            new_cost, new_normal, new_gradient = self._linearize(trial)
            if not new_cost < cost:
                damping *= 10
                if damping > 1e8:
                    break
                continue
            finished = cost - new_cost < _STOP * cost
            poses, cost, normal, gradient = trial, new_cost, new_normal, new_gradient
            damping = max(damping / 10, 1e-12)
            if finished:
                break
        return poses, normal

    def _linearize(self, poses: Poses) -> tuple[float, Floats, Floats]:
        """Return cost, normal matrix and gradient for all cameras but the first, and boards."""
        cameras = len(poses.cameras) - 1
        size = 6 * (cameras + len(poses.boards))
        normal, gradient, cost = np.zeros((size, size)), np.zeros(size), 0.0
        for row, (i, board) in enumerate(poses.boards.items()):
            at_board = slice(6 * (cameras + row), 6 * (cameras + row) + 6)
            for camera, sighting in self._seen.views[i].items():
                pair = np.zeros((6, 6))
                slope = np.zeros(6)
                for corners in sighting.corners:
                    cost += self._add_corners(
                        corners, camera, poses.cameras[camera], board, pair, slope)
                if self._depth and sighting.plane is not None:
                    cost += self._add_plane(
                        sighting.plane, self._whitening[i, camera], poses.cameras[camera], board,
                        pair, slope)
                normal[at_board, at_board] += pair
                gradient[at_board] += slope
                if camera:
                    at = slice(6 * camera - 6, 6 * camera)
                    normal[at, at] += pair
                    gradient[at] -= slope
                    normal[at, at_board] -= pair
                    normal[at_board, at] -= pair
        return cost, normal, gradient

    def _add_corners(
        self, corners: Corners, camera: int, pose: RigidTransform, board: RigidTransform,
        pair: Floats, slope: Floats,
    ) -> float:
        sensor = self._seen.cameras[camera].sensors[corners.sensor]
        world = board.apply(self._board.corners[corners.ids])
        to_sensor = sensor.from_base @ pose.inverse()
        x, y, z = to_sensor.apply(world).T
        if (z < 1e-3).any():
            return math.inf
        residual = np.einsum('nij,nj->ni', corners.px_per_ray,
                             np.stack((x / z, y / z), axis=1) - corners.rays)
        of_ray = np.zeros((len(z), 2, 3))
        of_ray[:, 0, 0] = of_ray[:, 1, 1] = 1 / z
        of_ray[:, 0, 2], of_ray[:, 1, 2] = -x / z ** 2, -y / z ** 2
        of_pose = corners.px_per_ray @ of_ray @ to_sensor.rotation @ _motion(world)
        sigma = self._sigma[corners.sensor]
        return _add(residual / sigma, of_pose / sigma, pair, slope)

    def _add_plane(
        self, plane: PlanePoints, whitening: Floats, pose: RigidTransform, board: RigidTransform,
        pair: Floats, slope: Floats,
    ) -> float:
        world = pose.apply(plane.points)
        normal = board.rotation[:, 2]
        residual = whitening @ ((world - board.translation) @ normal)
        of_pose = -whitening @ (normal @ _motion(world))
        return _add(residual[:, np.newaxis], of_pose[:, np.newaxis], pair, slope)


def _add(residual: Floats, of_pose: Floats, pair: Floats, slope: Floats) -> float:
    """
    Add residuals to normal matrix and gradient, in place; return their cost.

    :param residual: (N, K), in standard deviations; each row is one measurement.
    :param of_pose: (N, K, 6): change with the pose of the board.
    """
    squared = (residual ** 2).sum(axis=1)
    weight = 1.0 / (1.0 + squared / _CAUCHY ** 2)
    weighted = of_pose * weight[:, np.newaxis, np.newaxis]
    pair += np.einsum('nki,nkj->ij', weighted, of_pose)
    slope += np.einsum('nki,nk->i', weighted, residual)
    return float(_CAUCHY ** 2 * np.log1p(squared / _CAUCHY ** 2).sum())


def _motion(points: Floats) -> Floats:
    """Return the change (N, 3, 6) of points with rotation vector and translation."""
    change = np.zeros((len(points), 3, 6))
    x, y, z = points.T
    change[:, 0, 1], change[:, 0, 2] = z, -y
    change[:, 1, 0], change[:, 1, 2] = -z, x
    change[:, 2, 0], change[:, 2, 1] = y, -x
    change[:, :, 3:] = np.eye(3)
    return change


def _whitening(plane: PlanePoints) -> Floats:
    """Return the matrix (N, N) that makes the errors of depths independent, of variance 1."""
    distance = np.linalg.norm(plane.points, axis=1)
    along = _DEPTH_SCALE * (distance - distance.mean())
    covariance = (np.diag(plane.sigma_m ** 2) + _DEPTH_OFFSET_M ** 2 + np.outer(along, along))
    return np.asarray(np.linalg.inv(np.linalg.cholesky(covariance)))


def _moved(poses: Poses, step: Floats) -> Poses:
    """Return poses after a step of the unknowns."""
    steps = [_step(values) for values in step.reshape(-1, 6)]
    count = len(poses.cameras) - 1
    cameras = (poses.cameras[0], *(
        move @ pose for move, pose in zip(steps[:count], poses.cameras[1:], strict=True)))
    boards = {i: (move @ pose).normalized() for move, (i, pose) in zip(
        steps[count:], poses.boards.items(), strict=True)}
    return Poses(tuple(pose.normalized() for pose in cameras), boards)


def _step(values: Floats) -> RigidTransform:
    return RigidTransform(np.asarray(cv2.Rodrigues(values[:3])[0]), values[3:])


def _covariances(normal: Floats, poses: Poses) -> tuple[Floats, ...]:
    inverse = np.linalg.pinv(normal, hermitian=True)
    result: list[Floats] = [np.zeros((6, 6))]
    for i, pose in enumerate(poses.cameras[1:]):
        change = np.eye(6)
        change[3:] = _motion(pose.translation[np.newaxis])[0]
        part = inverse[6 * i:6 * i + 6, 6 * i:6 * i + 6]
        result.append(change @ part @ change.T)
    return tuple(result)
