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

"""Crop one person out of the infrared image: upright, centered and without lens distortion."""

from __future__ import annotations

from dataclasses import dataclass
import math

import cv2
from k4a_ros.body.landmarks.pose_2d.blazepose import INPUT_SIZE
from k4a_ros.body.landmarks.vectors import perpendicular_part
from k4a_ros.body.landmarks.vectors import unit
from k4a_ros.calibration.lens import Intrinsics
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]
Map = npt.NDArray[np.float32]


@dataclass(frozen=True)
class _RegionSize:
    """How much of the scene a crop shows around a person."""

    #: Side of the crop per diameter of the circle around the body. mediapipe takes 1.25
    #: (modules/pose_landmark/pose_landmarks_to_roi.pbtxt, RectTransformationCalculator); a smaller
    #: margin makes people larger in the crop, and joints more precise.
    margin: float = 1.15
    min_radius_m: float = 0.6
    max_radius_m: float = 1.7


_REGION_SIZE = _RegionSize()
#: pixels of the crop between two nodes of the grid on which the lens is evaluated
_GRID_PITCH = 8
#: gray of hidden pixels, 0 to 1
HIDDEN_GRAY = 0.375
#: pixels of the image per pixel of the crop from which on the image is halved before sampling
_MIN_REDUCTION = 1.6
#: Length of the projection of a unit vector onto the image plane below which it gives no
#: direction there.
_MIN_PROJECTION = 0.2


@dataclass(frozen=True, eq=False)
class Region:
    """
    A region of interest in space, which one crop shows.

    ``center`` (3,): meters, in the depth camera's frame; ``radius``: meters from the center to
    each side of the crop; ``roll``: radians, clockwise, by which the crop's up direction is turned
    from the world's.
    """

    center: Vectors
    radius: float
    roll: float = 0.0


class CropView:
    """
    A virtual pinhole camera at the position of the depth camera that looks at a region.

    Its image is the crop, with (0, 0) at the outer corner of the first pixel.

    :param up: unit vector in the depth camera's frame.
    """

    def __init__(self, region: Region, up: Vectors) -> None:
        distance = float(np.linalg.norm(region.center))
        forward = region.center / distance
        # seen from straight above or below, the world's down has no direction in the crop, but
        # the camera's has, or what is ahead of the camera
        downs = (perpendicular_part(down, forward) for down in (-up, *np.eye(3)[1:]))
        down = unit(next(
            (down for down in downs if np.linalg.norm(down) > _MIN_PROJECTION), np.zeros(3)))
        right = np.cross(down, forward)
        c, s = math.cos(region.roll), math.sin(region.roll)
        self.region = region
        self._distance = distance
        #: right, down and forward of the crop as columns, in the depth camera's frame
        self.rotation: Vectors = np.stack(
            (c * right + s * down, c * down - s * right, forward), axis=1)
        #: focal length, pixels
        self.focal = INPUT_SIZE / 2 * distance / region.radius
        #: scale at the center of the region
        self.pixels_per_meter = INPUT_SIZE / 2 / region.radius

    def project(self, points: Vectors) -> Vectors:
        """Return the pixels (N, 2) of points (N, 3) in the depth camera's frame, meters."""
        in_view = points @ self.rotation
        pixels: Vectors = (
            in_view[:, :2] / np.maximum(in_view[:, 2:], 1e-3) * self.focal + INPUT_SIZE / 2)
        return pixels

    def rays(self, pixels: npt.ArrayLike) -> Vectors:
        """Return the viewing rays of pixels (..., 2): (..., 3) in the depth camera's frame."""
        tangents = (np.asarray(pixels, np.float64) - INPUT_SIZE / 2) / self.focal
        rays: Vectors = (
            tangents @ self.rotation[:, :2].T + self.rotation[:, 2])
        return rays

    def region_of_circle(self, center: npt.ArrayLike, top: npt.ArrayLike) -> Region:
        """
        Return the region around a body, from the circle around it in this crop.

        :param center: (2,) pixels, center of the circle.
        :param top: (2,) pixels, the point of the circle in the direction of the head.
        """
        x, y = np.subtract(top, center, dtype=np.float64)
        radius = math.hypot(x, y) * _REGION_SIZE.margin / self.focal * self._distance
        radius = min(max(radius, _REGION_SIZE.min_radius_m), _REGION_SIZE.max_radius_m)
        ray = self.rays(center)
        region_center = ray / np.linalg.norm(ray) * self._distance
        turn = math.atan2(x, -y)
        return Region(region_center, radius, _wrapped(self.region.roll + turn))

    def sampling_maps(self, lens: Intrinsics) -> tuple[Map, Map]:
        """Return the column and row (256, 256) in the camera's image of each pixel of the crop."""
        nodes = np.arange(0, INPUT_SIZE + 1, _GRID_PITCH, dtype=np.float64)
        grid = np.stack(np.meshgrid(nodes, nodes), axis=-1)
        pixels, valid = lens.project(self.rays(grid))
        pixels[~valid] = -1e4
        return _interpolated(pixels[..., 0]), _interpolated(pixels[..., 1])


def sample(image: npt.NDArray[np.uint16], maps: tuple[Map, Map]) -> npt.NDArray[np.uint16]:
    """
    Return the pixels (256, 256) of a crop.

    :param maps: from ``CropView.sampling_maps``.
    """
    x, y = maps
    # close to the camera, a pixel of the crop covers several of the image: average them
    if float(x[INPUT_SIZE // 2, -1] - x[INPUT_SIZE // 2, 0]) > _MIN_REDUCTION * INPUT_SIZE:
        half = image.shape[1] // 2, image.shape[0] // 2
        image = np.asarray(cv2.resize(image, half, interpolation=cv2.INTER_AREA), np.uint16)
        x, y = (x - np.float32(0.5)) / np.float32(2), (y - np.float32(0.5)) / np.float32(2)
    return np.asarray(cv2.remap(image, x, y, cv2.INTER_LINEAR), np.uint16)


def crop_image(
    infrared: npt.NDArray[np.uint16], hidden: npt.NDArray[np.uint8], white: float,
    maps: tuple[Map, Map], step: int,
) -> npt.NDArray[np.float32]:
    """
    Sample the infrared image into a crop for the model: (256, 256) float32, 0 to 1.

    :param infrared: (height, width).
    :param hidden: (height / step, width / step), nonzero where a pixel is to be grayed out, such
        as on other people.
    :param white: infrared value that becomes 1; darker values are brightened by a square root.
    :param maps: from ``CropView.sampling_maps``.
    """
    crop: npt.NDArray[np.float32] = np.sqrt(np.minimum(
        sample(infrared, maps) * np.float32(1 / white), 1))
    x, y = maps
    covered = cv2.remap(
        hidden, x / step, y / step, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT,
        borderValue=(255,))
    crop[covered > 0] = HIDDEN_GRAY
    return crop


def _interpolated(nodes: Vectors) -> Map:
    """Interpolate values at the grid's nodes (33, 33) bilinearly to pixel centers (256, 256)."""
    pitch, half = _GRID_PITCH, _GRID_PITCH // 2
    pixels = cv2.resize(nodes.astype(np.float32), (0, 0), fx=pitch, fy=pitch)
    return np.ascontiguousarray(pixels[half:-half, half:-half], np.float32)


def _wrapped(angle: float) -> float:
    """Return an angle wrapped to -pi to pi, radians."""
    return (angle + math.pi) % (2 * math.pi) - math.pi
