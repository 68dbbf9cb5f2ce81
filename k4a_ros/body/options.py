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


"""What users choose of a body tracker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from k4a_ros.errors import ConfigError

#: what a network may run on -> k4abt_tracker_processing_mode_t (DirectML is Windows' only)
PROCESSING_MODES: Final = {'gpu': 0, 'cpu': 1, 'cuda': 2, 'tensorrt': 3}
#: how the camera is mounted, as seen by who faces it -> k4abt_sensor_orientation_t
SENSOR_ORIENTATIONS: Final = {
    'default': 0, 'clockwise90': 1, 'counterclockwise90': 2, 'flip180': 3}


@dataclass(frozen=True)
class TrackerOptions:
    """
    How to track; a tracker leaves aside what it has no use for.

    ``processing_mode`` is one of PROCESSING_MODES, the default being the SDK's on Linux, and
    ``gpu_device_id`` the number of the GPU. ``model_path`` is the file of the network, and
    ``library_path`` that of libk4abt; empty: found by itself. ``sensor_orientation`` is one of
    SENSOR_ORIENTATIONS. ``smoothing_factor``: 0 not at all, to 1.

    :raises ConfigError: a value is none of those.
    """

    processing_mode: str = 'cuda'
    gpu_device_id: int = 0
    model_path: str = ''
    sensor_orientation: str = 'default'
    smoothing_factor: float = 0.0
    library_path: str = ''

    def __post_init__(self) -> None:
        """Check the values."""
        found = [
            f'body_tracking_{name} is {value!r}; it must be one of {", ".join(choices)}'
            for name, value, choices in (
                ('processing_mode', self.processing_mode, PROCESSING_MODES),
                ('sensor_orientation', self.sensor_orientation, SENSOR_ORIENTATIONS))
            if value not in choices]
        if not 0 <= self.smoothing_factor <= 1:
            found.append(f'body_tracking_smoothing_factor is {self.smoothing_factor}; it must be '
                         'between 0, not at all, and 1')
        if not 0 <= self.gpu_device_id < 2**31:
            found.append(f'body_tracking_gpu_device_id is {self.gpu_device_id}; it must be 0 or '
                         'the number of another GPU')
        if found:
            raise ConfigError(*found)
