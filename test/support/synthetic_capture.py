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

"""A noise-free simulated capture, and ground truth for registering its images."""

from __future__ import annotations

from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.images.registration import CameraPair
from k4a_ros.images.registration import ColorToDepth
from k4a_ros.images.registration import Correspondences
from k4a_ros.images.registration import DepthToColor
from k4a_ros.images.registration import ExtraChannel
from k4a_ros.jit import numba_jit
from k4a_ros.simulation.motion import CameraPath
from k4a_ros.simulation.scene import Scene
from k4a_ros.simulation.sensor import Sensor
from k4a_ros.simulation.shapes import Material
from k4a_ros.simulation.shapes import Plane
from k4a_ros.simulation.shapes import sphere
from k4a_ros.simulation.view import Timeline
from k4a_ros.simulation.view import View
import numpy as np
import pytest

NOMINAL = FactoryCalibration.from_raw(nominal_calibration())
#: pose of the depth camera in the scene
POSE = CameraPath().depth_camera(0.0)
#: a slanted wall, and a ball well in front of it
SCENE = Scene((
    Plane(tuple(POSE.apply([0.0, 0.0, 2.2])), tuple(POSE.rotation @ [0.2, 0.1, -1.0]),
          Material((0.8, 0.8, 0.8))),
    sphere(tuple(POSE.apply([0.05, 0.0, 1.0])), 0.25, Material((0.2, 0.4, 0.9)))))
#: modes with small images
SMALL = (DepthMode.NFOV_2X2BINNED, ColorResolution.R720P)

NEEDS_NUMBA = pytest.mark.skipif(not numba_jit.AVAILABLE, reason='numba is not installed')
#: values of ``compiled`` to parametrize a test with
COMPILED = [pytest.param(True, marks=NEEDS_NUMBA), False]


class SyntheticCapture:
    """
    A capture of a scene without noise, and its registered images.

    ``depth`` and ``infrared`` are those of the scene; ``color`` (height, width, 4) is random.
    """

    def __init__(
        self, mode: DepthMode, resolution: ColorResolution, scene: Scene = SCENE,
    ) -> None:
        self.scene = scene
        self.pair = CameraPair(NOMINAL, mode, resolution)
        sensor = Sensor(scene, NOMINAL, CameraConfig.of_modes(mode, ColorResolution.OFF),
                        noise=False)
        self.depth, self.infrared = sensor.depth_and_ir(0)
        self.color_lens = NOMINAL.color(resolution)
        rng = np.random.default_rng(1)
        self.color = rng.integers(0, 256, (*self.pair.color_shape, 4), np.uint8)
        self.color[..., 3] = 255

    def points(self) -> np.ndarray:
        """Return the depth pixels in the color camera's frame, (height, width, 3) meters."""
        z = np.where(self.depth > 0, self.depth / 1000.0, np.nan)
        points = np.stack((self.pair.rays[..., 0] * z, self.pair.rays[..., 1] * z, z), axis=-1)
        return NOMINAL.depth_to_color.apply(points)

    def true_depth(self) -> np.ndarray:
        """Return the true depth of the color camera, meters, inf for no surface."""
        from_color = NOMINAL.depth_to_color.normalized().inverse()
        view = View(Timeline(self.scene), self.color_lens, from_color)
        view.update(0.0)
        return view.z

    def correspondences(self, compiled: bool = numba_jit.AVAILABLE) -> Correspondences:
        """Return the correspondences of the depth image."""
        correspondences = Correspondences(self.pair, compiled=compiled)
        correspondences.update(self.depth)
        return correspondences

    def depth_in_color(
        self, compiled: bool = numba_jit.AVAILABLE, **extra: ExtraChannel,
    ) -> np.ndarray:
        """Return the depth image warped to the color camera."""
        out = np.full(self.pair.color_shape, 12345, np.uint16)
        DepthToColor(self.pair, compiled=compiled).warp(
            self.correspondences(compiled), out, **extra)
        return out

    def color_in_depth(
        self, compiled: bool = numba_jit.AVAILABLE, occlusion: bool = False, channels: int = 4,
    ) -> np.ndarray:
        """Return the color image warped to the depth camera."""
        out = np.full((*self.pair.depth_shape, channels), 99, np.uint8)
        ColorToDepth(self.pair, occlusion=occlusion, compiled=compiled).warp(
            self.correspondences(compiled), np.ascontiguousarray(self.color[..., :channels]), out)
        return out
