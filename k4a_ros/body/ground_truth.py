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

from k4a_ros.body.base import BACKGROUND
from k4a_ros.body.base import Body
from k4a_ros.body.base import BodyFrame
from k4a_ros.body.base import BodyInput
from k4a_ros.body.base import Confidence
from k4a_ros.cameras.base import Camera
from k4a_ros.cameras.simulated.camera import SimulatedCamera
from k4a_ros.errors import BodyTrackingError
from k4a_ros.simulation.sensor import Sensor
from k4a_ros.simulation.truth import PersonTruth
import numpy as np
import numpy.typing as npt

#: how far behind the surface that its pixel shows a joint can be and belong to it, millimetres:
#: the trunk's are 115 inside of it, and it may be seen aslant
_INSIDE = 180.0
#: pixels around the joint's own that are looked at as well, as single ones may be invalid
_AROUND = np.array([(x, y) for y in (-1, 0, 1) for x in (-1, 0, 1)])


class GroundTruthEstimator:
    """
    Tells where the people of the simulation are, for `k4a_ros.body.queued.QueuedTracker`.

    Everybody of whom a pixel is seen is there, by his place in the scene, counted from 1; somebody
    who comes back has the same number as before. A joint outside of the image has confidence NONE,
    one that is hidden, be it by the person's own body, LOW, and others MEDIUM.

    :param camera: that the images come from.
    :raises BodyTrackingError: it is not a simulated one.
    """

    def __init__(self, camera: Camera) -> None:
        if not isinstance(camera, SimulatedCamera) or not isinstance(camera.sensor, Sensor):
            raise BodyTrackingError(
                f'cannot tell where bodies truly are: the camera is a {camera.info.kind}, and '
                'only of a simulated one it is known; set body_tracking_backend to auto')
        if not camera.config.depth:
            raise BodyTrackingError(
                f'cannot track bodies, which needs depth images, in {camera.config}: set '
                'depth_mode to NFOV_UNBINNED or WFOV_2X2BINNED')
        self._camera = camera
        self._sensor = camera.sensor
        self._lens = camera.calibration.depth(camera.config.depth_mode)

    def estimate(self, images: BodyInput) -> BodyFrame:
        """Return the people at the time of the images."""
        time = self._camera.sensor_us(images.device_us)
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
