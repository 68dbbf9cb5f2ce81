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


"""Looking at one person through a camera of our own: upright, in the middle, undistorted."""

from __future__ import annotations

from dataclasses import dataclass
import math

import cv2
from k4a_ros.body.landmarks.pose_2d.blazepose import INPUT_SIZE
from k4a_ros.calibration.lens import Intrinsics
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]
Map = npt.NDArray[np.float32]

#: The side of the picture per diameter of the circle around a body. mediapipe takes 1.25
#: (modules/pose_landmark/pose_landmarks_to_roi.pbtxt, RectTransformationCalculator); as little
#: room as this makes people larger, and joints more precise.
_MARGIN = 1.15
#: the same per extent of what is seen of somebody new
_FIRST_MARGIN = 1.25
#: meters from the head down for which there is room at least
_LEAST_SIZE = 1.4
#: meters: radius of a circle around a body
_RADII = (0.6, 1.7)
#: pixels between two nodes of the grid on which the lens is evaluated
_PITCH = 8
#: gray of what is not to be seen, 0 to 1
_GRAY = 0.375


@dataclass(frozen=True, eq=False)
class Region:
    """
    A place to look at.

    ``center`` (3,), meters, in the depth camera's frame; what is seen reaches ``radius`` meters
    from it to each side; ``roll``: radians by which the picture's up is turned to the right of
    the world's up.
    """

    center: Vectors
    radius: float
    roll: float = 0.0


class CropView:
    """
    A pinhole camera at the depth camera's place, which looks at a region.

    :param up: unit vector in the depth camera's frame.
    """

    def __init__(self, region: Region, up: Vectors) -> None:
        distance = float(np.linalg.norm(region.center))
        forward = region.center / distance
        down = -up + (up @ forward) * forward
        length = float(np.linalg.norm(down))
        # from straight above or below there is no up
        down = down / length if length > 0.2 else _any_down(forward)
        right = np.cross(down, forward)
        c, s = math.cos(region.roll), math.sin(region.roll)
        self.region = region
        self._distance = distance
        #: right, down and forward as columns, in the depth camera's frame
        self.rotation: Vectors = np.stack(
            (c * right + s * down, c * down - s * right, forward), axis=1)
        #: pixels per unit of the tangent
        self.focal = INPUT_SIZE / 2 * distance / region.radius
        #: pixels that a meter is at the region's middle
        self.pixels_per_meter = INPUT_SIZE / 2 / region.radius

    def project(self, points: Vectors) -> Vectors:
        """Return the pixels (N, 2) of points (N, 3): (0, 0) is the outer corner of the first."""
        seen = points @ self.rotation
        pixels: Vectors = seen[:, :2] / np.maximum(seen[:, 2:], 1e-3) * self.focal + INPUT_SIZE / 2
        return pixels

    def rays(self, pixels: npt.ArrayLike) -> Vectors:
        """Return the directions of pixels (..., 2) in the depth camera's frame, (..., 3)."""
        tangents = (np.asarray(pixels, np.float64) - INPUT_SIZE / 2) / self.focal
        rays: Vectors = (
            tangents @ self.rotation[:, :2].T + self.rotation[:, 2])
        return rays

    def region_of_circle(self, center: npt.ArrayLike, rim: npt.ArrayLike) -> Region:
        """Return the region of a circle in this picture, whose rim is towards the head."""
        x, y = np.subtract(rim, center, dtype=np.float64)
        radius = math.hypot(x, y) * _MARGIN / self.focal * self._distance
        radius = min(max(radius, _RADII[0]), _RADII[1])
        ray = self.rays(center)
        place = ray / np.linalg.norm(ray) * self._distance
        turn = math.atan2(x, -y)
        return Region(place, radius, _wrapped(self.region.roll + turn))

    def sampling_maps(self, lens: Intrinsics) -> tuple[Map, Map]:
        """Return the columns and rows of the lens's image that this picture's pixels show."""
        nodes = np.arange(0, INPUT_SIZE + 1, _PITCH, dtype=np.float64)
        grid = np.stack(np.meshgrid(nodes, nodes), axis=-1)
        pixels, valid = lens.project(self.rays(grid))
        pixels[~valid] = -1e4
        return _between(pixels[..., 0]), _between(pixels[..., 1])


def region_around(points: Vectors, up: Vectors) -> Region:
    """
    Return the region of somebody of whom points (N, 3) are seen, with a margin.

    Below there is room for what is not seen, so that the model finds its picture of all of a body.
    """
    center = points.mean(axis=0)
    view = CropView(Region(center, 1.0), up)
    pixels = view.project(points)
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    distance = float(np.linalg.norm(center))
    high[1] = max(high[1], low[1] + _LEAST_SIZE * view.focal / distance)
    ray = view.rays((low + high) / 2)
    radius = float((high - low).max()) / 2 / view.focal * distance * _FIRST_MARGIN
    return Region(ray / np.linalg.norm(ray) * distance, radius)


def crop_image(
    infrared: npt.NDArray[np.uint16], hidden: npt.NDArray[np.uint8], white: float,
    maps: tuple[Map, Map], step: int,
) -> npt.NDArray[np.float32]:
    """
    Return what a view shows, as the model takes it: (256, 256) float32, 0 to 1.

    :param infrared: (height, width).
    :param hidden: (height / step, width / step), not 0 where a pixel is not to be seen.
    :param white: infrared that is white; what is darker is brightened by the square root.
    :param maps: of ``CropView.sampling_maps``.
    """
    x, y = maps
    # seen from near there are several pixels for one: look at their mean
    if float(x[INPUT_SIZE // 2, -1] - x[INPUT_SIZE // 2, 0]) > 1.6 * INPUT_SIZE:
        half = infrared.shape[1] // 2, infrared.shape[0] // 2
        smaller = cv2.resize(infrared, half, interpolation=cv2.INTER_AREA)
        seen = cv2.remap(smaller, (x - 0.5) / 2, (y - 0.5) / 2, cv2.INTER_LINEAR)
    else:
        seen = cv2.remap(infrared, x, y, cv2.INTER_LINEAR)
    tone: npt.NDArray[np.float32] = np.sqrt(np.minimum(seen * np.float32(1 / white), 1))
    covered = cv2.remap(
        hidden, x / step, y / step, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT,
        borderValue=(255,))
    tone[covered > 0] = _GRAY
    return tone


def _any_down(forward: Vectors) -> Vectors:
    """Return a unit vector across another: the depth camera's own down, as far as it can be."""
    down = np.array([0.0, 1.0, 0.0]) - forward[1] * forward
    length = float(np.linalg.norm(down))
    return down / length if length > 0.2 else np.array([0.0, 0.0, 1.0])


def _between(nodes: Vectors) -> Map:
    """Return what is linearly between nodes (33, 33), at the middles of the pixels (256, 256)."""
    share = ((np.arange(_PITCH) + 0.5) / _PITCH).astype(np.float32)
    here = nodes.astype(np.float32)
    columns = here[:, :-1, np.newaxis] + share * np.diff(here, axis=1)[..., np.newaxis]
    columns = columns.reshape(len(nodes), 1, INPUT_SIZE)
    result: Map = columns[:-1] + share[:, np.newaxis] * np.diff(columns, axis=0)
    return np.ascontiguousarray(result.reshape(INPUT_SIZE, INPUT_SIZE))


def _wrapped(angle: float) -> float:
    """Return an angle between -pi and pi."""
    return (angle + math.pi) % (2 * math.pi) - math.pi
