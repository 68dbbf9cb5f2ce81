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

"""The k4abt backend: Microsoft's Body Tracking SDK."""

from __future__ import annotations

from k4a_ros.body.backend import TrackedCamera
from k4a_ros.body.k4abt import library
from k4a_ros.body.options import TrackerOptions
from k4a_ros.body.tracker import BodyTracker


class K4abtBackend:
    """Loads libk4abt and opens its tracker; see `TrackerBackend`."""

    model_suffix = '.onnx'

    def check(self, options: TrackerOptions) -> None:
        """Check that the library can be loaded, and that the model file exists if one is set."""
        library.load(options.library_path).find_model(options.model_path)

    def open_tracker(self, camera: TrackedCamera, options: TrackerOptions) -> BodyTracker:
        """Open the tracker of libk4abt."""
        from k4a_ros.body.k4abt.tracker import K4abtTracker
        return K4abtTracker(camera.calibration, camera.config, options)
