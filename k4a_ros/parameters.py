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

"""The parameter table as ROS parameters: declared, checked, and changed while running."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from typing import Any

from k4a_ros import settings
from k4a_ros.errors import ConfigError
from k4a_ros.settings import Settings
from k4a_ros.settings import Value
from rcl_interfaces.msg import FloatingPointRange
from rcl_interfaces.msg import IntegerRange
from rcl_interfaces.msg import ParameterDescriptor
from rcl_interfaces.msg import ParameterType
from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

_TYPES = {
    bool: ParameterType.PARAMETER_BOOL, int: ParameterType.PARAMETER_INTEGER,
    float: ParameterType.PARAMETER_DOUBLE, str: ParameterType.PARAMETER_STRING}


def descriptor(name: str) -> ParameterDescriptor:
    """Return what the table says about a parameter as its ROS descriptor."""
    spec, kind = settings.spec(name), settings.kind(name)
    text = f'{spec.text} [{spec.unit}]' if spec.unit else spec.text
    result = ParameterDescriptor(name=name, type=_TYPES[kind], description=text)
    constraints = [] if spec.live else ['fixed while the node runs']
    if spec.choices:
        constraints.insert(0, 'one of ' + ', '.join(spec.choices))
    result.additional_constraints = '; '.join(constraints)
    if spec.minimum is not None and spec.maximum is not None:
        if kind is int:
            result.integer_range = [IntegerRange(
                from_value=int(spec.minimum), to_value=int(spec.maximum))]
        else:
            result.floating_point_range = [FloatingPointRange(
                from_value=spec.minimum, to_value=spec.maximum)]
    return result


def declare(node: Node) -> Settings:
    """
    Declare every parameter of the table on the node and return their values.

    An override is first read whatever its type is, so that an integer given for a float, or a
    bare number for a serial, is taken as it was meant instead of ending in an exception.

    :raises ConfigError: every unusable override at once.
    """
    given: dict[str, object] = {}
    anything = ParameterDescriptor(dynamic_typing=True)
    for name in settings.names():
        value = node.declare_parameter(name, None, anything).value
        node.undeclare_parameter(name)
        if value is not None:
            given[name] = value
    result = Settings.of(given)
    for name in settings.names():
        node.declare_parameter(
            name, getattr(result, name), descriptor(name), ignore_override=True)
    return result


def warn_of_unknown(node: Node) -> None:
    """
    Say of each override that no parameter took what its name may have meant.

    Call it when every parameter is declared, those for QoS overrides too.
    """
    overrides: Iterable[str] = getattr(node, '_parameter_overrides', {})
    for name in overrides:
        if node.has_parameter(name):
            continue
        near = settings.nearest(name)
        if name.startswith('qos_overrides.'):
            advice = ('no topic of this node has that name and policy; names are '
                      'qos_overrides./full/topic/name.publisher.reliability|depth|history')
        elif near is not None:
            advice = f'did you mean {near}?'
        else:
            advice = 'see ros2 param list'
        node.get_logger().warning(f'There is no parameter {name}; it has no effect: {advice}')


class LiveParameters:
    """
    Answers requests to change parameters: applied, or refused with the reason.

    :param apply: called with name and value of each live parameter that is to change; raises
        ConfigError where the change is not possible.
    """

    def __init__(self, node: Node, apply: Callable[[str, Value], None]) -> None:
        self._node = node
        self._apply = apply
        pre = getattr(node, 'add_pre_set_parameters_callback', None)
        if pre is not None:
            pre(self._as_meant)
        node.add_on_set_parameters_callback(self._set)

    def _as_meant(self, parameters: list[Parameter[Any]]) -> list[Parameter[Any]]:
        """Give each value the parameter's own type, as `declare` does; others stay as they are."""
        result = []
        for parameter in parameters:
            try:
                value = settings.check(parameter.name, parameter.value)
                result.append(Parameter(parameter.name, value=value))
            except (ConfigError, KeyError):
                result.append(parameter)
        return result

    def _set(self, parameters: list[Parameter[Any]]) -> SetParametersResult:
        changes: dict[str, Value] = {}
        problems: list[str] = []
        for parameter in parameters:
            name = parameter.name
            if name not in settings.names():
                continue
            try:
                value = settings.check(name, parameter.value)
            except ConfigError as error:
                problems.extend(error.problems)
                continue
            if settings.spec(name).live:
                changes[name] = value
            elif value != self._node.get_parameter(name).value:
                problems.append(f'{name} is fixed while the node runs: start the node again with '
                                f'{name}:={value}')
        try:
            if not problems:
                for name, value in changes.items():
                    self._apply(name, value)
        except ConfigError as error:
            problems.extend(error.problems)
        return SetParametersResult(successful=not problems, reason='; '.join(problems))
