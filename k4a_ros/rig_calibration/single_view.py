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

"""The pose of a board from one camera alone, and where its depth image shows the board."""

from __future__ import annotations

from typing import Any

import cv2
from k4a_ros.calibration.charuco_board import CharucoBoard
from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.rig_calibration.observations import CameraModel
from k4a_ros.rig_calibration.observations import Corners
from k4a_ros.rig_calibration.observations import Floats
from k4a_ros.rig_calibration.observations import INFRARED
from k4a_ros.rig_calibration.observations import PlanePoints
from k4a_ros.rig_calibration.observations import Sighting
import numpy as np
import numpy.typing as npt

#: a second pose is kept if its error is less than this times that of the first: a small board that
#: is seen frontally may be tilted to either side
_AMBIGUOUS = 4.0
#: error of a pose, pixels, beyond which the corners are not those of this board
MAX_ERROR_PX = 6.0
#: part of a square, from its center, in which depth is averaged
_INNER = 0.28
_MIN_PIXELS = 4
#: least fraction of these pixels with depth
_MIN_VALID = 0.8
_MIN_CELLS = 4
#: least standard deviation of the mean depth of a square: black and white differ by this, and the
#: systematic error changes by it within a board
_MIN_SIGMA_M = 0.003
_NEAREST_M = 0.05


def residuals_px(board: CharucoBoard, corners: Corners, pose: RigidTransform) -> Floats:
    """
    Return how far corners are from where a pose has them, (N, 2) pixels; NaN if behind.

    :param pose: of the board in the frame of the sensor.
    """
    points = pose.apply(board.corners[corners.ids])
    z = np.where(points[:, 2] > _NEAREST_M, points[:, 2], np.nan)
    difference = points[:, :2] / z[:, np.newaxis] - corners.rays
    pixels: Floats = np.einsum('nij,nj->ni', corners.px_per_ray, difference)
    return pixels


def error_px(
    board: CharucoBoard, camera: CameraModel, sighting: Sighting, pose: RigidTransform,
) -> float:
    """
    Return the median distance of the corners in all images from where a pose has them, pixels.

    :param pose: of the board in camera_base.
    """
    distances = np.concatenate([
        np.linalg.norm(residuals_px(
            board, corners, camera.sensors[corners.sensor].from_base @ pose), axis=1)
        for corners in sighting.corners])
    return float(np.median(np.where(np.isnan(distances), np.inf, distances)))


def poses(board: CharucoBoard, camera: CameraModel, sighting: Sighting) -> list[RigidTransform]:
    """
    Return the poses of the board in camera_base that fit what a camera sees, the best first.

    Collins and Bartoli, "Infinitesimal plane-based pose estimation", 2014, in OpenCV.
    """
    found: list[tuple[float, RigidTransform]] = []
    for corners in sighting.corners:
        to_base = camera.sensors[corners.sensor].from_base.inverse()
        for pose in plane_poses(board.corners[corners.ids], corners.rays):
            in_base = to_base @ pose
            error = error_px(board, camera, sighting, in_base)
            if error <= MAX_ERROR_PX:
                found.append((error, in_base))
    found.sort(key=lambda item: item[0])
    return [pose for error, pose in found if error <= max(_AMBIGUOUS * found[0][0], 0.5)]


def plane_poses(points: Floats, rays: Floats) -> list[RigidTransform]:
    """
    Return the one or two poses of points in a plane.

    :param points: (N, 3), of which z is 0.
    :param rays: (N, 2), x/z and y/z.
    """
    if len(points) < 4:
        return []
    # the origin in the middle, for accuracy
    middle = points.mean(axis=0)
    try:
        count, rotations, translations, _ = cv2.solvePnPGeneric(
            points - middle, rays.reshape(-1, 1, 2), np.eye(3), np.zeros(4),
            flags=cv2.SOLVEPNP_IPPE)
    except cv2.error:
        return []
    result = []
    for i in range(count):
        vector: Any = rotations[i]
        rotation = np.asarray(cv2.Rodrigues(vector)[0])
        if np.isfinite(rotation).all() and np.isfinite(translations[i]).all():
            result.append(RigidTransform(rotation, translations[i].ravel() - rotation @ middle))
    return result


def plane_points(
    board: CharucoBoard, camera: CameraModel, pose: RigidTransform,
    depth_mm: npt.NDArray[Any],
) -> PlanePoints | None:
    """
    Return where a depth image has the squares of the board.

    :param pose: of the board in camera_base.
    :param depth_mm: (height, width), 0 for invalid.
    :return: None if it shows too few of them.
    """
    sensor = camera.sensors[INFRARED]
    in_depth = sensor.from_base @ pose
    points, sigmas = [], []
    inner = _INNER * board.square_m
    outline = np.array([(-inner, -inner, 0), (inner, -inner, 0), (inner, inner, 0),
                        (-inner, inner, 0)])
    centers = np.concatenate(
        (board.square_centers(black=True), board.square_centers(black=False)))
    pixels, valid = sensor.lens.project(
        in_depth.apply(centers[:, np.newaxis] + outline).reshape(-1, 3))
    for corners, inside in zip(
            pixels.reshape(-1, 4, 2), np.all(valid.reshape(-1, 4), axis=1), strict=True):
        measured = _mean_point(sensor.lens, corners, depth_mm) if inside else None
        if measured is not None:
            points.append(measured[0])
            sigmas.append(measured[1])
    if len(points) < _MIN_CELLS:
        return None
    return PlanePoints(sensor.from_base.inverse().apply(np.array(points)), np.array(sigmas))


def _mean_point(
    lens: Intrinsics, outline: Floats, depth_mm: npt.NDArray[Any],
) -> tuple[Floats, float] | None:
    """Return the mean of the points in a small rectangle of pixels, and its deviation."""
    left, top = np.ceil(outline.min(axis=0)).astype(int)
    right, bottom = np.floor(outline.max(axis=0)).astype(int) + 1
    if left < 0 or top < 0 or right > lens.width or bottom > lens.height:
        return None
    window = depth_mm[top:bottom, left:right]
    known = window > 0
    if known.sum() < _MIN_PIXELS or known.mean() < _MIN_VALID:
        return None
    rays = lens.rays()[top:bottom, left:right][known].astype(np.float64)
    z = window[known] * 1e-3
    # what noise leaves of the differences from a plane through the rectangle
    inverse = np.column_stack((rays, np.ones(len(rays))))
    fit, *_ = np.linalg.lstsq(inverse, 1.0 / z, rcond=None)
    spread = float(np.std(z - 1.0 / (inverse @ fit)))
    mean = np.array([*(rays * z[:, np.newaxis]).mean(axis=0), z.mean()])
    return mean, max(spread / np.sqrt(len(z)), _MIN_SIGMA_M)
