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

"""The participant that is created before the first node."""

from __future__ import annotations

from collections.abc import Iterator
import os
from types import SimpleNamespace
from typing import Any

from k4a_ros.node import participant
from k4a_ros.node.participant import EarlyParticipant
import pytest
import rclpy
from rclpy.context import Context
from rclpy.node import Node
from support.ros import new_domain


@pytest.fixture
def context() -> Iterator[Context]:
    """Return a context that has no node yet."""
    result = Context()
    rclpy.init(context=result, domain_id=new_domain())
    yield result
    result.try_shutdown()


def node_names(context: Context) -> list[str]:
    """Return the names of all nodes that a new node sees, without its own."""
    node = Node('observer', context=context)
    try:
        return sorted(name for name in node.get_node_names() if name != 'observer')
    finally:
        node.destroy_node()


def shared_memory_segments() -> int:
    """Return how many segments and ports of the middleware this process has open."""
    paths = (f'/proc/self/fd/{name}' for name in os.listdir('/proc/self/fd'))
    return sum('/dev/shm/' in os.readlink(path) for path in paths if os.path.islink(path))


def test_first_node_uses_the_participant_that_exists(context: Context) -> None:
    early = EarlyParticipant(context)
    early._thread.join()
    before = shared_memory_segments()
    assert before > 0
    node = Node('camera', context=context)
    assert shared_memory_segments() == before
    early.release()
    assert node_names(context) == ['camera']
    assert shared_memory_segments() == before
    early.release()
    node.destroy_node()
    assert shared_memory_segments() < before


def test_node_of_the_start_is_hidden(context: Context) -> None:
    early = EarlyParticipant(context)
    early._thread.join()
    (name,) = node_names(context)
    assert name.startswith('_')
    early.release()


def test_without_the_functions_of_rmw_the_node_creates_the_participant(
        context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    no_functions: Any = SimpleNamespace(CDLL=lambda _: SimpleNamespace())
    monkeypatch.setattr(participant, 'ctypes', no_functions)
    early = EarlyParticipant(context)
    early.release()
    assert shared_memory_segments() == 0
    node = Node('camera', context=context)
    assert shared_memory_segments() > 0
    node.destroy_node()
