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


"""The launch files under test, for what launch_test runs."""

from __future__ import annotations

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch.actions import GroupAction
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource


def driver_launch(**arguments: str) -> GroupAction:
    """Return driver.launch.py as it is installed, with these arguments and no others."""
    return launch_file('driver.launch.py', **arguments)


def launch_file(name: str, /, **arguments: str) -> GroupAction:
    """Return a launch file as it is installed, with these arguments and no others."""
    file = Path(get_package_share_directory('k4a_ros')) / 'launch' / name
    source = PythonLaunchDescriptionSource(str(file))
    return GroupAction([
        IncludeLaunchDescription(source, launch_arguments=arguments.items())])
