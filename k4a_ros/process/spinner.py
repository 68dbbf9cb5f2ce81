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

"""Run the callbacks of a node in a thread."""

from __future__ import annotations

from collections.abc import Callable
import math
import time
from typing import Any

from k4a_ros.process.bounded import abandonable_thread
from k4a_ros.process.native_calls import NATIVE_CALLS
from rclpy.executors import ExternalShutdownException
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future

#: interval at which it is checked whether a callback hangs
_POLL_S = 0.2


class Spinner:
    """
    Runs the callbacks of a node in a thread of its own, one at a time.

    The executor is shut down only after it has stopped spinning: otherwise rclpy destroys handles
    that a starting callback needs, which then fails with InvalidHandle.

    :param node: node to spin; it is added to an executor of its own.
    :param on_error: called with an exception raised by a callback, which ends spinning.
    """

    def __init__(self, node: Node, on_error: Callable[[Exception], None]) -> None:
        self._on_error = on_error
        self._stop_requested: Future[Any] = Future()
        self._executor = SingleThreadedExecutor(context=node.context)
        self._executor.add_node(node)
        self._thread = abandonable_thread('executor', self._spin)

    def start(self) -> None:
        """Start spinning; may be called once."""
        self._thread.start()

    def stop(self, timeout_s: float | None = None) -> bool:
        """
        Wait for a running callback to return, and run no more; also if never started.

        :param timeout_s: maximum time to wait; None for no limit, unless a native call hangs.
        :return: False if a callback is still running.
        """
        if self._thread.ident is not None:
            if not self._stop_requested.done():
                self._stop_requested.set_result(None)
            deadline_s = time.monotonic() + (math.inf if timeout_s is None else timeout_s)
            while self._thread.is_alive():
                left_s = deadline_s - time.monotonic()
                if left_s < 0.0 or NATIVE_CALLS.hung() is not None:
                    return False
                self._thread.join(min(_POLL_S, left_s))
        self._executor.shutdown()
        return True

    def _spin(self) -> None:
        try:
            self._executor.spin_until_future_complete(self._stop_requested)
        except ExternalShutdownException:
            return
        except Exception as defect:
            self._on_error(defect)
