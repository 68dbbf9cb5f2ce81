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

"""URLs of the files of camera_info, as those of camera_info_manager."""

from __future__ import annotations

import os
from pathlib import Path
import re

from k4a_ros.errors import ConfigError

#: where camera_info_manager has the file of a camera for which no URL is given
DEFAULT_URL = 'file://${ROS_HOME}/camera_info/${NAME}.yaml'
#: in place of a URL: the calibration of the factory
FACTORY = 'factory'
#: what parameters with a URL match
URL_PATTERN = r'(factory|file://(/|\$\{).+|package://[^/]+/.+)?'

_VARIABLE = re.compile(r'\$\{([^}]*)\}?')


def camera_name(lens: str, serial: str, mode: str) -> str:
    """
    Return the name of a camera in one mode, which becomes that of its file.

    It consists of letters, digits and ``_``, whatever a recording has as serial number.

    :param lens: ir or rgb.
    """
    return re.sub(r'[^A-Za-z0-9_]', '_', f'azure_kinect_{lens}_{serial[:40]}_{mode}')


def resolve(url: str, name: str) -> Path:
    """
    Return the file that a URL names.

    :param url: file:///PATH or package://PACKAGE/PATH, with ${NAME} and ${ROS_HOME}; empty for
        `DEFAULT_URL`.
    :param name: of the camera; see `camera_name`.
    :raises ConfigError: a variable or the package does not exist, or it is no such URL.
    """
    def value(match: re.Match[str]) -> str:
        values = {'NAME': name, 'ROS_HOME': _ros_home()}
        if match[1] not in values or not match[0].endswith('}'):
            raise ConfigError(f'cannot use {url}: there is no variable {match[0]}, only ${{NAME}} '
                              'and ${ROS_HOME}')
        return values[match[1]]

    resolved = _VARIABLE.sub(value, url or DEFAULT_URL)
    scheme, _, rest = resolved.partition('://')
    if scheme == 'file' and rest.startswith('/'):
        return Path(rest)
    package, separator, path = rest.partition('/')
    if scheme != 'package' or not (package and separator and path):
        raise ConfigError(f'cannot use {url}: it must be file:///PATH or package://PACKAGE/PATH')
    from ament_index_python.packages import get_package_share_directory
    from ament_index_python.packages import PackageNotFoundError
    try:
        return Path(get_package_share_directory(package)) / path
    except (PackageNotFoundError, ValueError) as error:
        raise ConfigError(
            f'cannot use {url}: there is no package {package[:50]}; source its workspace before '
            'you start the driver, or use a file:// URL') from error


def _ros_home() -> str:
    """Return the folder in which ROS keeps its files."""
    return os.environ.get('ROS_HOME') or os.path.expanduser('~/.ros')
