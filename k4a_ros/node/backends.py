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

"""
Registry of camera and body tracker backends, which are selected and opened by parameters.

A new backend is a folder of its own and one entry here. Backends are imported on demand, because
each has dependencies of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import fields
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any
from typing import NamedTuple

from k4a_ros.body.backend import TrackerBackend
from k4a_ros.body.options import ORIENTATIONS_OF_ROTATIONS
from k4a_ros.body.options import TrackerOptions
from k4a_ros.cameras.base import Camera
from k4a_ros.cameras.base import ControlListener
from k4a_ros.errors import BodyTrackingError
from k4a_ros.errors import ConfigError
from k4a_ros.parameters.settings import Settings
from k4a_ros.publishing.interfaces import TrackerChoice
from k4a_ros.publishing.options import TopicOptions


class CameraBackend(NamedTuple):
    """
    A kind of camera: its implementation, and the settings that it is opened with.

    :param module: full name of the module.
    :param factory: class or function in the module that returns an open camera.
    :param arguments: keyword argument of the factory -> attribute of `Settings` with its value;
        ``on_control`` is passed in addition.
    """

    module: str
    factory: str
    arguments: Mapping[str, str]

    def load(self) -> Callable[..., Camera]:
        """Import the module and return the factory."""
        factory: Callable[..., Camera] = getattr(import_module(self.module), self.factory)
        return factory


#: kind of camera (`Settings.camera_kind`) -> backend
CAMERAS: Mapping[str, CameraBackend] = {
    'device': CameraBackend('k4a_ros.cameras.device.camera', 'DeviceCamera', {
        'config': 'camera_config', 'serial': 'sensor_sn',
        'disable_streaming_indicator': 'disable_streaming_indicator',
        'library_path': 'k4a_library_path'}),
    'recording': CameraBackend('k4a_ros.cameras.recording.camera', 'RecordingCamera', {
        'path': 'recording_file', 'serial': 'sensor_sn', 'loop': 'recording_loop_enabled',
        'rate': 'playback_rate', 'paused': 'playback_paused', 'at_end': 'recording_at_end',
        'start_offset': 'playback_start_offset', 'duration': 'playback_duration',
        'loop_stamps': 'playback_loop_stamps', 'loop_period': 'playback_loop_period',
        'time_origin': 'playback_time_origin', 'stamps': 'playback_stamps',
        'sound': 'audio_enabled', 'calibration': 'calibration_file',
        'synchronized_images_only': 'synchronized_images_only'}),
    'simulated': CameraBackend('k4a_ros.cameras.simulated.shared_device', 'open_simulated', {
        'config': 'camera_config', 'scene': 'simulation_scene',
        'calibration': 'simulation_calibration', 'serial': 'sensor_sn',
        'seed': 'simulation_seed', 'noise': 'simulation_noise', 'pose': 'simulation_pose',
        'sync_group': 'simulation_sync_group', 'sync_cables': 'simulation_sync_cables'}),
}

#: body_tracking_backend -> module and class of its `TrackerBackend`
TRACKERS: Mapping[str, tuple[str, str]] = {
    'k4abt': ('k4a_ros.body.k4abt.backend', 'K4abtBackend'),
    'landmarks': ('k4a_ros.body.landmarks.backend', 'LandmarksBackend'),
    'ground_truth': ('k4a_ros.cameras.simulated.ground_truth_tracker', 'GroundTruthBackend'),
}
#: backends that ``auto`` tries, in order of preference
_AUTO_TRACKERS = ('k4abt', 'landmarks')


def open_camera(settings: Settings, on_control: ControlListener | None = None) -> Camera:
    """
    Open the camera selected by the settings.

    :param on_control: called with name and value of a control that the camera has changed on its
        own.
    :raises K4aRosError: the camera does not exist, or cannot be opened with these settings.
    """
    backend = CAMERAS[settings.camera_kind]
    return backend.load()(on_control=on_control, **{
        argument: getattr(settings, name) for argument, name in backend.arguments.items()})


def inject_faults(settings: Settings, text: str) -> None:
    """
    Inject faults into the simulated camera, whether it is open, lost or closed.

    :param text: faults as described in `k4a_ros.cameras.simulated.faults`; empty for a no-op.
    :raises ConfigError: the camera is not simulated, or a fault cannot be parsed.
    """
    if not text:
        return
    if settings.camera_kind != 'simulated':
        raise ConfigError(
            f'cannot inject {text!r}: simulation_fault requires camera:=simulated, but the camera '
            f'is a {settings.camera_kind}')
    from k4a_ros.cameras.simulated.shared_device import inject_faults as inject
    inject(text, settings.camera_config.wired_sync_mode)


def tracker_backend(name: str) -> TrackerBackend:
    """Import and return a body tracker backend."""
    module, class_name = TRACKERS[name]
    backend: TrackerBackend = getattr(import_module(module), class_name)()
    return backend


def choose_tracker(settings: Settings) -> TrackerChoice:
    """
    Select the body tracker backend; opening it is left to the caller.

    :raises BodyTrackingError: the backend is not installed; says what to install or set.
    """
    options = tracker_options(settings)
    name = settings.body_tracking_backend
    if name == 'auto':
        name = _first_available(options)
    else:
        tracker_backend(name).check(options)
    return TrackerChoice(name, lambda camera: tracker_backend(name).open_tracker(camera, options))


def check_tracker_change(before: Settings, after: Settings) -> None:
    """
    Check that a tracker is available for changed body tracking parameters.

    :raises ConfigError: body tracking is enabled, but no tracker is available; says why.
    """
    if not after.body_tracking_enabled or _tracking(after) == _tracking(before):
        return
    try:
        choose_tracker(after)
    except BodyTrackingError as error:
        raise ConfigError(str(error)) from error


def _tracking(settings: Settings) -> tuple[bool, str, TrackerOptions]:
    """Return the values of all parameters that affect the choice of a tracker."""
    return (settings.body_tracking_enabled, settings.body_tracking_backend,
            tracker_options(settings))


def _first_available(options: TrackerOptions) -> str:
    """Return the first installed backend; with a model file, only of those that can load it."""
    suffix = Path(options.model_path).suffix
    names = [name for name in _AUTO_TRACKERS if tracker_backend(name).model_suffix == suffix] or (
        _AUTO_TRACKERS)
    problems = []
    for name in names:
        try:
            tracker_backend(name).check(options)
        except BodyTrackingError as error:
            problems.append(f'{name}: {error}')
            continue
        return name
    raise BodyTrackingError('no body tracker backend is available; ' + '; '.join(problems))


def tracker_options(settings: Settings) -> TrackerOptions:
    """Return the parameters that start with ``body_tracking_`` as tracker options."""
    options = TrackerOptions(**_values(settings, TrackerOptions, 'body_tracking_'))
    if options.sensor_orientation != 'default':
        return options
    return replace(
        options, sensor_orientation=ORIENTATIONS_OF_ROTATIONS[settings.camera_rotation])


def topic_options(settings: Settings) -> TopicOptions:
    """Return the parameters that determine the topics."""
    return TopicOptions(**_values(settings, TopicOptions))


def _values(settings: Settings, options: Any, prefix: str = '') -> dict[str, Any]:
    """Return the value of ``prefix + name`` in the settings for each field name of a dataclass."""
    return {field.name: getattr(settings, prefix + field.name) for field in fields(options)}
