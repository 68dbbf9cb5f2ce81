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
Selection of the image of a capture that a topic gets its stamp from.

Captures without it are skipped. Most topics are rendered from this image; registered images may
also get the stamp of the image that they are registered to.
"""

from __future__ import annotations

from collections.abc import Callable

from k4a_ros.capture import Capture
from k4a_ros.capture import Image

Source = Callable[[Capture], Image | None]


def depth(capture: Capture) -> Image | None:
    """Return the depth image."""
    return capture.depth


def infrared(capture: Capture) -> Image | None:
    """Return the infrared image."""
    return capture.ir


def color(capture: Capture) -> Image | None:
    """Return the color image."""
    return capture.color


def depth_with_color(capture: Capture) -> Image | None:
    """Return the depth image; None if the capture has no color image."""
    return capture.depth if capture.color is not None else None


def depth_with_infrared(capture: Capture) -> Image | None:
    """Return the depth image; None if the capture has no infrared image."""
    return capture.depth if capture.ir is not None else None


def color_with_depth(capture: Capture) -> Image | None:
    """Return the color image; None if the capture has no depth image."""
    return capture.color if capture.depth is not None else None


def registered_depth(*, as_target: bool) -> Source:
    """
    Return the source of depth images that are registered to the color camera.

    :param as_target: they get the stamp of the color image.
    """
    return color_with_depth if as_target else depth_with_color


def color_with_depth_and_infrared(capture: Capture) -> Image | None:
    """Return the color image; None if the capture has no depth or no infrared image."""
    return color_with_depth(capture) if capture.ir is not None else None


def infrared_with_depth(capture: Capture) -> Image | None:
    """Return the infrared image; None if the capture has no depth image."""
    return capture.ir if capture.depth is not None else None
