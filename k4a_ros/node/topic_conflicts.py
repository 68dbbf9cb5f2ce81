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

"""Warn of other nodes that publish on the topics of the camera, such as a second driver."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable

from rclpy.node import Node

_PERIOD_S = 3.0


class TopicConflicts:
    """
    Checks regularly whether the node is the only publisher of its topics.

    :param topics: returns the current topics, relative to the namespace of the node.
    """

    def __init__(self, node: Node, topics: Callable[[], Iterable[str]]) -> None:
        self._node = node
        self._topics = topics
        self._reported: frozenset[str] = frozenset()
        node.create_timer(_PERIOD_S, self._check)

    def _check(self) -> None:
        """Log a warning if there are other publishers, unless it has been logged before."""
        others: dict[str, str] = {}
        for topic in self._topics():
            name = self._node.resolve_topic_name(topic)
            if self._node.count_publishers(name) > 1:
                others[name] = self._other_node(name)
        conflict = frozenset(others.values())
        if conflict and not conflict <= self._reported:
            self._node.get_logger().warning(
                f'{" and ".join(sorted(conflict))} also publishes {", ".join(sorted(others)[:3])}'
                f'{" and others" if len(others) > 3 else ""}: the messages of both mix; start '
                'each camera in a namespace (-r __ns:=/left) and with a tf_prefix of its own')
        self._reported = conflict

    def _other_node(self, topic: str) -> str:
        """Return the name of another node that publishes a topic."""
        own = (self._node.get_namespace(), self._node.get_name())
        for endpoint in self._node.get_publishers_info_by_topic(topic):
            if (endpoint.node_namespace, endpoint.node_name) != own:
                return f'{endpoint.node_namespace.rstrip("/")}/{endpoint.node_name}'
        return f'another node with the name {self._node.get_fully_qualified_name()}'
