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

"""Parameters and services of a driver, called without blocking and with time limits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
import math
import re
from typing import Any

from builtin_interfaces.msg import Time
from k4a_ros.parameters.table import SPECS
from k4a_ros.viewer import graph
from k4a_ros.viewer.bridge import Bridge
from k4a_ros.viewer.errors import Refused
from rcl_interfaces.msg import ParameterType
from rcl_interfaces.srv import DescribeParameters
from rcl_interfaces.srv import GetParameters
from rcl_interfaces.srv import ListParameters
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from rclpy.parameter import parameter_value_to_python
from std_srvs.srv import Trigger

try:
    from rosbag2_interfaces import srv as rosbag2
except ImportError:  # then a driver has no such services either, or cannot be asked for them
    rosbag2 = None

#: time for an answer; a first one may be lost before discovery is complete
_ANSWER_S, _FIRST_ANSWER_S, _ATTEMPTS = 10.0, 1.5, 6
_NS = 1_000_000_000
_KINDS = {
    ParameterType.PARAMETER_BOOL: 'bool', ParameterType.PARAMETER_INTEGER: 'int',
    ParameterType.PARAMETER_DOUBLE: 'float', ParameterType.PARAMETER_STRING: 'string'}


class DriverClient:
    """
    Clients of one driver; methods run in the event loop of the server.

    :param bridge: runs the node.
    :param node: full name of the driver.
    :param services: its services that pages can call, relative to it.
    """

    def __init__(self, bridge: Bridge, node: str, services: tuple[str, ...]) -> None:
        self._bridge = bridge
        self._node = node
        self._loop = asyncio.get_running_loop()
        self._clients: dict[str, Any] = {}
        self._kinds: dict[str, str] = {}
        self._waiting: set[asyncio.Future[Any]] = set()
        self.offer(services)

    def offer(self, services: tuple[str, ...]) -> None:
        """Take services that have been discovered."""
        self._bridge.submit(lambda: self._create(services))

    def _create(self, services: tuple[str, ...]) -> None:
        """Create all clients; the one that is asked first is discovered last."""
        kinds: dict[str, Any] = {
            'set_parameters': SetParameters, 'list_parameters': ListParameters,
            'describe_parameters': DescribeParameters}
        kinds |= {name: Trigger for name in services if name in graph.TRIGGERS}
        if rosbag2 is not None:
            offered = {'pause': 'Pause', 'resume': 'Resume', 'seek': 'Seek',
                       'play_next': 'PlayNext', 'set_rate': 'SetRate'}
            kinds |= {name: getattr(rosbag2, offered[name]) for name in services
                      if name in offered}
        kinds['get_parameters'] = GetParameters
        for name, kind in kinds.items():
            if name not in self._clients:
                self._clients[name] = self._bridge.node.create_client(
                    kind, f'{self._node}/{name}')

    def close(self) -> None:
        """Destroy the clients; what has not been answered is refused."""
        for future in self._waiting:
            self._resolve(future, None, Refused(f'{self._node} has gone'))

        def destroy() -> None:
            for client in self._clients.values():
                self._bridge.node.destroy_client(client)
        self._bridge.submit(destroy)

    async def parameters(self) -> list[dict[str, Any]]:
        """
        Return all parameters: name, kind, value, description, limits, choices, group and unit.

        :raises Refused: the driver does not answer.
        """
        await self._call('get_parameters', GetParameters.Request(), attempts=_ATTEMPTS)
        listed = await self._call('list_parameters', ListParameters.Request(), attempts=2)
        names = sorted(name for name in listed.result.names if '.' not in name)
        request = DescribeParameters.Request(names=names)
        answer = await self._call('describe_parameters', request, attempts=2)
        values = await self.values(names)
        result = []
        for descriptor in answer.descriptors:
            kind = _KINDS.get(descriptor.type)
            if kind is not None and descriptor.name in values:
                self._kinds[descriptor.name] = kind
                result.append(described(descriptor, kind, values[descriptor.name]))
        return result

    async def values(self, names: list[str] | None = None) -> dict[str, Any]:
        """Return the values of parameters; by default of those that have been listed."""
        names = list(self._kinds) if names is None else names
        answer = await self._call(
            'get_parameters', GetParameters.Request(names=names), attempts=2)
        return {name: parameter_value_to_python(value)
                for name, value in zip(names, answer.values, strict=False)}

    async def set_parameter(self, name: str, value: object) -> dict[str, Any]:
        """
        Set a parameter that has been listed, and return whether and what the driver answered.

        :raises Refused: there is no such parameter, the value has another type, or no answer.
        """
        kind = self._kinds.get(name)
        if kind is None:
            raise Refused(f'{name[:80]} is not a parameter of {self._node}')
        parameter = Parameter(name, value=converted(name, kind, value))
        answer = await self._call(
            'set_parameters', SetParameters.Request(parameters=[parameter.to_parameter_msg()]))
        result = answer.results[0]
        values = await self.values([name])
        return {'successful': result.successful, 'reason': result.reason, 'value': values[name]}

    async def call(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """
        Call a service of the driver, and return whether it succeeded and what it said.

        :param arguments: time_ns of seek, as a string of digits, or rate of set_rate.
        :raises Refused: the driver has no such service, or does not answer.
        """
        if name in graph.TRIGGERS:
            answer = await self._call(name, Trigger.Request())
            return {'successful': answer.success, 'reason': answer.message}
        if rosbag2 is None or name not in graph.PLAYBACK_SERVICES:
            raise Refused(f'{self._node} has no service {name[:80]}')
        if name == 'seek':
            seconds, nanoseconds = divmod(_whole(arguments.get('time_ns')), _NS)
            if not -2 ** 31 <= seconds < 2 ** 31:
                raise Refused('the time to seek is not a ROS time')
            request = rosbag2.Seek.Request(time=Time(sec=seconds, nanosec=nanoseconds))
        elif name == 'set_rate':
            request = rosbag2.SetRate.Request(
                rate=converted('rate', 'float', arguments.get('rate')))
        else:
            request = {'pause': rosbag2.Pause, 'resume': rosbag2.Resume,
                       'play_next': rosbag2.PlayNext}[name].Request()
        answer = await self._call(name, request)
        done = bool(getattr(answer, 'success', True))
        return {'successful': done, 'reason': '' if done else f'the driver refused {name}; its '
                'log says why'}

    async def _call(self, name: str, request: Any, attempts: int = 1) -> Any:
        """Call a service; only what changes nothing may be attempted more than once."""
        for attempt in range(attempts):
            limit_s = _ANSWER_S if attempt == attempts - 1 else _FIRST_ANSWER_S * (1 + attempt)
            future: asyncio.Future[Any] = self._loop.create_future()
            self._waiting.add(future)
            self._bridge.submit(partial(self._send, name, request, future))
            try:
                return await asyncio.wait_for(future, limit_s)
            except asyncio.TimeoutError:
                continue
            finally:
                self._waiting.discard(future)
        raise Refused(f'{self._node} has not answered {name} within {_ANSWER_S:g} s')

    def _send(self, name: str, request: Any, future: asyncio.Future[Any]) -> None:
        """Send a request; runs in the thread of the node."""
        client = self._clients.get(name)
        if client is None:
            self._resolve(future, None, Refused(f'{self._node} has no service {name}'))
            return
        pending = client.call_async(request)

        def done(answered: Any) -> None:
            self._resolve(future, answered.result(), answered.exception())

        pending.add_done_callback(done)
        self._loop.call_soon_threadsafe(future.add_done_callback, lambda given_up: (
            self._bridge.submit(lambda: client.remove_pending_request(pending))
            if given_up.cancelled() else None))

    def _resolve(
        self, future: asyncio.Future[Any], result: Any, error: BaseException | None,
    ) -> None:
        def resolve() -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)
        self._loop.call_soon_threadsafe(resolve)


def described(descriptor: Any, kind: str, value: Any) -> dict[str, Any]:
    """Return a parameter for a page; the driver says its limits, the table its group."""
    spec = SPECS.get(descriptor.name)
    choices = list(spec.choices) if spec is not None else []
    stated = re.match(r'One of ([^.]+)\. ', descriptor.additional_constraints)
    if stated:
        choices = stated[1].split(', ')
    ranges = [*descriptor.integer_range, *descriptor.floating_point_range]
    return {
        'name': descriptor.name, 'kind': kind, 'value': value,
        'description': descriptor.description, 'note': descriptor.additional_constraints,
        'read_only': descriptor.read_only, 'choices': choices,
        'minimum': ranges[0].from_value if ranges else None,
        'maximum': ranges[0].to_value if ranges else None,
        'step': ranges[0].step if ranges else None,
        'group': spec.group.title if spec is not None else 'ROS',
        'unit': spec.unit if spec is not None else '',
        'default': spec.default if spec is not None else None,
        'change': spec.change.value if spec is not None else '',
        'cameras': list(spec.cameras) if spec is not None else []}


def converted(name: str, kind: str, value: object) -> Any:
    """
    Return a value of JSON in the type of a parameter.

    :raises Refused: it has another type.
    """
    if kind == 'bool' and isinstance(value, bool):
        return value
    if kind == 'string' and isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        if kind == 'float':
            return float(value)
        if kind == 'int' and value == int(value) and abs(value) < 2 ** 63:
            return int(value)
    raise Refused(f'{name} cannot be {str(value)[:80]!r}; it must be a {kind}')


def _whole(value: object) -> int:
    """Return the number in a string of digits: a page has no integers of 64 bits."""
    if not isinstance(value, str) or not re.fullmatch(r'\d{1,19}', value):
        raise Refused('the time to seek must be in nanoseconds, as digits')
    return int(value)
