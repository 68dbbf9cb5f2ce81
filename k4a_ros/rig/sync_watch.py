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

"""What is wrong with the synchronization of several cameras, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field

from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.rig.sync_tracker import CameraTimes
from k4a_ros.rig.sync_tracker import CaptureTime
from k4a_ros.rig.sync_tracker import Match
from k4a_ros.rig.sync_tracker import match
from k4a_ros.streaming.states import WAITING_FOR_PULSE

#: The rule of Microsoft's sample for device times, which is used for stamps as well.
MAX_OFFSET_US = 100
MAX_STAMPS_MS = 0.1
#: captures that may be missing, and their share
_FEW, _MAX_MISSING = 1, 0.02
#: A camera whose captures drift against the pulses does not follow them. Crystals differ by more.
_MAX_SLOPE_PPM = 3.0
#: a camera without captures for this time, this many periods, and this many times the longest gap
#: of the last seconds, is silent
_SILENCE_S, _SILENCE_PERIODS, _SILENCE_STEPS = 1.0, 5, 2
#: difference of frame periods beyond which cameras have another frame rate
_MAX_PERIOD_SHARE = 0.01


@dataclass(frozen=True)
class Source:
    """
    What time_reference says about its camera.

    :param delay_us: from the pulse of the master to the image whose times these are.
    """

    serial: str
    role: WiredSyncMode
    delay_us: int

    @classmethod
    def of(cls, text: str) -> Source | None:
        """Return what ``source`` of a message says; None if it is not that of a driver."""
        words = text.split()
        try:
            return cls(words[1], WiredSyncMode[words[2].upper()], int(words[3]))
        except (IndexError, KeyError, ValueError):
            return None


@dataclass
class Watched:
    """A camera that is watched: what it is, its captures, and the state of its stream."""

    name: str
    source: Source | None = None
    times: CameraTimes = field(default_factory=CameraTimes)
    state: str = ''


@dataclass(frozen=True)
class Finding:
    """
    What is known about one camera.

    :param problem: sentence with the remedy, '' if all is well.
    :param kind: word for the problem, the same as long as it is the same problem.
    :param match: None of a master, and without a match.
    """

    problem: str = ''
    kind: str = ''
    match: Match | None = None


class SyncWatch:
    """Watches the cameras on one sync cable."""

    def __init__(self) -> None:
        self.cameras: dict[str, Watched] = {}

    def expect(self, name: str) -> Watched:
        """Return a camera, watched from now on."""
        return self.cameras.setdefault(name, Watched(name))

    def add(self, name: str, source: str, capture: CaptureTime) -> None:
        """Add a capture of a camera."""
        camera = self.expect(name)
        camera.source = Source.of(source) or camera.source
        camera.times.add(capture)

    def masters(self) -> list[Watched]:
        """Return the cameras that are master, in the order of their names."""
        return [camera for _, camera in sorted(self.cameras.items())
                if camera.source is not None and camera.source.role is WiredSyncMode.MASTER]

    def reference(self) -> Watched | None:
        """Return the camera that others are compared with: the master, or first subordinate."""
        masters = self.masters()
        others = [camera for _, camera in sorted(self.cameras.items()) if camera.source is not None
                  and camera.source.role is WiredSyncMode.SUBORDINATE]
        return next(iter(masters + others), None)

    def findings(self, now_s: float) -> Mapping[str, Finding]:
        """
        Return what is known about each camera, by name.

        :param now_s: the monotonic clock of the arrivals.
        """
        reference = self.reference()
        return {name: self._finding(camera, reference, now_s)
                for name, camera in sorted(self.cameras.items())}

    def _finding(self, camera: Watched, reference: Watched | None, now_s: float) -> Finding:
        silent = self._silence(camera, reference, now_s)
        if silent is not None:
            return silent
        assert camera.source is not None
        twin = next((other.name for _, other in sorted(self.cameras.items())
                     if other.source is not None and other is not camera
                     and other.source.serial == camera.source.serial
                     and camera.source.serial.strip('0') and other.name < camera.name), '')
        if twin:
            return Finding(f'has the serial number {camera.source.serial}, as has {twin}: two '
                           'drivers or recordings of one camera', 'duplicate serial')
        if camera.source.role is WiredSyncMode.STANDALONE or camera is reference:
            return Finding()
        if camera.source.role is WiredSyncMode.MASTER:
            return Finding(
                f'is master, as is {reference.name if reference else ""}: a sync cable has one '
                'master; set wired_sync_mode of one of them to 2', 'two masters')
        return self._compare(camera, reference, now_s)

    def _silence(
        self, camera: Watched, reference: Watched | None, now_s: float,
    ) -> Finding | None:
        """Return why a camera delivers nothing, None if it does."""
        limit_s = _limit_s(camera)
        if camera.source is not None and camera.times.silence_s(now_s) < limit_s:
            return None
        running = reference is not None and reference is not camera and (
            reference.times.silence_s(now_s) < limit_s)
        subordinate = camera.state == WAITING_FOR_PULSE or (
            camera.source is not None and camera.source.role is WiredSyncMode.SUBORDINATE
            and camera.state in ('streaming', ''))
        if subordinate and running:
            return Finding(
                f'gets no sync pulse, but {reference.name if reference else "the master"} '
                'streams: check the cable in its Sync in jack, and that it comes from the Sync '
                'out jack of the camera before it', 'no pulse')
        if subordinate:
            return Finding('waits for the sync pulse: start the master within a minute, because '
                           'the depth camera powers down then', 'waits for the master')
        what = f': its driver says {camera.state!r}' if camera.state else (
            ': its driver does not run, or has another namespace')
        return Finding(f'delivers no captures{what}; see the log and the status of that driver',
                       'no captures')

    def _compare(self, camera: Watched, reference: Watched | None, now_s: float) -> Finding:
        if reference is None or reference.source is None or camera.source is None:
            return Finding()
        own, other = camera.times.period_us(), reference.times.period_us()
        if reference.times.silence_s(now_s) > _limit_s(reference):
            return Finding()  # its own finding says so
        if own and other and abs(own - other) > _MAX_PERIOD_SHARE * other:
            return Finding(
                f'has {1e6 / own:.1f} frames a second, but {reference.name} has '
                f'{1e6 / other:.1f}: set fps to the same value', 'different fps')
        found = match(reference.times, camera.times,
                      camera.source.delay_us - reference.source.delay_us, now_s)
        if found is None:
            return Finding()
        return Finding(*self._judge(found, camera.source.delay_us, reference.name), found)

    def _judge(self, found: Match, delay_us: int, master: str) -> tuple[str, str]:
        """Return the problem of a match and its kind, both '' if there is none."""
        if abs(found.slope_ppm) > _MAX_SLOPE_PPM and found.worst_us > MAX_OFFSET_US:
            return (f'does not follow the pulses of {master}: its captures drift by '
                    f'{found.slope_ppm:.0f} ppm. Look for a second master, and for a cable that '
                    f'does not come from {master}', 'free running')
        if found.shift:
            return (f'was started after {master}: its device time is {abs(found.shift)} frame '
                    f'periods {"behind" if found.shift > 0 else "ahead"}. Start all cameras '
                    'again, the master last (the service ~/restart of the rig does it)',
                    'started late')
        if found.worst_us > MAX_OFFSET_US:
            return (f'is {found.offset_us:.0f} us off its delay of {delay_us} us (up to '
                    f'{found.worst_us:.0f} us; at most {MAX_OFFSET_US}): check that firmware, '
                    'exposure and modes are those of the other cameras', 'wrong offset')
        if found.missing > max(_FEW, _MAX_MISSING * (found.matched + found.missing)):
            return (f'lacks {found.missing} of {found.matched + found.missing} captures: its USB '
                    'connection or computer is too slow; see the status of that driver',
                    'missing captures')
        if abs(found.stamps_ms) > MAX_STAMPS_MS:
            return (f'has stamps that are {abs(found.stamps_ms):.1f} ms '
                    f'{"ahead of" if found.stamps_ms > 0 else "behind"} those of {master}, though '
                    'the pulses agree: on one computer set sync_clock_topic; on several '
                    'synchronize their clocks with chrony or PTP', 'different clocks')
        return '', ''


def _limit_s(camera: Watched) -> float:
    """Return the time after which a camera is silent, seconds."""
    return max(_SILENCE_S, _SILENCE_PERIODS * camera.times.period_us() * 1e-6,
               _SILENCE_STEPS * camera.times.longest_step_s())
