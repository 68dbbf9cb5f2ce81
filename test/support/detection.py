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

"""Frames of the simulated room, and a landmark model with given results."""

from __future__ import annotations

from k4a_ros.body.landmarks.detection.frame_context import FrameContext
from k4a_ros.body.landmarks.detection.observation import PoseEstimator
from k4a_ros.body.landmarks.pose_2d.blazepose import Landmarks
from k4a_ros.body.landmarks.pose_2d.crop import CropView
from k4a_ros.body.landmarks.pose_2d.crop import HIDDEN_GRAY
from k4a_ros.body.landmarks.pose_2d.crop import Region
from k4a_ros.body.landmarks.tracking.track import Track
from k4a_ros.body.tracker import BodyInput
from k4a_ros.camera_config import DepthMode
import numpy as np
from support.ideal_landmarks import ideal_points
from support.people.shots import NOMINAL
from support.people.shots import ROOM
from support.segmentation import make_segmenter
from support.segmentation import make_sensor


class FakeModel:
    """
    Returns the same landmarks for every crop, and counts its runs.

    :param pixels: (33, 2) of the landmarks in the crop.
    """

    def __init__(self, pixels: np.ndarray, presence: float = 0.9) -> None:
        self.runs = 0
        #: of each crop, the share that is grayed out
        self.hidden: list[float] = []
        self._pixels, self._presence = pixels.astype(np.float32), presence

    def __call__(self, crop: np.ndarray) -> Landmarks:
        """Return the landmarks."""
        self.runs += 1
        self.hidden.append(float((crop == HIDDEN_GRAY).mean()))
        return Landmarks(
            self._presence, self._pixels, np.ones(33, np.float32),
            np.zeros((33, 3), np.float32), np.array([128.0, 128.0], np.float32),
            np.array([128.0, 30.0], np.float32))


class RoomFrame:
    """The first frame of the simulated room, with the track and the mask of its only person."""

    def __init__(self) -> None:
        sensor = make_sensor(ROOM)
        depth, infrared = sensor.depth_and_ir(0)
        assert depth is not None
        assert infrared is not None
        lens = NOMINAL.depth(DepthMode.NFOV_UNBINNED)
        segmentation = make_segmenter().segment(depth)
        self.context = FrameContext(
            BodyInput(depth, infrared, 0), segmentation, lens, lens.rays())
        step = segmentation.step
        self.mask = (sensor.body_index(0) == 0)[::step, ::step]
        points = ideal_points(sensor.truth(0).persons[0].positions)
        middle = (points.min(axis=0) + points.max(axis=0)) / 2
        self.track = Track(1, points, Region(middle, 1.1), 0)

    def predicted_pixels(self) -> np.ndarray:
        """Return the track's landmarks in the view of its region, (33, 2)."""
        view = CropView(self.track.region, self.context.segmentation.up)
        return view.project(self.track.points)


def make_pose_estimator(model: FakeModel) -> PoseEstimator:
    """Return a pose estimator that runs a fake model."""
    return PoseEstimator(model)  # type: ignore[arg-type]
