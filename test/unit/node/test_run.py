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

"""Run the node without a camera."""

from __future__ import annotations

import logging
import threading
from types import SimpleNamespace
from unittest import mock

from k4a_ros.errors import ConfigError
from k4a_ros.node import driver_node
from k4a_ros.node import run
from k4a_ros.process.shutdown import Shutdown
import pytest


class Node:
    """Stands for the driver node; threads that use it fail when it has been destroyed."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error
        self.destroyed = False

    def get_logger(self) -> logging.Logger:
        return logging.getLogger('test')

    def get_fully_qualified_name(self) -> str:
        return '/k4a_driver'

    def on_ended(self, error: BaseException | None = None) -> None:
        raise AssertionError(error)

    def destroy_node(self) -> None:
        self.destroyed = True
        self.error = RuntimeError('destruction was requested')


@pytest.mark.parametrize(('error', 'code'), [(None, 0), (ConfigError('no such mode'), 1)])
def test_startup_that_takes_long_is_abandoned_after_a_signal(
    monkeypatch: pytest.MonkeyPatch, error: Exception | None, code: int,
) -> None:
    """What fails because the node is destroyed is no error; what failed before is."""
    node, finished = Node(error), threading.Event()
    monkeypatch.setattr(driver_node, 'DriverNode', lambda *arguments: node)
    monkeypatch.setattr(run, 'Spinner', mock.Mock())
    monkeypatch.setattr(run, 'keep_present_objects', finished.wait)
    monkeypatch.setattr(run, '_MAX_TIDY_S', 0.01)
    shutdown = Shutdown()
    shutdown.request()
    transport = SimpleNamespace(problem='')
    try:
        assert run._run_node([], shutdown, transport, mock.Mock()) == code
    finally:
        finished.set()
    assert node.destroyed
