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
Start the driver, the robot model of the camera, and rviz.

All arguments of driver.launch.py are also accepted:

    ros2 launch k4a_ros view.launch.py camera:=simulated

Closing rviz shuts everything down. If the driver is already running, use driver:=false.
"""

from pathlib import Path

from launch import LaunchContext
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.actions import IncludeLaunchDescription
from launch.actions import OpaqueFunction
from launch.actions import Shutdown
from launch.conditions import IfCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import Command
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

HERE = Path(__file__).parent
SHARE = HERE.parent

# Topics in config/k4a.rviz. They are absolute there, so rviz2 remaps them to the namespace.
TOPICS = (
    'body_tracking_data', 'depth/camera_info', 'depth/image_raw', 'ir/camera_info', 'ir/image_raw',
    'points2', 'rgb/camera_info', 'rgb/image_raw', 'robot_description')


def nodes(context: LaunchContext) -> list[Node]:
    """Return robot_state_publisher and rviz2 for the namespace and frames of the driver."""
    namespace = context.launch_configurations['namespace'].strip('/')
    prefix = context.launch_configurations['tf_prefix']
    file = SHARE / 'urdf/azure_kinect.urdf.xacro'
    urdf = Command(f"xacro '{file}' 'tf_prefix:={prefix}'")
    return [
        Node(
            package='robot_state_publisher', executable='robot_state_publisher', output='screen',
            namespace=namespace, condition=IfCondition(LaunchConfiguration('robot_model')),
            parameters=[{'robot_description': ParameterValue(urdf, value_type=str)}]),
        Node(
            package='rviz2', executable='rviz2', output='screen', on_exit=Shutdown(),
            namespace=namespace, condition=IfCondition(LaunchConfiguration('rviz')),
            remappings=[(f'/{topic}', f'/{namespace}/{topic}') for topic in TOPICS if namespace],
            arguments=['--display-config', context.launch_configurations['rviz_config'],
                       '--fixed-frame', f'{prefix}camera_base']),
    ]


def generate_launch_description() -> LaunchDescription:
    """Return the launch description."""
    return LaunchDescription([
        DeclareLaunchArgument(
            'driver', default_value='true', description='start the driver (true or false)'),
        DeclareLaunchArgument(
            'rviz', default_value='true', description='start rviz2 (true or false)'),
        DeclareLaunchArgument(
            'robot_model', default_value='true',
            description='start robot_state_publisher with the model of the camera (true or '
            'false); use false if the description of a robot includes the camera'),
        DeclareLaunchArgument(
            'rviz_config', default_value=str(SHARE / 'config/k4a.rviz'),
            description='rviz2 configuration file'),
        DeclareLaunchArgument(
            'namespace', default_value='', description='namespace of the nodes and topics'),
        DeclareLaunchArgument(
            'tf_prefix', default_value='',
            description='prefix of all TF frame names, for example left_'),
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(str(HERE / 'driver.launch.py')),
            condition=IfCondition(LaunchConfiguration('driver'))),
        OpaqueFunction(function=nodes),
    ])
