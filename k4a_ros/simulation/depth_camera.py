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


"""The simulated depth camera: what it sees, and the signal that comes from it."""

from __future__ import annotations

from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.camera_config import DepthMode
from k4a_ros.simulation import response
from k4a_ros.simulation.scene import NOBODY
from k4a_ros.simulation.view import AMBIENT
from k4a_ros.simulation.view import Area
from k4a_ros.simulation.view import Pool
from k4a_ros.simulation.view import Timeline
from k4a_ros.simulation.view import View
import numpy as np
import numpy.typing as npt


class DepthCamera:
    """
    A depth camera in one mode.

    :param compiled: whether to use numba; by default where it is installed.
    """

    def __init__(
        self, timeline: Timeline, lens: Intrinsics, mode: DepthMode, seed: int, noise: bool,
        compiled: bool | None = None,
    ) -> None:
        self._view = view = View(timeline, lens, RigidTransform.identity(), compiled)
        # whom it sees is asked for by another thread
        self._bodies = (timeline, lens, RigidTransform.identity(), compiled, (view.rx, view.ry))
        self._bodies_view: View | None = None
        self._mode = mode
        self._response = response.response(mode)
        self._noise = response.Noise(seed, view.z.size)
        self._photons = np.float32(response.PHOTONS if noise else 0.0)
        self._wave = response.systematic(seed) if noise else np.array([0.0, 1.0, 0.0])
        self._lit = response.illuminated(mode, view.rx, view.ry)
        shape = view.z.shape
        self._amplitude, self._z, self._sigma = (np.zeros(shape, np.float32) for _ in range(3))
        self._images = (self._amplitude, self._z, self._sigma)
        self._pools = (Pool(shape, np.uint16), Pool(shape, np.uint16))
        self._see(view.whole, 0)
        self._measure(view.whole, 0)
        self._still = tuple(image.copy() for image in self._images)

    def take(
        self, device_us: int,
    ) -> tuple[npt.NDArray[np.uint16] | None, npt.NDArray[np.uint16]]:
        """Return depth, or None in PASSIVE_IR, and infrared."""
        view = self._view
        view.update(device_us * 1e-6)
        for area in view.before:
            rows = self._grown(area)
            part = np.s_[rows[0]:rows[1], rows[2]:rows[3]]
            for image, still in zip(self._images, self._still, strict=True):
                image[part] = still[part]
        for area in view.changed:
            self._see(area, view.first)
        for area in view.changed:
            self._measure(self._grown(area), view.first)
        depth, infrared = (pool.take() for pool in self._pools)
        with_depth = self._mode.has_depth
        view.draw.develop(
            self._z.reshape(-1), self._sigma.reshape(-1), self._amplitude.reshape(-1),
            *self._noise.of(device_us), self._photons,
            np.float32(self._response.least), np.float32(response.SATURATION),
            depth.reshape(-1)[:depth.size if with_depth else 0], infrared.reshape(-1))
        return depth if with_depth else None, infrared

    def body_index(self, device_us: int) -> npt.NDArray[np.uint8]:
        """Return which person every pixel shows, 255 for nobody."""
        if self._bodies_view is None:
            self._bodies_view = View(*self._bodies)
        self._bodies_view.update(device_us * 1e-6)
        people = self._bodies_view.owner_map()
        people[~self._lit] = NOBODY
        return people

    def _see(self, area: Area, first: int) -> None:
        """Compute the amplitude of what ``first`` and later shapes show, within the light."""
        view = self._view
        view.draw.illuminate(
            view.shapes[first:], area, first, view.rx, view.ry, view.z, view.index, view.light,
            AMBIENT, self._response.active, self._response.passive, self._lit, self._amplitude)

    def _measure(self, area: Area, first: int) -> None:
        """Compute how well what is in an area can be measured."""
        if self._mode.has_depth:
            self._view.draw.measure(
                area, first or -1, self._view.index, self._view.z, self._amplitude, self._lit,
                response.JUMP, self._response.floor, self._response.shot, self._wave, self._z,
                self._sigma)

    def _grown(self, area: Area) -> Area:
        """Return an area with one more pixel around: those next to an edge are invalid too."""
        height, width = self._lit.shape
        return (max(area[0] - 1, 0), min(area[1] + 1, height),
                max(area[2] - 1, 0), min(area[3] + 1, width))
