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

"""The thread that spins the executor of the node."""

from __future__ import annotations

from k4a_ros.process.spinner import Spinner
from rclpy.node import Node
from support.ros import listening
from support.ros import new_domain
from support.ros import wait_for


def test_exception_in_a_callback_is_reported() -> None:
    """The node must not go on without an executor."""
    failures: list[Exception] = []
    with listening(new_domain()) as listener:
        node = Node('ending', context=listener.context)
        node.create_timer(0.01, lambda: {}['a defect'])
        spinner = Spinner(node, failures.append)
        spinner.start()
        wait_for(lambda: failures, 'the exception')
        spinner.stop()
        node.destroy_node()
    assert [type(failure) for failure in failures] == [KeyError]
