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

"""Views of a board: the moments in which it is held still, with the means of what is seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field

from k4a_ros.calibration.charuco_board import CharucoBoard
from k4a_ros.rig_calibration.detection import BoardDetector
from k4a_ros.rig_calibration.detection import Detection
from k4a_ros.rig_calibration.detection import Gray
from k4a_ros.rig_calibration.detection import infrared_gray
from k4a_ros.rig_calibration.detection import MIN_CORNERS
from k4a_ros.rig_calibration.observations import CameraModel
from k4a_ros.rig_calibration.observations import COLOR
from k4a_ros.rig_calibration.observations import Corners
from k4a_ros.rig_calibration.observations import INFRARED
from k4a_ros.rig_calibration.observations import Observations
from k4a_ros.rig_calibration.observations import Sighting
from k4a_ros.rig_calibration.single_view import plane_points
from k4a_ros.rig_calibration.single_view import poses
import numpy as np
import numpy.typing as npt

#: a board whose corners have moved farther than this, root of the mean square, pixels, has moved
_STILL_PX = 1.5

_Key = tuple[int, str]


@dataclass(frozen=True, eq=False)
class Frame:
    """
    Images of one camera at one time, None for those that it does not have.

    ``color`` (height, width) uint8; ``infrared`` and ``depth_mm`` (height, width) uint16.
    """

    color: Gray | None = None
    infrared: npt.NDArray[np.uint16] | None = None
    depth_mm: npt.NDArray[np.uint16] | None = None


@dataclass
class _Still:
    """What has been seen since the board is where it is."""

    found: dict[_Key, list[Detection]] = field(default_factory=dict)
    depth_sum: dict[int, npt.NDArray[np.uint32]] = field(default_factory=dict)
    depth_count: dict[int, npt.NDArray[np.uint16]] = field(default_factory=dict)
    moments: int = 0


class ViewCollector:
    """
    Finds the board in the images of all cameras, and keeps the moments in which it is still.

    ``moments`` is the number of times that were examined, ``with_board`` that of those at which a
    camera saw the board.

    :param min_moments: number of consecutive times for which a board must be still.
    """

    def __init__(
        self, board: CharucoBoard, cameras: tuple[CameraModel, ...], min_moments: int = 2,
    ) -> None:
        self._board, self._cameras = board, cameras
        self._min_moments = min_moments
        self._detector = BoardDetector(board)
        self._still = _Still()
        self._views: list[Mapping[int, Sighting]] = []
        self.moments = self.with_board = 0

    def add(self, frames: Mapping[int, Frame]) -> Mapping[_Key, Detection]:
        """
        Examine the images of all cameras at one time.

        :param frames: by the index of the camera.
        :return: what was found, by the index of the camera and the name of the sensor.
        """
        found: dict[_Key, Detection] = {}
        for camera, frame in frames.items():
            for name, gray in ((COLOR, frame.color), (
                    INFRARED, None if frame.infrared is None else infrared_gray(frame.infrared))):
                if gray is not None and name in self._cameras[camera].sensors:
                    detection = self._detector.find(gray)
                    if detection is not None:
                        found[camera, name] = detection
        self.moments += 1
        self.with_board += bool(found)
        if not self._is_where_it_was(found):
            self._finish()
        if found:
            self._keep(found, frames)
        return found

    def observations(self) -> Observations:
        """Return all views so far, with the one that has not ended."""
        self._finish()
        return Observations(self._cameras, tuple(self._views))

    def _is_where_it_was(self, found: Mapping[_Key, Detection]) -> bool:
        common = False
        for key, detection in found.items():
            if key not in self._still.found:
                continue
            first = self._still.found[key][0]
            _, a, b = np.intersect1d(first.ids, detection.ids, return_indices=True)
            if len(a):
                moved = first.pixels[a] - detection.pixels[b]
                if np.sqrt((moved ** 2).sum(axis=1).mean()) > _STILL_PX:
                    return False
                common = True
        return common

    def _keep(self, found: Mapping[_Key, Detection], frames: Mapping[int, Frame]) -> None:
        still = self._still
        still.moments += 1
        for key, detection in found.items():
            still.found.setdefault(key, []).append(detection)
        for camera in {camera for camera, _ in found}:
            depth = frames[camera].depth_mm
            if depth is None:
                continue
            if camera not in still.depth_sum:
                still.depth_sum[camera] = np.zeros(depth.shape, np.uint32)
                still.depth_count[camera] = np.zeros(depth.shape, np.uint16)
            still.depth_sum[camera] += depth
            still.depth_count[camera] += depth > 0

    def _finish(self) -> None:
        still, self._still = self._still, _Still()
        if still.moments < self._min_moments:
            return
        view = {}
        for camera in sorted({camera for camera, _ in still.found}):
            sighting = self._sighting(still, camera)
            if sighting is not None:
                view[camera] = sighting
        if view:
            self._views.append(view)

    def _sighting(self, still: _Still, camera: int) -> Sighting | None:
        model = self._cameras[camera]
        corners = []
        for name, sensor in model.sensors.items():
            mean = mean_detection(still.found.get((camera, name), []))
            if mean is not None:
                found = Corners.of(name, sensor.lens, mean)
                if len(found.ids) >= MIN_CORNERS:
                    corners.append(found)
        if not corners:
            return None
        sighting = Sighting(tuple(corners))
        found_poses = poses(self._board, model, sighting)
        if not found_poses:
            return None
        if camera not in still.depth_sum or INFRARED not in model.sensors:
            return sighting
        count = still.depth_count[camera]
        mean_depth = still.depth_sum[camera] / np.maximum(count, 1)
        depth = np.where(2 * count > count.max(), mean_depth, 0)
        return Sighting(tuple(corners), plane_points(self._board, model, found_poses[0], depth))


def mean_detection(detections: list[Detection]) -> Detection | None:
    """Return the means of the corners that are in at least half of detections, None if few."""
    if not detections:
        return None
    ids = np.concatenate([detection.ids for detection in detections])
    pixels = np.concatenate([detection.pixels for detection in detections])
    numbers, index, counts = np.unique(ids, return_inverse=True, return_counts=True)
    means = np.stack([np.bincount(index, pixels[:, axis]) / counts for axis in (0, 1)], axis=1)
    often = 2 * counts >= len(detections)
    return Detection(numbers[often], means[often]) if often.sum() >= MIN_CORNERS else None
