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

Everything that is not an argument here is a parameter: see config/driver.yaml, copy it, and give
it as params_file. An argument that is given wins over the file. Two cameras side by side need two
namespaces, or two names, and two tf_prefixes:

    ros2 launch k4a_ros driver.launch.py namespace:=left tf_prefix:=left_ recording_file:=a.mkv
"""

from pathlib import Path

from launch import LaunchContext
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.actions import OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

# argument, type of the parameter of the same name, description
PARAMETERS = (
    ('camera', str, 'kind of camera, for example simulated; auto plays recording_file if given'),
    ('recording_file', str, 'Azure Kinect recording (.mkv) to play instead of a live camera'),
    ('recording_loop_enabled', bool, 'start again at the end of the recording (true or false)'),
    ('playback_rate', float, 'speed of playback; 0 is as fast as possible without loss'),
    ('sensor_sn', str, 'serial number of the camera; empty is any'),
    ('tf_prefix', str, 'put in front of every frame name, for example left_'),
    ('body_tracking_enabled', bool, 'publish people, too (true or false)'),
)


def value(context: LaunchContext, name: str, kind: type) -> bool | float | str:
    """Return the value of an argument as that of the parameter."""
    try:
        return ParameterValue(LaunchConfiguration(name), value_type=kind).evaluate(context)
    except ValueError as error:
        words = {bool: 'true or false', float: 'a number'}[kind]
        given = context.launch_configurations[name]
        raise RuntimeError(f'{name} is {given}; it must be {words}') from error


def driver(context: LaunchContext) -> list[Node]:
    """Return the node, with those parameters that were given."""
    given = {name: value(context, name, kind)
             for name, kind, _ in PARAMETERS if context.launch_configurations[name]}
    file = context.launch_configurations['params_file']
    if file and not Path(file).expanduser().is_file():  # launch_ros would go on without it
        raise RuntimeError(f'cannot read params_file {file}: there is no such file')
    profile = context.launch_configurations['fastdds_profile'].lower()
    if profile not in ('true', 'false'):
        raise RuntimeError(f'fastdds_profile is {profile}; it must be true or false')
    return [Node(
        package='k4a_ros', executable='k4a_driver', output='screen', emulate_tty=True,
        name=context.launch_configurations['name'],
        namespace=context.launch_configurations['namespace'],
        # a decision of the user's, which the node respects: stock settings
        additional_env={} if profile == 'true' else {'FASTDDS_BUILTIN_TRANSPORTS': 'DEFAULT'},
        parameters=[str(Path(file).expanduser()), given] if file else [given],
        arguments=['--ros-args', '--log-level', context.launch_configurations['log_level']])]


def generate_launch_description() -> LaunchDescription:
    """Return what ros2 launch runs."""
    return LaunchDescription([
        DeclareLaunchArgument('namespace', default_value='', description='of node and topics'),
        DeclareLaunchArgument('name', default_value='k4a_driver', description='of the node'),
        DeclareLaunchArgument(
            'params_file', default_value='', description='parameters, as in config/driver.yaml'),
        DeclareLaunchArgument(
            'log_level', default_value='info', description='debug, info, warn, error or fatal'),
        DeclareLaunchArgument(
            'fastdds_profile', default_value='true',
            description='set up Fast DDS for large messages (config/fastdds.xml); false leaves '
            'its own settings, with which most images are late or lost'),
        *(DeclareLaunchArgument(name, default_value='', description=text)
          for name, _, text in PARAMETERS),
        OpaqueFunction(function=driver),
    ])
