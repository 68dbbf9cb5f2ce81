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

"""The interface of a body tracker backend, by which the node checks for it and opens it."""

from __future__ import annotations

from typing import Protocol

from k4a_ros.body.options import TrackerOptions
from k4a_ros.body.tracker import BodyTracker
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.camera_config import CameraConfig


class TrackedCamera(Protocol):
    """What a backend may use of the camera whose images it processes."""

    calibration: FactoryCalibration
    config: CameraConfig

    def open_ground_truth_tracker(self) -> BodyTracker:
        """
        Return a tracker that knows the true poses; only a simulated camera has one.

        :raises BodyTrackingError: this camera has no ground truth.
        """


class TrackerBackend(Protocol):
    """
    A kind of body tracker. Implementations import their dependencies only when called.

    ``model_suffix`` is the file name suffix of the backend's models, empty if it has none.
    """

    model_suffix: str

    def check(self, options: TrackerOptions) -> None:
        """
        Check that the backend is installed, without opening a tracker.

        :raises BodyTrackingError: it is not installed; says what to install or set.
        """

    def open_tracker(self, camera: TrackedCamera, options: TrackerOptions) -> BodyTracker:
        """
        Open a tracker for an open camera; this may take seconds.

        :raises BodyTrackingError: the tracker cannot be opened.
        """
