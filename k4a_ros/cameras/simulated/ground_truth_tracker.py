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


"""A body tracker for the simulated camera that reports the true poses of the people."""

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

#: a joint is visible if it is at most this far behind the surface at its pixel: joints of the
#: trunk are 115 mm below the surface, which may be seen at an angle
_MAX_DEPTH_BEHIND_SURFACE_MM = 180.0
#: offsets of the pixels in which the surface is looked up, as single ones may be invalid
_NEIGHBORHOOD = np.array([(x, y) for y in (-1, 0, 1) for x in (-1, 0, 1)])


class GroundTruthEstimator:
    """
    Returns the true poses, for `k4a_ros.body.queued_tracker.QueuedTracker`.

    A frame contains every person with at least one visible pixel. A person's id is the index in
    the scene plus 1, so a person who comes back into view has the same id as before. A joint
    outside the image has confidence NONE, an occluded joint (also by the person's own body) LOW,
    and any other MEDIUM.

    :param sensor: sensors of the simulated camera.
    :param sensor_us: converts the device timestamp of an image to sensor time, microseconds.
    :raises BodyTrackingError: the camera streams no depth images.
    """

    def __init__(
        self, sensor: Sensor, sensor_us: Callable[[int], int], calibration: FactoryCalibration,
        config: CameraConfig,
    ) -> None:
        if not config.depth:
            raise BodyTrackingError(
                f'cannot track bodies with {config}: the tracker needs depth images; set '
                'depth_mode to NFOV_UNBINNED or WFOV_2X2BINNED')
        self._sensor = sensor
        self._sensor_us = sensor_us
        self._lens = calibration.depth(config.depth_mode)

    def estimate(self, images: BodyInput) -> BodyFrame:
        """Return the people at the time of the images."""
        time = self._sensor_us(images.device_us)
        index_map = self._sensor.body_index(time)
        pixel_counts = np.bincount(index_map.reshape(-1), minlength=BACKGROUND + 1)
        persons = self._sensor.truth(time).persons
        visible = [index for index in range(len(persons)) if pixel_counts[index]]
        if len(visible) < len(persons):
            new_indices = np.full(BACKGROUND + 1, BACKGROUND, np.uint8)
            new_indices[visible] = range(len(visible))
            index_map = new_indices[index_map]
        return BodyFrame(
            images.device_us,
            tuple(self._body(persons[index], images.depth) for index in visible), index_map)

    def set_smoothing(self, factor: float) -> None:
        """Ignore the factor: ground truth is not smoothed."""

    def close(self) -> None:
        """Do nothing: the camera belongs to the caller."""

    def _body(self, person: PersonTruth, depth: npt.NDArray[np.uint16]) -> Body:
        return Body(
            person.body_id, person.positions.astype(np.float32),
            person.orientations.astype(np.float32), self._confidences(person, depth))

    def _confidences(
        self, person: PersonTruth, depth: npt.NDArray[np.uint16],
    ) -> npt.NDArray[np.uint8]:
        """Return the confidences of the joints, from the depth image around each."""
        height, width = depth.shape
        pixels, valid = self._lens.project(person.positions)
        pixels = np.rint(np.where(valid[:, None], pixels, -1)).astype(np.int64)
        in_image = valid & (pixels >= 0).all(axis=1) & (pixels < (width, height)).all(axis=1)
        x, y = np.moveaxis(pixels[:, None] + _NEIGHBORHOOD, -1, 0)
        surface = depth[y.clip(0, height - 1), x.clip(0, width - 1)]
        behind = 1000 * person.positions[:, 2:] - surface
        visible = ((surface > 0) & (behind < _MAX_DEPTH_BEHIND_SURFACE_MM)).any(axis=1)
        return np.where(
            in_image, np.where(visible, Confidence.MEDIUM, Confidence.LOW), Confidence.NONE,
        ).astype(np.uint8)


class GroundTruthBackend:
    """Opens the camera's ground-truth tracker; see `k4a_ros.body.backend.TrackerBackend`."""

    model_suffix = ''

    def check(self, options: TrackerOptions) -> None:
        """Do nothing: `open_tracker` checks whether the camera has ground truth."""

    def open_tracker(self, camera: TrackedCamera, options: TrackerOptions) -> BodyTracker:
        """Open the tracker of the camera."""
        return camera.open_ground_truth_tracker()
