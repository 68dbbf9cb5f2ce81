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
import itertools
import os
from pathlib import Path
import random
import signal
import subprocess
import sys
import threading
import time
from typing import Any

from rcl_interfaces.msg import ParameterType
from rcl_interfaces.srv import DescribeParameters
from rcl_interfaces.srv import GetParameters
from rcl_interfaces.srv import SetParametersAtomically
import rclpy
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

#: what the fixture ``case`` gives
Case = Callable[[Callable[..., None]], None]

#: seconds that discovery may take on a busy machine
PATIENCE = 20.0

# 1 to 101: above that, ports may be taken by others (ROS 2, "The ROS_DOMAIN_ID")
# of these, each of the processes that pytest-xdist runs tests in has its own
_WORKER = int(os.environ.get('PYTEST_XDIST_WORKER', 'gw0')[2:])
_MINE = range(1 + _WORKER, 102, int(os.environ.get('PYTEST_XDIST_WORKER_COUNT', '1')))
_domains = itertools.cycle(random.Random(os.getpid()).sample(_MINE, len(_MINE)))


def new_domain() -> int:
    """Return a DDS domain that no other test of this run has."""
    return next(_domains)


def wait_for(condition: Callable[[], Any], what: str, timeout: float = PATIENCE) -> Any:
    """Return what the condition returns as soon as it is true; fail after the time-out."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.01)
    raise AssertionError(f'waited {timeout:g} s in vain for {what}')


class DriverProcess:
    """The driver as a process of its own, as a user starts it."""

    def __init__(self, domain: int, *arguments: str, cwd: Path | None = None) -> None:
        environment = os.environ | {
            'ROS_DOMAIN_ID': str(domain), 'RCUTILS_COLORIZED_OUTPUT': '0',
            'RCUTILS_LOGGING_USE_STDOUT': '0', 'PYTHONFAULTHANDLER': '1'}
        program = 'from k4a_ros.main import main; raise SystemExit(main())'
        self.process = subprocess.Popen(
            [sys.executable, '-c', program, '--ros-args', *arguments], env=environment, cwd=cwd,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self._waited_for = False

    @classmethod
    def with_parameters(
        cls, domain: int, *extra: str, cwd: Path | None = None, **parameters: object,
    ) -> DriverProcess:
        """
        Start the driver with these parameters; texts are quoted, so that they stay texts.

        Playback waits for its subscribers as long as it takes on a busy machine.
        """
        if 'recording_file' in parameters:
            parameters.setdefault('playback_start_delay', PATIENCE)
        arguments = []
        for name, value in parameters.items():
            if isinstance(value, Path | str):
                text = "'" + str(value).replace("'", "''") + "'"
            else:
                text = str(value).lower()
            arguments += ['-p', f'{name}:={text}']
        return cls(domain, *arguments, *extra, cwd=cwd)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            shared_memory.note(self.process.pid)
            self.lines.append(line.rstrip('\n'))

    @property
    def output(self) -> str:
        """Everything that the process has printed, as one text."""
        return '\n'.join(self.lines)

    def wait_for_line(self, part: str, timeout: float = PATIENCE) -> str:
        """Return the first line with this text; fail with all output if none comes."""
        def found() -> str | None:
            return next((line for line in self.lines if part in line), None)
        try:
            return str(wait_for(found, part, timeout))
        except AssertionError as error:
            raise AssertionError(f'{error}; the driver said:\n{self.output}') from None

    def wait(self, timeout: float = PATIENCE) -> int:
        """Return the exit code; fail with all output and stacks if the process does not end."""
        self._waited_for = True
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # faulthandler prints what each thread does
            self._reader.join(5.0)
            raise AssertionError(
                f'the driver still runs after {timeout:g} s; it said:\n{self.output}') from None
        self._reader.join()
        return code

    def stop(self, number: int = signal.SIGINT, within: float = PATIENCE) -> int:
        """Send a signal and return the exit code."""
        if self.process.poll() is None:
            shared_memory.note(self.process.pid)
            self.process.send_signal(number)
        return self.wait(within)

    def __enter__(self) -> DriverProcess:
        """Return the process; it is ended at the end of the block."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End the process; unless the test has seen to its end, it must have gone well."""
        seen = self._waited_for
        try:
            code = self.stop()
            assert seen or kind is not None or code == 0, f'exit code {code}:\n{self.output}'
        finally:
            self.process.kill()
            self.process.wait()
            self._reader.join()
            assert self.process.stdout is not None
            self.process.stdout.close()


class Listener:
    """A node of this process in a domain of its own, spinning in the background."""

    def __init__(self, domain: int) -> None:
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain,
                   signal_handler_options=SignalHandlerOptions.NO)
        self.node = Node('listener', context=self.context)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin)
        self._thread.start()

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
        data: bool = True,
    ) -> list[Any]:
        """
        Return the list to which every message of a topic is appended as it comes.

        :param data: keep the data of images; those of minutes fill the memory.
        """
        messages: list[Any] = []

        def keep(message: Any) -> None:
            if not data:
                message.data = array('B')
            messages.append(message)

        qos = QoSProfile(
            depth=depth, reliability=ReliabilityPolicy.RELIABLE,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE)
        self.node.create_subscription(kind, topic, keep, qos)
        return messages

    @contextlib.contextmanager
    def subscribed(self, kind: Any, topic: str, **options: Any) -> Iterator[list[Any]]:
        """Give the messages of a topic, to which there is a subscription meanwhile."""
        before = set(self.node.subscriptions)
        yield self.subscribe(kind, topic, **options)
        for subscription in set(self.node.subscriptions) - before:
            self.node.destroy_subscription(subscription)

    def topics(self) -> set[str]:
        """Return the names of the topics that somebody publishes, without the usual ones."""
        return {name for name, _ in self.node.get_topic_names_and_types()
                if self.node.count_publishers(name) and not name.endswith((
                    '/parameter_events', '/rosout', '/diagnostics', '/transition_event'))}

    def call(self, kind: Any, name: str, request: Any) -> Any:
        """Call a service and return its response."""
        client = self.node.create_client(kind, name)
        try:
            assert client.wait_for_service(PATIENCE), f'no service {name}'
            future = client.call_async(request)
            wait_for(future.done, f'an answer of {name}')
            return future.result()
        finally:
            self.node.destroy_client(client)

    def set_parameters(self, node: str, **values: object) -> Any:
        """Set parameters atomically and return the rcl_interfaces/SetParametersResult."""
        return self.call(
            SetParametersAtomically, f'{node}/set_parameters_atomically', set_request(values)
        ).result

    @contextlib.contextmanager
    def calling(self, kind: Any, name: str) -> Iterator[Callable[[Any], Any]]:
        """Give a function that calls a service, for many calls in a row."""
        client = self.node.create_client(kind, name)
        assert client.wait_for_service(PATIENCE), f'no service {name}'

        def call(request: Any) -> Any:
            answered = threading.Event()
            future = client.call_async(request)
            future.add_done_callback(lambda _: answered.set())
            assert answered.wait(PATIENCE), f'no answer of {name}'
            return future.result()

        yield call
        self.node.destroy_client(client)

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
        self._executor.shutdown()
        self._thread.join()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)


def takes_signals(pid: int) -> bool:
    """Return whether a process has a handler for SIGTERM."""
    status = Path(f'/proc/{pid}/status').read_text()
    line = next(line for line in status.splitlines() if line.startswith('SigCgt'))
    caught = int(line.split()[1], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def processes_with(variable: str) -> list[int]:
    """Return the processes that were started with this text in their environment."""
    found = []
    for process in Path('/proc').glob('[0-9]*'):
        with contextlib.suppress(OSError):  # it has ended, or is not ours
            if variable.encode() in (process / 'environ').read_bytes():
                found.append(int(process.name))
    return found


def set_request(values: Mapping[str, object]) -> SetParametersAtomically.Request:
    """Return the request to set these parameters."""
    return SetParametersAtomically.Request(parameters=[
        Parameter(name, value=value).to_parameter_msg() for name, value in values.items()])


def stamps(messages: list[Any]) -> list[int]:
    """Return the stamps of messages, nanoseconds."""
    return [m.header.stamp.sec * 10**9 + m.header.stamp.nanosec for m in messages]


@contextlib.contextmanager
def listening(domain: int) -> Iterator[Listener]:
    """Give a listener in a domain."""
    listener = Listener(domain)
    try:
        yield listener
    finally:
        listener.close()
