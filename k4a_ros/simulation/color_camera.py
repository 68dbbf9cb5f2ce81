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


"""The simulated color camera, before its controls."""

from __future__ import annotations

from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.simulation.view import AMBIENT
from k4a_ros.simulation.view import Pool
from k4a_ros.simulation.view import Timeline
from k4a_ros.simulation.view import View
import numpy as np
import numpy.typing as npt


class ColorCamera:
    """
    A color camera at one resolution.

    :param mount: from its frame to the depth camera's.
    :param compiled: whether to use numba; by default where it is installed.
    """

    def __init__(
        self, timeline: Timeline, lens: Intrinsics, mount: RigidTransform,
        compiled: bool | None = None,
    ) -> None:
        self._view = View(timeline, lens, mount, compiled)
        shape = (*self._view.z.shape, 3)
        self._pool = Pool(shape, np.uint8)
        self._still = np.zeros(shape, np.uint8)
        self._paint(self._still, 0)

    def take(self, device_us: int) -> npt.NDArray[np.uint8]:
        """Return the image, (height, width, 3) uint8 blue, green, red."""
        self._view.update(device_us * 1e-6)
        image = self._pool.take()
        if self._view.first:
            np.copyto(image, self._still)
        self._paint(image, self._view.first)
        return image

    def _paint(self, image: npt.NDArray[np.uint8], first: int) -> None:
        """Paint what ``first`` and later shapes show; 0 is all."""
        view = self._view
        for area in view.changed if first else [view.whole]:
            view.draw.paint(
                view.shapes[first:], area, first, view.rx, view.ry, view.z, view.index,
                view.light, AMBIENT, image)
