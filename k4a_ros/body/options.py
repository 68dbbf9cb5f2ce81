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


"""Options of the body trackers, as set by the parameters named body_tracking_..."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from k4a_ros.errors import ConfigError

#: execution provider of the network -> k4abt_tracker_processing_mode_t (without DirectML, which is
#: for Windows only)
PROCESSING_MODES: Final = {'gpu': 0, 'cpu': 1, 'cuda': 2, 'tensorrt': 3}
#: rotation of the mounted camera, as seen from in front of it -> k4abt_sensor_orientation_t
SENSOR_ORIENTATIONS: Final = {
    'default': 0, 'clockwise90': 1, 'counterclockwise90': 2, 'flip180': 3}
#: rotation of the camera in degrees, clockwise as seen from behind it -> the same orientation
ORIENTATIONS_OF_ROTATIONS: Final = {
    0: 'default', 90: 'counterclockwise90', 180: 'flip180', 270: 'clockwise90'}


@dataclass(frozen=True)
class TrackerOptions:
    """
    Options of a body tracker; a backend ignores those that do not apply to it.

    ``processing_mode`` is a key of PROCESSING_MODES; the default is the SDK's on Linux.
    ``gpu_device_id`` is the index of the GPU. ``model_path`` is the model's file and
    ``library_path`` the file of libk4abt; if empty, the backend searches for them.
    ``sensor_orientation`` is a key of SENSOR_ORIENTATIONS. ``smoothing_factor`` is the amount of
    temporal smoothing, from 0 (none) to 1.

    :raises ConfigError: values are out of range; lists all of them.
    """

    processing_mode: str = 'cuda'
    gpu_device_id: int = 0
    model_path: str = ''
    sensor_orientation: str = 'default'
    smoothing_factor: float = 0.0
    library_path: str = ''

    def __post_init__(self) -> None:
        """Check the values."""
        problems = [
            f'body_tracking_{name} is {value!r}; it must be one of {", ".join(choices)}'
            for name, value, choices in (
                ('processing_mode', self.processing_mode, PROCESSING_MODES),
                ('sensor_orientation', self.sensor_orientation, SENSOR_ORIENTATIONS))
            if value not in choices]
        if not 0 <= self.smoothing_factor <= 1:
            problems.append(
                f'body_tracking_smoothing_factor is {self.smoothing_factor}; it must be between '
                '0 (no smoothing) and 1')
        if not 0 <= self.gpu_device_id < 2**31:
            problems.append(
                f'body_tracking_gpu_device_id is {self.gpu_device_id}; it must be the index of a '
                'GPU, 0 or greater')
        if problems:
            raise ConfigError(*problems)
