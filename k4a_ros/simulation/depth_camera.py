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

"""The simulated depth camera: illumination, measurement, and the images that result."""

from __future__ import annotations

from k4a_ros.body.tracker import BACKGROUND
from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.camera_config import DepthMode
from k4a_ros.simulation import response
from k4a_ros.simulation.array_pool import ArrayPool
from k4a_ros.simulation.view import AMBIENT
from k4a_ros.simulation.view import Area
from k4a_ros.simulation.view import Timeline
from k4a_ros.simulation.view import View
import numpy as np
import numpy.typing as npt


class DepthCamera:
    """
    A depth camera in one mode.

    ``render`` and ``body_index`` may be called by different threads.

    :param seed: seed of the noise.
    :param noise: whether images have random and systematic errors.
    :param compiled: whether to use numba; default: if it is installed.
    """

    def __init__(
        self, timeline: Timeline, lens: Intrinsics, mode: DepthMode, seed: int, noise: bool,
        compiled: bool | None = None,
    ) -> None:
        self._view = view = View(timeline, lens, RigidTransform.identity(), compiled)
        # body_index has a view of its own, created on demand, because another thread calls it
        self._body_view_arguments = (
            timeline, lens, RigidTransform.identity(), compiled, (view.rx, view.ry))
        self._body_view: View | None = None
        self._mode = mode
        self._response = response.response_of(mode)
        self._noise = response.Noise(seed, view.z.size)
        self._amplitude_variance = np.float32(response.VARIANCE_PER_AMPLITUDE if noise else 0.0)
        self._wave = response.systematic_error(seed) if noise else np.array([0.0, 1.0, 0.0])
        self._lit = response.illumination_mask(mode, view.rx, view.ry)
        shape = view.z.shape
        self._amplitude, self._z, self._sigma = (np.zeros(shape, np.float32) for _ in range(3))
        self._buffers = (self._amplitude, self._z, self._sigma)
        self._pools = (ArrayPool(shape, np.uint16), ArrayPool(shape, np.uint16))
        self._illuminate(view.full_area, 0)
        self._measure(view.full_area, 0)
        self._static_buffers = tuple(buffer.copy() for buffer in self._buffers)

    def render(
        self, device_us: int,
    ) -> tuple[npt.NDArray[np.uint16] | None, npt.NDArray[np.uint16]]:
        """Return the depth image, None in PASSIVE_IR, and the infrared image at a time."""
        view = self._view
        view.update(device_us * 1e-6)
        for area in view.previously_changed:
            rows = self._expanded(area)
            part = np.s_[rows[0]:rows[1], rows[2]:rows[3]]
            for buffer, static in zip(self._buffers, self._static_buffers, strict=True):
                buffer[part] = static[part]
        for area in view.changed:
            self._illuminate(area, view.first_moving)
        for area in view.changed:
            self._measure(self._expanded(area), view.first_moving)
        depth, infrared = (pool.take() for pool in self._pools)
        with_depth = self._mode.has_depth
        view.kernels.develop(
            self._z.reshape(-1), self._sigma.reshape(-1), self._amplitude.reshape(-1),
            *self._noise.at(device_us), self._amplitude_variance,
            np.float32(self._response.min_amplitude), np.float32(response.SATURATION),
            depth.reshape(-1)[:depth.size if with_depth else 0], infrared.reshape(-1))
        return depth if with_depth else None, infrared

    def body_index(self, device_us: int) -> npt.NDArray[np.uint8]:
        """Return the person index of each pixel at a time, BACKGROUND for none or unlit."""
        if self._body_view is None:
            self._body_view = View(*self._body_view_arguments)
        self._body_view.update(device_us * 1e-6)
        index_map = self._body_view.body_index_map()
        index_map[~self._lit] = BACKGROUND
        return index_map

    def _illuminate(self, area: Area, first: int) -> None:
        """Compute the amplitude of pixels that show shapes from row ``first`` on."""
        view = self._view
        view.kernels.illuminate(
            view.shapes[first:], area, first, view.rx, view.ry, view.z, view.index, view.light,
            AMBIENT, self._response.active, self._response.passive, self._lit, self._amplitude)

    def _measure(self, area: Area, first: int) -> None:
        """Compute depth and standard deviation of the pixels in an area."""
        if self._mode.has_depth:
            self._view.kernels.measure(
                area, first or -1, self._view.index, self._view.z, self._amplitude, self._lit,
                response.MAX_BEND, self._response.sigma_floor, self._response.shot_noise,
                self._wave, self._z, self._sigma)

    def _expanded(self, area: Area) -> Area:
        """Return an area expanded by one pixel: those next to an edge become invalid, too."""
        height, width = self._lit.shape
        return (max(area[0] - 1, 0), min(area[1] + 1, height),
                max(area[2] - 1, 0), min(area[3] + 1, width))
