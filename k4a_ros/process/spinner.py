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

"""A thread that runs the callbacks of a node."""

from __future__ import annotations

from collections.abc import Callable
import threading
from typing import Any

from rclpy.executors import ExternalShutdownException
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future


class Spinner:
    """
    Runs the callbacks of a node in a thread of its own, one at a time.

    The executor is shut down when it has come to rest, and not before: rclpy's shutdown takes
    away what a callback that begins just then needs, and lets that fail with InvalidHandle.

    :param node: to spin; belongs to its executor from now on.
    :param failed: told of what a callback raised, which is the end of spinning.
    """

    def __init__(self, node: Node, failed: Callable[[Exception], None]) -> None:
        self._failed = failed
        self._enough: Future[Any] = Future()
        self._executor = SingleThreadedExecutor(context=node.context)
        self._executor.add_node(node)
        self._thread = threading.Thread(target=self._spin, name='executor')

    def start(self) -> None:
        """Begin; once."""
        self._thread.start()

    def stop(self) -> None:
        """Wait for the callback that runs, if any, and run no more; also if never started."""
        if self._thread.ident is not None:
            self._enough.set_result(None)
            self._thread.join()
        self._executor.shutdown()

    def _spin(self) -> None:
        try:
            self._executor.spin_until_future_complete(self._enough)
        except ExternalShutdownException:
            return
        except Exception as defect:
            self._failed(defect)
