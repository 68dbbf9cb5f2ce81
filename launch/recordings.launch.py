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
Play recordings that were made together, by cameras on a sync cable, with a driver for each.

    ros2 launch k4a_ros recordings.launch.py recording_files:=left.mkv,right.mkv

All drivers get the same playback_time_origin and playback_loop_period, so that the same trigger
has the same stamp in all of them, and begin together. The arguments of driver.launch.py are also
accepted, and apply to each driver; only the first one publishes /clock.
"""

from importlib.util import find_spec
from pathlib import Path
import sys
import time

if find_spec('k4a_ros') is None:  # scripts/env on top of a ROS installation, whose Python this is
    sys.path.append(str(Path(__file__).resolve().parents[1]))

from k4a_ros.errors import K4aRosError
from k4a_ros.parameters import launch_actions
from k4a_ros.parameters import launch_arguments
from k4a_ros.parameters import recordings_launch
from launch import LaunchContext
from launch import LaunchDescription
from launch.actions import GroupAction
from launch.actions import IncludeLaunchDescription
from launch.actions import OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource

DRIVER = Path(__file__).parent / 'driver.launch.py'


def recordings(context: LaunchContext) -> list[GroupAction]:
    """Return the drivers."""
    try:
        launch_arguments.check_names(
            Path(__file__), recordings_launch.ARGUMENTS, context.argv, sys.argv)
        drivers = recordings_launch.driver_arguments(context.launch_configurations, time.time())
    except K4aRosError as error:
        raise RuntimeError(str(error)) from error
    return [GroupAction([IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(DRIVER)), launch_arguments=driver.items())])
        for driver in drivers]


def generate_launch_description() -> LaunchDescription:
    """Return the launch description."""
    return LaunchDescription([
        *launch_actions.declarations(recordings_launch.ARGUMENTS),
        OpaqueFunction(function=recordings)])
