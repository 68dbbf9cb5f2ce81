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

"""Between the ROS node and the pages: who is shown what, statistics, and requests to drivers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from collections.abc import Mapping
import functools
import math
import time
from typing import Any
from typing import Protocol

from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.viewer import graph
from k4a_ros.viewer import serialized
from k4a_ros.viewer.bridge import Bridge
from k4a_ros.viewer.delivery import POLICIES
from k4a_ros.viewer.delivery import Policy
from k4a_ros.viewer.driver_client import DriverClient
from k4a_ros.viewer.errors import Refused
from k4a_ros.viewer.topic_statistics import TopicStatistics

_STATISTICS_PERIOD_S = 1.0
#: messages that are kept for pages that come later, of topics that are published once
_MAX_LATCHED = 64
_MAX_IMAGE_SIDE = 4096
#: camera_info does not tell how far from its center a lens is valid: this far at most, in WFOV
_METRIC_RADIUS = 1.75


class Viewer(Protocol):
    """A page, as the hub sees it."""

    @property
    def wanted(self) -> Mapping[str, int]:
        """Return the factor of decimation by topic."""

    def put(self, topic: str, messages: list[bytes]) -> None:
        """Pass messages on."""

    def tell(self, message: Mapping[str, Any]) -> None:
        """Send a small message; the newest of each operation is kept."""


class Hub:
    """
    Runs in the event loop of the server.

    :param on_error: called with the exception that has ended the ROS node.
    """

    def __init__(self, on_error: Callable[[Exception], None]) -> None:
        loop = asyncio.get_running_loop()
        self._bridge = Bridge(
            lambda: _call_soon(loop, self._on_messages),
            lambda cameras: _call_soon(loop, self._on_graph, cameras),
            lambda node: _call_soon(loop, self._on_parameters, node), on_error)
        self._pages: set[Viewer] = set()
        self._cameras: tuple[graph.Camera, ...] = ()
        self._types: dict[str, str] = {}
        self._subscribed: dict[str, str] = {}
        self._statistics: dict[str, TopicStatistics] = {}
        self._latched: dict[str, list[bytes]] = {}
        self._clients: dict[str, DriverClient] = {}
        self._reporter = loop.create_task(self._report())
        self._bridge.start()

    async def close(self) -> None:
        """Leave the ROS graph."""
        self._reporter.cancel()
        await asyncio.get_running_loop().run_in_executor(None, self._bridge.stop)

    def add(self, page: Viewer) -> None:
        """Begin to tell a page what there is."""
        self._pages.add(page)
        self._bridge.watch(True)
        if self._types:
            page.tell(self._graph_message())

    def remove(self, page: Viewer) -> None:
        """Forget a page; without any, nothing is subscribed to."""
        self._pages.discard(page)
        self.update()
        if not self._pages:
            self._bridge.watch(False)
            self._types.clear()
            self._close_clients(set())

    def kind(self, topic: str) -> str | None:
        """Return the type of a topic that pages can show, None for any other."""
        return self._types.get(topic)

    def update(self) -> None:
        """Subscribe to what pages want now, and to nothing else."""
        wanted = {topic for page in self._pages for topic in page.wanted}
        subscribed = {topic: self._types[topic] for topic in wanted if topic in self._types}
        if subscribed == self._subscribed:
            return
        for topic in self._subscribed.keys() - subscribed.keys():
            self._statistics.pop(topic, None)
            self._latched.pop(topic, None)
        self._subscribed = subscribed
        self._bridge.subscribe(subscribed)

    def latched(self, topic: str) -> list[bytes]:
        """Return the messages of a topic that a new subscriber would get."""
        return list(self._latched.get(topic, ()))

    def _on_messages(self) -> None:
        for topic, arrived in self._bridge.take().items():
            kind = self._subscribed.get(topic)
            if kind is None:
                continue
            policy = POLICIES[kind]
            statistics = self._statistics.setdefault(topic, TopicStatistics())
            messages = []
            for message, arrival_s, now_ns in arrived:
                stamp_ns = None if kind in graph.COMMON_TOPICS.values() or (
                    kind == 'visualization_msgs/msg/MarkerArray') else serialized.stamp_ns(message)
                statistics.add(len(message), stamp_ns, arrival_s, now_ns)
                content = (serialized.imu_sample(message) if policy is Policy.BATCH else message)
                if content is not None:
                    messages.append(content)
            if policy is Policy.CHANGED:
                self._latched[topic] = messages[-1:]
            elif kind == graph.COMMON_TOPICS['/tf_static']:
                kept = self._latched.get(topic, [])
                new = [message for message in messages if message not in kept]
                self._latched[topic] = (kept + new)[-_MAX_LATCHED:]
            for page in self._pages:
                if topic in page.wanted:
                    page.put(topic, messages)

    def _on_graph(self, cameras: tuple[graph.Camera, ...]) -> None:
        self._cameras = cameras
        self._types = dict(graph.COMMON_TOPICS)
        for camera in cameras:
            self._types.update(camera.topics)
            if camera.driver in self._clients:
                self._clients[camera.driver].offer(camera.services)
        self._close_clients({camera.driver for camera in cameras})
        self.update()
        for page in self._pages:
            page.tell(self._graph_message())

    def _close_clients(self, but: set[str]) -> None:
        """Close the clients of all drivers but some."""
        for node in self._clients.keys() - but:
            self._clients.pop(node).close()

    def _graph_message(self) -> dict[str, Any]:
        return {'op': 'graph', 'cameras': [camera.as_json() for camera in self._cameras],
                'topics': dict(graph.COMMON_TOPICS)}

    def _on_parameters(self, node: str) -> None:
        if any(camera.driver == node for camera in self._cameras):
            for page in self._pages:
                page.tell({'op': f'changed {node}', 'node': node})

    async def _report(self) -> None:
        """Tell all pages the statistics once a second."""
        while True:
            await asyncio.sleep(_STATISTICS_PERIOD_S)
            now_s = time.monotonic()
            topics = {topic: s.summary(now_s) for topic, s in self._statistics.items()}
            for page in self._pages:
                page.tell({'op': 'statistics', 'topics': {
                    topic: summary for topic, summary in topics.items()
                    if topic in page.wanted}})

    def driver(self, node: object) -> DriverClient:
        """
        Return the clients of a driver.

        :raises Refused: there is no such driver.
        """
        camera = next((c for c in self._cameras if c.driver and c.driver == node), None)
        if camera is None:
            raise Refused(f'there is no driver {str(node)[:80]!r}')
        if camera.driver not in self._clients:
            self._clients[camera.driver] = DriverClient(
                self._bridge, camera.driver, camera.services)
        return self._clients[camera.driver]


def _call_soon(
    loop: asyncio.AbstractEventLoop, function: Callable[..., None], *arguments: Any,
) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(function, *arguments)


def rays(width: object, height: object, k: object, d: object) -> bytes:
    """
    Return x/z and y/z of every pixel, (height, width, 2) float32, NaN where there is none.

    :param width: pixels, as height.
    :param k: fx, fy, cx, cy of a sensor_msgs/CameraInfo.
    :param d: its distortion: k1 k2 p1 p2 k3 k4 k5 k6, or fewer of them.
    :raises Refused: these are not the numbers of a lens.
    """
    if not (isinstance(width, int) and isinstance(height, int)
            and 0 < width <= _MAX_IMAGE_SIDE and 0 < height <= _MAX_IMAGE_SIDE):
        raise Refused('width and height must be from 1 to 4096 pixels')
    return _rays(width, height, _numbers(k, 4, 4), _numbers(d, 0, 8))


def _numbers(values: object, fewest: int, most: int) -> tuple[float, ...]:
    if not isinstance(values, list) or not fewest <= len(values) <= most or not all(
            isinstance(v, int | float) and math.isfinite(v) and abs(v) < 1e6 for v in values):
        raise Refused('the camera_info has no lens that can be computed with')
    return tuple(float(value) for value in values)


@functools.lru_cache(maxsize=4)
def _rays(
    width: int, height: int, k: tuple[float, ...], d: tuple[float, ...],
) -> bytes:
    k1, k2, p1, p2, k3, k4, k5, k6 = (*d, *(0.0,) * 8)[:8]
    fx, fy, cx, cy = k
    if not fx or not fy:
        raise Refused('the camera_info is empty')
    lens = Intrinsics(width, height, fx, fy, cx, cy, k1, k2, k3, k4, k5, k6, p1, p2,
                      metric_radius=_METRIC_RADIUS)
    return lens.rays().astype('<f4').tobytes()
