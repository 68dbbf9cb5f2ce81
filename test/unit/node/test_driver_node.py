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

"""The driver node, as far as it needs no middleware."""

from __future__ import annotations

from types import SimpleNamespace

from k4a_ros.errors import CameraError
from k4a_ros.node.driver_node import DriverNode
from k4a_ros.process.shutdown import Shutdown
import pytest
from rclpy.lifecycle import TransitionCallbackReturn


@pytest.mark.parametrize('requested', [False, True])
def test_error_while_opening_ends_the_node_unless_a_signal_came_first(requested: bool) -> None:
    """After a signal, the node is destroyed under a camera that is still being opened."""
    error = CameraError('the camera is gone')

    def connect() -> None:
        raise error

    shutdown = Shutdown()
    if requested:
        shutdown.request()
    node = SimpleNamespace(
        _supervisor=SimpleNamespace(connect=connect), _autostarting=True, _shutdown=shutdown,
        error=None)
    assert DriverNode.on_configure(node, None) is TransitionCallbackReturn.FAILURE
    assert node.error is (None if requested else error)
