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

"""Pictures in the color formats of the camera."""

from __future__ import annotations

import cv2
from k4a_ros.camera_config import ColorFormat
import numpy as np


def smooth_picture(size: tuple[int, int]) -> np.ndarray:
    """Return a smooth BGR picture, (height, width, 3), which chroma subsampling hardly changes."""
    x, y = np.meshgrid(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1]))
    return np.stack([60 + 120 * x, 60 + 120 * y, 180 - 120 * x], axis=-1).astype(np.uint8)


def encode(form: ColorFormat, bgr: np.ndarray) -> np.ndarray:
    """Return a BGR picture in a format of the camera; see `k4a_ros.capture.Image`."""
    height, width = bgr.shape[:2]
    if form is ColorFormat.MJPG:
        return np.ravel(cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, 98])[1])
    if form is ColorFormat.BGRA32:
        return cv2.cvtColor(bgr, cv2.COLOR_BGR2BGRA)
    # BT.601, full range
    blue, green, red = np.moveaxis(bgr.astype(float), -1, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    chroma = np.stack([(blue - luma) / 1.772, (red - luma) / 1.402], axis=-1) + 128
    chroma = chroma.reshape(height // 2, 2, width // 2, 2, 2).mean(axis=(1, 3)).reshape(-1, width)
    luma, chroma = (part.round().clip(0, 255).astype(np.uint8) for part in (luma, chroma))
    if form is ColorFormat.NV12:
        return np.vstack([luma, chroma])
    return np.stack([luma, np.repeat(chroma, 2, axis=0)], axis=-1)
