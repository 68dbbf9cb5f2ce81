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
Start several cameras as one rig.

    ros2 launch k4a_ros multi_camera.launch.py config:=cameras.yaml

Each camera gets a driver in a namespace of its own. k4a_rig starts them in their order, publishes
their poses and records with all of them; k4a_sync_monitor proves that they are synchronized. With
recordings:=FOLDER, what they have recorded is played in step. docs/multi_camera.md is the guide.
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
from k4a_ros.rig import budget
from k4a_ros.rig import rig_launch
from k4a_ros.rig.rig import DRIVER_NAME
from launch import LaunchContext
from launch import LaunchDescription
from launch import LaunchDescriptionEntity
from launch.actions import LogInfo
from launch.actions import OpaqueFunction
from launch_ros.actions import Node


def is_true(context: LaunchContext, name: str) -> bool:
    """Return the value of an argument that is true or false."""
    value = context.launch_configurations[name].lower()
    if value not in ('true', 'false'):
        raise RuntimeError(f'{name} is {value}; it must be true or false')
    return value == 'true'


def node(context: LaunchContext, executable: str, **options) -> Node:
    """Return a node of this package."""
    level = context.launch_configurations['log_level']
    return Node(package='k4a_ros', executable=executable, output='screen', emulate_tty=True,
                arguments=['--ros-args', '--log-level', level], **options)


def rig(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Return the budget, the drivers and the nodes of the rig."""
    given = context.launch_configurations
    try:
        launch_arguments.check_names(
            Path(__file__), rig_launch.ARGUMENTS, context.argv, sys.argv)
        cameras = rig_launch.rig_of(given)
        drivers = rig_launch.drivers(cameras, given, time.time())
    except K4aRosError as error:
        raise RuntimeError(str(error)) from error
    profile = {} if is_true(context, 'fastdds_profile') else {
        'FASTDDS_BUILTIN_TRANSPORTS': 'DEFAULT'}
    manager, monitor = is_true(context, 'manager'), is_true(context, 'monitor')
    lines, problems = budget.table(cameras, rig_launch.this_host())
    entities = [LogInfo(msg=line) for line in (*lines, *(f'WARNING: {p}' for p in problems))]
    entities += [
        node(context, 'k4a_driver', name=DRIVER_NAME, namespace=driver.namespace,
             additional_env=profile, respawn=not cameras.plays, respawn_delay=2.0,
             parameters=[launch_actions.parameters(driver.parameters)])
        for driver in drivers]
    if manager:
        entities.append(node(
            context, 'k4a_rig', name='k4a_rig', namespace=cameras.namespace, parameters=[
                launch_actions.parameters({
                    'config': given['config'], 'recordings': given['recordings']})]))
    if monitor:
        entities.append(node(
            context, 'k4a_sync_monitor', name='k4a_sync_monitor', namespace=cameras.namespace,
            parameters=[{'cameras': [cameras.camera_namespace(camera)
                                     for camera in cameras.cameras]}]))
    return entities


def generate_launch_description() -> LaunchDescription:
    """Return the launch description."""
    return LaunchDescription([
        *launch_actions.declarations(rig_launch.ARGUMENTS), OpaqueFunction(function=rig)])
