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
What a bag needs besides the topics of the driver to become a recording again.

It is one latched std_msgs/String of JSON on the topic ``recording_info``, so that it survives when
a bag is filtered, split, or played and recorded again:

    format                  1
    serial, firmware        of the camera; firmware versions by component
    device_zero_ns          stamp at device time 0: stamp = device_zero_ns + 1000 * device time, us
    camera_rotation         degrees by which the images are turned; not there if they are not
    calibration             text of the factory calibration, calibration.json of the recording
    config                  depth_mode, color_resolution, color_format, fps, the streams depth, ir,
                            color and imu, depth_delay_off_color_usec, wired_sync_mode,
                            subordinate_delay_off_master_usec
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
import json
from typing import Any

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.errors import BagError

#: name of the topic
RECORDING_INFO = 'recording_info'

_FORMAT = 1
_SWITCHES = ('depth', 'ir', 'color', 'imu')
_DELAYS = ('depth_delay_off_color_usec', 'subordinate_delay_off_master_usec')


@dataclass(frozen=True)
class RecordingInfo:
    """The values described above; ``calibration`` as bytes."""

    config: CameraConfig
    calibration: bytes
    device_zero_ns: int
    serial: str = ''
    firmware: Mapping[str, str] = field(default_factory=dict)
    camera_rotation: int = 0

    def to_json(self) -> str:
        """Return the text of the message."""
        config = self.config
        return json.dumps({
            'format': _FORMAT,
            'serial': self.serial,
            'firmware': dict(self.firmware),
            'device_zero_ns': self.device_zero_ns,
            'config': {
                'depth_mode': config.depth_mode.name,
                'color_resolution': config.color_resolution.label,
                'color_format': config.color_format.label,
                'fps': config.fps,
                **{name: getattr(config, name) for name in _SWITCHES + _DELAYS},
                'wired_sync_mode': int(config.wired_sync_mode)},
            **({'camera_rotation': self.camera_rotation} if self.camera_rotation else {}),
            'calibration': self.calibration.decode(errors='surrogateescape')})

    @classmethod
    def from_json(cls, text: str) -> RecordingInfo:
        """
        Return the values of a message.

        :raises BagError: it is not such a message, or of a newer version of this package.
        """
        try:
            values = json.loads(text)
            if values['format'] != _FORMAT:
                raise BagError(
                    f'its {RECORDING_INFO} has format {values["format"]!r}, which a newer version '
                    'of this package has written; update it')
            return cls(
                _config(values['config']),
                str(values['calibration']).encode(errors='surrogateescape'),
                int(values['device_zero_ns']), str(values['serial']),
                {str(name): str(version) for name, version in values['firmware'].items()},
                int(values.get('camera_rotation', 0)))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise BagError(
                f'its {RECORDING_INFO} cannot be used ({type(error).__name__}: {error}); give a '
                'calibration with --calibration to do without it') from error


def _config(values: Mapping[str, Any]) -> CameraConfig:
    """Return the configuration; raise KeyError, TypeError or ValueError if it is none."""
    fps = int(values['fps'])  # of other cameras: any, which the writer of recordings may refuse
    config = CameraConfig(
        depth_mode=DepthMode[values['depth_mode']],
        color_resolution=ColorResolution.of(values['color_resolution']),
        color_format=ColorFormat.of(values['color_format']), fps=fps,
        wired_sync_mode=WiredSyncMode(values['wired_sync_mode']))
    others: dict[str, Any] = {name: bool(values[name]) for name in _SWITCHES}
    others |= {name: int(values[name]) for name in _DELAYS}
    return replace(config, **others)
