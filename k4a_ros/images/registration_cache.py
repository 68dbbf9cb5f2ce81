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

"""Registered images of the current capture, each computed on demand and only once."""

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
    """What registers the images of two cameras; creating it takes tenths of a second."""

    correspondences: Correspondences
    to_color: DepthToColor
    to_depth: ColorToDepth

    @classmethod
    def from_calibration(
        cls, calibration: FactoryCalibration, config: CameraConfig, *, occlusion: bool,
    ) -> Registration:
        """
        Create the objects for the modes of a camera.

        :param occlusion: see `ColorToDepth`.
        """
        warm_up_registration()
        pair = CameraPair(calibration, config.depth_mode, config.color_resolution)
        return cls(
            Correspondences(pair), DepthToColor(pair), ColorToDepth(pair, occlusion=occlusion))


class RegistrationCache:
    """
    The images of each camera, warped to the other camera, of the current capture.

    Results are buffers that the next capture overwrites. Not thread-safe. Captures are not kept
    alive.

    :param depth_shape: height and width of depth images.
    :param colors: color images in bgra8.
    :param registration: waited for at first use.
    :param depth: returns the depth image of a capture to register, uint16 millimeters.
    :param needs_infrared: called for each capture; whether `infrared_in_color` will be called
        too. If so, `depth_in_color` draws both images in one pass.

    ``registration`` is the argument; all methods but `color` wait for it.
    """

    def __init__(
        self, depth_shape: tuple[int, int], colors: CachedColor,
        registration: Lazy[Registration], depth: Callable[[Capture], npt.NDArray[np.uint16]],
        needs_infrared: Callable[[], bool],
    ) -> None:
        color_shape = colors.shape[:2]
        self.registration = registration
        self._colors = colors
        self._depth = depth
        self._needs_infrared = needs_infrared
        self._color_in_depth = np.zeros((*depth_shape, 4), np.uint8)
        self._depth_in_color = np.zeros(color_shape, np.uint16)
        self._infrared_in_color = np.zeros(color_shape, np.uint16)
        self._capture: Callable[[], Capture | None] = lambda: None
        # names of the results that are those of the current capture
        self._computed: set[str] = set()

    def color(self, capture: Capture) -> npt.NDArray[np.uint8]:
        """Return the color image, (height, width, 4) uint8 blue, green, red, alpha."""
        return self._colors.get(capture)

    def depth_in_color(self, capture: Capture) -> npt.NDArray[np.uint16]:
        """Return depth in the color camera, (height, width) uint16 millimeters, 0 for invalid."""
        def compute() -> None:
            if self._needs_infrared() and capture.ir is not None:
                self.infrared_in_color(capture)
                return
            self.registration.result().to_color.warp(
                self._correspondences(capture), self._depth_in_color)

        self._compute_once('depth in color', capture, compute)
        return self._depth_in_color

    def infrared_in_color(self, capture: Capture) -> npt.NDArray[np.uint16]:
        """Return infrared in the color camera, (height, width) uint16, 0 for invalid."""
        def compute() -> None:
            assert capture.ir is not None
            self.registration.result().to_color.warp(
                self._correspondences(capture), self._depth_in_color,
                extra16=ExtraChannel(capture.ir.data, self._infrared_in_color, linear=True))
            self._computed.add('depth in color')

        self._compute_once('infrared in color', capture, compute)
        return self._infrared_in_color

    def color_in_depth(self, capture: Capture) -> npt.NDArray[np.uint8]:
        """Return color in the depth camera, (height, width, 4) uint8, all 0 for no color."""
        def compute() -> None:
            self.registration.result().to_depth.warp(
                self._correspondences(capture), self.color(capture), self._color_in_depth)

        self._compute_once('color in depth', capture, compute)
        return self._color_in_depth

    def _correspondences(self, capture: Capture) -> Correspondences:
        def compute() -> None:
            self.registration.result().correspondences.update(self._depth(capture))

        self._compute_once('correspondences', capture, compute)
        return self.registration.result().correspondences

    def _compute_once(self, name: str, capture: Capture, compute: Callable[[], None]) -> None:
        """Compute a result, unless it is already that of this capture."""
        if capture is not self._capture():
            self._capture = weakref.ref(capture)
            self._computed.clear()
        if name not in self._computed:
            compute()
            self._computed.add(name)
