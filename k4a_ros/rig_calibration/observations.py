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

"""What cameras have seen of a board, in the form in which the poses are computed from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field

from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.calibration.tf_frames import CAMERA_BASE
from k4a_ros.calibration.tf_frames import DEPTH_CAMERA
from k4a_ros.calibration.tf_frames import RGB_CAMERA
from k4a_ros.calibration.tf_frames import transform_between
from k4a_ros.camera_config import CameraConfig
from k4a_ros.rig_calibration.detection import Detection
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: names of the sensors
COLOR, INFRARED = 'color', 'infrared'
_STEP = 1e-5


@dataclass(frozen=True)
class Sensor:
    """
    A lens, and where it is.

    :param lens: of the images in which boards are detected.
    :param from_base: transform of points from camera_base to the optical frame.
    """

    lens: Intrinsics
    from_base: RigidTransform


@dataclass(frozen=True)
class CameraModel:
    """A camera of the rig: its name and its sensors by name, `COLOR` and `INFRARED`."""

    name: str
    sensors: Mapping[str, Sensor]

    @classmethod
    def of(
        cls, name: str, calibration: FactoryCalibration, config: CameraConfig,
    ) -> CameraModel:
        """Return the model of a camera in the modes of a configuration."""
        sensors = {}
        if config.color:
            sensors[COLOR] = Sensor(
                calibration.color(config.color_resolution),
                transform_between(calibration, CAMERA_BASE, RGB_CAMERA))
        if config.ir:
            sensors[INFRARED] = Sensor(
                calibration.depth(config.depth_mode),
                transform_between(calibration, CAMERA_BASE, DEPTH_CAMERA))
        return cls(name, sensors)


@dataclass(frozen=True, eq=False)
class Corners:
    """
    Corners of the board in one image.

    ``ids`` (N,) int64; ``rays`` (N, 2): x/z and y/z in the frame of the sensor; ``px_per_ray``
    (N, 2, 2): change of the pixel with the ray.
    """

    sensor: str
    ids: npt.NDArray[np.int64]
    rays: Floats
    px_per_ray: Floats

    @classmethod
    def of(cls, name: str, lens: Intrinsics, detection: Detection) -> Corners:
        """
        Return the corners of a detection, without those for which the lens has no ray.

        :param name: of the sensor.
        """
        rays, valid = lens.unproject(detection.pixels)
        ids, rays = detection.ids[valid], np.asarray(rays[valid], np.float64)
        change = np.empty((len(ids), 2, 2))
        for axis in (0, 1):
            step = np.zeros(2)
            step[axis] = _STEP
            ends = [lens.project(np.column_stack((rays + sign * step, np.ones(len(ids)))))[0]
                    for sign in (-1, 1)]
            change[:, :, axis] = (ends[1] - ends[0]) / (2 * _STEP)
        good = np.isfinite(change).all(axis=(1, 2))
        return cls(name, ids[good], rays[good], change[good])


@dataclass(frozen=True, eq=False)
class PlanePoints:
    """
    Where the depth camera measures the board.

    ``points`` (N, 3) in camera_base, meters; ``sigma_m`` (N,): standard deviation of each along
    its ray, without what all have in common.
    """

    points: Floats
    sigma_m: Floats


@dataclass(frozen=True, eq=False)
class Sighting:
    """What one camera has seen of the board at one place of it: corners by sensor, and depth."""

    corners: tuple[Corners, ...]
    plane: PlanePoints | None = None

    @property
    def count(self) -> int:
        """Return the number of corners."""
        return sum(len(corners.ids) for corners in self.corners)


@dataclass(frozen=True, eq=False)
class Observations:
    """
    All that the cameras have seen.

    ``views`` has for each place of the board what each camera, by its index, has seen.
    """

    cameras: tuple[CameraModel, ...]
    views: tuple[Mapping[int, Sighting], ...] = field(default_factory=tuple)

    def views_of(self, *cameras: int) -> list[int]:
        """Return the indices of the views in which all of these cameras see the board."""
        return [i for i, view in enumerate(self.views) if all(c in view for c in cameras)]
