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

"""The `landmarks` backend: an open landmark model on the CPU."""

from __future__ import annotations

from k4a_ros.body.backend import TrackedCamera
from k4a_ros.body.options import TrackerOptions
from k4a_ros.body.queued_tracker import QueuedTracker
from k4a_ros.body.tracker import BodyTracker
from k4a_ros.errors import BodyTrackingError
from k4a_ros.jit.kernels import numba_works


class LandmarksBackend:
    """Checks for numba and the landmark model, and opens the tracker; see `TrackerBackend`."""

    model_suffix = '.tflite'

    def check(self, options: TrackerOptions) -> None:
        """Check that numba, LiteRT and the landmark model are installed."""
        if not numba_works():
            raise BodyTrackingError(
                'body_tracking_backend landmarks needs numba, which is not installed: '
                '"pip install numba"')
        from k4a_ros.body.landmarks.pose_2d.blazepose import find_model
        from k4a_ros.body.landmarks.pose_2d.model_file import check_litert
        find_model(options.model_path)
        check_litert()

    def open_tracker(self, camera: TrackedCamera, options: TrackerOptions) -> BodyTracker:
        """Open the estimator in its own thread; the first call on a machine compiles kernels."""
        from k4a_ros.body.landmarks.estimator import LandmarkEstimator
        from k4a_ros.body.landmarks.warm_up import warm_up_bodies
        warm_up_bodies()
        return QueuedTracker(LandmarkEstimator(
            camera.calibration, camera.config, options.model_path, options.smoothing_factor))
