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
from dataclasses import dataclass
import weakref

from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.capture import Capture
from k4a_ros.images.color_cache import CachedColor
from k4a_ros.images.registration import CameraPair
from k4a_ros.images.registration import ColorToDepth
from k4a_ros.images.registration import Correspondences
from k4a_ros.images.registration import DepthToColor
from k4a_ros.images.registration import ExtraChannel
from k4a_ros.images.warm_up import warm_up_registration
from k4a_ros.jit.lazy import Lazy
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Registration:
    """What registers the images of two cameras; making it takes tenths of a second."""

    correspondences: Correspondences
    to_color: DepthToColor
    to_depth: ColorToDepth

    @classmethod
    def of(
        cls, calibration: FactoryCalibration, config: CameraConfig, occlusion: bool,
    ) -> Registration:
        """
        Prepare for the modes of a camera.

        :param occlusion: see `ColorToDepth`.
        """
        warm_up_registration()
        pair = CameraPair(calibration, config.depth_mode, config.color_resolution)
        return cls(
            Correspondences(pair), DepthToColor(pair), ColorToDepth(pair, occlusion=occlusion))


class RegistrationCache:
    """
    Color, and the images of each camera seen from the other, of one capture after the other.

    Results are buffers that are overwritten by the next capture. One thread only. Captures are not
    kept alive.

    :param colors: gives color images in bgra8.
    :param registration: waited for at the first use.

    ``infrared_wanted`` tells whether `infrared_in_color` will be asked for, so that it is drawn
    along with the depth image.
    """

    def __init__(
        self, config: CameraConfig, colors: CachedColor, registration: Lazy[Registration],
    ) -> None:
        depth_shape, color_shape = config.depth_mode.size[::-1], config.color_resolution.size[::-1]
        self._colors = colors
        #: what everything here but `color` needs
        self.registration = registration
        self._color_in_depth = np.zeros((*depth_shape, 4), np.uint8)
        self._depth_in_color = np.zeros(color_shape, np.uint16)
        self._infrared_in_color = np.zeros(color_shape, np.uint16)
        self.infrared_wanted: Callable[[], bool] = lambda: False
        self._capture: Callable[[], Capture | None] = lambda: None
        self._made: set[str] = set()

    def color(self, capture: Capture) -> npt.NDArray[np.uint8]:
        """Return the color image, (height, width, 4) uint8 blue, green, red, alpha."""
        return self._colors.of(capture)

    def depth_in_color(self, capture: Capture) -> npt.NDArray[np.uint16]:
        """Return the depth image of the color camera, uint16 millimeters, 0 for none."""
        def make() -> None:
            if self.infrared_wanted() and capture.ir is not None:
                self.infrared_in_color(capture)
                return
            self.registration.result().to_color.into(
                self._corresponding(capture), self._depth_in_color)

        self._once('depth in color', capture, make)
        return self._depth_in_color

    def infrared_in_color(self, capture: Capture) -> npt.NDArray[np.uint16]:
        """Return the infrared image of the color camera, interpolated, uint16, 0 for none."""
        def make() -> None:
            assert capture.ir is not None
            self.registration.result().to_color.into(
                self._corresponding(capture), self._depth_in_color,
                wide=ExtraChannel(capture.ir.data, self._infrared_in_color, linear=True))
            self._made.add('depth in color')

        self._once('infrared in color', capture, make)
        return self._infrared_in_color

    def color_in_depth(self, capture: Capture) -> npt.NDArray[np.uint8]:
        """Return the colors of the depth camera's pixels, as `color`; 0 for none."""
        def make() -> None:
            self.registration.result().to_depth.into(
                self._corresponding(capture), self.color(capture), self._color_in_depth)

        self._once('color in depth', capture, make)
        return self._color_in_depth

    def _corresponding(self, capture: Capture) -> Correspondences:
        def make() -> None:
            assert capture.depth is not None
            self.registration.result().correspondences.update(capture.depth.data)

        self._once('correspondences', capture, make)
        return self.registration.result().correspondences

    def _once(self, name: str, capture: Capture, make: Callable[[], None]) -> None:
        """Make something of a capture, unless it has been made."""
        if capture is not self._capture():
            self._capture = weakref.ref(capture)
            self._made.clear()
        if name not in self._made:
            make()
            self._made.add(name)
