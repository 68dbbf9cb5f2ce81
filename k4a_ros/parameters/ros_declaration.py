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

"""Declare the parameters of the table on a ROS node."""

from __future__ import annotations

from collections.abc import Iterable

from k4a_ros.cameras.controls import ControlRange
from k4a_ros.errors import ConfigError
from k4a_ros.parameters.settings import Settings
from k4a_ros.parameters.spec import Change
from k4a_ros.parameters.table import nearest_name
from k4a_ros.parameters.table import SPECS
from rcl_interfaces.msg import FloatingPointRange
from rcl_interfaces.msg import IntegerRange
from rcl_interfaces.msg import ParameterDescriptor
from rcl_interfaces.msg import ParameterType
from rclpy.node import Node

_TYPES = {
    bool: ParameterType.PARAMETER_BOOL, int: ParameterType.PARAMETER_INTEGER,
    float: ParameterType.PARAMETER_DOUBLE, str: ParameterType.PARAMETER_STRING}

_CHANGES = {
    Change.LIVE: 'Changes take effect immediately.',
    Change.RESTART: 'Changes restart the streams; fixed while a recording is playing.',
    Change.FIXED: 'Fixed while the node is configured.',
    Change.STARTUP: 'Fixed at startup, because it names a file that the driver uses.'}


def descriptor(name: str) -> ParameterDescriptor:
    """Return the ROS descriptor of a parameter: description, constraints and range."""
    spec = SPECS[name]
    unit = f' Unit: {spec.unit}.' if spec.unit else ''
    choices = f'One of {spec.allowed}. ' if spec.choices else ''
    if spec.pattern:
        choices = f'{spec.pattern_name.capitalize()}. '
    result = ParameterDescriptor(
        name=name, type=_TYPES[spec.kind], description=spec.description + unit,
        additional_constraints=choices + _CHANGES[spec.change],
        read_only=spec.change is Change.STARTUP)
    if spec.minimum is not None and spec.maximum is not None:
        if spec.kind is int:
            result.integer_range = [IntegerRange(
                from_value=int(spec.minimum), to_value=int(spec.maximum))]
        else:
            result.floating_point_range = [FloatingPointRange(
                from_value=spec.minimum, to_value=spec.maximum)]
    return result


def control_descriptor(name: str, limits: ControlRange) -> ParameterDescriptor:
    """
    Return the descriptor of a color control with the range that the open camera reports.

    That of exposure times stays the one of the table: the one that the camera reports changes with
    powerline_frequency, and valid times are not multiples of its step.
    """
    result = descriptor(name)
    if result.integer_range and name != 'exposure_time_us':
        result.integer_range = [IntegerRange(
            from_value=limits.minimum, to_value=limits.maximum, step=limits.step)]
    return result


def declare(node: Node) -> Settings:
    """
    Declare every parameter of the table on the node and return their values.

    Overrides are first read with dynamic typing, so that an integer for a float or a bare number
    for a serial number is converted instead of raising an exception.

    :raises ConfigError: lists every invalid override and every conflict.
    """
    given: dict[str, object] = {}
    any_type = ParameterDescriptor(dynamic_typing=True)
    for name in SPECS:
        value = node.declare_parameter(name, None, any_type).value
        node.undeclare_parameter(name)
        if value is not None:
            given[name] = value
    result = Settings.from_values(given)
    check_time_source(result, bool(node.get_parameter('use_sim_time').value))
    for name in SPECS:
        node.declare_parameter(
            name, getattr(result, name), descriptor(name), ignore_override=True)
    return result


def check_time_source(settings: Settings, use_sim_time: bool) -> None:
    """
    Check that the camera can be stamped with the time of the node.

    :param use_sim_time: the parameter that every ROS node has.
    :raises ConfigError: simulated time was requested for a recording.
    """
    if use_sim_time and settings.camera_kind == 'recording':
        raise ConfigError(
            'use_sim_time is true, but a recording is played and stamped by the clock of this '
            'host and does not follow /clock; set use_sim_time to false')


def warn_of_unknown(node: Node, *, qos: bool) -> None:
    """
    Log a warning for each override that is not a declared parameter.

    :param qos: check only QoS overrides, which are declared together with the topics of a camera;
        false checks all others.
    """
    overrides: Iterable[str] = getattr(node, '_parameter_overrides', {})
    for name in overrides:
        if name.startswith('qos_overrides.') is not qos or node.has_parameter(name):
            continue
        nearest = nearest_name(name)
        if qos:
            hint = ('no topic of this camera has this name and policy; expected qos_overrides.'
                    '/full/topic/name.publisher.reliability|durability|history|depth')
        elif nearest is not None:
            hint = f'did you mean {nearest}?'
        else:
            hint = 'see ros2 param list'
        node.get_logger().warning(f'Unknown parameter {name} ignored ({hint})')
