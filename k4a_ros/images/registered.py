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

"""What needs both cameras of a capture: computed when it is wanted, and once for each capture."""

from __future__ import annotations

from collections.abc import Callable

from k4a_ros.cameras.base import Camera
from k4a_ros.cameras.base import Capture
from k4a_ros.images.color import ColorConverter
from k4a_ros.images.registration import CameraPair
from k4a_ros.images.registration import ColorToDepth
from k4a_ros.images.registration import Correspondences
from k4a_ros.images.registration import DepthToColor
import numpy as np
import numpy.typing as npt


class RegisteredImages:
    """
    Colour, and the images of each camera seen from the other, of one capture after the other.

    Results are buffers that are overwritten by the next capture. One thread only.

    :param occlusion: see `ColorToDepth`.
    """

    def __init__(self, camera: Camera, occlusion: bool) -> None:
        config = camera.config
        self.pair = CameraPair(camera.calibration, config.depth_mode, config.color_resolution)
        self._converter = ColorConverter(
            config.color_format, config.color_resolution.size, 'bgra8')
        self._correspondences = Correspondences(self.pair)
        self._to_color = DepthToColor(self.pair)
        self._to_depth = ColorToDepth(self.pair, occlusion=occlusion)
        self._color = np.zeros((*self.pair.color_shape, 4), np.uint8)
        self._color_in_depth = np.zeros((*self.pair.depth_shape, 4), np.uint8)
        self._depth_in_color = np.zeros(self.pair.color_shape, np.uint16)
        self._capture: Capture | None = None
        self._made: set[str] = set()

    def color(self, capture: Capture) -> npt.NDArray[np.uint8]:
        """Return the colour image, (height, width, 4) uint8 blue, green, red, alpha."""
        def make() -> None:
            assert capture.color is not None
            self._converter.into(capture.color.data, self._color)

        self._once('color', capture, make)
        return self._color

    def depth_in_color(self, capture: Capture) -> npt.NDArray[np.uint16]:
        """Return the depth image of the colour camera, uint16 millimetres, 0 for none."""
        def make() -> None:
            self._to_color.into(self._corresponding(capture), self._depth_in_color)

        self._once('depth in color', capture, make)
        return self._depth_in_color

    def color_in_depth(self, capture: Capture) -> npt.NDArray[np.uint8]:
        """Return the colours of the depth camera's pixels, as `color`; 0 for none."""
        def make() -> None:
            self._to_depth.into(
                self._corresponding(capture), self.color(capture), self._color_in_depth)

        self._once('color in depth', capture, make)
        return self._color_in_depth

    def _corresponding(self, capture: Capture) -> Correspondences:
        def make() -> None:
            assert capture.depth is not None
            self._correspondences.update(capture.depth.data)

        self._once('correspondences', capture, make)
        return self._correspondences

    def _once(self, name: str, capture: Capture, make: Callable[[], None]) -> None:
        """Make something of a capture, unless it has been made."""
        if capture is not self._capture:
            self._capture = capture
            self._made.clear()
        if name not in self._made:
            make()
            self._made.add(name)
