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

"""What cameras around a ChArUco board would see, computed without images."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
from k4a_ros.calibration.charuco_board import CharucoBoard
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.calibration.rigid_transform import rotation_x
from k4a_ros.calibration.rigid_transform import rotation_y
from k4a_ros.calibration.rigid_transform import rotation_z
from k4a_ros.calibration.tf_frames import BODY_FROM_OPTICAL
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.rig_calibration.detection import Detection
from k4a_ros.rig_calibration.observations import CameraModel
from k4a_ros.rig_calibration.observations import Corners
from k4a_ros.rig_calibration.observations import INFRARED
from k4a_ros.rig_calibration.observations import Observations
from k4a_ros.rig_calibration.observations import PlanePoints
from k4a_ros.rig_calibration.observations import Sighting
import numpy as np

NOMINAL = FactoryCalibration.from_raw(nominal_calibration())
CONFIG = CameraConfig.of_modes(DepthMode.NFOV_UNBINNED, ColorResolution.R720P)
BOARD = CharucoBoard(square_m=0.08)
#: cosine of the angle beyond which a board is not detected
_MIN_COSINE = 0.4


def models(count: int) -> tuple[CameraModel, ...]:
    """Return cameras with nominal lenses, named a, b, c and so on."""
    return tuple(CameraModel.of(chr(ord('a') + i), NOMINAL, CONFIG) for i in range(count))


def looking_at(position: Sequence[float], target: Sequence[float]) -> RigidTransform:
    """Return the pose of camera_base that looks from a position to a target, axes of REP 103."""
    x, y, z = np.subtract(target, position)
    yaw, pitch = np.arctan2(y, x), np.arctan2(-z, np.hypot(x, y))
    return RigidTransform(rotation_z(yaw) @ rotation_y(pitch), np.array(position, float))


def arc(count: int, step_deg: float = 45.0, radius: float = 1.5) -> list[RigidTransform]:
    """Return the poses of cameras on an arc around the origin, at different heights."""
    angles = np.radians(step_deg) * np.arange(count)
    return [looking_at((-radius * np.cos(a), -radius * np.sin(a), 0.3 * (i % 2)), (0, 0, 0))
            for i, a in enumerate(angles)]


def facing(camera: RigidTransform, seed: int) -> RigidTransform:
    """Return a pose of the board near the origin that faces a camera, more or less."""
    rng = np.random.default_rng(seed)
    optical = camera.rotation @ BODY_FROM_OPTICAL
    tilt = (rotation_x(rng.uniform(-0.5, 0.5)) @ rotation_y(rng.uniform(-0.5, 0.5))
            @ rotation_z(rng.uniform(-1, 1)))
    rotation = optical @ tilt
    width, height = BOARD.size_m
    center = rng.uniform(-0.25, 0.25, 3)
    return RigidTransform(rotation, center - rotation @ (width / 2, height / 2, 0.0))


def seen(
    cameras: Sequence[RigidTransform], boards: Sequence[RigidTransform], *, noise_px: float = 0.0,
    depth_noise_m: float | None = None, seed: int = 0,
) -> Observations:
    """
    Return what cameras see of boards in front of them.

    :param depth_noise_m: of the depth of a square; None for cameras without depth.
    """
    rng = np.random.default_rng(seed)
    all_models = models(len(cameras))
    views = []
    for board in boards:
        view = {}
        for i, (model, camera) in enumerate(zip(all_models, cameras, strict=True)):
            in_base = camera.inverse() @ board
            corners = []
            for name, sensor in model.sensors.items():
                pose = sensor.from_base @ in_base
                points = pose.apply(BOARD.corners)
                pixels, valid = sensor.lens.project(points)
                valid &= ((pixels > 3) & (pixels < (sensor.lens.width - 4,
                                                    sensor.lens.height - 4))).all(axis=1)
                toward = points[0] / np.linalg.norm(points[0])
                if valid.sum() >= 8 and pose.rotation[:, 2] @ toward > _MIN_COSINE:
                    noisy = pixels + rng.normal(0, noise_px or 1e-9, pixels.shape)
                    corners.append(Corners.of(name, sensor.lens, Detection(
                        np.flatnonzero(valid), noisy[valid])))
            if corners:
                plane = None
                if depth_noise_m is not None and corners[-1].sensor == INFRARED:
                    centers = in_base.apply(BOARD.square_centers(black=True))
                    centers *= 1 + rng.normal(0, depth_noise_m, (len(centers), 1)) / (
                        np.linalg.norm(centers, axis=1, keepdims=True))
                    plane = PlanePoints(centers, np.full(len(centers), depth_noise_m))
                view[i] = Sighting(tuple(corners), plane)
        if view:
            views.append(view)
    return Observations(all_models, tuple(views))


def drawn(board: CharucoBoard, to_pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """
    Return a smooth image of a board, (height, width) uint8.

    :param to_pixels: (2, 3), from meters on the board to pixels, whose centers are integers.
    """
    fine = 8
    back = cv2.invertAffineTransform(to_pixels)
    image = np.full((size[1] * fine, size[0] * fine), 230, np.uint8)
    for left, top, right, bottom in board.black_rectangles():
        corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
        ends = ((corners @ to_pixels[:, :2].T + to_pixels[:, 2]) + 0.5) * fine
        (x0, y0), (x1, y1) = (np.clip(ends.min(axis=0).astype(int) - 1, 0, None),
                              np.clip(ends.max(axis=0).astype(int) + 2, 0, image.shape[::-1]))
        x, y = np.meshgrid((np.arange(x0, x1) + 0.5) / fine - 0.5,
                           (np.arange(y0, y1) + 0.5) / fine - 0.5)
        u = back[0, 0] * x + back[0, 1] * y + back[0, 2]
        v = back[1, 0] * x + back[1, 1] * y + back[1, 2]
        image[y0:y1, x0:x1][(u >= left) & (u < right) & (v >= top) & (v < bottom)] = 25
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
