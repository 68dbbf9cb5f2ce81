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

from collections.abc import Iterable
from collections.abc import Mapping
import contextlib
import threading
from typing import Any
from typing import Protocol

from k4a_ros.cameras.base import Camera
from k4a_ros.cameras.controls import ControlRange
from k4a_ros.errors import ConfigError
from k4a_ros.parameters import settings
from k4a_ros.parameters.settings import Settings
from k4a_ros.parameters.spec import Value
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
    constraints = []
    if spec.restarts:
        constraints.append('a change restarts the streams')
    elif not spec.live:
        constraints.append('fixed while the node runs')
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


def _control_descriptor(name: str, limits: ControlRange) -> ParameterDescriptor:
    """Return the descriptor of a parameter with the range of a camera that is open."""
    result = descriptor(name)
    if result.integer_range:
        # lengths of exposure are not a multiple of the step that the SDK tells for them
        step = 0 if name == 'exposure_time_us' else limits.step
        result.integer_range = [IntegerRange(
            from_value=limits.minimum, to_value=limits.maximum, step=step)]
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
    result = Settings.from_values(given)
    for name in settings.names():
        node.declare_parameter(
            name, getattr(result, name), descriptor(name), ignore_override=True)
    return result


def warn_of_unknown(node: Node, *, qos: bool) -> None:
    """
    Say of each override that no parameter took what its name may have meant.

    :param qos: look at those for QoS, which are declared with the topics that there are, and only
        at them; otherwise at the others.
    """
    overrides: Iterable[str] = getattr(node, '_parameter_overrides', {})
    for name in overrides:
        if name.startswith('qos_overrides.') is not qos or node.has_parameter(name):
            continue
        near = settings.nearest(name)
        if qos:
            advice = (
                'no topic of this camera has that name and policy; names are qos_overrides.'
                '/full/topic/name.publisher.reliability|durability|history|depth')
        elif near is not None:
            advice = f'did you mean {near}?'
        else:
            advice = 'see ros2 param list'
        node.get_logger().warning(f'There is no parameter {name}; it has no effect: {advice}')


class ParameterHost(Protocol):
    """What `LiveParameters` needs of the node that it serves."""

    @property
    def settings(self) -> Settings:
        """Give the values of all parameters."""

    @property
    def running(self) -> bool:
        """Tell whether there is a camera, open or lost; otherwise everything may be changed."""

    @property
    def restartable(self) -> bool:
        """Tell whether streams can be restarted without anything being played again."""

    def apply(self, name: str, value: Value) -> Value:
        """
        Make a live parameter's new value effective; return the value that it then has.

        :raises ConfigError: that is not possible.
        """

    def reconfigure(self, changed: Settings) -> None:
        """Take settings that change what is streamed, and restart the streams if need be."""


class LiveParameters:
    """
    Answers requests to change parameters: applied, or refused with the reason, all or nothing.

    Where the camera takes another value than was asked (it rounds lengths of exposure), the
    parameter shows that. What was asked of the camera's controls is remembered, and asked again
    when the camera has been opened again.
    """

    def __init__(self, node: Node, owner: ParameterHost) -> None:
        self._node = node
        self._owner = owner
        self._silent = threading.local()
        self._controls: list[str] = []
        self._wanted: dict[str, Value] = {
            name: getattr(owner.settings, name) for name in owner.settings.given}
        pre = getattr(node, 'add_pre_set_parameters_callback', None)
        if pre is not None:
            pre(self._coerce_types)
        node.add_on_set_parameters_callback(self._set)

    def set_silently(self, values: Mapping[str, Value]) -> None:
        """Let parameters have these values, without applying them."""
        self._silent.on = True
        try:
            self._node.set_parameters(
                [Parameter(name, value=value) for name, value in values.items()])
        finally:
            self._silent.on = False

    def apply_to_camera(self, camera: Camera) -> None:
        """
        Set the controls of a camera that was opened as they are wanted.

        Then the parameters show what the camera has, and describe what it can.
        """
        controls = [name for name in camera.controls() if name in settings.names()]
        self._controls = sorted(controls, key=_apply_order)
        for name in self._controls:
            value = self._wanted.get(name)
            if value is not None and not isinstance(value, str):
                try:
                    camera.set_control(name, value)
                except ConfigError as error:
                    self._node.get_logger().warning(str(error))
        self.set_silently(
            {name: settings.check(name, camera.get_control(name)) for name in controls})
        for name in controls:
            self._node.set_descriptor(name, _control_descriptor(name, camera.controls()[name]))

    def _coerce_types(self, parameters: list[Parameter[Any]]) -> list[Parameter[Any]]:
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
        if getattr(self._silent, 'on', False):
            return SetParametersResult(successful=True)
        try:
            self._change({p.name: p.value for p in parameters if p.name in settings.names()})
        except ConfigError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _change(self, asked: Mapping[str, object]) -> None:
        """
        Apply these values.

        :raises ConfigError: one of them is not possible; then none is applied.
        """
        if not asked:
            return
        now = self._owner.settings
        changed = now.replace(asked)
        other = {name: getattr(changed, name) for name in asked
                 if getattr(changed, name) != getattr(now, name)}
        live = {name: getattr(changed, name) for name in asked if settings.spec(name).live}
        if not self._owner.running:
            self._wanted |= other
            self._owner.reconfigure(changed)
            return
        fixed = [name for name in other if not settings.spec(name).live and not (
            settings.spec(name).restarts and self._owner.restartable)]
        if fixed:
            moment = ('node runs' if self._owner.restartable else 'recording plays')
            raise ConfigError(*(
                f'{name} is fixed while the {moment}: start the node again with '
                f'{name}:={getattr(changed, name)}' for name in fixed))
        corrections = self._apply(live)
        self._wanted |= live
        restarting = {name: value for name, value in other.items() if name not in live}
        if restarting:
            self._owner.reconfigure(self._owner.settings.replace(restarting))
        if corrections and self._node.executor is not None:
            self._node.executor.create_task(self.set_silently, corrections)

    def _apply(self, live: Mapping[str, Value]) -> dict[str, Value]:
        """
        Make new values effective, all or none.

        :return: those that the camera has other than they were asked.
        :raises ConfigError: one of them is not possible.
        """
        # setting a fault is an event, which cannot be taken back
        restored = sorted({*live, *self._controls} - {'simulation_fault'}, key=_apply_order)
        before = {name: self._node.get_parameter(name).value for name in restored}
        corrections, begun = {}, False
        # what this camera lacks is refused before anything else is touched
        for name in sorted(live, key=lambda name: (name in self._controls, _apply_order(name))):
            try:
                actual = self._owner.apply(name, live[name])
            except ConfigError:
                if begun:
                    for other, value in before.items():
                        with contextlib.suppress(ConfigError):
                            self._owner.apply(other, value)
                    self.set_silently(before)  # not what others did to them meanwhile
                raise
            begun = True
            if actual != live[name]:
                corrections[name] = actual
        return corrections


def _apply_order(name: str) -> int:
    """
    Return the turn of a control when several are set.

    The frequency of the mains decides which lengths of exposure there are, and a value ends its
    automatic mode: modes come last.
    """
    return 0 if name == 'powerline_frequency' else 2 if name.endswith('_auto') else 1
