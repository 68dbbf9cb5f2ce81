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

"""What view.launch.py prepares for rviz2: a file that may be saved, and color of the cloud."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
import shutil

from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.parameters.launch_arguments import given_parameters

#: values with which there is no colored cloud, or nothing to color it with
_WITHOUT_COLOR: Mapping[str, frozenset[object]] = {
    'point_cloud': frozenset({False}),
    'ir_point_cloud': frozenset({True}),
    'depth_enabled': frozenset({False}),
    'color_enabled': frozenset({False}),
    'depth_mode': frozenset({DepthMode.OFF.name, DepthMode.PASSIVE_IR.name}),
    'color_resolution': frozenset({ColorResolution.OFF.name}),
}


def own_copy(installed: Path, directory: Path) -> Path:
    """
    Return a copy of a configuration of rviz2 that belongs to the user.

    rviz2 asks whether to save when it is closed. What it saves is kept; a copy that it has not
    saved follows the installed file. Beside the copy is what it was made of.

    :param directory: of the copy, created if it is missing.
    :return: the installed file itself, if there cannot be a copy.
    """
    copy, origin = directory / installed.name, directory / f'{installed.name}.installed'
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if not (copy.exists() and origin.exists()) or copy.read_bytes() == origin.read_bytes():
            shutil.copyfile(installed, copy)
            shutil.copyfile(installed, origin)
    except OSError:
        return installed
    return copy


def shows_color(configurations: Mapping[str, str]) -> bool:
    """
    Return whether to color the cloud for rviz2: no argument decides otherwise.

    :param configurations: launch configurations.
    :raises ConfigError: lists every value that its parameter cannot have.
    """
    given = given_parameters(configurations)
    return not configurations.get('params_file') and 'rgb_point_cloud' not in given and not any(
        given.get(name) in values for name, values in _WITHOUT_COLOR.items())
