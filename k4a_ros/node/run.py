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
Run the driver node in this process: ROS context, logging, executor and exit code.

The node is imported when the middleware is being started, because both take tenths of a second.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from k4a_ros.errors import ConfigError
from k4a_ros.errors import K4aRosError
from k4a_ros.node.parameter_files import unused_parameter_files
from k4a_ros.node.participant import EarlyParticipant
from k4a_ros.process.arguments import check_arguments
from k4a_ros.process.bounded import abandonable_thread
from k4a_ros.process.fastdds import select_fastdds_profile
from k4a_ros.process.fastdds import TransportChoice
from k4a_ros.process.garbage import keep_present_objects
from k4a_ros.process.hang_watchdog import HangWatchdog
from k4a_ros.process.limits import check_threads
from k4a_ros.process.native_calls import NATIVE_CALLS
from k4a_ros.process.ros_log_handler import RosLogHandler
from k4a_ros.process.shutdown import Shutdown
from k4a_ros.process.spinner import Spinner
from k4a_ros.process.type_supports import import_type_support
import rclpy
from rclpy.exceptions import NameValidationException
from rclpy.exceptions import ParameterException
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.logging import get_logger
from rclpy.signals import SignalHandlerOptions

if TYPE_CHECKING:
    from k4a_ros.node.driver_node import DriverNode

NODE_NAME = 'k4a_driver'
#: time that threads have to end what they do after a signal
_MAX_TIDY_S = 1.0


def run(arguments: list[str], shutdown: Shutdown) -> int:
    """
    Run a driver node until it ends.

    :param arguments: command line with the name of the program.
    :return: exit code: 0, or 1 after an error, which has been logged as one line.
    """
    transport = select_fastdds_profile(os.environ)
    try:
        check_arguments(arguments)
        check_threads()
        shutdown.immediate = False
        rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
    except (ConfigError, RuntimeError) as error:  # among them a missing parameter file
        unknown = type(error).__name__ == 'UnknownROSArgsError'  # the message lists only them
        text = f'unknown ROS arguments {error}; see --help' if unknown else str(error)
        get_logger(NODE_NAME).fatal(text.splitlines()[0])
        return 1
    _log_transport(transport)
    handler = RosLogHandler(NODE_NAME)
    package_logger = logging.getLogger('k4a_ros')
    package_logger.addHandler(handler)
    package_logger.setLevel(logging.INFO)
    participant = EarlyParticipant(rclpy.get_default_context())
    try:
        return _run_node(arguments, shutdown, transport, participant)
    except (K4aRosError, NameValidationException, ParameterException,
            rclpy_implementation.RCLError) as error:
        get_logger(NODE_NAME).fatal(str(error).splitlines()[0])
        return 1
    finally:
        participant.release()
        package_logger.setLevel(logging.NOTSET)
        package_logger.removeHandler(handler)
        rclpy.try_shutdown()


def _log_transport(transport: TransportChoice) -> None:
    logger = get_logger(NODE_NAME)
    if transport.freed_bytes:
        logger.info(f'Removed {transport.freed_bytes / 1e6:.0f} MB of shared memory that '
                    'killed or crashed processes had left behind')
    if transport.degraded:
        logger.warning(transport.description)
    else:
        logger.debug(transport.description)


def _run_node(
    arguments: list[str], shutdown: Shutdown, transport: TransportChoice,
    participant: EarlyParticipant,
) -> int:
    import_type_support()
    from k4a_ros.node.driver_node import DriverNode
    node = DriverNode(NODE_NAME, shutdown, transport.problem)
    participant.release()
    for problem in unused_parameter_files(arguments, node.get_fully_qualified_name()):
        node.get_logger().warning(problem)
    spinner = Spinner(node, node.on_ended)  # without callbacks, the node could not be controlled
    logger = get_logger(NODE_NAME)
    watchdog = HangWatchdog(
        NATIVE_CALLS, shutdown, logger.error, node.on_ended, logger.fatal)
    watchdog.start()
    startup = abandonable_thread('startup', lambda: _start(node, spinner, shutdown))
    startup.start()
    try:
        shutdown.wait()
    finally:
        # Opening a camera can take many seconds, and some of it cannot be interrupted.
        startup.join(_MAX_TIDY_S)
        if startup.is_alive():
            error = node.error
            # what fails in other threads from here on, fails because of this
            node.destroy_node()
        else:
            spinner.stop(_MAX_TIDY_S if shutdown.requested.is_set() else None)
            node.close()
            error = node.error
        watchdog.stop()
    if error is None:
        return 0
    if isinstance(error, K4aRosError):
        get_logger(NODE_NAME).fatal(str(error))
        return 1
    raise error


def _start(node: DriverNode, spinner: Spinner, shutdown: Shutdown) -> None:
    """Open the camera, then answer requests; unless shutdown is requested before or meanwhile."""
    try:
        if not shutdown.requested.is_set() and not node.autostart():
            shutdown.finish()
        keep_present_objects()
        if not shutdown.requested.is_set():
            spinner.start()
    except Exception as error:
        if not shutdown.requested.is_set():  # otherwise the node may have been destroyed
            node.on_ended(error)
