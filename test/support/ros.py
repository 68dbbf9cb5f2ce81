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

"""Real nodes and real subscribers for tests: processes, signals, DDS domains."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import faulthandler
import os
from pathlib import Path
import re
import signal
import subprocess
import sys
import threading
import time
from typing import Any
import weakref

from k4a_ros.parameters.table import SPECS
from k4a_ros.process.shutdown import SIGNALS
from rcl_interfaces.msg import ParameterType
from rcl_interfaces.srv import DescribeParameters
from rcl_interfaces.srv import GetParameters
from rcl_interfaces.srv import SetParametersAtomically
import rclpy
from rclpy.client import Client
from rclpy.context import Context
from rclpy.exceptions import InvalidHandle
from rclpy.executors import ExternalShutdownException
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.parameter import parameter_value_to_python
from rclpy.qos import DurabilityPolicy
from rclpy.qos import QoSProfile
from rclpy.qos import ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from support import shared_memory
from support.domains import ros_domains
from support.patient_driver import EXPECTED
from support.time_limits import PATIENCE
from support.time_limits import wait_for

#: what the fixture ``case`` returns
Case = Callable[[Callable[..., None]], None]

_RESEND_S = 5.0


_new_domains: list[int] = []


def new_domain() -> int:
    """
    Claim a ROS domain that nothing else on this machine uses.

    The claim lasts until the end of the test, or of the last listener or driver there.
    """
    domain: int = ros_domains.claim_domain(PATIENCE)
    _new_domains.append(domain)
    return domain


def forget_domains() -> None:
    """Release the domains that are not in use any more, at the end of a test."""
    _new_domains.clear()


class DriverProcess:
    """
    The driver as a process of its own, as users start it.

    If nodes of this process have subscribed in its domain already, a recording is not played
    before the driver has discovered them.
    """

    def __init__(
        self, domain: int, *arguments: str, cwd: Path | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.domain = domain  # which is claimed as long as this process is
        environment = os.environ | {
            'ROS_DOMAIN_ID': str(domain), 'RCUTILS_COLORIZED_OUTPUT': '0',
            'RCUTILS_LOGGING_USE_STDOUT': '0', 'PYTHONFAULTHANDLER': '1', **(variables or {})}
        program = 'from k4a_ros.main import main; raise SystemExit(main())'
        topics = [topic for listener in _listeners if listener.domain == domain
                  for topic in listener.subscribed_topics]
        if topics:
            environment[EXPECTED] = ','.join(topic.strip('/') for topic in topics)
            program = 'from support.patient_driver import main; raise SystemExit(main())'
        self.process = subprocess.Popen(
            [sys.executable, '-c', program, '--ros-args', *arguments], env=environment, cwd=cwd,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self._waited_for = False
        _drivers.add(self)

    @classmethod
    def with_parameters(
        cls, domain: int, *extra: str, cwd: Path | None = None,
        variables: Mapping[str, str] | None = None, **parameters: object,
    ) -> DriverProcess:
        """
        Start the driver with these parameters; strings are quoted, so that they stay strings.

        ``variables`` are added to its environment.

        Playback waits for its subscribers as long as discovery takes on a busy machine.
        """
        if 'recording_file' in parameters:
            parameters.setdefault(
                'playback_start_delay', SPECS['playback_start_delay'].maximum)
        arguments = []
        for name, value in parameters.items():
            if isinstance(value, Path | str):
                text = "'" + str(value).replace("'", "''") + "'"
            else:
                text = str(value).lower()
            arguments += ['-p', f'{name}:={text}']
        return cls(domain, *arguments, *extra, cwd=cwd, variables=variables)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            shared_memory.note(self.process.pid)
            self.lines.append(line.rstrip('\n'))

    @property
    def output(self) -> str:
        """Everything that the process has printed."""
        return '\n'.join(self.lines)

    @property
    def lines_of_its_own(self) -> list[str]:
        """Lines that are not about shared memory that processes of others left behind."""
        return [line for line in self.lines if 'killed or crashed processes' not in line]

    def wait_for_line(self, part: str, timeout: float = PATIENCE) -> str:
        """Return the first line that contains a text; fail with all output after the timeout."""
        def found() -> str | None:
            ended = not self._reader.is_alive()
            line = next((line for line in self.lines if part in line), None)
            assert line is not None or not ended, f'the driver ended without {part!r}'
            return line
        try:
            return str(wait_for(found, part, timeout))
        except AssertionError as error:
            raise AssertionError(f'{error}; the driver printed:\n{self.output}') from None

    def wait(self, timeout: float = PATIENCE) -> int:
        """Return the exit code; fail with output and stacks if the process does not end."""
        self._waited_for = True
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.abort()
            raise AssertionError(
                f'the driver still runs after {timeout:g} s; it printed:\n{self.output}'
            ) from None
        self._reader.join()
        return code

    def abort(self) -> None:
        """End the process, which prints the stacks of its threads."""
        self.process.send_signal(signal.SIGABRT)  # for faulthandler
        self._reader.join(PATIENCE)

    def stop(self, number: int = signal.SIGINT, timeout: float = PATIENCE) -> int:
        """Send a signal and return the exit code."""
        if self.process.poll() is None:
            shared_memory.note(self.process.pid)
            self.process.send_signal(number)
        return self.wait(timeout)

    def __enter__(self) -> DriverProcess:
        """Return the process, which is stopped at the end of the block."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Stop the process; unless the test has waited for its end, the exit code must be 0."""
        waited = self._waited_for
        crashed = kind is not None and not waited and self.process.poll() is not None
        try:
            code = self.stop()
            if crashed:  # which a test that waits for it in vain does not say
                print(f'the driver had ended with {code}:\n{self.output}', file=sys.stderr)
            assert waited or kind is not None or code == 0, f'exit code {code}:\n{self.output}'
        finally:
            self.process.kill()
            self.process.wait()
            self._reader.join()
            assert self.process.stdout is not None
            self.process.stdout.close()


class Listener:
    """A node of this process, spinning in the background."""

    def __init__(self, domain: int) -> None:
        self.domain = domain  # which is claimed as long as this listener is
        self.context = Context()
        rclpy.init(context=self.context, domain_id=int(domain),
                   signal_handler_options=SignalHandlerOptions.NO)
        self.node = Node('listener', context=self.context)
        self.subscribed_topics: list[str] = []
        self._clients: dict[str, Client] = {}
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin)
        self._thread.start()
        _listeners.add(self)

    def _spin(self) -> None:
        while True:
            try:
                self._executor.spin()
            except InvalidHandle:  # an entity was destroyed while the executor looked at it
                continue
            except ExternalShutdownException:
                pass
            return

    def subscribe(
        self, kind: Any, topic: str, depth: int = 5000, latched: bool = False,
        data: bool = True, raw: bool = False,
    ) -> list[Any]:
        """
        Return the list to which every message of a topic is appended on arrival.

        :param data: keep the data of images; those of minutes fill the memory.
        :param raw: keep messages as they are serialized, bytes.
        """
        messages: list[Any] = []

        def keep(message: Any) -> None:
            if not data:
                message.data = array('B')
            messages.append(message)

        qos = QoSProfile(
            depth=depth, reliability=ReliabilityPolicy.RELIABLE,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE)
        self.node.create_subscription(kind, topic, keep, qos, raw=raw)
        self.subscribed_topics.append(topic)
        return messages

    @contextlib.contextmanager
    def subscribed(self, kind: Any, topic: str, **options: Any) -> Iterator[list[Any]]:
        """Subscribe to a topic within the block, and give the messages."""
        before = set(self.node.subscriptions)
        yield self.subscribe(kind, topic, **options)
        for subscription in set(self.node.subscriptions) - before:
            self.node.destroy_subscription(subscription)

    def topics(self) -> set[str]:
        """Return the names of the topics with a publisher, without those that every node has."""
        return {name for name, _ in self.node.get_topic_names_and_types()
                if self.node.count_publishers(name) and not name.endswith((
                    '/parameter_events', '/rosout', '/diagnostics', '/transition_event',
                    '/stream_state'))}

    def call(self, kind: Any, name: str, request: Any, node: str = '') -> Any:
        """
        Call a service of a node and return its response.

        :param node: full name of the node; '' if the service has it in front of its own.
        """
        client = self._clients.get(name)
        if client is None or not client.service_is_ready():
            client = self._clients[name] = self._create_client(kind, name)
            self._await_discovery(node or name.rpartition('/')[0])
        response = _response(client, request, PATIENCE)
        if response is None:
            faulthandler.dump_traceback()
            for driver in _drivers:
                if driver.domain == self.domain:
                    driver.abort()
            raise AssertionError(f'no response from {name}')
        return response

    def _create_client(self, kind: Any, name: str) -> Client:
        client = self.node.create_client(kind, name)
        assert client.wait_for_service(PATIENCE), f'no service {name}'
        return client

    def _await_discovery(self, node: str) -> None:
        """
        Wait until a node has discovered the clients that were created so far.

        A response to a client that is not discovered yet is lost. So a further client, which is
        discovered after them, repeats a call that has no effect until there is a response.
        """
        client = self._create_client(GetParameters, f'{node}/get_parameters')
        wait_for(lambda: _response(client, GetParameters.Request(), _RESEND_S),
                 f'a response of {node}')
        self.node.destroy_client(client)

    def set_parameters(self, node: str, **values: object) -> Any:
        """Set parameters atomically and return the rcl_interfaces/SetParametersResult."""
        return self.call(
            SetParametersAtomically, f'{node}/set_parameters_atomically', set_request(values)
        ).result

    def get_parameters(self, node: str, *names: str) -> list[Any]:
        """Return the values of parameters."""
        values = self.call(
            GetParameters, f'{node}/get_parameters', GetParameters.Request(names=names)).values
        return [parameter_value_to_python(value) for value in values]

    def describe(self, node: str, *names: str) -> list[Any]:
        """Return the descriptors of parameters."""
        request = DescribeParameters.Request(names=names)
        found = self.call(DescribeParameters, f'{node}/describe_parameters', request).descriptors
        return [d for d in found if d.type != ParameterType.PARAMETER_NOT_SET]

    def close(self) -> None:
        """Leave the domain."""
        shared_memory.note(os.getpid())
        _listeners.discard(self)
        self._executor.shutdown()
        self._thread.join()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)


_listeners: weakref.WeakSet[Listener] = weakref.WeakSet()
_drivers: weakref.WeakSet[DriverProcess] = weakref.WeakSet()


def _response(client: Client, request: Any, timeout: float) -> Any:
    """Return the response of a service, None after the timeout, seconds."""
    arrived = threading.Event()
    future = client.call_async(request)
    future.add_done_callback(lambda _: arrived.set())
    if arrived.wait(timeout):
        return future.result()
    client.remove_pending_request(future)
    return None


def handles_signals(pid: int) -> bool:
    """Return whether a process has handlers for `SIGNALS`, except for those that it ignores."""
    status = Path(f'/proc/{pid}/status').read_text()
    masks = dict(re.findall(r'^Sig(Cgt|Ign):\s*(\w+)$', status, re.MULTILINE))
    handled = int(masks['Cgt'], 16) | int(masks['Ign'], 16)
    return all(handled >> (number - 1) & 1 for number in SIGNALS)


def set_request(values: Mapping[str, object]) -> SetParametersAtomically.Request:
    """Return the request that sets parameters."""
    return SetParametersAtomically.Request(parameters=[
        Parameter(name, value=value).to_parameter_msg() for name, value in values.items()])


def stamps(messages: list[Any]) -> list[int]:
    """Return the stamps of messages, nanoseconds."""
    return [m.header.stamp.sec * 10**9 + m.header.stamp.nanosec for m in messages]


def stamps_after(messages: list[Any], ros_ns: int) -> list[int]:
    """Return the stamps of messages that are later than a time, nanoseconds."""
    return [stamp for stamp in stamps(messages) if stamp > ros_ns]


def await_current_stamp(messages: list[Any]) -> None:
    """Wait until the newest stamp is that of now; a busy listener may lag behind."""
    wait_for(lambda: messages and abs(stamps(messages)[-1] - time.time_ns()) < 500_000_000,
             'a current stamp')


@contextlib.contextmanager
def listening(domain: int) -> Iterator[Listener]:
    """Run a listener in a domain within the block."""
    listener = Listener(domain)
    try:
        yield listener
    finally:
        listener.close()
