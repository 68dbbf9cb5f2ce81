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

All other parameters are set in a file: copy config/driver.yaml, edit it, and pass it as
params_file. Launch arguments override values in the file. Two cameras need different namespaces or
names, and different values of tf_prefix:

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

# launch argument, type of the parameter with the same name, description
PARAMETERS = (
    ('camera', str, 'auto (plays recording_file if set), device, recording or simulated'),
    ('recording_file', str, 'recording (.mkv) to play instead of opening a live camera'),
    ('recording_loop_enabled', bool, 'loop the recording (true or false)'),
    ('playback_rate', float, 'playback speed; 0 is as fast as possible without loss'),
    ('sensor_sn', str, 'serial number of the camera to open; empty for any camera'),
    ('tf_prefix', str, 'prefix of all TF frame names, for example left_'),
    ('body_tracking_enabled', bool, 'publish body tracking topics (true or false)'),
)


def value(context: LaunchContext, name: str, kind: type) -> bool | float | str:
    """Return the value of a launch argument in the type of its parameter."""
    try:
        return ParameterValue(LaunchConfiguration(name), value_type=kind).evaluate(context)
    except ValueError as error:
        expected = {bool: 'true or false', float: 'a number'}[kind]
        given = context.launch_configurations[name]
        raise RuntimeError(f'{name} is {given}; it must be {expected}') from error


def driver(context: LaunchContext) -> list[Node]:
    """Return the driver node with the parameters that were set on the command line."""
    given = {name: value(context, name, kind)
             for name, kind, _ in PARAMETERS if context.launch_configurations[name]}
    file = context.launch_configurations['params_file']
    if file and not Path(file).expanduser().is_file():  # launch_ros would ignore it
        raise RuntimeError(f'cannot read params_file {file}: no such file')
    profile = context.launch_configurations['fastdds_profile'].lower()
    if profile not in ('true', 'false'):
        raise RuntimeError(f'fastdds_profile is {profile}; it must be true or false')
    return [Node(
        package='k4a_ros', executable='k4a_driver', output='screen', emulate_tty=True,
        name=context.launch_configurations['name'],
        namespace=context.launch_configurations['namespace'],
        # while this variable is set, the node keeps the default transports of Fast DDS
        additional_env={} if profile == 'true' else {'FASTDDS_BUILTIN_TRANSPORTS': 'DEFAULT'},
        parameters=[str(Path(file).expanduser()), given] if file else [given],
        arguments=['--ros-args', '--log-level', context.launch_configurations['log_level']])]


def generate_launch_description() -> LaunchDescription:
    """Return the launch description."""
    return LaunchDescription([
        DeclareLaunchArgument(
            'namespace', default_value='', description='namespace of the node and its topics'),
        DeclareLaunchArgument('name', default_value='k4a_driver', description='name of the node'),
        DeclareLaunchArgument(
            'params_file', default_value='',
            description='parameter file, such as config/driver.yaml'),
        DeclareLaunchArgument(
            'log_level', default_value='info',
            description='log level: debug, info, warn, error or fatal'),
        DeclareLaunchArgument(
            'fastdds_profile', default_value='true',
            description='configure Fast DDS for large messages (config/fastdds.xml); with its '
            'default settings (false), most images are late or lost'),
        *(DeclareLaunchArgument(name, default_value='', description=text)
          for name, _, text in PARAMETERS),
        OpaqueFunction(function=driver),
    ])
