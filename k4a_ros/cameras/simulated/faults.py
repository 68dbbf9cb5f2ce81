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
Faults that a simulated camera has on demand, and the texts that ask for them.

    unplug [S]          the cable is pulled: every open handle is lost, none opens; for S seconds,
                        or until `replug`
    replug              the cable is back; the camera must be opened again
    stall S             nothing arrives for S seconds, then all that came meanwhile, at once
    silent [S]          neither images nor inertial samples come, for S seconds or until `none`
    no sync pulse [S]   a subordinate hears no master: no images, but inertial samples
    drop capture N      the next N captures never come
    drop depth N        the next N captures lack depth and infrared
    drop color N        the next N captures lack color
    corrupt jpeg N      the next N MJPG images are damaged
    imu gap S           the inertial samples of the next S seconds are lost
    drift PPM           from now on the device's clock runs faster by PPM
    latency S           from now on images take S seconds longer, on average, and irregularly
    reset timestamps    the device's clock starts again at 0
    none                ends all of these that still last, but not `unplug`

N is 1, and S without end, where it is left out. Several may be given, with `;` between them.
"""

from __future__ import annotations

from dataclasses import dataclass
import math

from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.errors import ConfigError


@dataclass(frozen=True)
class _Kind:
    """How one fault is written: its argument's letter, range, and value where it is left out."""

    letter: str = ''
    least: float = 0.0
    most: float = 0.0
    default: float | None = None
    whole: bool = False

    def usage(self, name: str) -> str:
        """Return the form in which it is written."""
        if not self.letter:
            return name
        return f'{name} {self.letter}' if self.default is None else f'{name} [{self.letter}]'


_LASTING = _Kind('S', 0.0, 3600.0, math.inf)
_COUNT = _Kind('N', 1, 1_000_000, 1, whole=True)

KINDS = {
    'unplug': _LASTING,
    'replug': _Kind(),
    'stall': _Kind('S', 0.0, 60.0),
    'silent': _LASTING,
    'no sync pulse': _LASTING,
    'drop capture': _COUNT,
    'drop depth': _COUNT,
    'drop color': _COUNT,
    'corrupt jpeg': _COUNT,
    'imu gap': _Kind('S', 0.0, 60.0),
    'drift': _Kind('PPM', -100_000.0, 100_000.0),
    'latency': _Kind('S', 0.0, 10.0),
    'reset timestamps': _Kind(),
    'none': _Kind(),
}


@dataclass(frozen=True)
class Fault:
    """One fault; ``amount`` is its number, infinity for without end, 0 where it has none."""

    name: str
    amount: float = 0.0


def parse_faults(text: str, role: WiredSyncMode = WiredSyncMode.SUBORDINATE) -> list[Fault]:
    """
    Read faults from text; none from an empty one.

    :param role: of the camera that is to have them.
    :raises ConfigError: every one that is not understood, with the list of what there is; or one
        that has no effect in this role.
    """
    found: list[Fault] = []
    wrong: list[str] = []
    for part in text.split(';'):
        words = part.lower().replace('_', ' ').split()
        if not words:
            continue
        fault = _fault(words)
        if fault is None:
            wrong.append(part.strip())
        else:
            found.append(fault)
    if wrong:
        usages = ', '.join(kind.usage(name) for name, kind in KINDS.items())
        raise ConfigError(
            f'there is no fault {" nor ".join(repr(part) for part in wrong)}; there are: '
            f'{usages} (S seconds, N a number of images, PPM parts per million)')
    if role is not WiredSyncMode.SUBORDINATE and any(f.name == 'no sync pulse' for f in found):
        raise ConfigError(
            "the fault 'no sync pulse' has no effect on a camera that is no subordinate; set "
            'wired_sync_mode to 2')
    return found


def _fault(words: list[str]) -> Fault | None:
    """Return the fault that these words ask for, None if it is none."""
    name, kind = ' '.join(words), KINDS.get(' '.join(words))
    if kind is not None:
        if kind.letter and kind.default is None:
            return None
        return Fault(name, kind.default or 0.0)
    name, kind = ' '.join(words[:-1]), KINDS.get(' '.join(words[:-1]))
    if kind is None or not kind.letter:
        return None
    try:
        amount = float(words[-1])
    except ValueError:
        return None
    usable = kind.least <= amount <= kind.most and not (kind.whole and amount % 1)
    return Fault(name, amount) if usable else None
