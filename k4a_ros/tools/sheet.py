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

"""Render depth, infrared, color and point cloud into one picture, a contact sheet."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]

#: width and height of an image in the sheet, pixels
_TILE_SIZE = (640, 480)
#: height of the line of text above an image, pixels
_TITLE_HEIGHT = 34
# BGR
_TEXT_COLOR = (235, 235, 235)
_LABEL_COLOR = (150, 150, 150)
_GRID_COLOR = (60, 56, 52)
_BACKGROUND = (28, 26, 24)
_CAMERA_COLOR = (80, 80, 255)


def depth_picture(depth_m: npt.NDArray[np.float32]) -> Picture:
    """
    Color a depth image from red (near) to blue (far); invalid pixels are black.

    :param depth_m: (H, W) float32 meters; 0 or NaN if invalid.
    :return: (H, W, 3) uint8 BGR.
    """
    valid = np.isfinite(depth_m) & (depth_m > 0)
    if not valid.any():
        return np.zeros((*depth_m.shape, 3), np.uint8)
    near, far = np.percentile(depth_m[valid], [1, 99])
    scaled = np.clip((far - np.where(valid, depth_m, far)) / max(far - near, 1e-3), 0, 1)
    picture = cv2.applyColorMap((scaled * 255).astype(np.uint8), cv2.COLORMAP_TURBO)
    picture[~valid] = 0
    return np.asarray(picture)


def ir_picture(ir: npt.NDArray[np.uint16] | npt.NDArray[np.uint8]) -> Picture:
    """
    Convert an infrared image to BGR, with its dark parts brightened.

    :param ir: (H, W).
    :return: (H, W, 3) uint8 BGR.
    """
    white = float(np.percentile(ir, 97)) or 1.0
    gray = (np.sqrt(np.clip(ir / white, 0, 1)) * 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR))


def cloud_picture(points: npt.NDArray[np.float32], size: tuple[int, int]) -> Picture:
    """
    Draw a point cloud from its right side: the camera is on the left, and looks right.

    :param points: (N, 3) meters, in an optical frame (x right, y down, z forward); NaN allowed.
    :param size: width and height of the picture, pixels.
    :return: (height, width, 3) uint8 BGR, with a grid line every meter.
    """
    width, height = size
    picture = np.full((height, width, 3), _BACKGROUND, np.uint8)
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        return picture
    max_z = float(np.percentile(points[:, 2], 99.5)) * 1.05
    scale = min((width - 60) / max_z, (height - 20) / 3.0)
    median_y = float(np.median(points[:, 1]))
    left, center = 40, height / 2 - median_y * scale
    for meter in range(int(max_z) + 1):
        x = int(left + meter * scale)
        cv2.line(picture, (x, 0), (x, height), _GRID_COLOR, 1)
        cv2.putText(picture, f'{meter} m', (x + 3, height - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.4,
                    _LABEL_COLOR, 1, cv2.LINE_AA)
    u = (left + points[:, 2] * scale).astype(int)
    v = (center + points[:, 1] * scale).astype(int)
    inside = (u >= 0) & (u < width) & (v >= 0) & (v < height)
    order = np.argsort(points[inside, 0])  # draw points near the viewer last
    shade = np.clip((points[inside, 0][order] + 1.0) / 2.0 * 255, 0, 255).astype(np.uint8)
    colors = cv2.applyColorMap(shade[:, None], cv2.COLORMAP_VIRIDIS)[:, 0]
    picture[v[inside][order], u[inside][order]] = colors
    cv2.circle(picture, (left, int(center)), 5, _CAMERA_COLOR, -1, cv2.LINE_AA)
    return picture


def contact_sheet(pictures: dict[str, Picture | None], title: str) -> Picture:
    """
    Arrange pictures in two columns, each below its name.

    :param pictures: BGR uint8 images of any size by name; None if there is no message.
    :return: (height, width, 3) uint8 BGR.
    """
    tiles = [_tile(name, picture) for name, picture in pictures.items()]
    if len(tiles) % 2:
        tiles.append(np.full_like(tiles[0], _BACKGROUND))
    rows = [np.hstack(tiles[i:i + 2]) for i in range(0, len(tiles), 2)]
    header = np.full((_TITLE_HEIGHT, rows[0].shape[1], 3), _BACKGROUND, np.uint8)
    cv2.putText(header, title, (10, 23), cv2.FONT_HERSHEY_SIMPLEX, 0.55, _TEXT_COLOR, 1,
                cv2.LINE_AA)
    return np.vstack([header, *rows])


def _tile(name: str, picture: Picture | None) -> Picture:
    width, height = _TILE_SIZE
    tile = np.full((height + _TITLE_HEIGHT, width, 3), _BACKGROUND, np.uint8)
    label = name if picture is not None else f'{name}: no message'
    cv2.putText(tile, label, (10, 23), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _TEXT_COLOR, 1, cv2.LINE_AA)
    if picture is not None:
        scale = min(width / picture.shape[1], height / picture.shape[0])
        size = (int(picture.shape[1] * scale), int(picture.shape[0] * scale))
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
        x, y = (width - size[0]) // 2, _TITLE_HEIGHT + (height - size[1]) // 2
        tile[y:y + size[1], x:x + size[0]] = cv2.resize(picture, size, interpolation=method)
    return tile
