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

"""The simulated color camera, without the effects of its controls."""

from __future__ import annotations

from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.simulation.array_pool import ArrayPool
from k4a_ros.simulation.view import AMBIENT
from k4a_ros.simulation.view import Timeline
from k4a_ros.simulation.view import View
import numpy as np
import numpy.typing as npt


class ColorCamera:
    """
    A color camera at one resolution.

    :param mount: transform from its frame to the depth camera's.
    :param compiled: whether to use numba; default: if it is installed.
    """

    def __init__(
        self, timeline: Timeline, lens: Intrinsics, mount: RigidTransform,
        compiled: bool | None = None,
    ) -> None:
        self._view = View(timeline, lens, mount, compiled)
        shape = (*self._view.z.shape, 3)
        self._pool = ArrayPool(shape, np.uint8)
        self._static_image = np.zeros(shape, np.uint8)
        self._paint(self._static_image, 0)

    def render(self, device_us: int) -> npt.NDArray[np.uint8]:
        """Return the image at a time, (height, width, 3) uint8 blue, green, red."""
        self._view.update(device_us * 1e-6)
        image = self._pool.take()
        if self._view.first_moving:
            np.copyto(image, self._static_image)
        self._paint(image, self._view.first_moving)
        return image

    def _paint(self, image: npt.NDArray[np.uint8], first: int) -> None:
        """Paint the pixels that show shapes from row ``first`` on; 0 paints all pixels."""
        view = self._view
        for area in view.changed if first else [view.full_area]:
            view.kernels.paint(
                view.shapes[first:], area, first, view.rx, view.ry, view.z, view.index,
                view.light, AMBIENT, image)
