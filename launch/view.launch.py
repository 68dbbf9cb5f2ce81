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
Start the driver, and show it: in rviz with the robot model of the camera, or in a browser.

All arguments of driver.launch.py are also accepted. With rviz, the cloud is colored
(rgb_point_cloud:=true) unless an argument or a parameter file decides otherwise:

    ros2 launch k4a_ros view.launch.py camera:=simulated
    ros2 launch k4a_ros view.launch.py camera:=simulated view:=browser

Closing rviz shuts everything down, as does the failure of one of the processes. If the driver is
already running, use driver:=false.
"""

from importlib.util import find_spec
import os
from pathlib import Path
import shutil
import sys

if find_spec('k4a_ros') is None:  # scripts/env on top of a ROS installation, whose Python this is
    sys.path.append(str(Path(__file__).resolve().parents[1]))

from ament_index_python.packages import PackageNotFoundError
from k4a_ros.errors import ConfigError
from k4a_ros.parameters import launch_actions
from k4a_ros.parameters import launch_arguments
from k4a_ros.parameters import rviz
from launch import LaunchContext
from launch import LaunchDescription
from launch import LaunchDescriptionEntity
from launch.actions import IncludeLaunchDescription
from launch.actions import LogInfo
from launch.actions import OpaqueFunction
from launch.actions import RegisterEventHandler
from launch.actions import Shutdown
from launch.event_handlers import OnProcessExit
from launch.events.process import ProcessExited
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import Command
from launch.substitutions import SubstitutionFailure
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import ExecutableInPackage

HERE = Path(__file__).parent
SHARE = HERE.parent

# Topics in config/k4a.rviz. They are absolute there, so rviz2 remaps them to the namespace.
TOPICS = (
    'body_tracking_data', 'depth/camera_info', 'depth/image_raw', 'ir/camera_info', 'ir/image_raw',
    'points2', 'rgb/camera_info', 'rgb/image_raw', 'robot_description')

VIEW_ARGUMENTS = (
    launch_arguments.LaunchArgument(
        'driver', '[View] Start the driver. One of true, false.', 'true'),
    launch_arguments.LaunchArgument(
        'view', '[View] Where to look at the camera. rviz: in rviz2, with the model of the '
        'camera. browser: start k4a_view, which prints the address of its page, and neither '
        'rviz2 nor robot_state_publisher. One of rviz, browser.', 'rviz'),
    launch_arguments.LaunchArgument('rviz', '[View] Start rviz2. One of true, false.', 'true'),
    launch_arguments.LaunchArgument(
        'robot_model', '[View] Start robot_state_publisher with the model of the camera. Use '
        'false if the description of a robot includes the camera. One of true, false.', 'true'),
    launch_arguments.LaunchArgument(
        'rviz_config', '[View] rviz2 configuration file. By default a copy of config/k4a.rviz in '
        '~/.ros/k4a_ros, which rviz2 may save; delete it to start anew.',
        shown_default='~/.ros/k4a_ros/k4a.rviz'),
)
ARGUMENTS = [*VIEW_ARGUMENTS, *launch_arguments.DRIVER_ARGUMENTS,
             *launch_arguments.parameter_arguments()]


def is_true(context: LaunchContext, name: str) -> bool:
    """Return the value of an argument that is true or false."""
    value = context.launch_configurations[name].lower()
    if value not in ('true', '1', 'false', '0'):
        raise RuntimeError(f'{name} is {value}; it must be true or false')
    return value in ('true', '1')


def check_installed(context: LaunchContext, rviz: bool, robot_model: bool) -> None:
    """Raise an error that names the programs that are required, but not installed."""
    required = [('rviz2', 'rviz:=false')] * rviz + [
        (name, 'robot_model:=false') for name in ('robot_state_publisher', 'xacro')] * robot_model
    missing = {name: option for name, option in required if not is_installed(context, name)}
    if missing:
        raise RuntimeError(
            f'{" and ".join(missing)} cannot be found; install '
            f'{" ".join("ros-$ROS_DISTRO-" + name.replace("_", "-") for name in missing)}, or '
            f'start without: {" ".join(dict.fromkeys(missing.values()))}, or in a browser: '
            'view:=browser')


def is_installed(context: LaunchContext, name: str) -> bool:
    """Return whether a program is where its Node, or for xacro the Command, looks for it."""
    if name == 'xacro':
        return shutil.which(name) is not None
    try:
        return bool(ExecutableInPackage(package=name, executable=name).perform(context))
    except (PackageNotFoundError, SubstitutionFailure):
        return False


def own_rviz_config() -> Path:
    """Return a copy of the configuration of rviz2 that the user may save."""
    home = os.environ.get('ROS_HOME') or Path.home() / '.ros'
    return rviz.own_copy(SHARE / 'config/k4a.rviz', Path(home) / 'k4a_ros')


def on_process_exit(
    event: ProcessExited, context: LaunchContext,
) -> list[LaunchDescriptionEntity] | None:
    """Shut down when the viewer is closed, or when a process of this file has failed."""
    package = getattr(event.action, 'node_package', None)
    browser = context.launch_configurations['view'] == 'browser'
    if context.is_shutdown or package not in ('k4a_ros', 'rviz2', 'robot_state_publisher'):
        return None
    if event.returncode != 0:
        reason = f'{event.process_name} failed with exit code {event.returncode}'
    elif package == 'rviz2' or event.process_name.startswith('k4a_view') or (
            not browser and not is_true(context, 'rviz')):
        reason = f'{event.process_name} has ended'
    else:
        return None  # rviz and the page still show the last images of a recording
    return [LogInfo(msg=f'{reason}: shutting down'), Shutdown(reason=reason)]


def view(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """
    Return the driver, and either robot_state_publisher and rviz2 or k4a_view.

    Everything that can raise an error does so here, before a process runs: launch may leave
    processes behind after an error.
    """
    try:
        launch_arguments.check_names(Path(__file__), ARGUMENTS, context.argv, sys.argv)
        shows_color = rviz.shows_color(context.launch_configurations)
    except ConfigError as error:
        raise RuntimeError(str(error)) from error
    driver, in_rviz, robot_model = (
        is_true(context, name) for name in ('driver', 'rviz', 'robot_model'))
    where = context.launch_configurations['view']
    if where not in ('rviz', 'browser'):
        raise RuntimeError(f'view is {where}; it must be rviz or browser')
    if where == 'browser':
        in_rviz = robot_model = False
    check_installed(context, in_rviz, robot_model)
    namespace = context.launch_configurations['namespace'].strip('/')
    prefix = context.launch_configurations['tf_prefix']
    entities = [RegisterEventHandler(OnProcessExit(on_exit=on_process_exit))]
    if robot_model:
        file = SHARE / 'urdf/azure_kinect.urdf.xacro'
        urdf = Command(f"xacro '{file}' 'tf_prefix:={prefix}'").perform(context)
    if in_rviz and shows_color:
        context.launch_configurations['rgb_point_cloud'] = 'true'
    if driver:
        entities.append(IncludeLaunchDescription(
            PythonLaunchDescriptionSource(str(HERE / 'driver.launch.py'))))
    if where == 'browser':
        entities.append(Node(package='k4a_ros', executable='k4a_view', output='screen'))
    if robot_model:
        entities.append(Node(
            package='robot_state_publisher', executable='robot_state_publisher', output='screen',
            namespace=namespace,
            parameters=[{'robot_description': ParameterValue(urdf, value_type=str)}]))
    if in_rviz:
        entities.append(Node(
            package='rviz2', executable='rviz2', output='screen', namespace=namespace,
            remappings=[(f'/{topic}', f'/{namespace}/{topic}') for topic in TOPICS if namespace],
            arguments=['--display-config', context.launch_configurations['rviz_config']
                       or str(own_rviz_config()), '--fixed-frame', f'{prefix}camera_base']))
    return entities


def generate_launch_description() -> LaunchDescription:
    """Return the launch description."""
    return LaunchDescription(
        [*launch_actions.declarations(ARGUMENTS), OpaqueFunction(function=view)])
