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
from k4a_ros.errors import DeviceNotFoundError
from k4a_ros.settings import Settings


def open_camera(settings: Settings) -> Camera:
    """
    Open the camera that the settings ask for.

    A kind is imported only when it is asked for: each brings libraries of its own.

    :raises CameraError: there is none, or it does not open.
    """
    if settings.recording_file:
        from k4a_ros.cameras.recording import RecordingCamera
        return RecordingCamera(
            settings.recording_file, serial=settings.sensor_sn,
            loop=settings.recording_loop_enabled, rate=settings.playback_rate,
            paused=settings.playback_paused, at_end=settings.recording_at_end)
    from k4a_ros.cameras.libk4a import connected_devices
    found = connected_devices()
    wanted = f'camera {settings.sensor_sn}' if settings.sensor_sn else 'any camera'
    raise DeviceNotFoundError(
        f'There is nothing to open: no recording_file is given, and live cameras ({wanted} was '
        f'looked for; libk4a finds {found}) are not streamed by this version; play a recording '
        'with recording_file:=FILE.mkv')
