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

"""The ROS node of the viewer: it subscribes to what pages show, and to nothing else."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from collections.abc import Mapping
import threading
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from k4a_ros.process.spinner import Spinner
from k4a_ros.viewer import graph
from k4a_ros.viewer.delivery import POLICIES
from k4a_ros.viewer.delivery import Policy
from rcl_interfaces.msg import ParameterEvent
import rclpy
from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy
from rclpy.qos import QoSProfile
from rclpy.qos import ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from sensor_msgs.msg import Imu
from sensor_msgs.msg import Temperature
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

#: at most this many messages of a topic wait for the server
_MAX_WAITING, _MAX_SAMPLES = 4, 4096
#: how often samples of the IMU are taken, and the graph is looked at
_IMU_PERIOD_S, _GRAPH_PERIOD_S = 0.04, 1.0
_IMU_DEPTH = 500
_KINDS = {f'{kind.__module__.partition(".")[0]}/msg/{kind.__name__}': kind for kind in (
    CameraInfo, CompressedImage, DiagnosticArray, Image, Imu, MarkerArray, Temperature, TFMessage)}


class _Polled(CallbackGroup):
    """
    Subscriptions that the executor leaves alone.

    It takes one message at a time, which for an IMU is a tenth of a core.
    """

    def can_execute(self, entity: Any) -> bool:
        return False

    def beginning_execution(self, entity: Any) -> bool:
        return False

    def ending_execution(self, entity: Any) -> None:
        pass


class Bridge:
    """
    Runs the node in a thread of its own.

    The callbacks are called in that thread; all methods may be called from any thread.

    :param on_messages: called when `take` has messages; not again before it is called.
    :param on_graph: called with the cameras when they change, while `watch` is on.
    :param on_parameters: called with the full name of a node whose parameters have changed.
    :param on_error: called with the exception that ends the thread.
    """

    def __init__(
        self, on_messages: Callable[[], None],
        on_graph: Callable[[tuple[graph.Camera, ...]], None],
        on_parameters: Callable[[str], None], on_error: Callable[[Exception], None],
    ) -> None:
        self._on_messages, self._on_graph = on_messages, on_graph
        self._on_parameters = on_parameters
        if not rclpy.ok():
            rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        self.node = Node('k4a_view')
        self._lock = threading.Lock()
        self._inbox: dict[str, deque[tuple[bytes, float, int]]] = {}
        self._told = False
        self._jobs: deque[Callable[[], None]] = deque()
        self._subscriptions: dict[str, Any] = {}
        self._polled = _Polled()
        self._watching = False
        self._cameras: tuple[graph.Camera, ...] | None = None
        self._events: Any = None
        self._wake = self.node.create_guard_condition(self._run_jobs)
        self._imu_timer = self.node.create_timer(_IMU_PERIOD_S, self._poll)
        self._imu_timer.cancel()
        self._graph_timer = self.node.create_timer(_GRAPH_PERIOD_S, self._look)
        self._graph_timer.cancel()
        self._spinner = Spinner(self.node, on_error)

    def start(self) -> None:
        """Start the thread."""
        self._spinner.start()

    def stop(self) -> None:
        """End the thread, and leave the ROS graph."""
        self._spinner.stop()
        self.node.destroy_node()
        rclpy.try_shutdown()

    def submit(self, job: Callable[[], None]) -> None:
        """Run a function in the thread of the node, where entities are created and destroyed."""
        self._jobs.append(job)
        self._wake.trigger()

    def watch(self, on: bool) -> None:
        """Report the cameras and changes of parameters, or stop that."""
        self.submit(lambda: self._watch(on))

    def subscribe(self, topics: Mapping[str, str]) -> None:
        """Subscribe to these topics, types by name, and to no others."""
        wanted = dict(topics)
        self.submit(lambda: self._subscribe(wanted))

    def take(self) -> dict[str, list[tuple[bytes, float, int]]]:
        """Return what has arrived: message, monotonic time (s) and ROS time (ns), by topic."""
        with self._lock:
            self._told = False
            result = {topic: list(messages) for topic, messages in self._inbox.items() if messages}
            self._inbox.clear()
        return result

    def _run_jobs(self) -> None:
        while self._jobs:
            self._jobs.popleft()()

    def _watch(self, on: bool) -> None:
        if on == self._watching:
            return
        self._watching = on
        if on:
            self._cameras = None
            self._events = self.node.create_subscription(
                ParameterEvent, '/parameter_events',
                lambda event: self._on_parameters(event.node), QoSProfile(depth=100))
            self._graph_timer.reset()
            self._look()
        else:
            self._graph_timer.cancel()
            self.node.destroy_subscription(self._events)

    def _look(self) -> None:
        """Report the cameras if they have changed."""
        topics = {name: types for name, types in self.node.get_topic_names_and_types()
                  if any(kind in POLICIES for kind in types) and self.node.count_publishers(name)}
        services = [name for name, _ in self.node.get_service_names_and_types()]
        cameras = graph.find_cameras(topics, services)
        if cameras != self._cameras:
            self._cameras = cameras
            self._on_graph(cameras)

    def _subscribe(self, wanted: Mapping[str, str]) -> None:
        for topic in self._subscriptions.keys() - wanted.keys():
            self.node.destroy_subscription(self._subscriptions.pop(topic))
        for topic in wanted.keys() - self._subscriptions.keys():
            self._subscriptions[topic] = self._create(topic, wanted[topic])
        if any(s.callback_group is self._polled for s in self._subscriptions.values()):
            self._imu_timer.reset()
        else:
            self._imu_timer.cancel()

    def _create(self, topic: str, kind: str) -> Any:
        polled = POLICIES[kind] is Policy.BATCH
        latched = kind == graph.COMMON_TOPICS['/tf_static']
        publishers = self.node.get_publishers_info_by_topic(topic)
        best_effort = any(
            p.qos_profile.reliability is ReliabilityPolicy.BEST_EFFORT for p in publishers)
        qos = QoSProfile(
            depth=_IMU_DEPTH if polled else 100 if latched else 10 if topic == '/diagnostics'
            else 2,
            reliability=ReliabilityPolicy.BEST_EFFORT if best_effort
            else ReliabilityPolicy.RELIABLE,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE)
        return self.node.create_subscription(
            _KINDS[kind], topic, lambda message: self._arrived(topic, [message], _MAX_WAITING),
            qos, raw=True, callback_group=self._polled if polled else None)

    def _poll(self) -> None:
        """Take all samples of the IMU that have arrived."""
        for topic, subscription in self._subscriptions.items():
            if subscription.callback_group is not self._polled:
                continue
            samples: list[bytes] = []
            with subscription.handle:
                while len(samples) < _IMU_DEPTH:
                    taken = subscription.handle.take_message(subscription.msg_type, True)
                    if taken is None:
                        break
                    samples.append(taken[0])
            if samples:
                self._arrived(topic, samples, _MAX_SAMPLES)

    def _arrived(self, topic: str, messages: list[bytes], limit: int) -> None:
        now_s = time.monotonic()
        now_ns = self.node.get_clock().now().nanoseconds
        with self._lock:
            inbox = self._inbox.setdefault(topic, deque(maxlen=limit))
            inbox.extend((message, now_s, now_ns) for message in messages)
            tell, self._told = not self._told, True
        if tell:
            self._on_messages()
