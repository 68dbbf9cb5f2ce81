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


"""Which body tracker there is for a camera, and opening it."""

from __future__ import annotations

from pathlib import Path

from k4a_ros.body import k4abt_library
from k4a_ros.body.base import BodyTracker
from k4a_ros.body.options import TrackerOptions
from k4a_ros.body.queued import Estimator
from k4a_ros.body.queued import QueuedTracker
from k4a_ros.cameras.base import Camera
from k4a_ros.errors import BodyTrackingError
from k4a_ros.loops import can_compile
from k4a_ros.settings import Settings
from k4a_ros.warm_up import warm_up


def choose(settings: Settings) -> str:
    """
    Return the backend to use: k4abt, landmarks or ground_truth.

    Nothing is loaded that the backend does not need to be found.

    :raises BodyTrackingError: what is wanted is not there; says what to install or set.
    """
    wanted = settings.body_tracking_backend
    if wanted == 'auto':
        return _first(settings)
    _find(wanted, settings)
    return wanted


def _first(settings: Settings) -> str:
    """Return the first backend that there is."""
    suffix = Path(settings.body_tracking_model_path).suffix
    possible = {'.tflite': ['landmarks'], '.onnx': ['k4abt']}.get(suffix, ['k4abt', 'landmarks'])
    problems = []
    for backend in possible:
        try:
            _find(backend, settings)
        except BodyTrackingError as error:
            problems.append(f'{backend}: {error}')
            continue
        return backend
    raise BodyTrackingError('there is no body tracker; ' + '; '.join(problems))


def _find(backend: str, settings: Settings) -> None:
    if backend == 'k4abt':
        k4abt_library.load(settings.body_tracking_library_path).model(
            settings.body_tracking_model_path)
    elif backend == 'landmarks':
        if not can_compile():
            raise BodyTrackingError(
                'body tracking with landmarks needs numba, which is not installed: '
                '"pip install numba"')
        from k4a_ros.body.landmarks.model import find_model
        find_model(settings.body_tracking_model_path)


def open_tracker(backend: str, camera: Camera, settings: Settings) -> BodyTracker:
    """
    Open a tracker for an open camera; this may take seconds.

    :param backend: what `choose` says.
    :raises BodyTrackingError: it cannot be opened.
    """
    options = TrackerOptions(
        settings.body_tracking_processing_mode, settings.body_tracking_gpu_device_id,
        settings.body_tracking_model_path, settings.body_tracking_sensor_orientation,
        settings.body_tracking_smoothing_factor, settings.body_tracking_library_path)
    if backend == 'k4abt':
        from k4a_ros.body.k4abt import K4abtTracker
        return K4abtTracker(camera.calibration, camera.config, options)
    estimator: Estimator
    if backend == 'landmarks':
        from k4a_ros.body.landmarks.estimator import LandmarkEstimator
        warm_up('bodies')
        estimator = LandmarkEstimator(
            camera.calibration, camera.config, options.model_path, options.smoothing_factor)
    else:
        from k4a_ros.body.ground_truth import GroundTruthEstimator
        estimator = GroundTruthEstimator(camera)
    return QueuedTracker(estimator)
