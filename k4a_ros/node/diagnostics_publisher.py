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

"""What the driver publishes on /diagnostics."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import math
import time

from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.cameras.base import Camera
from k4a_ros.cameras.base import UsbErrors
from k4a_ros.node.diagnostics import body_tracking_status
from k4a_ros.node.diagnostics import BodyTracking
from k4a_ros.node.diagnostics import camera_status
from k4a_ros.node.diagnostics import clock_status
from k4a_ros.node.diagnostics import publishing_status
from k4a_ros.node.diagnostics import Snapshot
from k4a_ros.node.diagnostics import Status
from k4a_ros.node.diagnostics_topic import DiagnosticsTopic
from k4a_ros.node.playback_times import describe_playback
from k4a_ros.node.wired_sync import cable_problem
from k4a_ros.node.wired_sync import describe_sync
from k4a_ros.publishing.topics import Topics
from k4a_ros.streaming.device_clock import LiveClock
from k4a_ros.streaming.rates import Rates
from k4a_ros.streaming.states import StreamState
from k4a_ros.streaming.supervisor import CameraSupervisor
from rclpy.node import Node

#: time without captures after which a subordinate is reported to receive no sync pulse
_SYNC_PULSE_WARNING_S = 2.0


class DiagnosticsPublisher:
    """
    Publishes /diagnostics in every lifecycle state; the hardware ID is the serial number.

    :param transport_problem: why the middleware is slow for large messages, '' if it is not.
    :param calibration: returns where the calibration of the camera is from, by what it is of.
    :param others: each returns the status of another part, None if there is nothing to tell.
    """

    def __init__(
        self, node: Node, supervisor: CameraSupervisor, topics: Topics, transport_problem: str,
        calibration: Callable[[], Mapping[str, str]],
        others: Sequence[Callable[[], Status | None]],
    ) -> None:
        self._node = node
        self._supervisor = supervisor
        self._topics = topics
        self._transport_problem = transport_problem
        self._calibration = calibration
        self._others = others
        self._rates = Rates()
        # of the last camera, which remain valid while it is lost
        self._serial = ''
        self._details: dict[str, str] = {}
        self._usb_errors: Callable[[], UsbErrors | None] = lambda: None
        self._was_streaming = False
        self._topic = DiagnosticsTopic(node, self._collect, lambda: self._serial)

    def _collect(self) -> list[Status]:
        snapshot = self._snapshot()
        statuses = [
            camera_status(snapshot), publishing_status(snapshot), clock_status(snapshot)]
        if snapshot.body_tracking is not None:
            statuses.append(body_tracking_status(snapshot.body_tracking))
        statuses += [status for other in self._others if (status := other()) is not None]
        return statuses

    def _snapshot(self) -> Snapshot:
        camera = self._supervisor.camera
        if camera is not None:
            info = camera.info
            self._serial = info.serial
            self._usb_errors = camera.usb_errors
            self._details = {'kind': info.kind, 'source': info.source, **self._calibration(), **{
                f'{part} firmware': version for part, version in info.firmware.items()}}
        counts = self._supervisor.counts
        counters = self._topics.counters()
        usb = self._usb_errors()
        rates = self._rates.update({
            'captures': counts.captures, 'samples': counts.samples, 'dropped': counts.dropped,
            'dropped samples': counts.dropped_samples,
            'usb': usb.reported + usb.failed_calls if usb is not None else 0,
            **{f'published {topic}': c.published for topic, c in counters.items()},
            **{f'failed {topic}': c.failed for topic, c in counters.items()},
            **{f'busy {topic}': c.busy_ns for topic, c in counters.items()},
            'bodies': self._topics.bodies.processed if self._topics.bodies else 0,
        }, time.monotonic())
        temperature = self._topics.temperature
        stamper = self._topics.stamper
        clock = stamper.clock if isinstance(stamper.clock, LiveClock) else None
        supervisor = self._supervisor
        state, outage = supervisor.state, supervisor.outage
        streaming = state is StreamState.STREAMING
        # the rates of the first second are those of a part of it
        settled, self._was_streaming = streaming and self._was_streaming, streaming
        lossless = camera is not None and camera.lossless
        playback = camera.playback if camera is not None else None
        details = self._details if playback is None else (
            self._details | describe_playback(playback, stamper))
        return Snapshot(
            state=state.value, streaming=settled, ended=state is StreamState.ENDED,
            outage=outage.text, waits_for_pulse=outage.waits_for_pulse, hang=supervisor.hang(),
            outage_action=(
                'stopped, call ~/start to try again' if state is StreamState.DISCONNECTED
                else 'reconnecting' if outage.is_loss else 'trying again'),
            lossless=lossless,
            playback_paused=(
                lossless and bool(self._node.get_parameter('playback_paused').value)),
            stream_problems=supervisor.watch.problems if streaming else {},
            pulse_silence_s=self._pulse_silence_s(camera),
            cable_problem=cable_problem(camera.config.wired_sync_mode, supervisor.sync_jacks)
            if camera is not None else '',
            target_hz=camera.config.fps if camera is not None else 0.0,
            capture_hz=rates['captures'], imu_hz=rates['samples'], dropped=counts.dropped,
            dropped_hz=rates['dropped'], losses=self._supervisor.losses,
            usb=usb, usb_error_hz=rates['usb'],
            latency_ms=self._topics.latency.take(),
            temperature_c=None if math.isnan(temperature) else temperature,
            drift_ppm=clock.drift_ppm if clock else None,
            stamp_error_ms=clock.residual_ns / 1e6 if clock else None,
            clock_resets=clock.resets if clock else 0, clock_steps=stamper.steps,
            stamp_corrections=stamper.corrections,
            stamp_ages_ms={source: ns / 1e6 for source, ns in stamper.ages_ns.items()},
            sync=self._sync(camera),
            published_hz={topic: rates[f'published {topic}'] for topic in counters},
            failed={topic: c.failed for topic, c in counters.items()},
            failed_hz={topic: rates[f'failed {topic}'] for topic in counters},
            busy={topic: rates[f'busy {topic}'] / 1e9 for topic in counters},
            subscribers=self._topics.subscribers(),
            body_tracking=self._body_tracking(rates['bodies']), details=details,
            dropped_samples=counts.dropped_samples, dropped_samples_hz=rates['dropped samples'],
            transport_problem=self._transport_problem,
            publish_ms=self._topics.publish_durations(),
            skipped={topic: c.skipped for topic, c in counters.items()})

    def _body_tracking(self, rate_hz: float) -> BodyTracking | None:
        topics = self._topics.bodies
        if topics is None:
            error = self._topics.body_error
            return BodyTracking('', error, 0.0, 0.0, 0) if error else None
        return BodyTracking(
            topics.backend, topics.error, rate_hz, topics.latency_ns / 1e6, topics.dropped)

    def _sync(self, camera: Camera | None) -> str:
        """Return sync role, connected cables and, of a subordinate, missing sync pulses."""
        if camera is None:
            return 'unknown'
        return describe_sync(
            camera.config.wired_sync_mode, self._supervisor.sync_jacks,
            self._pulse_silence_s(camera))

    def _pulse_silence_s(self, camera: Camera | None) -> float:
        """Return for how long a subordinate has been waiting for pulses; 0 if it has them."""
        state = self._supervisor.state
        if (camera is None or camera.lossless
                or camera.config.wired_sync_mode is not WiredSyncMode.SUBORDINATE
                or state not in (StreamState.STARTING, StreamState.STREAMING)):
            return 0.0
        silence_s = time.monotonic() - max(
            self._topics.last_capture_s, self._supervisor.started_s)
        return silence_s if silence_s > _SYNC_PULSE_WARNING_S else 0.0
