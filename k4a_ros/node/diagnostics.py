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

"""The statuses of /diagnostics, computed from a snapshot of the driver (no ROS)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
import enum

from k4a_ros.cameras.base import UsbErrors

#: warn if the capture rate is below this share of the target rate
_MIN_RATE_SHARE = 0.5
#: warn if captures are dropped at more than this share of the target rate
_MAX_DROP_SHARE = 0.05
#: warn if publishing a message takes more than this share of the frame period
_MAX_PUBLISH_SHARE = 0.5
#: warn if stamps differ by more than this from the estimated time
_MAX_STAMP_ERROR_MS = 5.0
#: warn if a stamp is ahead of ROS time by more than this ...
_MAX_STAMP_LEAD_MS = 20.0
#: ... or older than this when the image is published
_MAX_STAMP_AGE_MS = 1000.0

#: how to relieve the computer of a topic that costs much
_REMEDIES = {
    'rgb/image_raw': 'subscribe to rgb/image_raw/compressed instead, ',
    'points2': 'raise point_cloud_decimation, '}


class Level(enum.IntEnum):
    """Levels of diagnostic_msgs/DiagnosticStatus."""

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3


@dataclass
class Status:
    """The content of a diagnostic_msgs/DiagnosticStatus."""

    name: str
    level: Level = Level.OK
    message: str = 'OK'
    values: dict[str, str] = field(default_factory=dict)

    def add_problem(self, level: Level, message: str) -> None:
        """Add a problem to the message, the most severe one first, and raise the level to it."""
        if level > self.level:
            self.message = message if self.level is Level.OK else f'{message}; {self.message}'
            self.level = level
        elif self.level is Level.OK:
            self.message = message
        else:
            self.message = f'{self.message}; {message}'


@dataclass(frozen=True)
class BodyTracking:
    """
    State of body tracking.

    :param backend: name of the backend, '' if none could be chosen.
    :param error: why there are no results, '' while it works.
    :param skipped: captures that arrived while the tracker was busy.
    """

    backend: str
    error: str
    rate_hz: float
    latency_ms: float
    skipped: int


@dataclass(frozen=True)
class Snapshot:
    """State of the driver at one moment; rates are means since the previous snapshot."""

    state: str
    streaming: bool
    ended: bool
    #: why there are no images although they are expected, the first cause first, '' if there are
    outage: str
    target_hz: float
    capture_hz: float
    imu_hz: float
    dropped: int
    dropped_hz: float
    losses: int
    #: None for a camera that is not connected by USB
    usb: UsbErrors | None
    usb_error_hz: float
    #: mean and maximum
    latency_ms: tuple[float, float]
    temperature_c: float | None
    #: None for a recording, as is the stamp error
    drift_ppm: float | None
    stamp_error_ms: float | None
    clock_resets: int
    #: steps of ROS time that stamps have followed
    clock_steps: int
    #: stamps that would not have increased
    stamp_corrections: int
    #: ROS time minus the latest stamp when it was assigned, by source
    stamp_ages_ms: Mapping[str, float]
    sync: str
    #: by topic, as are the counters of failed messages and the subscribers
    published_hz: Mapping[str, float]
    failed: Mapping[str, int]
    failed_hz: Mapping[str, float]
    subscribers: Mapping[str, int]
    #: None if body tracking is disabled by parameters
    body_tracking: BodyTracking | None
    #: kind, source and firmware versions of the camera
    details: Mapping[str, str]
    #: why the middleware is slow for large messages, '' if it is not
    transport_problem: str = ''
    #: mean and maximum time of publishing a message, by topic
    publish_ms: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    #: messages that were skipped because publishing is slow, by topic
    skipped: Mapping[str, int] = field(default_factory=dict)
    #: share of its time that the thread of images spends on a topic
    busy: Mapping[str, float] = field(default_factory=dict)
    #: whether all that is missing are the sync pulses of the master
    waits_for_pulse: bool = False
    #: time for which a subordinate has received no sync pulse, seconds; 0 if it receives them
    pulse_silence_s: float = 0.0
    #: why streams fail while others go on, by name
    stream_problems: Mapping[str, str] = field(default_factory=dict)
    #: native call that does not return, as a sentence, '' if there is none
    hang: str = ''
    #: why the sync cables do not fit the role of the camera, '' if they do
    cable_problem: str = ''
    #: whether the camera waits for its reader, as a recording does: its rate has no target
    lossless: bool = False
    playback_paused: bool = False
    #: what happens because of the outage, such as 'reconnecting'
    outage_action: str = ''
    #: IMU samples that were dropped because too many waited to be published
    dropped_samples: int = 0
    dropped_samples_hz: float = 0.0


def camera_status(snapshot: Snapshot) -> Status:
    """Return the status of the camera: connection, rates, USB errors, temperature."""
    status = Status('camera', message=snapshot.state)
    usb = snapshot.usb
    level, cause = _cause(snapshot)
    if level is not Level.OK:
        status.add_problem(level, cause)
    elif cause:
        status.message = cause
    if snapshot.cable_problem:
        status.add_problem(Level.WARN, snapshot.cable_problem)
    if usb is not None and snapshot.usb_error_hz and level is not Level.ERROR:
        status.add_problem(Level.WARN, f'USB error {usb.last!r}: if it persists, try another '
                           'cable, another port or a mode with a lower data rate')
    status.values |= {
        'state': snapshot.state,
        'capture rate (Hz)': f'{snapshot.capture_hz:.1f}',
        'target capture rate (Hz)': f'{snapshot.target_hz:g}',
        'IMU rate (Hz)': f'{snapshot.imu_hz:.0f}',
        'connection losses': str(snapshot.losses),
        'synchronization': snapshot.sync}
    if usb is not None:
        status.values |= {
            'USB errors': str(usb.reported), 'failed USB calls': str(usb.failed_calls),
            'last USB error': usb.last or 'none'}
    status.values |= snapshot.details
    if snapshot.temperature_c is not None:
        status.values['temperature (°C)'] = f'{snapshot.temperature_c:.1f}'
    return status


def _cause(snapshot: Snapshot) -> tuple[Level, str]:
    """Return the first cause of what is wrong with the camera, without its consequences."""
    if snapshot.hang:
        return Level.ERROR, f'the camera hangs: {snapshot.hang}'
    if snapshot.outage:
        return (Level.WARN if snapshot.waits_for_pulse else Level.ERROR,
                f'{snapshot.outage}; {snapshot.outage_action}')
    if snapshot.pulse_silence_s:
        return Level.WARN, (
            f'no sync pulse received for {snapshot.pulse_silence_s:.0f} s: start the master, and '
            'check the cable from its Sync out jack to the Sync in jack of this camera')
    if snapshot.stream_problems:
        return Level.WARN, '; '.join(
            f'{name}: {reason}' for name, reason in snapshot.stream_problems.items())
    if snapshot.ended:
        return Level.OK, 'end of the recording'
    if snapshot.playback_paused:
        return Level.OK, 'playback is paused; set playback_paused to false to go on'
    if (snapshot.streaming and not snapshot.lossless
            and snapshot.capture_hz < _MIN_RATE_SHARE * snapshot.target_hz):
        remedy = ('use another USB port or a mode with a lower data rate'
                  if snapshot.usb is not None else
                  'this computer renders too slowly; choose smaller modes or a lower fps')
        return Level.WARN, (f'capture rate is {snapshot.capture_hz:.1f} Hz instead of '
                            f'{snapshot.target_hz:g} Hz: {remedy}')
    return Level.OK, ''


def publishing_status(snapshot: Snapshot) -> Status:
    """Return the status of publishing: dropped captures, latency, rates by topic."""
    status = Status('publishing')
    if snapshot.dropped_hz > _MAX_DROP_SHARE * snapshot.target_hz:
        status.add_problem(
            Level.WARN, f'overloaded: dropping {snapshot.dropped_hz:.1f} captures per second; '
            + _relief(snapshot.busy))
    if snapshot.dropped_samples_hz:
        status.add_problem(
            Level.WARN, f'imu: dropping {snapshot.dropped_samples_hz:.0f} samples per second, '
            'because publishing them takes too long: a subscriber was stopped or killed, or the '
            'host is overloaded')
    for topic, rate_hz in snapshot.failed_hz.items():
        if rate_hz:
            status.add_problem(Level.WARN, f'{topic}: {snapshot.failed[topic]} messages could not '
                               'be converted or published')
    _add_slow_topics(status, snapshot)
    if snapshot.transport_problem:
        status.add_problem(Level.WARN, snapshot.transport_problem)
    mean_ms, maximum_ms = snapshot.latency_ms
    status.values |= {
        'dropped captures': str(snapshot.dropped),
        'dropped IMU samples': str(snapshot.dropped_samples),
        'mean latency (ms)': f'{mean_ms:.1f}', 'maximum latency (ms)': f'{maximum_ms:.1f}'}
    for topic, rate_hz in snapshot.published_hz.items():
        count = snapshot.subscribers.get(topic, 0)
        mean_ms, maximum_ms = snapshot.publish_ms.get(topic, (0.0, 0.0))
        skipped = snapshot.skipped.get(topic, 0)
        status.values[topic] = (
            f'{rate_hz:.1f} Hz, subscribers: {count}, publishing takes {mean_ms:.1f} ms (maximum '
            f'{maximum_ms:.1f} ms){f", skipped: {skipped}" if skipped else ""}' if count
            else 'no subscribers')
    return status


def _relief(busy: Mapping[str, float]) -> str:
    """Return how to relieve the thread of images: name the topic that costs most."""
    topic = max(busy, key=lambda name: busy[name], default='')
    if not topic or not busy[topic]:
        return 'lower fps, or choose smaller modes'
    remedy = _REMEDIES.get(topic, '')
    return (f'{topic} takes {100 * busy[topic]:.0f} % of the time: {remedy}lower fps, or choose '
            'smaller modes')


def _add_slow_topics(status: Status, snapshot: Snapshot) -> None:
    """Add a problem for each topic whose publishing takes too long."""
    if not snapshot.target_hz:
        return
    period_ms = 1000.0 / snapshot.target_hz
    for topic, (mean_ms, maximum_ms) in snapshot.publish_ms.items():
        if mean_ms > _MAX_PUBLISH_SHARE * period_ms:
            status.add_problem(
                Level.WARN, f'{topic}: publishing takes {mean_ms:.0f} ms (maximum '
                f'{maximum_ms:.0f} ms) of the {period_ms:.0f} ms between captures: a subscriber '
                'was stopped or killed, which lasts for 20 s, or the host is overloaded: end '
                'subscribers that do not respond, or subscribe to smaller messages')


def clock_status(snapshot: Snapshot) -> Status:
    """Return the status of the conversion from device time to ROS time."""
    status = Status('clock', values={
        f'age of {source} stamps (ms)': f'{age_ms:.1f}'
        for source, age_ms in snapshot.stamp_ages_ms.items()})
    if snapshot.drift_ppm is None or snapshot.stamp_error_ms is None:
        status.message = 'stamps keep the intervals of the recording'
        return status
    if abs(snapshot.stamp_error_ms) > _MAX_STAMP_ERROR_MS:
        status.add_problem(Level.WARN, f'stamps are off by {snapshot.stamp_error_ms:.1f} ms and '
                           'are being corrected')
    for source, age_ms in snapshot.stamp_ages_ms.items():
        if not -_MAX_STAMP_LEAD_MS < age_ms < _MAX_STAMP_AGE_MS:
            side = 'behind' if age_ms > 0 else 'ahead of'
            status.add_problem(
                Level.WARN, f'{source} is stamped {abs(age_ms):.0f} ms {side} ROS time')
    status.values |= {
        'device clock drift (ppm)': f'{snapshot.drift_ppm:.1f}',
        'stamp error (ms)': f'{snapshot.stamp_error_ms:.3f}',
        'clock resets': str(snapshot.clock_resets),
        'steps of the host clock': str(snapshot.clock_steps),
        'corrected stamps': str(snapshot.stamp_corrections)}
    return status


def body_tracking_status(tracking: BodyTracking) -> Status:
    """Return the status of body tracking."""
    status = Status('body tracking', message=f'tracking with {tracking.backend}')
    if tracking.error:
        status.level = Level.ERROR
        status.message = f'{"stopped" if tracking.backend else "disabled"}: {tracking.error}'
    status.values |= {
        'backend': tracking.backend or 'none', 'tracking rate (Hz)': f'{tracking.rate_hz:.1f}',
        'latency (ms)': f'{tracking.latency_ms:.1f}', 'skipped captures': str(tracking.skipped)}
    return status
