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
The values of all parameters, and what they mean together.

Every field of `Settings` is a parameter; the table of them is in table.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import fields
from dataclasses import replace
import difflib
import typing

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.camera_config import validate
from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.errors import ConfigError
from k4a_ros.parameters.spec import checked
from k4a_ros.parameters.spec import ParameterSpec
from k4a_ros.parameters.spec import Value
from k4a_ros.parameters.table import KEY
from k4a_ros.parameters.table import Parameters


@dataclass(frozen=True)
class Settings(Parameters):
    """
    Values of all parameters; see the text of each field's `ParameterSpec`.

    ``given`` is no parameter: it has the names of those that were set, whatever to.
    """

    given: frozenset[str] = field(default=frozenset(), repr=False, compare=False)

    @classmethod
    def from_values(cls, values: Mapping[str, object]) -> Settings:
        """
        Return the settings with these values, and defaults for the others.

        :param values: by parameter name; an integer stands for a float, a number for a text of
            digits.
        :raises ConfigError: every unusable value at once.
        """
        return cls().replace(values)

    def replace(self, values: Mapping[str, object]) -> Settings:
        """
        Return these settings with some other values; parameters and errors as `of`.

        ``given`` grows by the names of the values.
        """
        good: dict[str, Value] = {}
        found: list[str] = []
        for name, value in values.items():
            try:
                good[name] = check(name, value)
            except ConfigError as error:
                found.extend(error.problems)
        result = replace(
            self, given=self.given | good.keys(), **good)  # type: ignore[arg-type]
        found.extend(result._conflicts())
        if found:
            raise ConfigError(*found)
        return result

    @property
    def camera_kind(self) -> str:
        """Return the kind of camera to open: recording, device or simulated."""
        if self.camera == 'auto':
            return 'recording' if self.recording_file else 'device'
        return self.camera

    @property
    def bodies(self) -> dict[str, Value]:
        """Return the values of all parameters of body tracking."""
        return {name: getattr(self, name) for name in names() if name.startswith('body_tracking')}

    @property
    def camera_config(self) -> CameraConfig:
        """Return what a device, or a simulated one, is asked to stream."""
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

    def unused_parameters(self) -> list[str]:
        """Return sentences that name the parameters that were set but not for this camera."""
        kind = self.camera_kind
        unused: dict[str, list[str]] = {}
        for name in names():
            cameras = spec(name).cameras
            if name in self.given and cameras and kind not in cameras:
                unused.setdefault(' or '.join(cameras), []).append(name)
        return [f'{", ".join(found)}: without effect on a camera of kind {kind}, only on '
                f'{wanted}' for wanted, found in unused.items()]

    def _conflicts(self) -> list[str]:
        found = []
        if not (self.depth_enabled or self.color_enabled or self.imu_enabled):
            found.append('depth_enabled, color_enabled and imu_enabled are all false: nothing '
                         'would be published; enable one of them')
        elif self.camera_kind != 'recording':
            config = self.camera_config
            found.extend(validate(config))
            if self.rgb_point_cloud and not (config.depth and config.color):
                found.append('rgb_point_cloud needs depth and color: choose a depth_mode that '
                             'has depth, and a color_resolution, or set it to false')
            if self.body_tracking_enabled and not config.depth:
                found.append('body_tracking_enabled needs depth: choose a depth_mode that is '
                             'neither OFF nor PASSIVE_IR, or set it to false')
        if self.rgb_point_cloud and self.ir_point_cloud:
            found.append('rgb_point_cloud and ir_point_cloud are both true: set one to false')
        if 0 < self.point_cloud_max_depth < self.point_cloud_min_depth:
            found.append(f'point_cloud_max_depth is {self.point_cloud_max_depth:g} and '
                         f'point_cloud_min_depth {self.point_cloud_min_depth:g}: choose a '
                         'max_depth that is not smaller, or 0 for no limit')
        if self.body_tracking_backend == 'ground_truth' and self.camera_kind != 'simulated':
            found.append('body_tracking_backend is ground_truth, which only a simulated camera '
                         'knows: choose auto, k4abt or landmarks, or camera:=simulated')
        if self.camera == 'recording' and not self.recording_file:
            found.append('camera is recording, but recording_file is not given; give it')
        if self.camera == 'simulated' and self.recording_file:
            found.append(f'camera is simulated, and recording_file is {self.recording_file}: '
                         'leave one of them out')
        return found


_TYPES: dict[str, type] = typing.get_type_hints(Settings)
_SPECS: dict[str, ParameterSpec] = {
    f.name: f.metadata[KEY] for f in fields(Settings) if KEY in f.metadata}
_DEFAULTS: dict[str, Value] = {
    f.name: f.default for f in fields(Settings) if f.name in _SPECS}  # type: ignore[misc]


def names() -> tuple[str, ...]:
    """Return the names of all parameters, in the order of the table."""
    return tuple(_SPECS)


def spec(name: str) -> ParameterSpec:
    """Return what the table says about one parameter."""
    return _SPECS[name]


def kind(name: str) -> type:
    """Return the type of one parameter: bool, int, float or str."""
    return _TYPES[name]


def default(name: str) -> Value:
    """Return the default of one parameter."""
    return _DEFAULTS[name]


def check(name: str, value: object) -> Value:
    """
    Return the value as the parameter's own type.

    :raises ConfigError: it has another type, is out of range or is none of the choices.
    """
    return checked(name, kind(name), spec(name), value)


def nearest(name: str) -> str | None:
    """Return the parameter that somebody who typed ``name`` may have meant."""
    found = difflib.get_close_matches(name, _SPECS, n=1, cutoff=0.6)
    return found[0] if found else None
