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

"""How a camera is doing, as counters and as the sentences of /diagnostics (pure, no ROS)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
import enum

from k4a_ros.cameras.base import UsbErrors


class Level(enum.IntEnum):
    """Levels of diagnostic_msgs/DiagnosticStatus."""

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3


@dataclass
class Status:
    """One line of /diagnostics: a name, a level, a sentence, and values by name."""

    name: str
    level: Level = Level.OK
    message: str = 'OK'
    values: dict[str, str] = field(default_factory=dict)

    def worse(self, level: Level, message: str) -> None:
        """Say something that is wrong; the worst is said first, all of it is said."""
        if level > self.level:
            self.message = message if self.level is Level.OK else f'{message}; {self.message}'
            self.level = level
        elif self.level is Level.OK:
            self.message = message
        else:
            self.message = f'{self.message}; {message}'


@dataclass(frozen=True)
class Bodies:
    """How body tracking goes; ``error`` says why it does not, '' otherwise."""

    backend: str
    error: str
    hz: float
    latency_ms: float
    left_out: int


@dataclass(frozen=True)
class Snapshot:
    """What is known of a camera at one moment; rates are per second of the last period."""

    state: str
    streaming: bool
    ended: bool
    target_hz: float
    capture_hz: float
    imu_hz: float
    dropped: int
    dropped_hz: float
    losses: int
    #: None for a camera without USB
    usb: UsbErrors | None
    usb_hz: float
    latency_ms: tuple[float, float]
    temperature: float | None
    drift_ppm: float | None
    residual_ms: float | None
    resets: int
    sync: str
    published: Mapping[str, float]
    failed: Mapping[str, int]
    failed_hz: Mapping[str, float]
    subscribers: Mapping[str, int]
    #: people, if they are wanted
    bodies: Bodies | None
    #: what else is known of the camera: kind, where it comes from, firmware
    facts: Mapping[str, str]


def camera_status(now: Snapshot, error: str) -> Status:
    """
    Return how the camera is.

    :param error: why it was lost, '' if it is not.
    """
    status = Status('camera', message=now.state)
    if error:
        status.worse(Level.ERROR, f'{now.state}: {error}; trying again')
    elif now.streaming and now.capture_hz < 0.5 * now.target_hz:
        status.worse(Level.WARN, f'{now.capture_hz:.1f} captures come each second, '
                     f'{now.target_hz:g} are due: use another USB port or a lower mode')
    elif now.ended:
        status.message = 'the recording has been played'
    if now.usb is not None and now.usb_hz and not error:
        status.worse(Level.WARN, f'trouble on USB, {now.usb.last!r}: if it stays, try another '
                     'cable, another port, or a lower mode')
    status.values |= {
        'state': now.state, 'captures per second': f'{now.capture_hz:.1f}',
        'captures due per second': f'{now.target_hz:g}',
        'inertial samples per second': f'{now.imu_hz:.0f}',
        'times lost': str(now.losses), 'synchronization': now.sync}
    if now.usb is not None:
        status.values |= {
            'USB errors': str(now.usb.reported), 'failed USB calls': str(now.usb.failed_calls),
            'last USB error': now.usb.last or 'none'}
    status.values |= now.facts
    if now.temperature is not None:
        status.values['temperature, degrees Celsius'] = f'{now.temperature:.1f}'
    return status


def publishing_status(now: Snapshot) -> Status:
    """Return how publishing goes."""
    status = Status('publishing')
    if now.dropped_hz > 0.05 * now.target_hz:
        status.worse(Level.WARN, f'overloaded: {now.dropped_hz:.1f} captures are left out each '
                     'second; subscribe to rgb/image_raw/compressed instead of rgb/image_raw, or '
                     'lower fps or color_resolution')
    for topic, rate in now.failed_hz.items():
        if rate:
            status.worse(Level.WARN, f'{topic}: {now.failed[topic]} messages could not be '
                         'converted or published')
    mean, longest = now.latency_ms
    status.values |= {
        'captures left out': str(now.dropped), 'latency, mean ms': f'{mean:.1f}',
        'latency, longest ms': f'{longest:.1f}'}
    for topic, rate in now.published.items():
        count = now.subscribers.get(topic, 0)
        status.values[topic] = f'{rate:.1f} Hz to {count} subscribers' if count else 'unwanted'
    return status


def clock_status(now: Snapshot) -> Status:
    """Return how well stamps follow the host's clock."""
    status = Status('clock')
    if now.drift_ppm is None or now.residual_ms is None:
        status.message = 'stamps are those of the recording'
        return status
    if abs(now.residual_ms) > 5.0:
        status.worse(Level.WARN, f'stamps are {now.residual_ms:.1f} ms from where they should be, '
                     'and are being corrected')
    status.values |= {
        'drift of the device, ppm': f'{now.drift_ppm:.1f}',
        'correction under way, ms': f'{now.residual_ms:.3f}',
        'new time lines': str(now.resets)}
    return status


def bodies_status(bodies: Bodies) -> Status:
    """Return how body tracking goes."""
    status = Status('body tracking', message=f'people are found by {bodies.backend}')
    if bodies.error:
        status.message = 'OK'
        status.worse(Level.ERROR, f'no people are published: {bodies.error}')
    status.values |= {
        'backend': bodies.backend or 'none', 'images looked at per second': f'{bodies.hz:.1f}',
        'latency, ms': f'{bodies.latency_ms:.1f}', 'images left out': str(bodies.left_out)}
    return status
