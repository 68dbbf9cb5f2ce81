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

"""Forward records of Python's logging module to the ROS log, such as messages of the SDK."""

from __future__ import annotations

import logging

from rclpy.logging import get_logger


class RosLogHandler(logging.Handler):
    """
    A logging handler that writes to a ROS logger at the same level.

    :param name: name of the ROS logger; the last part of the record's logger name is appended, as
        in k4a_driver.sdk.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record."""
        logger = get_logger(f'{self._name}.{record.name.rpartition(".")[2]}')
        text = record.getMessage()
        # rclpy does not allow the level to change at one call site
        if record.levelno >= logging.CRITICAL:
            logger.fatal(text)
        elif record.levelno >= logging.ERROR:
            logger.error(text)
        elif record.levelno >= logging.WARNING:
            logger.warning(text)
        elif record.levelno >= logging.INFO:
            logger.info(text)
        else:
            logger.debug(text)
