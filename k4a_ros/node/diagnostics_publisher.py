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

"""/diagnostics: looks at driver and topics once a second and says how they are."""

from __future__ import annotations

from collections.abc import Callable
import math
import time

from diagnostic_msgs.msg import DiagnosticArray
from diagnostic_msgs.msg import DiagnosticStatus
from diagnostic_msgs.msg import KeyValue
from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.cameras.base import UsbErrors
from k4a_ros.node.diagnostics import Bodies
from k4a_ros.node.diagnostics import bodies_status
from k4a_ros.node.diagnostics import camera_status
from k4a_ros.node.diagnostics import clock_status
from k4a_ros.node.diagnostics import publishing_status
from k4a_ros.node.diagnostics import Snapshot
from k4a_ros.node.diagnostics import Status
from k4a_ros.publishing.raw.rcl import RCLError
from k4a_ros.publishing.topics import Topics
from k4a_ros.streaming.device_clock import LiveClock
from k4a_ros.streaming.rates import Rates
from k4a_ros.streaming.supervisor import CameraSupervisor
from k4a_ros.streaming.supervisor import State
from rclpy.node import Node

PERIOD = 1.0


class DiagnosticsPublisher:
    """
    Publishes /diagnostics in every state of the node; the hardware id is the serial number.

    ``error`` is why the camera is lost, '' while it is not.
    """

    def __init__(self, node: Node, supervisor: CameraSupervisor, topics: Topics) -> None:
        self._node = node
        self._supervisor = supervisor
        self._topics = topics
        self._rates = Rates()
        self._serial = ''
        self._facts: dict[str, str] = {}
        # of the last camera: what it says counts also while it is lost
        self._usb_errors: Callable[[], UsbErrors | None] = lambda: None
        self.error = ''
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', 10)
        node.create_timer(PERIOD, self._publish)

    def _publish(self) -> None:
        now = self._look()
        message = DiagnosticArray()
        message.header.stamp = self._node.get_clock().now().to_msg()
        statuses = [camera_status(now, self.error), publishing_status(now), clock_status(now)]
        if now.bodies is not None:
            statuses.append(bodies_status(now.bodies))
        message.status = [self._message(status) for status in statuses]
        try:
            self._publisher.publish(message)
        except RCLError as error:
            self._node.get_logger().warning(f'/diagnostics could not be published: {error}')

    def _look(self) -> Snapshot:
        camera = self._supervisor.camera
        if camera is not None:
            info = camera.info
            self._serial = info.serial
            self._usb_errors = camera.usb_errors
            self._facts = {'kind': info.kind, 'source': info.source, **{
                f'{part} firmware': version for part, version in info.firmware.items()}}
        counts = self._supervisor.counts
        counters = self._topics.counters()
        usb = self._usb_errors()
        grown = self._rates.update({
            'captures': counts.captures, 'samples': counts.samples, 'dropped': counts.dropped,
            'usb': usb.reported + usb.failed_calls if usb is not None else 0,
            **{f'published {topic}': c.published for topic, c in counters.items()},
            **{f'failed {topic}': c.failed for topic, c in counters.items()},
            'bodies': self._topics.bodies.answered if self._topics.bodies else 0,
        }, time.monotonic())
        temperature = self._topics.temperature
        clock = self._topics.clock
        live = clock if isinstance(clock, LiveClock) else None
        state = self._supervisor.state
        return Snapshot(
            state=state.value, streaming=state is State.STREAMING, ended=state is State.ENDED,
            target_hz=camera.config.fps if camera is not None else 0.0,
            capture_hz=grown['captures'], imu_hz=grown['samples'], dropped=counts.dropped,
            dropped_hz=grown['dropped'], losses=self._supervisor.losses,
            usb=usb, usb_hz=grown['usb'],
            latency_ms=self._topics.latency.take(),
            temperature=None if math.isnan(temperature) else temperature,
            drift_ppm=live.drift_ppm if live else None,
            residual_ms=live.residual_ns / 1e6 if live else None,
            resets=live.resets if live else 0, sync=self._sync(),
            published={topic: grown[f'published {topic}'] for topic in counters},
            failed={topic: c.failed for topic, c in counters.items()},
            failed_hz={topic: grown[f'failed {topic}'] for topic in counters},
            subscribers=self._topics.subscribers(),
            bodies=self._bodies(grown['bodies']), facts=self._facts)

    def _bodies(self, hz: float) -> Bodies | None:
        topics = self._topics.bodies
        if topics is None:
            error = self._topics.body_error
            return Bodies('', error, 0.0, 0.0, 0) if error else None
        return Bodies(
            topics.backend, topics.error, hz, topics.latency_ns / 1e6, topics.left_out)

    def _sync(self) -> str:
        camera = self._supervisor.camera
        if camera is None:
            return 'unknown'
        mode = camera.config.wired_sync_mode
        jacks = camera.sync_jacks()
        text = mode.name.lower()
        if jacks is not None:
            cables = [name for name, there in (('in', jacks.sync_in), ('out', jacks.sync_out))
                      if there]
            text += f', cable in sync {" and ".join(cables)}' if cables else ', no cable'
        if mode is WiredSyncMode.SUBORDINATE and self._supervisor.state is State.STREAMING:
            silent = time.monotonic() - self._topics.last_capture_s
            if silent > 2.0:
                text += f'; no pulse of a master for {silent:.0f} s'
        return text

    def _message(self, status: Status) -> DiagnosticStatus:
        return DiagnosticStatus(
            level=bytes([status.level]), name=f'{self._node.get_fully_qualified_name()}: '
            f'{status.name}'.lstrip('/'), message=status.message, hardware_id=self._serial,
            values=[KeyValue(key=key, value=value) for key, value in status.values.items()])
