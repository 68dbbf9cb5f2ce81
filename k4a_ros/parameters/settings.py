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

"""The values of all parameters, and the checks of how they fit together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.camera_config import validate
from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.errors import ConfigError
from k4a_ros.parameters.spec import Value
from k4a_ros.parameters.table import Parameters
from k4a_ros.parameters.table import SPECS

#: smallest voxels: depth is measured in whole millimeters
_MIN_VOXEL_M = 0.001


@dataclass(frozen=True)
class Settings(Parameters):
    """
    Valid values of all parameters.

    ``given`` has the names of the parameters that were set explicitly, even to their default.
    """

    given: frozenset[str] = field(default=frozenset(), repr=False, compare=False)

    @classmethod
    def from_values(cls, values: Mapping[str, object]) -> Settings:
        """
        Return settings with these values, and defaults for all other parameters.

        :param values: by parameter name; an integer is accepted for a float, and a bare number
            for a serial number.
        :raises ConfigError: lists every invalid value and every conflict.
        """
        return cls().replace(values)

    def replace(self, values: Mapping[str, object]) -> Settings:
        """
        Return a copy with some values replaced; their names are added to ``given``.

        :param values: as in `from_values`.
        :raises ConfigError: lists every invalid value and every conflict.
        """
        valid: dict[str, Value] = {}
        problems: list[str] = []
        for name, value in values.items():
            try:
                valid[name] = SPECS[name].check(value)
            except ConfigError as error:
                problems.extend(error.problems)
        result = replace(
            self, given=self.given | valid.keys(), **valid)  # type: ignore[arg-type]
        problems.extend(result._conflicts())
        if problems:
            raise ConfigError(*problems)
        return result

    def with_value(self, name: str, value: object) -> Settings:
        """
        Return a copy with one value replaced, in a request that has been checked as a whole.

        :raises ConfigError: the value is invalid; conflicts are not looked for, because the values
            of a request are replaced one after the other.
        """
        checked = {name: SPECS[name].check(value)}
        return replace(
            self, given=self.given | checked.keys(), **checked)  # type: ignore[arg-type]

    @property
    def camera_kind(self) -> str:
        """Return the kind of camera to open: recording, device or simulated."""
        if self.camera == 'auto':
            return 'recording' if self.recording_file else 'device'
        return self.camera

    @property
    def camera_config(self) -> CameraConfig:
        """Return the modes of a device or simulated camera."""
        depth_mode = DepthMode[self.depth_mode] if self.depth_enabled else DepthMode.OFF
        color = self.color_resolution if self.color_enabled else 'OFF'
        return replace(
            CameraConfig.of_modes(
                depth_mode, ColorResolution.of(color), ColorFormat.of(self.color_format),
                self.fps, self.imu_enabled),
            synchronized_images_only=self.synchronized_images_only,
            depth_delay_off_color_usec=self.depth_delay_off_color_usec,
            wired_sync_mode=WiredSyncMode(self.wired_sync_mode),
            subordinate_delay_off_master_usec=self.subordinate_delay_off_master_usec)

    def unused_parameters(self, actual: Mapping[str, Value] | None = None) -> list[str]:
        """
        Return one warning for each set of parameters that this kind of camera ignores.

        Those with their default values do not count: a dumped parameter file has all of them.

        :param actual: values that parameters have whatever is requested; those do not count, too.
        """
        actual = actual or {}
        unused: dict[str, list[str]] = {}
        for name, spec in SPECS.items():
            is_unused = spec.cameras and self.camera_kind not in spec.cameras
            effects = (spec.default, actual.get(name, spec.default))
            if is_unused and name in self.given and getattr(self, name) not in effects:
                unused.setdefault(' or '.join(spec.cameras), []).append(name)
        return [f'{", ".join(names)} {"has" if len(names) == 1 else "have"} no effect with '
                f'camera:={self.camera_kind}, only with camera:={cameras}'
                for cameras, names in unused.items()]

    def _conflicts(self) -> list[str]:
        """Return one sentence for each combination of values that cannot work."""
        problems = []
        if not (self.depth_enabled or self.color_enabled or self.imu_enabled):
            problems.append('depth_enabled, color_enabled and imu_enabled are all false, so there '
                            'is nothing to publish; enable at least one of them')
        elif self.camera_kind != 'recording':
            config = self.camera_config
            problems.extend(validate(config))
            if self.rgb_point_cloud and not (config.depth and config.color):
                problems.append('rgb_point_cloud needs depth and color: choose a depth_mode with '
                                'depth and a color_resolution, or set it to false')
            if self.body_tracking_enabled and not config.depth:
                problems.append('body_tracking_enabled needs depth: choose a depth_mode other '
                                'than OFF and PASSIVE_IR, or set it to false')
        if self.rgb_point_cloud and self.ir_point_cloud:
            problems.append(
                'rgb_point_cloud and ir_point_cloud are both true; set one of them to false')
        if 0 < self.point_cloud_max_depth < self.point_cloud_min_depth:
            problems.append(f'point_cloud_max_depth is {self.point_cloud_max_depth:g}, less than '
                            f'point_cloud_min_depth, {self.point_cloud_min_depth:g}; increase it, '
                            'or set it to 0 for no limit')
        if 0 < self.point_cloud_voxel_size < _MIN_VOXEL_M:
            problems.append(f'point_cloud_voxel_size is {self.point_cloud_voxel_size:g}; it must '
                            f'be 0, for off, or at least {_MIN_VOXEL_M:g} m')
        for axis in 'xyz':
            low, high = f'point_cloud_crop_min_{axis}', f'point_cloud_crop_max_{axis}'
            if not getattr(self, low) < getattr(self, high):
                problems.append(f'{low} is {getattr(self, low):g}, but {high} is '
                                f'{getattr(self, high):g}; it must be less')
        if self.body_tracking_backend == 'ground_truth' and self.camera_kind != 'simulated':
            problems.append('body_tracking_backend is ground_truth, which only works with '
                            'camera:=simulated; choose auto, k4abt or landmarks')
        if self.ir_camera_info_url and self.depth_camera_info_url not in (
                '', self.ir_camera_info_url):
            problems.append(
                f'depth_camera_info_url is {self.depth_camera_info_url}, but ir_camera_info_url '
                f'is {self.ir_camera_info_url}; depth and infrared images have the same lens, so '
                'set one of them')
        if self.playback_stamps == 'recorded' and self.playback_time_origin >= 0:
            problems.append('playback_stamps is recorded, which needs no playback_time_origin; '
                            'set that to -1')
        if -1.0 < self.playback_time_origin < 0.0:
            problems.append(f'playback_time_origin is {self.playback_time_origin:g}; it must be '
                            '-1, or a ROS time from 0')
        if self.camera == 'recording' and not self.recording_file:
            problems.append('camera is recording, but recording_file is empty; set it')
        if self.camera == 'simulated' and self.recording_file:
            problems.append(f'camera is simulated, but recording_file is {self.recording_file}; '
                            'remove one of them')
        return problems


def mode_values(config: CameraConfig) -> dict[str, Value]:
    """Return the values of the parameters that select the modes of an open camera."""
    return {
        'depth_mode': config.depth_mode.name,
        'color_resolution': config.color_resolution.label,
        'color_format': config.color_format.label,
        'fps': config.fps,
        'synchronized_images_only': config.synchronized_images_only,
        'depth_delay_off_color_usec': config.depth_delay_off_color_usec,
        'wired_sync_mode': int(config.wired_sync_mode),
        'subordinate_delay_off_master_usec': config.subordinate_delay_off_master_usec}
