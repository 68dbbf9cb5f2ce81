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

"""Kinds of cameras; `open_camera` is the only place that knows which kinds there are."""

from __future__ import annotations

from k4a_ros.cameras.base import Camera
from k4a_ros.errors import ConfigError
from k4a_ros.settings import Settings


def open_camera(settings: Settings) -> Camera:
    """
    Open the camera that the settings ask for.

    A kind is imported only when it is asked for: each brings libraries of its own.

    :raises CameraError: there is none, or it does not open.
    """
    if settings.camera_kind == 'simulated':
        from k4a_ros.cameras.simulated.bus import open_simulated
        return open_simulated(
            settings.camera_config(), scene=settings.simulation_scene,
            calibration=settings.simulation_calibration, serial=settings.sensor_sn,
            seed=settings.simulation_seed, noise=settings.simulation_noise)
    if settings.camera_kind == 'recording':
        from k4a_ros.cameras.recording import RecordingCamera
        return RecordingCamera(
            settings.recording_file, serial=settings.sensor_sn,
            loop=settings.recording_loop_enabled, rate=settings.playback_rate,
            paused=settings.playback_paused, at_end=settings.recording_at_end)
    from k4a_ros.cameras.device.camera import DeviceCamera
    return DeviceCamera(
        settings.camera_config(), serial=settings.sensor_sn,
        disable_streaming_indicator=settings.disable_streaming_indicator)


def inject_faults(settings: Settings, text: str) -> None:
    """
    Let the simulated camera have faults, be it open, lost or closed.

    :param text: as `k4a_ros.cameras.simulated.faults` tells; none in an empty one.
    :raises ConfigError: the camera is not simulated, or a fault is not understood.
    """
    if not text:
        return
    if settings.camera_kind != 'simulated':
        raise ConfigError(
            f'simulation_fault cannot be {text!r}: a {settings.camera_kind} has no faults on '
            'demand; start with camera:=simulated')
    from k4a_ros.cameras.simulated.bus import inject_faults as inject
    inject(text, settings.camera_config().wired_sync_mode)
