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

"""An outage of a camera: what to report of it, and how long to pause between attempts (no ROS)."""

from __future__ import annotations

import enum
import time

from k4a_ros.errors import CameraError
from k4a_ros.errors import CameraErrorReason

#: first and longest pause between attempts to open a camera, and factor between two of them
FIRST_OPEN_PAUSE_S, MAX_OPEN_PAUSE_S, _OPEN_BACKOFF = 0.1, 5.0, 1.5
#: the same for a camera that opens, but does not deliver, or not for long
FIRST_START_PAUSE_S, MAX_START_PAUSE_S, _START_BACKOFF = 0.5, 15.0, 2.0
#: a stream of this duration is stable: pauses start again with the first one
STABLE_S = 10.0
#: interval at which a reason that does not change is reported again
_REMINDER_S = 300.0


class Phase(enum.Enum):
    """What failed."""

    OPENING = 'opening'
    STARTING = 'starting'
    STREAMING = 'streaming'


class Report(enum.Enum):
    """What to report."""

    LOST = 'lost'
    NOT_OPENING = 'does not open'
    NOT_STARTING = 'does not start'


class Outage:
    """
    The time from the first failure of a camera until it delivers again.

    Reports the loss once, and each further reason once, plus a rare reminder.
    """

    def __init__(self) -> None:
        self._lost: CameraError | None = None
        self._last: tuple[Report, CameraError] | None = None
        self._reported: tuple[Report, str] | None = None
        self._reported_s = 0.0
        self._delivered_s: float | None = None
        self._report_absence = False
        self._open_pause_s = FIRST_OPEN_PAUSE_S
        self._start_pause_s = FIRST_START_PAUSE_S
        #: pause before the next attempt, seconds
        self.pause_s = 0.0

    @property
    def active(self) -> bool:
        """Return whether there is an outage."""
        return self._lost is not None or self._last is not None

    @property
    def is_loss(self) -> bool:
        """Return whether the connection was lost, rather than never established."""
        return self._lost is not None

    @property
    def waits_for_pulse(self) -> bool:
        """Return whether all that is missing are the sync pulses of the master."""
        return (self._lost is None and self._last is not None
                and CameraErrorReason.NO_SYNC_PULSE in self._last[1].reasons)

    @property
    def text(self) -> str:
        """Return why there are no images, the first cause first; '' if there is no outage."""
        parts = [f'connection lost: {self._lost}'] if self._lost is not None else []
        if self._last is not None:
            parts.append(f'{self._last[0].value}: {self._last[1]}')
        return '; '.join(parts)

    def add_failure(self, error: CameraError, phase: Phase) -> Report | None:
        """Add a failure, choose the next pause, and return what to report, None for nothing."""
        self._choose_pause(error, phase)
        self._delivered_s = None
        reasons = error.reasons
        lost = (phase is Phase.STREAMING or phase is Phase.OPENING
                or CameraErrorReason.DISCONNECTED in reasons)
        if CameraErrorReason.NO_SYNC_PULSE in reasons:
            lost = False
        if lost and self._lost is None:
            self._lost, self._last = error, None
            return self._report(Report.LOST, error, always=True)
        if phase is not Phase.OPENING:
            self._last = (Report.NOT_STARTING, error)
        elif self._report_absence or reasons - {CameraErrorReason.DISCONNECTED}:
            self._last = (Report.NOT_OPENING, error)
        else:  # still unplugged
            self._last = None
            return None
        return self._report(*self._last)

    def _report(self, report: Report, error: CameraError, always: bool = False) -> Report | None:
        key, now_s = (report, str(error)), time.monotonic()
        if not always and self._reported == key and now_s - self._reported_s < _REMINDER_S:
            return None
        self._reported, self._reported_s = key, now_s
        return report

    def _choose_pause(self, error: CameraError, phase: Phase) -> None:
        if phase is Phase.OPENING:
            self.pause_s = self._open_pause_s
            self._open_pause_s = min(self._open_pause_s * _OPEN_BACKOFF, MAX_OPEN_PAUSE_S)
            return
        delivered_s = self._delivered_s
        if delivered_s is not None and time.monotonic() - delivered_s > STABLE_S:
            self._start_pause_s = FIRST_START_PAUSE_S
            self._reported = None
            self.pause_s = FIRST_OPEN_PAUSE_S
        elif error.reasons & {CameraErrorReason.DISCONNECTED, CameraErrorReason.NO_SYNC_PULSE}:
            self.pause_s = FIRST_OPEN_PAUSE_S  # the camera itself is well
        else:
            self.pause_s = self._start_pause_s
            self._start_pause_s = min(self._start_pause_s * _START_BACKOFF, MAX_START_PAUSE_S)

    def end(self) -> None:
        """End the outage: the camera delivers."""
        self.clear()
        self._delivered_s = time.monotonic()
        self._open_pause_s = FIRST_OPEN_PAUSE_S

    def clear(self) -> None:
        """Forget the failures, because the user has stopped the stream."""
        self._lost = self._last = None
        self._report_absence = False

    def try_now(self) -> None:
        """Try without a pause, because the user asked for it; report the result in any case."""
        self.pause_s = 0.0
        self._reported = None
        self._report_absence = True
