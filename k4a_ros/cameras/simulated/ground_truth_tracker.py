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


"""The people that a simulated camera sees, as they truly are."""

from __future__ import annotations

from collections.abc import Callable

from k4a_ros.body.backend import TrackedCamera
from k4a_ros.body.options import TrackerOptions
from k4a_ros.body.tracker import BACKGROUND
from k4a_ros.body.tracker import Body
from k4a_ros.body.tracker import BodyFrame
from k4a_ros.body.tracker import BodyInput
from k4a_ros.body.tracker import BodyTracker
from k4a_ros.body.tracker import Confidence
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.errors import BodyTrackingError
from k4a_ros.simulation.sensor import Sensor
from k4a_ros.simulation.truth import PersonTruth
import numpy as np
import numpy.typing as npt

#: how far behind the surface that its pixel shows a joint can be and belong to it, millimeters:
#: the trunk's are 115 inside of it, and it may be seen aslant
_INSIDE = 180.0
#: pixels around the joint's own that are looked at as well, as single ones may be invalid
_AROUND = np.array([(x, y) for y in (-1, 0, 1) for x in (-1, 0, 1)])


class GroundTruthEstimator:
    """
    Tells where the people of the simulation are, for `k4a_ros.body.queued_tracker.QueuedTracker`.

    Everybody of whom a pixel is seen is there, by his place in the scene, counted from 1; somebody
    who comes back has the same number as before. A joint outside of the image has confidence NONE,
    one that is hidden, be it by the person's own body, LOW, and others MEDIUM.

    :param sensor: the sensors of the simulated camera.
    :param sensor_us: converts the device time of an image to the sensor's time, microseconds.
    :raises BodyTrackingError: the camera streams no depth images.
    """

    def __init__(
        self, sensor: Sensor, sensor_us: Callable[[int], int], calibration: FactoryCalibration,
        config: CameraConfig,
    ) -> None:
        if not config.depth:
            raise BodyTrackingError(
                f'cannot track bodies, which needs depth images, in {config}: set '
                'depth_mode to NFOV_UNBINNED or WFOV_2X2BINNED')
        self._sensor = sensor
        self._sensor_us = sensor_us
        self._lens = calibration.depth(config.depth_mode)

    def estimate(self, images: BodyInput) -> BodyFrame:
        """Return the people at the time of the images."""
        time = self._sensor_us(images.device_us)
        index_map = self._sensor.body_index(time)
        seen = np.bincount(index_map.reshape(-1), minlength=BACKGROUND + 1)
        persons = self._sensor.truth(time).persons
        shown = [index for index in range(len(persons)) if seen[index]]
        if len(shown) < len(persons):
            places = np.full(BACKGROUND + 1, BACKGROUND, np.uint8)
            places[shown] = range(len(shown))
            index_map = places[index_map]
        return BodyFrame(
            images.device_us,
            tuple(self._body(persons[index], images.depth) for index in shown), index_map)

    def set_smoothing(self, factor: float) -> None:
        """Do nothing: the truth is not smoothed."""

    def close(self) -> None:
        """Do nothing: the camera is its owner's."""

    def _body(self, person: PersonTruth, depth: npt.NDArray[np.uint16]) -> Body:
        return Body(
            person.body_id, person.positions.astype(np.float32),
            person.orientations.astype(np.float32), self._confidences(person, depth))

    def _confidences(
        self, person: PersonTruth, depth: npt.NDArray[np.uint16],
    ) -> npt.NDArray[np.uint8]:
        height, width = depth.shape
        pixels, valid = self._lens.project(person.positions)
        pixels = np.rint(np.where(valid[:, None], pixels, -1)).astype(np.int64)
        inside = valid & (pixels >= 0).all(axis=1) & (pixels < (width, height)).all(axis=1)
        x, y = np.moveaxis(pixels[:, None] + _AROUND, -1, 0)
        around = depth[y.clip(0, height - 1), x.clip(0, width - 1)]
        behind = 1000 * person.positions[:, 2:] - around
        found = ((around > 0) & (behind < _INSIDE)).any(axis=1)
        return np.where(
            inside, np.where(found, Confidence.MEDIUM, Confidence.LOW), Confidence.NONE,
        ).astype(np.uint8)


class GroundTruthBackend:
    """Asks the camera for the true poses; see `k4a_ros.body.backend.TrackerBackend`."""

    model_suffix = ''

    def check(self, options: TrackerOptions) -> None:
        """Do nothing: whether the camera knows the poses is checked when it is open."""

    def open_tracker(self, camera: TrackedCamera, options: TrackerOptions) -> BodyTracker:
        """Open the camera's own tracker."""
        return camera.open_ground_truth_tracker()
