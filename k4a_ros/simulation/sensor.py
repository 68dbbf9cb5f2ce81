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


"""The sensors of an Azure Kinect in a simulated scene."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.rigid_transform import quaternions
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import CalibrationError
from k4a_ros.simulation.color_camera import ColorCamera
from k4a_ros.simulation.depth_camera import DepthCamera
from k4a_ros.simulation.inertial import InertialSensors
from k4a_ros.simulation.scene import Scene
from k4a_ros.simulation.truth import PersonTruth
from k4a_ros.simulation.truth import Truth
from k4a_ros.simulation.view import Timeline
import numpy as np
import numpy.typing as npt


class Sensor:
    """
    The sensors of one camera in a scene.

    All results are functions of the device time: calls may come in any order, and with the same
    seed, scene and calibration the same time gives the same bytes. Device time 0 is scene time 0.
    One thread at a time may call ``depth_and_ir``, another ``color``, another ``imu``, and another
    ``truth`` and ``body_index``. Returned arrays are not overwritten as long as there is a
    reference to them.

    :param config: depth mode and color resolution; formats and rates are ignored.
    :param seed: seed of the noise.
    :param noise: False disables the random and systematic errors of depth, infrared and inertial
        values, but not the invalidation of pixels.
    :raises CalibrationError: the calibration cannot be used.
    """

    def __init__(
        self, scene: Scene, calibration: FactoryCalibration, config: CameraConfig, *,
        seed: int = 0, noise: bool = True,
    ) -> None:
        timeline = Timeline(scene)
        self.scene = scene
        self._from_color = calibration.depth_to_color.normalized().inverse()
        self._inertial = InertialSensors(scene.camera, calibration, seed, noise)
        self._depth: DepthCamera | None = None
        self._color: ColorCamera | None = None
        with ThreadPoolExecutor(1) as other:  # each draws its background, without the GIL
            if config.color_resolution is not ColorResolution.OFF:
                color = other.submit(
                    ColorCamera, timeline, calibration.color(config.color_resolution),
                    self._from_color)
            if config.depth_mode is not DepthMode.OFF:
                self._depth = DepthCamera(
                    timeline, calibration.depth(config.depth_mode), config.depth_mode, seed, noise)
            if config.color_resolution is not ColorResolution.OFF:
                self._color = color.result()

    def depth_and_ir(
        self, device_us: int,
    ) -> tuple[npt.NDArray[np.uint16] | None, npt.NDArray[np.uint16] | None]:
        """
        Return the depth and infrared images.

        :param device_us: center of exposure.
        :return: (height, width) uint16 each: depth in millimeters, 0 for invalid; infrared under
            active illumination, 65535 for saturated. In PASSIVE_IR depth is None, and infrared
            shows ambient light. Both are None if the depth camera is OFF.
        """
        return (None, None) if self._depth is None else self._depth.render(device_us)

    def color(self, device_us: int, exposure_us: float = 0.0) -> npt.NDArray[np.uint8]:
        """
        Return the color image without the effects of exposure, white balance and other controls.

        :param device_us: center of exposure.
        :param exposure_us: exposure time; ignored, since motion blur is not modeled.
        :return: (height, width, 3) uint8 blue, green, red.
        :raises CalibrationError: the color camera is OFF.
        """
        if self._color is None:
            raise CalibrationError(
                'cannot render a color image: the color camera of the simulation is OFF')
        return self._color.render(device_us)

    def imu(self, from_us: int, to_us: int) -> ImuSamples:
        """
        Return the inertial samples with from_us <= t < to_us, possibly none.

        Sample k is at k * 600.24 microseconds (1666 Hz), rounded down, for any interval.
        """
        return self._inertial.samples(from_us, to_us)

    def truth(self, device_us: int) -> Truth:
        """Return the ground truth at a time."""
        time = device_us * 1e-6
        depth = self.scene.camera.depth_camera(time)
        to_depth = depth.inverse()
        persons = []
        for index, person in enumerate(self.scene.persons):
            posture = person.at(time)
            persons.append(PersonTruth(
                index + 1, person.name, to_depth.apply(posture.positions), posture.positions,
                quaternions(to_depth.rotation @ posture.axes)))
        return Truth(
            device_us, depth, depth @ self._from_color, self._inertial.accelerometer(time),
            {mover.name: mover.pose(time) for mover in self.scene.movers}
            | {board.name: board.pose(time) for board in self.scene.boards}, tuple(persons))

    def body_index(self, device_us: int) -> npt.NDArray[np.uint8]:
        """
        Return the person that each pixel of the depth camera shows.

        :return: (height, width) uint8: index into ``Truth.persons``, 255 for none and for pixels
            outside the illuminated area.
        :raises CalibrationError: the depth camera is OFF.
        """
        if self._depth is None:
            raise CalibrationError(
                'cannot render a body index map: the depth camera of the simulation is OFF')
        return self._depth.body_index(device_us)
