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
Start the driver.

Every parameter is a launch argument. Arguments override values in params_file, which is best an
edited copy of config/driver.yaml. Two cameras need different namespaces or names, and different
values of tf_prefix:

    ros2 launch k4a_ros driver.launch.py namespace:=left tf_prefix:=left_ recording_file:=a.mkv
"""

from importlib.util import find_spec
from pathlib import Path
import sys

if find_spec('k4a_ros') is None:  # scripts/env on top of a ROS installation, whose Python this is
    sys.path.append(str(Path(__file__).resolve().parents[1]))

from k4a_ros.errors import ConfigError
from k4a_ros.parameters import launch_actions
from k4a_ros.parameters import launch_arguments
from launch import LaunchContext
from launch import LaunchDescription
from launch.actions import OpaqueFunction
from launch_ros.actions import Node

ARGUMENTS = [*launch_arguments.DRIVER_ARGUMENTS, *launch_arguments.parameter_arguments()]


def driver(context: LaunchContext) -> list[Node]:
    """Return the driver node with the parameters that are given."""
    configurations = context.launch_configurations
    try:
        launch_arguments.check_names(Path(__file__), ARGUMENTS, context.argv, sys.argv)
        given = launch_arguments.given_parameters(configurations)
    except ConfigError as error:
        raise RuntimeError(str(error)) from error
    file = configurations['params_file']
    if file and not Path(file).expanduser().is_file():  # launch_ros would ignore it
        raise RuntimeError(f'cannot read params_file {file}: no such file')
    profile = configurations['fastdds_profile'].lower()
    if profile not in ('true', 'false'):
        raise RuntimeError(f'fastdds_profile is {profile}; it must be true or false')
    return [Node(
        package='k4a_ros', executable='k4a_driver', output='screen', emulate_tty=True,
        name=configurations['name'], namespace=configurations['namespace'],
        # while this variable is set, the node keeps the default transports of Fast DDS
        additional_env={} if profile == 'true' else {'FASTDDS_BUILTIN_TRANSPORTS': 'DEFAULT'},
        parameters=[*([str(Path(file).expanduser())] if file else []),
                    launch_actions.parameters(given)],
        arguments=['--ros-args', '--log-level', configurations['log_level']])]


def generate_launch_description() -> LaunchDescription:
    """Return the launch description."""
    return LaunchDescription(
        [*launch_actions.declarations(ARGUMENTS), OpaqueFunction(function=driver)])
