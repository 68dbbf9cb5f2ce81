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

"""Captures of a camera that is mounted turned, with images that are turned upright on demand."""

from __future__ import annotations

from dataclasses import replace

from k4a_ros.calibration.rotation import upright_image
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.capture import LazyImage


def upright_capture(capture: Capture, rotation: int) -> Capture:
    """
    Return a capture with upright depth and infrared images.

    The color image stays as it is, because it may be compressed: see `ColorCache`.

    :param rotation: of the camera, see `k4a_ros.calibration.rotation`; with 0, the result is the
        capture itself.
    """
    if not rotation:
        return capture
    return replace(
        capture, depth=_upright(capture.depth, rotation), ir=_upright(capture.ir, rotation))


def _upright(image: Image | None, rotation: int) -> Image | None:
    return image and LazyImage.of(
        lambda: upright_image(image.data, rotation), image.device_us, image.host_ns)
