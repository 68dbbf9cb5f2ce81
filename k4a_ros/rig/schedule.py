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

"""
When the lasers of several cameras fire, and the delays that keep them apart.

For one capture a laser fires nine times for 125 us, with pauses of 1450 or 2390 us in between
(Azure Kinect documentation, "Depth sensor raw timing"). Cameras that see the same scene must not
fire at the same time: Microsoft asks for 160 us from one camera to the next, which leaves room for
ten of them in one pause ("Avoiding interference between multiple depth cameras").
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass

from k4a_ros.camera_config import DepthMode
from k4a_ros.errors import ConfigError

#: distance of the lasers of two cameras
SPACING_US = 160
#: cameras whose lasers fit into one pause
MAX_CAMERAS = 10
_PULSES = 9
_PULSE_US = 125
#: Distance from a pulse to a later pulse of another camera: the tenth camera of Microsoft's
#: arithmetic fires 135 us before the next pulse of the first one.
_WRAPPED_SPACING_US = 135
_IDLE_US = {
    DepthMode.NFOV_2X2BINNED: 1450, DepthMode.NFOV_UNBINNED: 1450, DepthMode.WFOV_2X2BINNED: 1450,
    DepthMode.WFOV_UNBINNED: 2390}


@dataclass(frozen=True)
class Laser:
    """
    The laser of one camera.

    :param camera: name of the camera.
    :param mode: depth mode; without depth there is no laser.
    :param offset_us: from the pulse of the master to the center of the depth exposure.
    """

    camera: str
    mode: DepthMode
    offset_us: int

    @property
    def pulses_us(self) -> list[int]:
        """Return when the pulses begin, relative to the pulse of the master, microseconds."""
        if self.mode not in _IDLE_US:
            return []
        step = _PULSE_US + _IDLE_US[self.mode]
        first = self.offset_us - (_PULSES - 1) * step // 2
        return [first + number * step for number in range(_PULSES)]


def exposure_us(mode: DepthMode) -> int:
    """Return the time from the first to the end of the last laser pulse, microseconds."""
    pulses = Laser('', mode, 0).pulses_us
    return pulses[-1] - pulses[0] + _PULSE_US if pulses else 0


def collide(one: Laser, other: Laser, period_us: int) -> bool:
    """Return whether two lasers are too close to each other, in this frame or the next one."""
    ones = one.pulses_us
    for shift in (-period_us, 0, period_us):
        for j, begin in enumerate(other.pulses_us):
            for i, own in enumerate(ones):
                nearest = SPACING_US if shift == 0 and i == j else _WRAPPED_SPACING_US
                if abs(begin + shift - own) < nearest:
                    return True
    return False


def collisions(lasers: Sequence[Laser], period_us: int) -> list[str]:
    """Return one sentence for each pair of cameras whose lasers interfere."""
    return [
        f'the lasers of {one.camera} and {other.camera} fire at the same time '
        f'({one.offset_us} and {other.offset_us} us after the pulse): set their delays at least '
        f'{SPACING_US} us apart, or to auto'
        for number, one in enumerate(lasers) for other in lasers[:number]
        if collide(one, other, period_us)]


@dataclass(frozen=True)
class Wish:
    """
    A camera on the sync cable, before its delay is known.

    :param delay_us: delay after the pulse of the master; None for one to be found.
    :param depth_delay_us: delay of the depth exposure after the color exposure.
    """

    camera: str
    mode: DepthMode
    delay_us: int | None
    depth_delay_us: int = 0

    def laser(self, delay_us: int) -> Laser:
        """Return the laser with this delay of the camera."""
        return Laser(self.camera, self.mode, delay_us + self.depth_delay_us)


def find_delays(wishes: Iterable[Wish], period_us: int) -> Mapping[str, int]:
    """
    Return the delay of each camera, microseconds, so that no two lasers interfere.

    :param wishes: the master first, with its delay of 0.
    :param period_us: frame period; no delay is longer.
    :raises ConfigError: given delays interfere, or there is no room for another camera.
    """
    wishes = [*wishes]
    delays = {wish.camera: wish.delay_us for wish in wishes if wish.delay_us is not None}
    taken = [wish.laser(wish.delay_us) for wish in wishes if wish.delay_us is not None]
    problems = collisions(taken, period_us)
    if problems:
        raise ConfigError(*problems)
    for wish in wishes:
        if wish.delay_us is not None:
            continue
        if not wish.laser(0).pulses_us:
            delays[wish.camera] = 0
            continue
        delay = next((
            delay for delay in range(SPACING_US, period_us + 1, SPACING_US)
            if not any(collide(wish.laser(delay), other, period_us) for other in taken)), None)
        if delay is None:
            raise ConfigError(
                f'there is no delay for {wish.camera}: at {round(1e6 / period_us)} fps the lasers '
                f'of {len(taken)} other cameras leave no gap of {SPACING_US} us; at most '
                f'{MAX_CAMERAS} cameras fit into one pause between laser pulses. Use fewer '
                'cameras, a lower fps, or give those that do not see the same scene equal delays')
        delays[wish.camera] = delay
        taken.append(wish.laser(delay))
    return delays
