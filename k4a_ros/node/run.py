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

"""Run the driver node in this process: ROS context, logging, executor and exit code."""

from __future__ import annotations

import logging
import os

from k4a_ros.errors import K4aRosError
from k4a_ros.node.driver_node import DriverNode
from k4a_ros.node.driver_node import NODE_NAME
from k4a_ros.process.fastdds import select_fastdds_profile
from k4a_ros.process.fastdds import TransportChoice
from k4a_ros.process.ros_log_handler import RosLogHandler
from k4a_ros.process.shutdown import Shutdown
from k4a_ros.process.spinner import Spinner
import rclpy
from rclpy.exceptions import NameValidationException
from rclpy.exceptions import ParameterException
from rclpy.logging import get_logger
from rclpy.signals import SignalHandlerOptions


def run(args: list[str] | None, shutdown: Shutdown) -> int:
    """
    Run a driver node until it ends.

    :param args: command line with the name of the program; None for that of the process.
    :return: exit code: 0, or 1 after an error, which has been logged as one line.
    """
    transport = select_fastdds_profile(os.environ)
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:  # invalid ROS arguments, or a missing parameter file
        get_logger(NODE_NAME).fatal(str(error).splitlines()[0])
        return 1
    _log_transport(transport)
    handler = RosLogHandler(NODE_NAME)
    package_logger = logging.getLogger('k4a_ros')
    package_logger.addHandler(handler)
    package_logger.setLevel(logging.INFO)
    try:
        return _run_node(shutdown, transport)
    except (K4aRosError, NameValidationException, ParameterException) as error:
        get_logger(NODE_NAME).fatal(str(error))
        return 1
    finally:
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


def _run_node(shutdown: Shutdown, transport: TransportChoice) -> int:
    node = DriverNode(shutdown, transport.problem)
    spinner = Spinner(node, node.on_ended)  # without callbacks, the node could not be controlled
    try:
        if not shutdown.requested.is_set() and not node.autostart():
            shutdown.finish()
        spinner.start()
        shutdown.wait()
    finally:
        spinner.stop()
        node.close()
    if node.error is None:
        return 0
    if isinstance(node.error, K4aRosError):
        get_logger(NODE_NAME).fatal(str(node.error))
        return 1
    raise node.error
