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

"""The cameras in a ROS graph: by the names of their topics, with the node that drives them."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import dataclass
from typing import Any

from k4a_ros.viewer.delivery import POLICIES

#: a namespace with one of these is a camera
_SIGNS = ('depth/image_raw', 'rgb/image_raw', 'rgb/image_raw/compressed', 'ir/image_raw')
#: a node with these services is a driver
_DRIVER_SERVICES = ('reconnect', 'start', 'stop', 'set_parameters')
#: services of a driver that a page can call
PLAYBACK_SERVICES = ('pause', 'resume', 'seek', 'play_next', 'set_rate')
TRIGGERS = ('start', 'stop', 'reconnect', 'start_recording', 'stop_recording')
#: topics that do not belong to one camera
COMMON_TOPICS = {
    '/tf_static': 'tf2_msgs/msg/TFMessage',
    '/diagnostics': 'diagnostic_msgs/msg/DiagnosticArray'}


@dataclass(frozen=True)
class Camera:
    """
    A camera.

    :param namespace: '' for the root namespace, otherwise with a leading slash.
    :param driver: full name of the node that drives it; '' if there is none, as with a bag.
    :param topics: types by full name, of what pages can show.
    :param services: names, relative to the driver, that pages can call.
    """

    namespace: str
    driver: str
    topics: Mapping[str, str]
    services: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the camera for a page."""
        return asdict(self)


def find_cameras(
    topics: Mapping[str, Iterable[str]], services: Iterable[str],
) -> tuple[Camera, ...]:
    """
    Return the cameras, by namespace.

    :param topics: types by name, of topics with a publisher.
    :param services: names of all services.
    """
    drivers = _drivers(services)
    namespaces = {
        topic[:-len(sign) - 1] for topic in topics for sign in _SIGNS
        if topic.endswith(f'/{sign}')} | set(drivers)
    result = []
    for namespace in sorted(namespaces):
        own = {}
        for topic, types in sorted(topics.items()):
            kind = next((kind for kind in types if kind in POLICIES), None)
            if kind is not None and topic.startswith(f'{namespace}/') and (
                    _owner(topic, namespaces) == namespace) and topic not in COMMON_TOPICS:
                own[topic] = kind
        driver, offered = drivers.get(namespace, ('', ()))
        result.append(Camera(namespace, driver, own, offered))
    return tuple(result)


def _owner(topic: str, namespaces: Iterable[str]) -> str:
    """Return the longest namespace that a topic is in."""
    return max((n for n in namespaces if topic.startswith(f'{n}/')), key=len)


def _drivers(services: Iterable[str]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return drivers and their services, by namespace; of two in one, the first by name."""
    by_node: dict[str, set[str]] = {}
    for service in services:
        node, _, name = service.rpartition('/')
        by_node.setdefault(node, set()).add(name)
    result: dict[str, tuple[str, tuple[str, ...]]] = {}
    for node, names in sorted(by_node.items()):
        if node and names.issuperset(_DRIVER_SERVICES):
            offered = tuple(n for n in (*TRIGGERS, *PLAYBACK_SERVICES) if n in names)
            result.setdefault(node.rpartition('/')[0], (node, offered))
    return result
