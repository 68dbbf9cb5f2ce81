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

"""Run a node of a rig in this process: signals, ROS context, executor, exit code."""

from __future__ import annotations

from collections.abc import Callable
import contextlib
from typing import Protocol

from k4a_ros.errors import ConfigError
from k4a_ros.errors import K4aRosError
from k4a_ros.process.arguments import check_arguments
from k4a_ros.process.shutdown import Shutdown
from k4a_ros.process.spinner import Spinner
import rclpy
from rclpy.exceptions import NameValidationException
from rclpy.exceptions import ParameterException
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

#: time that callbacks have to return after a signal
_MAX_TIDY_S = 1.0


class RigNode(Protocol):
    """A node that may have threads besides its callbacks."""

    def start(self) -> None:
        """Begin; callbacks run from now on."""

    def finish(self) -> None:
        """End what runs besides callbacks; must not take long."""


def run(
    arguments: list[str], name: str, make: Callable[[Shutdown], tuple[Node, RigNode]],
) -> int:
    """
    Run a node until a signal comes.

    :param arguments: command line with the name of the program.
    :param name: of the node, for its log.
    :param make: returns the node, twice; raises ConfigError.
    :return: exit code: 0, or 1 after an error, which has been logged as one line.
    """
    shutdown = Shutdown()
    shutdown.install_signal_handlers()
    failures: list[Exception] = []

    def fail(error: Exception) -> None:
        failures.append(error)
        shutdown.finish()

    try:
        check_arguments(arguments)
        rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
        node, parts = make(shutdown)
    except (K4aRosError, RuntimeError, NameValidationException, ParameterException) as error:
        get_logger(name).fatal(str(error).splitlines()[0])
        with contextlib.suppress(RuntimeError):
            rclpy.try_shutdown()
        return 1
    spinner = Spinner(node, fail)
    try:
        spinner.start()
        parts.start()
        shutdown.wait()
    finally:
        parts.finish()
        spinner.stop(_MAX_TIDY_S)
        node.destroy_node()
        rclpy.try_shutdown()
    if failures:
        raise failures[0]
    return 0


def read_strings(node: Node, name: str, description: str) -> list[str]:
    """
    Declare and return a parameter that is a list of strings, fixed from then on.

    :raises ConfigError: it is something else.
    """
    from rcl_interfaces.msg import ParameterDescriptor
    node.declare_parameter(name, [''], ParameterDescriptor(
        description=description, read_only=True, dynamic_typing=True))
    value = node.get_parameter(name).value
    if not isinstance(value, list | tuple) or not all(isinstance(text, str) for text in value):
        raise ConfigError(f"{name} is {value!r}; it must be a list of strings, as ['a', 'b']")
    return [text for text in value if text]
